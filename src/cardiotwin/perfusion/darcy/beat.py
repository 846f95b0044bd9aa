"""Blood flow through the beating wall: squeezed by the muscle, pulled back to the resting shape.

The muscle's pressure adds to each compartment's own: c d(p_i - p_im)/dt + div u_i + sum_k b_ik
(p_i - p_k) = g_i with u_i = -J F^-1 K_i F^-T grad p_i, per resting volume. Vessels that are
squeezed conduct as the square of their volume (Bruinsma et al. 1988, Basic Res Cardiol
83:510-524). Implicit Euler; the volumes that the conductances follow are the last step's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.perfusion.darcy.bed import DENSITY, Bed, Conductances, even_conductances
from cardiotwin.perfusion.darcy.factors import Factors
from cardiotwin.perfusion.darcy.feeding import Feeding
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.steady import (
    feeding_by_well,
    outlet_laws,
    outlet_pressures,
    respond,
    system_matrix,
)

Wells = Float[np.ndarray, "compartments wells"]

EMPTIEST = 0.2  # of the reference volume: vessels do not close altogether
BEATS = 30
REPEATS = 1e-3  # of the mean inflow: change of any step's inflow from beat to beat


@dataclass(frozen=True, kw_only=True, eq=False)
class Beat:
    """What drives the wall over a beat that repeats, at even times from the R wave.

    Parameters
    ----------
    period
        s.
    aortic_pressure, lv_pressure
        At each step, Pa.
    displacement
        Of the mesh's nodes at each step, m; none where the wall stays as it is.
    squeeze
        Pressure of the muscle at endocardium and epicardium by the ventricle's, linear between.
    """

    period: float
    aortic_pressure: Float[np.ndarray, " _"]
    lv_pressure: Float[np.ndarray, " _"]
    displacement: Float[np.ndarray, "_ nodes 3"] | None = None
    squeeze: tuple[float, float] = (0.8, 0.2)

    def __post_init__(self) -> None:
        """Refuse courses that do not belong together."""
        n = len(self.aortic_pressure)
        moved = n if self.displacement is None else len(self.displacement)
        if len({n, len(self.lv_pressure), moved}) > 1 or not self.period > 0:
            msg = (
                f"Beat needs courses of one length and a period, found {n}, "
                f"{len(self.lv_pressure)} and {moved} steps in {self.period:g} s. Sample "
                "pressures and motion at the same times."
            )
            raise InputError(msg)


@dataclass(frozen=True, kw_only=True, eq=False)
class BeatFlow:
    """One beat that repeats.

    Parameters
    ----------
    time
        At the end of each step, s.
    inflow
        Of each outlet, m^3/s.
    venous_outflow
        m^3/s.
    blood
        Volume of each compartment in the whole wall, m^3.
    mbf
        Blood that enters the last compartment, mean over the beat, m^3/(s kg), by cell.
    pressure
        Of each compartment at the end of the beat, Pa.
    balance_error
        Largest miss of a step between inflow, outflow and storage, by the mean inflow.
    beats
        That passed.
    """

    time: Float[np.ndarray, " steps"]
    inflow: Float[np.ndarray, "steps outlets"]
    venous_outflow: Float[np.ndarray, " steps"]
    blood: Float[np.ndarray, "steps compartments"]
    mbf: Float[np.ndarray, " cells"]
    pressure: Wells
    balance_error: float
    beats: int


@dataclass(frozen=True, kw_only=True, eq=False)
class _Step:
    pressure: Wells
    outlets: Float[np.ndarray, " outlets"]
    inflow: Float[np.ndarray, " outlets"]
    leaving: float
    mbf: Float[np.ndarray, " cells"]


class BeatingWall:
    """A fed wall, ready to be driven step by step.

    Parameters
    ----------
    wall, bed, feeding
        What flows where.
    beat
        What drives it.
    conductances
        At the reference volume; the bed's where none are given.
    """

    def __init__(
        self,
        wall: PorousWall,
        bed: Bed,
        feeding: Feeding,
        beat: Beat,
        conductances: Conductances | None = None,
    ) -> None:
        self.wall, self.bed, self.feeding, self.beat = wall, bed, feeding, beat
        self.joined = conductances or even_conductances(bed, len(wall.mesh.cells))
        depth = wall.mesh.point_fields["transmural"][wall.nodes]
        inner, outer = beat.squeeze
        self._share = inner + (outer - inner) * depth
        self._fed = feeding_by_well(wall, feeding)
        self._joints = wall.lumped(self.joined.exchange)
        self._drain = wall.lumped(self.joined.venous)
        stores = np.array([one.compliance for one in bed.compartments])
        self._stores = stores[:, None] * wall.well_volume
        fractions = np.array([one.volume_fraction for one in bed.compartments])
        self._fractions = fractions[:, None]
        self._compliances = stores[:, None]
        self._reference = _reference_pressures(bed)[:, None]
        self._dt = beat.period / len(beat.lv_pressure)
        self._stiffness: dict[int, list[Any]] = {}
        self._factors: Factors | None = None

    def muscle(self, step: int) -> Float[np.ndarray, " wells"]:
        """Return the muscle's pressure on the vessels, Pa."""
        return np.asarray(self._share * self.beat.lv_pressure[step])

    def fullness(self, pressure: Wells, step: int) -> Wells:
        """Return the vessels' volume by that at their reference pressure."""
        across = pressure - self.muscle(step) - self._reference
        full = 1 + self._compliances * across / self._fractions
        return np.asarray(np.maximum(full, EMPTIEST))

    def blood(self, pressure: Wells, step: int) -> Float[np.ndarray, " compartments"]:
        """Return each compartment's blood in the whole wall, m^3."""
        across = pressure - self.muscle(step) - self._reference
        filled = self._fractions * self.wall.well_volume + self._stores * across
        return np.asarray(filled.sum(axis=1))

    def stiffness(self, step: int) -> list[Any]:
        """Return the compartments' stiffness on the wall as it lies at a step."""
        motion = self.beat.displacement
        key = 0 if motion is None else step
        if key not in self._stiffness:
            moved = None if motion is None else motion[step]
            self._stiffness[key] = self.wall.permeabilities(self.bed, moved)
        return self._stiffness[key]

    def advance(self, pressure: Wells, outlets: Float[np.ndarray, " outlets"], step: int) -> _Step:
        """Return the state after a step from the one before it."""
        size = self.fullness(pressure, step - 1)
        between = ((size[:-1] + size[1:]) / 2) ** 2
        joints, drain = self._joints * between, self._drain * size[-1] ** 2
        held = self._stores / self._dt
        matrix = system_matrix(
            self.stiffness(step), joints, drain, stored=held, feeding=self._fed.sum(axis=0)
        )
        pushed = held * (pressure + self.muscle(step) - self.muscle(step - 1))
        pushed[-1] += drain * self.bed.venous_pressure
        columns = respond(self._factorised(matrix), self._fed, pushed)
        conducted, drained = outlet_laws(self._fed, columns)
        at = outlet_pressures(
            self.feeding.arteries, self.beat.aortic_pressure[step], conducted, drained, outlets
        )
        found = columns[0] + np.einsum("o,ocw->cw", at, columns[1:])
        leaving = drain * (found[-1] - self.bed.venous_pressure)
        entering = joints[-1] * (found[-2] - found[-1]) if len(joints) else leaving
        return _Step(
            pressure=found,
            outlets=at,
            inflow=conducted @ at - drained,
            leaving=float(leaving.sum()),
            mbf=self.wall.to_cells(entering / self.wall.well_volume) / DENSITY,
        )

    def _factorised(self, matrix: Any) -> Factors:
        """Return the factors of a step's matrix; its pattern is analysed once."""
        if self._factors is None or not self._factors.renew(matrix):
            self.close()
            self._factors = Factors(matrix)
        return self._factors

    def close(self) -> None:
        """Give the factors' memory back."""
        if self._factors is not None:
            self._factors.destroy()
            self._factors = None

    def run(self, start: Wells | None = None) -> BeatFlow:
        """Return the beat that repeats, begun from pressures at its end (of a like wall's).

        Raises
        ------
        ConvergenceError
            If the inflow does not come to repeat.
        """
        n = len(self.beat.lv_pressure)
        shape = (len(self._stores), self.wall.n_wells)
        resting = np.broadcast_to(self._reference, shape) + self.muscle(-1)
        pressure = resting if start is None else start
        outlets = np.full(len(self.feeding.arteries), float(self.beat.aortic_pressure.mean()))
        before: Any = None
        changes: list[float] = []
        for number in range(1, BEATS + 1):
            steps, blood = [], [self.blood(pressure, -1)]
            for step in range(n):
                steps.append(self.advance(pressure, outlets, step))
                pressure, outlets = steps[-1].pressure, steps[-1].outlets
                blood.append(self.blood(pressure, step))
            inflow = np.array([one.inflow for one in steps])
            mean = inflow.sum(axis=1).mean()
            if before is not None:
                changes.append(float(np.abs(inflow - before).sum(axis=1).max() / mean))
                if changes[-1] < REPEATS:
                    self.close()
                    return self._collected(steps, np.array(blood), number)
            before = inflow
        msg = (
            f"The inflow did not come to repeat: the {BEATS}th beat changed it by "
            f"{changes[-1]:.2g} of its mean (tolerance {REPEATS:g}). Look at the compliances."
        )
        raise ConvergenceError(msg, changes)

    def _collected(
        self, steps: Sequence[_Step], blood: Float[np.ndarray, "times compartments"], beats: int
    ) -> BeatFlow:
        inflow = np.array([one.inflow for one in steps])
        leaving = np.array([one.leaving for one in steps])
        stored = np.diff(blood.sum(axis=1)) / self._dt
        into = inflow.sum(axis=1)
        return BeatFlow(
            time=self._dt * np.arange(1, len(steps) + 1),
            inflow=inflow,
            venous_outflow=leaving,
            blood=blood[1:],
            mbf=np.mean([one.mbf for one in steps], axis=0),
            pressure=steps[-1].pressure,
            balance_error=float(np.abs(into - leaving - stored).max() / into.mean()),
            beats=beats,
        )


def _reference_pressures(bed: Bed) -> Float[np.ndarray, " compartments"]:
    """Return the pressures that the bed has at a flow of 1/60 1/s: those of its conductances."""
    falls = REFERENCE_FLOW / np.array([*bed.exchange, bed.venous_conductance])
    return np.asarray(bed.venous_pressure + np.cumsum(falls[::-1])[::-1])


REFERENCE_FLOW = 1 / 60  # 1/s, at which vessels have their reference volume

__all__ = ["Beat", "BeatFlow", "BeatingWall"]
