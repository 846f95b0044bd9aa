"""A twin in the closed loop of its blood, ready to beat from its end-diastole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from cardiotwin.coupling import Beat, ClosedLoop, Moment, personal_circulation
from cardiotwin.errors import InputError
from cardiotwin.mechanics.active import Land2017, SystolicTwitch
from cardiotwin.mechanics.dynamics import Dynamics
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.muscle import CrossBridgeMuscle
from cardiotwin.mechanics.schemes import BackwardEuler
from cardiotwin.mechanics.wall import Wall
from cardiotwin.twin.build import Recipe
from cardiotwin.twin.coronaries import twin_coronaries
from cardiotwin.twin.cross_bridges import fitted_bridges, personal_calcium, resting_stretch
from cardiotwin.twin.refill import fillings_of, refill
from cardiotwin.twin.stages import Stages
from cardiotwin.twin.twin import Twin

RESTING_RATE = 70 / 60  # beats/s, where none was measured
MUSCLES = ("twitch", "land2017")
Muscle = Callable[[float], float] | CrossBridgeMuscle


@dataclass(frozen=True, kw_only=True)
class Contractility:
    """What makes a twin's wall contract.

    Parameters
    ----------
    muscle
        ``twitch``, a tension prescribed in time, or ``land2017``, cross-bridges at every
        quadrature point (Land et al. 2017).
    tension_share
        Factor of the fitted tension.
    segments
        What befalls AHA segments after the fit, beside what the recipe knows of them.
    """

    muscle: str = "twitch"
    tension_share: float = 1.0
    segments: Mapping[int, float] | None = None

    def __post_init__(self) -> None:
        """Refuse a muscle that is none, and cross-bridges that do not pull."""
        if self.muscle not in MUSCLES:
            msg = f"muscle must be {' or '.join(MUSCLES)}, found {self.muscle!r}."
            raise InputError(msg)
        if self.muscle != "twitch" and not self.tension_share > 0:
            msg = (
                "tension_share of cross-bridges must be positive, found "
                f"{self.tension_share:g}. Use muscle=twitch for a wall that does not contract."
            )
            raise InputError(msg)


def beating_heart(
    twin: Twin,
    recipe: Recipe,
    contractility: Contractility | None = None,
    stages: Stages | None = None,
    *,
    coronaries: bool = False,
) -> tuple[Wall, ClosedLoop, Moment]:
    """Return a twin's wall, the loop in which it beats, and its end-diastole there.

    Parameters
    ----------
    twin
        With an end-systole.
    recipe
        With which it was built.
    contractility
        That of the fit by default, as a twitch.
    stages
        Where trial beats and the cross-bridges' strength are kept, under a fingerprint of the twin
        and of the muscle.
    coronaries
        Whether the aorta feeds the coronary arteries, too.

    Raises
    ------
    ConvergenceError
        If the wall cannot be unloaded or does not beat, no circulation fills it, or no
        cross-bridges empty it.
    """
    asked, kept = contractility or Contractility(), stages or Stages(None, "")
    period = 1 / (twin.subject.heart_rate or RESTING_RATE)
    wall = recipe.wall(twin.mesh, pointwise=asked.muscle != "twitch")
    full, empty = twin.states["end_diastole"], twin.states["end_systole"]
    loads = Loads(
        cavity_pressure=full.cavity_pressure,
        rv_pressure=0.0 if full.right is None else full.right.cavity_pressure,
        passive_scale=twin.parameters["passive_scale"].value,
        passive_exponent=twin.parameters["passive_exponent"].value,
    )
    unloaded = wall.unload(loads)
    image = wall.imaged(unloaded)
    beat = Beat(
        period=period,
        end_diastolic_volume=full.cavity_volume,
        end_systolic_volume=empty.cavity_volume,
        end_diastolic_pressure=full.cavity_pressure,
        end_systolic_pressure=empty.cavity_pressure,
    )
    circulation, cycle = personal_circulation(beat)
    dynamics = Dynamics(wall.body, scheme=BackwardEuler())
    muscle: Callable[[float], Muscle]  # by its share of the fitted strength
    if asked.muscle == "twitch":
        fitted = twin.parameters["contractility"].value

        def muscle(share: float) -> Muscle:
            return SystolicTwitch(peak=share * fitted, period=period).value

    else:
        calcium, resting = personal_calcium(period), resting_stretch(dynamics, image)
        model: Land2017 = kept.run(
            "cross_bridges",
            Land2017,
            lambda: fitted_bridges(
                dynamics,
                circulation,
                image,
                cycle.state,
                calcium=calcium,
                resting=resting,
                volume=empty.cavity_volume,
                stages=kept,
            ),
        )

        def muscle(share: float) -> Muscle:
            strength = replace(model, reference_tension=share * model.reference_tension)
            return CrossBridgeMuscle(dynamics, strength, calcium.value, resting=resting)

    circulation, cycle = refill(
        ClosedLoop(dynamics, circulation, muscle(1.0)),
        image,
        cycle,
        beat=beat,
        fillings=fillings_of(wall, unloaded, image),
        stages=kept,
    )
    dynamics.problem.forget()
    if asked.segments:  # befalls the heart after the fit, beside what the recipe knows of it
        wall.set_segment_contractility({**recipe.segment_contractility, **asked.segments})
    pulling = muscle(asked.tension_share)
    if not coronaries:
        loop = ClosedLoop(dynamics, circulation, pulling)
        return wall, loop, loop.begin(image, cycle.state)
    own = twin_coronaries(twin, circulation, cycle)
    loop = ClosedLoop(dynamics, own.circulation, pulling, arteries=own.arteries)
    return wall, loop, loop.begin(image, cycle.state, own.perfused)


__all__ = ["MUSCLES", "RESTING_RATE", "Contractility", "beating_heart"]
