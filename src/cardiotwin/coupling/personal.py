"""A circulation for a measured ventricle: scaled to its stroke, filled to its preload."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cardiotwin.circulation import (
    Chamber,
    Circulation,
    Elastance,
    LimitCycle,
    Record,
    State,
    Stores,
    Twitch,
    Valve,
    Vessel,
    from_end_diastole,
    preload,
    resistive,
    settle,
    with_valves,
)
from cardiotwin.circulation.preload import filled
from cardiotwin.circulation.valves import SMOOTH_WIDTH
from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.units import ML, MMHG

LV = Stores._fields.index("lv")
TRIALS = 12
FIRST_POWER = 2.0  # of the pressure in the resistance, before two trials tell
VENOUS_SHARE = 0.44  # of the lungs' resistance
AORTIC_IMPEDANCE = 0.04 * MMHG / ML  # Pa s/m^3, characteristic
PULMONARY_IMPEDANCE = 0.0165 * MMHG / ML  # Pa s/m^3, of the lungs' artery
CLOSE = 0.02  # share of the end-systolic pressure that the afterload may miss


@dataclass(frozen=True, kw_only=True)
class Beat:
    """What is known of a ventricle's beat.

    Parameters
    ----------
    period
        s.
    end_diastolic_volume, end_systolic_volume
        m^3.
    end_diastolic_pressure, end_systolic_pressure
        Pa.
    """

    period: float
    end_diastolic_volume: float
    end_systolic_volume: float
    end_diastolic_pressure: float
    end_systolic_pressure: float

    def __post_init__(self) -> None:
        """Refuse a beat that ejects nothing, and pressures that are none."""
        for name in ("period", "end_diastolic_pressure", "end_systolic_pressure"):
            value = getattr(self, name)
            if not 0 < value < np.inf:
                msg = f"Beat.{name} must be positive and finite, found {value:g}. Give it in SI."
                raise InputError(msg)
        if not self.end_diastolic_pressure < self.end_systolic_pressure:
            msg = (
                "A beat's end-systolic pressure must exceed its end-diastolic one, found "
                f"{self.end_systolic_pressure / MMHG:.4g} and "
                f"{self.end_diastolic_pressure / MMHG:.4g} mmHg. Give the pressures of one person."
            )
            raise InputError(msg)
        if not 0 < self.end_systolic_volume < self.end_diastolic_volume:
            msg = (
                "A beat ejects: its end-systolic volume must be positive and smaller than the "
                f"end-diastolic one, found {self.end_systolic_volume / ML:.4g} and "
                f"{self.end_diastolic_volume / ML:.4g} mL. Give the volumes of one person."
            )
            raise InputError(msg)


def personal_circulation(
    beat: Beat, circulation: Circulation | None = None
) -> tuple[Circulation, LimitCycle]:
    """Return the loop in which the ventricle begins its beats at its end-diastole, and its cycle.

    The healthy adult's loop is scaled to the stroke volume with its pressures kept (compliances as
    the stroke, resistances and elastances against it); the left ventricle becomes an elastance
    through both ends of the beat; the systemic resistance is sought with which its end-systolic
    pressure is the measured one, and the blood with which it begins full.

    Raises
    ------
    ConvergenceError
        If there is no such loop.
    """
    healthy = circulation or healthy_adult()
    healthy = from_end_diastole(healthy, beat.period)
    stroke = beat.end_diastolic_volume - beat.end_systolic_volume
    own = settle(healthy, healthy.start()).record.volume[:, LV]
    loop = scaled(healthy, stroke / float(np.ptp(own)))
    unstressed = unstressed_volume(beat)
    passive = beat.end_diastolic_pressure / (beat.end_diastolic_volume - unstressed)
    full = beat.end_systolic_pressure / (beat.end_systolic_volume - unstressed)
    twitch = getattr(healthy.left_ventricle, "twitch", Twitch())
    ventricle = Elastance(
        passive=passive,
        active=max(full - passive, 0.1 * full),
        unstressed_volume=unstressed,
        twitch=twitch,
    )
    loop = replace(loop, left_ventricle=ventricle)

    def fill(trial: Circulation) -> tuple[Circulation, LimitCycle]:
        return preload(trial, beat.end_diastolic_volume, beat.end_diastolic_pressure)

    return _afterload(loop, fill, beat.end_systolic_pressure, unstressed)


def refilled(
    circulation: Circulation,
    beat: Beat,
    ventricles: Mapping[str, Chamber],
    start: State,
) -> tuple[Circulation, LimitCycle]:
    """Return a loop from `personal_circulation` for the ventricles that beat in it, and its cycle.

    Afterload and blood are sought anew, from `start`, with `ventricles` (``left_ventricle``,
    ``right_ventricle``) in place of the loop's own, which the result has again.

    Raises
    ------
    ConvergenceError
        If there is no such loop.
    """
    own = {name: getattr(circulation, name) for name in ventricles}
    given: dict[str, Any] = dict(ventricles)
    loop = replace(circulation, **given)

    def fill(trial: Circulation) -> tuple[Circulation, LimitCycle]:
        return trial, filled(trial, start, beat.end_diastolic_volume)

    found, cycle = _afterload(loop, fill, beat.end_systolic_pressure, unstressed_volume(beat))
    return replace(found, **own), cycle


def unstressed_volume(beat: Beat) -> float:
    """Return the volume from which the left ventricle's elastance counts, m^3."""
    return min(5 * ML, 0.5 * beat.end_systolic_volume)


