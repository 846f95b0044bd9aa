"""A twin in the closed loop of its blood, ready to beat from its end-diastole."""

from collections.abc import Mapping
from dataclasses import replace

from cardiotwin.coupling import Beat, ClosedLoop, Moment, personal_circulation
from cardiotwin.mechanics.active.prescribed import DoubleHill
from cardiotwin.mechanics.dynamics import Dynamics
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.schemes import BackwardEuler
from cardiotwin.mechanics.wall import Wall
from cardiotwin.twin.build import Recipe
from cardiotwin.twin.twin import Twin

RESTING_RATE = 70 / 60  # beats/s, where none was measured


def beating_heart(
    twin: Twin,
    recipe: Recipe,
    *,
    tension_share: float = 1.0,
    segment_contractility: Mapping[int, float] | None = None,
) -> tuple[Wall, ClosedLoop, Moment]:
    """Return a twin's wall, the loop in which it beats, and its end-diastole there.

    Parameters
    ----------
    twin
        With an end-systole.
    recipe
        With which it was built.
    tension_share
        Factor of the fitted contractility.
    segment_contractility
        What befalls AHA segments after the fit, beside what the recipe knows of them.

    Raises
    ------
    ConvergenceError
        If the wall cannot be unloaded, or no circulation fills it.
    """
    disease = {**recipe.segment_contractility, **(segment_contractility or {})}
    wall = replace(recipe, segment_contractility=disease).wall(twin.mesh)
    full, empty = twin.states["end_diastole"], twin.states["end_systole"]
    loads = Loads(
        cavity_pressure=full.cavity_pressure,
        rv_pressure=0.0 if full.right is None else full.right.cavity_pressure,
        passive_scale=twin.parameters["passive_scale"].value,
        passive_exponent=twin.parameters["passive_exponent"].value,
    )
    image = wall.imaged(wall.unload(loads))
    beat = Beat(
        period=1 / (twin.subject.heart_rate or RESTING_RATE),
        end_diastolic_volume=full.cavity_volume,
        end_systolic_volume=empty.cavity_volume,
        end_diastolic_pressure=full.cavity_pressure,
        end_systolic_pressure=empty.cavity_pressure,
    )
    circulation, cycle = personal_circulation(beat)
    tension = DoubleHill(
        peak=tension_share * twin.parameters["contractility"].value, period=beat.period
    )
    loop = ClosedLoop(Dynamics(wall.body, scheme=BackwardEuler()), circulation, tension.value)
    return wall, loop, loop.begin(image, cycle.state)


__all__ = ["RESTING_RATE", "beating_heart"]
