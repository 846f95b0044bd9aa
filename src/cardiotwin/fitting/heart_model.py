"""The volumes that a wall predicts for given parameters, with their derivatives.

For a trial of the parameters the wall is unloaded from the image, then loaded to each pressure
that a measurement speaks of. Derivatives follow by the implicit function theorem through both
problems, so that a gradient costs three factorisations and no further solve.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.solved import Dofs, Solved
from cardiotwin.mechanics.wall import Wall

FIRST_ACTIVE_STEP = 0.02  # of the isovolumetric contraction, whose onset is the hard part
STIFFER = (1.0, 4.0, 16.0)  # tried in turn where a law is too soft to be unloaded
IMAGED_PRESSURE = "end_diastolic_pressure"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A choice of the parameters, SI.

    Parameters
    ----------
    passive_scale, passive_exponent
        Factors of the passive law.
    end_diastolic_pressure
        In the imaged state, Pa.
    end_systolic
        Volume, m^3, and pressure, Pa, of the contracted cavity; None for a passive heart. The
        active tension that holds both follows: a wall led by its volume has one answer where one
        led by its tension may snap.
    rv_share
        The RV's pressure over the LV's in relaxed states, where the wall has an RV.
    rv_end_systolic
        The RV's pressure at end-systole, Pa.
    """

    passive_scale: float
    passive_exponent: float
    end_diastolic_pressure: float
    end_systolic: tuple[float, float] | None = None
    rv_share: float = 0.0
    rv_end_systolic: float = 0.0

    def passive(self, pressure: float) -> Loads:
        """Return the relaxed wall's loads at a pressure, Pa."""
        return Loads(
            cavity_pressure=pressure,
            rv_pressure=self.rv_share * pressure,
            passive_scale=self.passive_scale,
            passive_exponent=self.passive_exponent,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Placements:
    """The equilibria of one trial.

    Parameters
    ----------
    trial
        Whose they are.
    unloaded
        Solution of the inverse problem.
    passive
        Relaxed placements by pressure, Pa.
    systole
        Contracted placements in the order of the beat: the end of the isovolumetric contraction
        and end-systole. Empty for a passive heart.
    """

    trial: Trial
    unloaded: Solved
    passive: Mapping[float, Solved]
    systole: tuple[Solved, ...] = ()

    @property
    def end_systole(self) -> Solved:
        """Return the contracted placement at its smallest volume."""
        return self.systole[-1]


class HeartModel:
    """A wall and the pressures at which it is observed.

    Parameters
    ----------
    wall
        The imaged wall.
    pressures
        Of the relaxed placements beside the imaged one, Pa.
    """

    def __init__(self, wall: Wall, pressures: tuple[float, ...]) -> None:
        self.wall = wall
        self.pressures = pressures
        self.end_diastolic_volume = cavity_volume(wall.mesh.points, wall.mesh)

    def first(self, trial: Trial) -> Placements:
        """Return the placements of a trial without any to start from; passive ones only.

        Where the law is too soft to be unloaded, it is a stiffer trial that is returned.
        """
        for factor in STIFFER:
            stiff = replace(trial, passive_scale=trial.passive_scale * factor)
            try:
                placed = self._unloaded_and_filled(stiff)
            except ConvergenceError:
                if factor == STIFFER[-1]:
                    raise
                continue
            return placed
        raise AssertionError

    def _unloaded_and_filled(self, trial: Trial) -> Placements:
        unloaded = self.wall.unload(trial.passive(trial.end_diastolic_pressure))
        image = self.wall.imaged(unloaded)
        passive = {
            pressure: self.wall.load(image, trial.passive(pressure)) for pressure in self.pressures
        }
        return Placements(trial=trial, unloaded=unloaded, passive=passive)

    def moved(self, start: Placements, trial: Trial) -> Placements:
        """Return the placements of a trial, walked from those of another."""
        wall = self.wall
        at_image = trial.passive(trial.end_diastolic_pressure)
        unloaded = wall.body.unload(start.unloaded, at_image, first_step=1.0)
        reference = wall.body.displacement(unloaded)
        passive = {
            pressure: wall.load(solved, trial.passive(pressure), reference, first_step=1.0)
            for pressure, solved in start.passive.items()
        }
        systole: tuple[Solved, ...] = ()
        if trial.end_systolic is not None:
            systole = self._systole(start, trial, unloaded, trial.end_systolic)
        return Placements(trial=trial, unloaded=unloaded, passive=passive, systole=systole)

    def _systole(
        self,
        start: Placements,
        trial: Trial,
        unloaded: Solved,
        end_systolic: tuple[float, float],
    ) -> tuple[Solved, ...]:
        """Return the placements of the contraction: first isovolumetric, then ejecting."""
        wall = self.wall
        volume, pressure = end_systolic
        loads = replace(trial.passive(pressure), rv_pressure=trial.rv_end_systolic)
        reference = wall.body.displacement(unloaded)
        if start.systole:
            ends = (self.end_diastolic_volume, volume)
            return tuple(
                wall.load_to_volume(before, loads, volume, reference=reference, first_step=1.0)
                for before, volume in zip(start.systole, ends, strict=True)
            )
        full = wall.load_to_volume(
            wall.imaged(unloaded), loads, self.end_diastolic_volume, first_step=FIRST_ACTIVE_STEP
        )
        return full, wall.load_to_volume(full, loads, volume)

    def volumes(self, placed: Placements) -> dict[str, float]:
        """Return the cavity's volumes, m^3: ``unloaded`` and ``passive_0``, ... in order."""
        wall = self.wall
        result = {"unloaded": cavity_volume(wall.points(placed.unloaded), wall.mesh)}
        for number, pressure in enumerate(self.pressures):
            result[f"passive_{number}"] = wall.volume(placed.passive[pressure])
        return result

    def slopes(self, placed: Placements) -> dict[str, Mapping[str, float]]:
        """Return the derivative of each of `volumes` by each field of `Trial`, SI.

        With a systole also that of ``contractility``, the active tension at its end.
        """
        wall, laws = self.wall, ("passive_scale", "passive_exponent")
        pressures = {"cavity_pressure": 1.0}
        if wall.has_right:
            pressures["rv_pressure"] = placed.trial.rv_share
        changes = wall.reference_changes(placed.unloaded, (*laws, *pressures))
        reference = {name: changes[name] for name in laws}
        reference[IMAGED_PRESSURE] = np.asarray(
            sum(share * changes[name] for name, share in pressures.items())
        )
        result: dict[str, Mapping[str, float]] = {
            "unloaded": {
                name: wall.volume_slope(placed.unloaded, change)
                for name, change in reference.items()
            }
        }
        for number, pressure in enumerate(self.pressures):
            result[f"passive_{number}"] = wall.volume_changes(
                placed.passive[pressure], reference, laws
            )
        if placed.systole:
            result["contractility"] = self._tension_slopes(placed, reference)
        return result

    def _tension_slopes(
        self, placed: Placements, reference: Mapping[str, Dofs]
    ) -> Mapping[str, float]:
        """Return the derivative of the tension that holds end-systole, at given volume."""
        changes = dict(self.wall.volume_changes(placed.end_systole, reference))
        by_tension = changes.pop("active_tension")
        changes["end_systolic_pressure"] = changes.pop("cavity_pressure")
        changes.pop("rv_pressure", None)  # is assumed, not fitted
        slopes = {name: -change / by_tension for name, change in changes.items()}
        return slopes | {"end_systolic_volume": 1 / by_tension}

    def inflation(
        self, placed: Placements, volumes: Float[np.ndarray, " states"]
    ) -> tuple[Solved, ...]:
        """Return the relaxed placements at rising volumes, m^3, above the unloaded one.

        The walk starts at rest and knows nothing of the image; the unloaded placement comes first.
        """
        found = [self._empty(placed)]
        for volume in volumes:
            here = found[-1]
            found.append(
                self.wall.load_to_volume(
                    here,
                    here.loads,
                    float(volume),
                    seek="cavity_pressure",
                    first_step=1.0,
                    before=found[-2] if len(found) > 1 else None,
                )
            )
        return tuple(found)

    def filling(
        self, placed: Placements, pressures: Float[np.ndarray, " states"]
    ) -> tuple[Solved, ...]:
        """Return the relaxed placements at rising pressures, Pa, as `inflation` by volumes.

        With a right ventricle, whose pressure rises with the left one's, no single load is sought.
        """
        found = [self._empty(placed)]
        for pressure in pressures:
            loads = placed.trial.passive(float(pressure))
            found.append(self.wall.load(found[-1], loads, first_step=1.0))
        return tuple(found)

    def _empty(self, placed: Placements) -> Solved:
        """Return the unloaded placement as an equilibrium of the forward problem."""
        body = self.wall.body
        reference = body.displacement(placed.unloaded)
        unknown = np.zeros_like(placed.unloaded.unknown)
        unknown[body.fields.displacement_dofs] = reference
        return Solved(unknown=unknown, other=reference, loads=placed.trial.passive(0.0))