def _afterload(
    loop: Circulation,
    fill: Callable[[Circulation], tuple[Circulation, LimitCycle]],
    pressure: float,
    unstressed: float,
) -> tuple[Circulation, LimitCycle]:
    """Return the filled loop with the resistance for an end-systolic pressure, Pa; its cycle."""
    logs, misses, power = list[float](), list[float](), FIRST_POWER
    arteries = loop.systemic_arteries
    for _ in range(TRIALS):
        found, cycle = fill(loop)
        reached = end_systolic_pressure(cycle.record, unstressed)
        misses.append(float(np.log(reached / pressure)))
        if abs(misses[-1]) < CLOSE:
            return found, cycle
        logs.append(float(np.log(arteries.resistance)))
        if len(logs) > 1:
            power = np.clip((logs[-1] - logs[-2]) / (misses[-1] - misses[-2]), 1.0, 6.0)
        arteries = replace(arteries, resistance=float(np.exp(logs[-1] - power * misses[-1])))
        loop = replace(loop, systemic_arteries=arteries)
    msg = (
        f"No systemic resistance was found in {TRIALS} trials with which the ventricle ends its "
        f"ejection at {pressure / MMHG:.4g} mmHg; the last one missed it by "
        f"{100 * misses[-1]:.2g} %. Check that volumes, pressures and heart rate belong together."
    )
    raise ConvergenceError(msg, misses)


def healthy_adult() -> Circulation:
    """Return the loop that is scaled to a person: smooth valves, arteries' roots, damping veins.

    The public constants leave 3 % of the lungs' resistance to their veins. With the veins'
    inertance these and the atrium then exchange blood almost without loss, and beside a wall that
    is full before the atria contract (its pressure grows exponentially, unlike an elastance's) the
    atrium empties backwards. Of the resistance of isolated lungs 44 % was found in the veins:
    Gaar, Taylor, Owens & Guyton (1967), Am J Physiol 213:910-914.

    They have no characteristic impedance of the great arteries either, without which a muscle as
    fast as that of hearts ejects with 1.6 L/s on the left and 1.8 L/s on the right. It stands
    before the arteries' compliance (Westerhof's third element), in series with the valve: in
    ejection the ventricle's pressure is that of the artery's root. Aorta: 47 (SE 4) dyn s/cm^5 in
    normal man, Murgo et al. (1980), Circulation 62:105-116; 53, Nichols et al. (1977), Circ Res
    40:451-458, cited from memory. Lungs' artery: 22 (3), Slife et al. (1990), Am J Physiol
    258:H1823-H1828.
    """
    loop = with_valves(Circulation(), "softplus", SMOOTH_WIDTH)
    arteries, veins = loop.pulmonary_arteries, loop.pulmonary_veins
    whole = arteries.resistance + veins.resistance
    aortic, pulmonary = (
        replace(resistive(valve), open_resistance=resistive(valve).open_resistance + impedance)
        for valve, impedance in (
            (loop.aortic, AORTIC_IMPEDANCE),
            (loop.pulmonary, PULMONARY_IMPEDANCE),
        )
    )
    return replace(
        loop,
        aortic=aortic,
        pulmonary=pulmonary,
        pulmonary_arteries=replace(arteries, resistance=(1 - VENOUS_SHARE) * whole),
        pulmonary_veins=replace(veins, resistance=VENOUS_SHARE * whole),
    )


def end_systolic_pressure(record: Record, unstressed: float) -> float:
    """Return the left ventricle's pressure, Pa, where it is stiffest: p / (V - V0) is largest.

    Suga & Sagawa (1974), Circ Res 35:117-126. When the volume is smallest, the pressure has
    fallen already.
    """
    pressure, volume = record.pressure[:, LV], record.volume[:, LV]
    return float(pressure[np.argmax(pressure / (volume - unstressed))])


def scaled(circulation: Circulation, ratio: float) -> Circulation:
    """Return the loop of a body that moves `ratio` times the blood at the same pressures."""
    changed: dict[str, Any] = {}
    for name, part in vars(circulation).items():
        if isinstance(part, Elastance):
            changed[name] = replace(
                part,
                passive=part.passive / ratio,
                active=part.active / ratio,
                unstressed_volume=part.unstressed_volume * ratio,
            )
        elif isinstance(part, Vessel):
            changed[name] = replace(
                part,
                resistance=part.resistance / ratio,
                compliance=part.compliance * ratio,
                inertance=part.inertance / ratio,
            )
        elif isinstance(part, Valve):
            changed[name] = replace(
                part,
                open_resistance=part.open_resistance / ratio,
                closed_resistance=part.closed_resistance / ratio,
            )
    return replace(circulation, **changed)
