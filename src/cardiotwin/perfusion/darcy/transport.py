"""Contrast agent carried through the wall's compartments: first-pass curves of every cell.

The lumped balances of `steady` make wells that conserve blood, joined by flows: along edges,
from compartment to compartment, from the arteries, to the veins. A tracer follows these flows
upwind, so that none is lost and a steady input fills every well to its own concentration. It
leaves the capillaries at a permeability-surface product. In time, an L-stable method of second
order with one matrix (Alexander 1977, SIAM J Numerical Analysis 14:1006-1021).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import sparse

from cardiotwin.errors import InputError
from cardiotwin.perfusion.darcy.bed import DENSITY, Bed, Conductances, even_conductances
from cardiotwin.perfusion.darcy.factors import Factors
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.steady import WallFlow

GAMMA = 1 - 1 / np.sqrt(2)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """What leaks from the capillaries.

    Parameters
    ----------
    compartment
        Which one leaks, from 0.
    ps
        Permeability-surface product by mass, of plasma, m^3/(s kg).
    ve
        Extracellular, extravascular volume by wall volume.
    haematocrit
        The share of blood that the agent does not enter.
    """

    compartment: int = 1
    ps: float = 1e-6 / 60 / 1e-3  # 1 mL/min/g
    ve: float = 0.20
    haematocrit: float = 0.45

    def __post_init__(self) -> None:
        """Refuse an exchange that is none."""
        if not (0 <= self.ps < np.inf and 0 < self.ve < 1 and 0 <= self.haematocrit < 1):
            msg = (
                "Exchange needs ps of zero or more, ve in 0 to 1 and a haematocrit below 1, found "
                f"{self.ps:g} m^3/(s kg), {self.ve:g} and {self.haematocrit:g}."
            )
            raise InputError(msg)


@dataclass(frozen=True, kw_only=True, eq=False)
class FirstPass:
    """A bolus on its way through the wall.

    Parameters
    ----------
    time
        s.
    concentration
        Of the tissue (its blood and what leaked), mmol/L, by cell.
    venous
        Of the plasma that leaves to the veins, mmol/L.
    balance_error
        Agent that came, less what left and what is still there, by what came.
    least
        The lowest concentration of any well, by the input's largest (a scheme may undershoot).
    """

    time: Float[np.ndarray, " frames"]
    concentration: Float[np.ndarray, "frames cells"]
    venous: Float[np.ndarray, " frames"]
    balance_error: float
    least: float


class Carrier:
    """A steady flow, ready to carry an agent in its plasma.

    Parameters
    ----------
    wall, bed, flow
        What flows where; `conductances` are those of the flow.
    exchange
        What leaks.
    """

    def __init__(
        self,
        wall: PorousWall,
        bed: Bed,
        flow: WallFlow,
        *,
        exchange: Exchange | None = None,
        conductances: Conductances | None = None,
    ) -> None:
        self.wall, self.leak = wall, exchange or Exchange()
        n, wells = bed.n_compartments, wall.n_wells
        if not 0 <= self.leak.compartment < n:
            msg = f"Exchange.compartment must be below {n}, found {self.leak.compartment}."
            raise InputError(msg)
        joined = conductances or even_conductances(bed, len(wall.mesh.cells))
        self.into, self.out, moving = _flows(wall, bed, flow, joined)
        plasma = 1 - self.leak.haematocrit
        fractions = np.array([one.volume_fraction for one in bed.compartments])
        leaky = np.arange(n * wells).reshape(n, wells)[self.leak.compartment]
        outside = n * wells + np.arange(wells)
        traded = sparse.lil_array((n * wells + wells, n * wells + wells))
        ps = DENSITY * self.leak.ps * wall.well_volume
        for a, b in ((leaky, outside), (outside, leaky)):
            traded[a, a] = ps
            traded[a, b] = -ps
        blood = sparse.block_diag([plasma * moving, sparse.csr_array((wells, wells))])
        self.rates = (blood + traded).tocsr()
        spaces = plasma * (fractions[:, None] * wall.well_volume)
        self.volume = np.concatenate([spaces.ravel(), self.leak.ve * wall.well_volume])
        self._plasma, self._shape = plasma, (n + 1, wells)

    def run(
        self, time: Float[np.ndarray, " frames"], plasma_input: Float[np.ndarray, " frames"]
    ) -> FirstPass:
        """Return the passage of an arterial plasma concentration, mmol/L, at even times, s.

        The input is linear between its times.

        Raises
        ------
        InputError
            If the times are uneven, or the input is negative.
        """
        steps = np.diff(time)
        if len(steps) < 2 or np.ptp(steps) > 1e-6 * steps[0]:
            msg = (
                f"time must be even, found steps from {steps.min(initial=np.inf):g} to "
                f"{steps.max(initial=-np.inf):g} s. Interpolate the input first."
            )
            raise InputError(msg)
        if not np.all(plasma_input >= 0):
            msg = f"plasma_input must not be negative, found {np.min(plasma_input):g} mmol/L."
            raise InputError(msg)
        dt = float(steps[0])
        factors = Factors(sparse.diags_array(self.volume) + GAMMA * dt * self.rates)
        given, drained = np.zeros(self._shape), np.zeros(self._shape)
        given[0], drained[-2] = self._plasma * self.into, self._plasma * self.out
        source, taken = given.ravel(), drained.ravel()
        c = np.zeros(len(self.volume))
        rows, came, left, least = [c], 0.0, 0.0, 0.0
        for k in range(len(steps)):
            rise = plasma_input[k + 1] - plasma_input[k]
            early = plasma_input[k] + GAMMA * rise
            first = factors.solve(source * early - self.rates @ c)
            late = plasma_input[k] + rise
            middle = c + (1 - GAMMA) * dt * first
            second = factors.solve(source * late - self.rates @ middle)
            for weight, stage, arterial in (
                (1 - GAMMA, c + GAMMA * dt * first, early),
                (GAMMA, middle + GAMMA * dt * second, late),
            ):
                came += weight * dt * arterial * source.sum()
                left += weight * dt * float(taken @ stage)
            c = c + dt * ((1 - GAMMA) * first + GAMMA * second)
            least = min(least, float(c.min()))
            rows.append(c)
        factors.destroy()
        wells = np.array(rows)
        amount = (wells * self.volume).reshape(len(rows), *self._shape).sum(axis=1)
        tissue = self.wall.to_cells(amount / self.wall.well_volume)
        stored = float(c @ self.volume)
        return FirstPass(
            time=time,
            concentration=tissue,
            venous=wells @ taken / taken.sum(),
            balance_error=abs(came - left - stored) / came,
            least=least / float(np.max(plasma_input)),
        )


def _flows(
    wall: PorousWall, bed: Bed, flow: WallFlow, joined: Conductances
) -> tuple[Float[np.ndarray, " wells"], Float[np.ndarray, " wells"], Any]:
    """Return inflow and outflow of the wells, m^3/s, and the matrix of upwind flows between.

    Row i of the matrix times concentrations is what leaves well i less what comes from others.
    """
    n, wells = flow.pressure.shape
    start, end, moved = [], [], []
    for i, stiffness in enumerate(wall.permeabilities(bed)):
        upper = sparse.triu(stiffness, k=1).tocoo()
        fall = flow.pressure[i][upper.row] - flow.pressure[i][upper.col]
        start.append(i * wells + upper.row)
        end.append(i * wells + upper.col)
        moved.append(-upper.data * fall)
    joints = wall.lumped(joined.exchange)
    for i in range(n - 1):
        start.append(i * wells + np.arange(wells))
        end.append((i + 1) * wells + np.arange(wells))
        moved.append(joints[i] * (flow.pressure[i] - flow.pressure[i + 1]))
    a, b, q = (np.concatenate(parts) for parts in (start, end, moved))
    a, b, q = np.where(q >= 0, a, b), np.where(q >= 0, b, a), np.abs(q)
    out = wall.lumped(joined.venous) * (flow.pressure[-1] - bed.venous_pressure)
    if out.min() < 0 or flow.source.min() < 0:
        msg = (
            f"The agent's way is unknown where blood comes from the veins or leaves to the "
            f"arteries, found {int((out < 0).sum() + (flow.source < 0).sum())} such wells."
        )
        raise InputError(msg)
    size = n * wells
    leaving = np.bincount(a, q, size)
    leaving[-wells:] += out
    matrix = sparse.diags_array(leaving) - sparse.csr_array((q, (b, a)), shape=(size, size))
    return flow.source, out, matrix


__all__ = ["Carrier", "Exchange", "FirstPass"]
