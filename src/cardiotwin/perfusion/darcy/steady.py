"""Steady flow through the wall: pressures, flows and blood flow by mass.

div u_i + sum_k b_ik (p_i - p_k) = g_i, u_i = -K_i grad p_i, nothing through the wall's surface;
the arteries feed the first compartment and the veins drain the last one. Michler et al. (2013),
Int J Numerical Methods Biomed Eng 29:217-232, eqs. 5-7.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import sparse

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.perfusion.darcy.bed import DENSITY, Bed, Conductances, even_conductances
from cardiotwin.perfusion.darcy.factors import Factors
from cardiotwin.perfusion.darcy.feeding import Artery, Feeding, GivenInflow
from cardiotwin.perfusion.darcy.porous import PorousWall

Flows = Float[np.ndarray, " outlets"]

ITERATIONS = 50
CLOSE = 1e-12  # of an outlet's pressure, by the aorta's


@dataclass(frozen=True, kw_only=True, eq=False)
class WallFlow:
    """Steady flow through a wall.

    Parameters
    ----------
    pressure
        Of each compartment at the wells, Pa.
    inflow
        Of each outlet, m^3/s.
    outlet_pressure
        At each outlet, Pa; none where the inflow was given.
    source
        Into the first compartment at the wells, m^3/s.
    mbf
        Blood that enters the last compartment by mass of muscle, m^3/(s kg), by cell.
    venous_outflow
        m^3/s.
    """

    pressure: Float[np.ndarray, "compartments wells"]
    inflow: Flows
    outlet_pressure: Flows
    source: Float[np.ndarray, " wells"]
    mbf: Float[np.ndarray, " cells"]
    venous_outflow: float

    @property
    def balance_error(self) -> float:
        """Return what is missing between inflow and outflow, by the inflow."""
        into = float(self.inflow.sum())
        return abs(into - self.venous_outflow) / abs(into)


def system_matrix(
    stiffness: list[Any],
    joints: Float[np.ndarray, "joints wells"],
    drain: Float[np.ndarray, " wells"],
    *,
    feeding: Float[np.ndarray, " wells"] | None = None,
    stored: Float[np.ndarray, "compartments wells"] | None = None,
) -> Any:
    """Return the matrix of the balances, m^3/(Pa s): compartment by compartment, symmetric.

    `joints`, `drain` and `feeding` are what joins the wells from compartment to compartment, to
    the veins and to the arteries; `stored` is what a step of time adds; all in m^3/(Pa s).
    """
    n = len(stiffness)
    own = np.zeros((n, len(drain))) if stored is None else stored.copy()
    own[:-1] += joints
    own[1:] += joints
    own[-1] += drain
    if feeding is not None:
        own[0] += feeding
    blocks: list[list[Any]] = [[None] * n for _ in range(n)]
    for i in range(n):
        blocks[i][i] = stiffness[i] + sparse.diags_array(own[i])
        if i + 1 < n:
            blocks[i][i + 1] = blocks[i + 1][i] = -sparse.diags_array(joints[i])
    return sparse.block_array(blocks).tocsr()


def steady_flow(
    wall: PorousWall,
    bed: Bed,
    source: GivenInflow | Feeding,
    *,
    aortic_pressure: float = float("nan"),
    conductances: Conductances | None = None,
) -> WallFlow:
    """Return the steady flow that outlets of given flow, or of the aorta's pressure (Pa), drive.

    Raises
    ------
    ConvergenceError
        If the narrowed arteries' pressures are not found.
    InputError
        If arteries have no pressure.
    """
    joined = conductances or even_conductances(bed, len(wall.mesh.cells))
    stiffness = wall.permeabilities(bed)
    venous = np.zeros((bed.n_compartments, wall.n_wells))
    joints, drain = wall.lumped(joined.exchange), wall.lumped(joined.venous)
    venous[-1] = drain * bed.venous_pressure
    if isinstance(source, GivenInflow):
        factors = Factors(system_matrix(stiffness, joints, drain))
        into = wall.lumped(even_source(wall, source))
        venous[0] += into
        pressure = factors.solve(venous.ravel()).reshape(venous.shape)
        inflow, at = source.flow, np.full(len(source.flow), np.nan)
    else:
        if not np.isfinite(aortic_pressure):
            msg = (
                f"aortic_pressure must be given where arteries feed the wall, found "
                f"{aortic_pressure} Pa. 12 kPa is a usual mean."
            )
            raise InputError(msg)
        fed = feeding_by_well(wall, source)
        factors = Factors(system_matrix(stiffness, joints, drain, feeding=fed.sum(axis=0)))
        columns = respond(factors, fed, venous)
        conducted, drained = outlet_laws(fed, columns)
        at = outlet_pressures(source.arteries, aortic_pressure, conducted, drained)
        pressure = columns[0] + np.einsum("o,ocw->cw", at, columns[1:])
        into, inflow = at @ fed - fed.sum(axis=0) * pressure[0], conducted @ at - drained
    factors.destroy()
    leaving = drain * (pressure[-1] - bed.venous_pressure)
    return WallFlow(
        pressure=pressure,
        inflow=inflow,
        outlet_pressure=at,
        source=into,
        mbf=blood_flow(wall, bed, joined, pressure),
        venous_outflow=float(leaving.sum()),
    )


def even_source(wall: PorousWall, source: GivenInflow) -> Float[np.ndarray, " cells"]:
    """Return the given inflow by wall volume in each cell, 1/s."""
    volume = np.bincount(source.territory, wall.cell_volume, len(source.flow))
    return np.asarray((source.flow / volume)[source.territory])


def feeding_by_well(wall: PorousWall, source: Feeding) -> Float[np.ndarray, "outlets wells"]:
    """Return what joins each outlet to the wells, m^3/(Pa s)."""
    member = source.territory == np.arange(len(source.arteries))[:, None]
    return wall.lumped(np.where(member, source.conductance, 0.0))


def respond(
    factors: Factors,
    fed: Float[np.ndarray, "outlets wells"],
    rest: Float[np.ndarray, "compartments wells"],
) -> Float[np.ndarray, "columns compartments wells"]:
    """Return the pressures without any at the outlets, then those of 1 Pa at each alone."""
    columns = [factors.solve(rest.ravel())]
    for one in fed:
        unit = np.zeros_like(rest)
        unit[0] = one
        columns.append(factors.solve(unit.ravel()))
    return np.array(columns).reshape(-1, *rest.shape)


def outlet_laws(
    fed: Float[np.ndarray, "outlets wells"],
    columns: Float[np.ndarray, "columns compartments wells"],
) -> tuple[Float[np.ndarray, "outlets outlets"], Flows]:
    """Return G, m^3/(Pa s), and q, m^3/s, of the outlets' flows Q = G p - q."""
    first = fed @ columns[:, 0].T
    return np.diag(fed.sum(axis=1)) - first[:, 1:], first[:, 0]


