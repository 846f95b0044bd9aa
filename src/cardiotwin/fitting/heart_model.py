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
from cardiotwin.geometry.volumes import cavity_volume
from cardiotwin.mechanics.body import Loads, Solved
from cardiotwin.mechanics.wall import Wall

FIRST_ACTIVE_STEP = 0.03  # of the way from end-diastole to end-systole: the onset is the hard part
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
    contractility
        Active tension at end-systole, Pa; None for a passive heart.
    end_systolic_pressure
        Pa; None for a passive heart.
    """

    passive_scale: float
    passive_exponent: float
    end_diastolic_pressure: float
    contractility: float | None = None
    end_systolic_pressure: float | None = None

    def passive(self, pressure: float) -> Loads:
        """Return the relaxed wall's loads at a pressure, Pa."""
        return Loads(
            cavity_pressure=pressure,
            passive_scale=self.passive_scale,
            passive_exponent=self.passive_exponent,
        )

    def active(self) -> Loads:
        """Return the loads at end-systole."""
        assert self.contractility is not None
        assert self.end_systolic_pressure is not None
        return replace(
            self.passive(self.end_systolic_pressure), active_tension=self.contractility
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
    end_systole
        The contracted placement, if any.
    """

    trial: Trial
    unloaded: Solved
    passive: Mapping[float, Solved]
    end_systole: Solved | None = None


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

    def first(self, trial: Trial) -> Placements:
        """Return the placements of a trial without any to start from; passive ones only.

        Where the law is too soft to be unloaded at once, a stiffer heart is unloaded first.
        """
        for factor in (1.0, 3.0, 10.0, 30.0):
            stiff = replace(trial, passive_scale=trial.passive_scale * factor)
            try:
                unloaded = self.wall.unload(stiff.passive(trial.end_diastolic_pressure))
                break
            except ConvergenceError as error:
                failed = error
        else:
            raise failed
        image = self.wall.imaged(unloaded)
        passive = {
            pressure: self.wall.load(image, replace(unloaded.loads, cavity_pressure=pressure))
            for pressure in self.pressures
        }
        placed = Placements(trial=stiff, unloaded=unloaded, passive=passive)
        return placed if factor == 1.0 else self.moved(placed, trial)

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
        contracted = None
        if trial.contractility is not None:
            if start.end_systole is None:
                image = wall.imaged(unloaded)
                contracted = wall.load(image, trial.active(), first_step=FIRST_ACTIVE_STEP)
            else:
                contracted = wall.load(
                    start.end_systole, trial.active(), reference, first_step=1.0
                )
        return Placements(
            trial=trial, unloaded=unloaded, passive=passive, end_systole=contracted
        )

    def volumes(self, placed: Placements) -> dict[str, float]:
        """Return the cavity's volumes, m^3: ``unloaded``, ``passive_N`` in order, ``end_systole``."""
        wall = self.wall
        result = {"unloaded": cavity_volume(wall.points(placed.unloaded), wall.mesh)}
        for number, pressure in enumerate(self.pressures):
            result[f"passive_{number}"] = wall.volume(placed.passive[pressure])
        if placed.end_systole is not None:
            result["end_systole"] = wall.volume(placed.end_systole)
        return result

    def slopes(self, placed: Placements) -> dict[str, Mapping[str, float]]:
        """Return the derivative of each of `volumes` by each field of `Trial`, SI."""
        wall, laws = self.wall, ("passive_scale", "passive_exponent")
        changes = wall.reference_changes(placed.unloaded, (*laws, "cavity_pressure"))
        reference = {name: changes[name] for name in laws}
        reference[IMAGED_PRESSURE] = changes["cavity_pressure"]
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
        if placed.end_systole is not None:
            found = dict(wall.volume_changes(placed.end_systole, reference))
            found["contractility"] = found.pop("active_tension")
            found["end_systolic_pressure"] = found.pop("cavity_pressure")
            result["end_systole"] = found
        return result

    def inflation(
        self, placed: Placements, pressures: Float[np.ndarray, " states"]
    ) -> tuple[Solved, ...]:
        """Return the relaxed placements from the unloaded one upwards (pressures rise from 0, Pa).

        The walk starts at rest and knows nothing of the image.
        """
        body = self.wall.body
        reference = body.displacement(placed.unloaded)
        unknown = np.zeros_like(placed.unloaded.unknown)
        unknown[body.displacement_dofs] = reference
        here = Solved(unknown=unknown, other=reference, loads=placed.trial.passive(0.0))
        found = []
        for pressure in pressures:
            if pressure > 0:
                here = self.wall.load(here, placed.trial.passive(float(pressure)))
            found.append(here)
        return tuple(found)