def outlet_pressures(
    arteries: tuple[Artery, ...],
    aortic_pressure: float,
    conducted: Float[np.ndarray, "outlets outlets"],
    drained: Flows,
    start: Flows | None = None,
) -> Flows:
    """Return the outlets' pressures, Pa, at which arteries and wall agree on the flow.

    Raises
    ------
    ConvergenceError
        If Newton's method stops.
    """
    R = np.array([one.resistance for one in arteries])
    S = np.array([one.separation for one in arteries])
    at = np.full(len(arteries), float(aortic_pressure)) if start is None else start
    changes: list[float] = []
    for _ in range(ITERATIONS):
        flow = conducted @ at - drained
        miss = at + (R + S * np.abs(flow)) * flow - aortic_pressure
        slope = np.eye(len(at)) + (R + 2 * S * np.abs(flow))[:, None] * conducted
        change = np.linalg.solve(slope, -miss)
        at = at + change
        changes.append(float(np.abs(change).max()))
        if changes[-1] <= CLOSE * max(abs(aortic_pressure), 1.0):
            return at
    msg = (
        f"The outlets' pressures changed by {changes[-1]:.2g} Pa in the last of {ITERATIONS} "
        f"Newton steps at an aortic pressure of {aortic_pressure:g} Pa. Look at the arteries' "
        "resistances."
    )
    raise ConvergenceError(msg, changes, at)


def blood_flow(
    wall: PorousWall,
    bed: Bed,
    joined: Conductances,
    pressure: Float[np.ndarray, "compartments wells"],
) -> Float[np.ndarray, " cells"]:
    """Return the blood that enters the last compartment by mass, m^3/(s kg), by cell."""
    by_cell = wall.to_cells(pressure)
    if bed.n_compartments == 1:
        return np.asarray(joined.venous * (by_cell[0] - bed.venous_pressure) / DENSITY)
    return np.asarray(joined.exchange[-1] * (by_cell[-2] - by_cell[-1]) / DENSITY)


__all__ = [
    "WallFlow",
    "blood_flow",
    "even_source",
    "feeding_by_well",
    "outlet_laws",
    "outlet_pressures",
    "respond",
    "steady_flow",
    "system_matrix",
]
