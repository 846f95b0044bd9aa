"""The phases of a beat, and a wall that rests while both valves are shut.

The frames of a cine are too far apart to show that, and a smooth curve through them has its
extremes in the middle of what it does not show. Both valves are shut for 40 (10) ms before
ejection and 96 (19) ms after it, 20 to 59 and 59 to 134 ms in 95 of 100 healthy adults: Copenhagen
City Heart Study, age- and sex-based normal reference ranges of the cardiac time intervals.
"""

from dataclasses import dataclass

import numpy as np

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import MovingCavity
from cardiotwin.geometry.cavity.paced import KNOTS, smoothed
from cardiotwin.haemodynamics.heart import Valves

CONTRACTION, RELAXATION = 50e-3, 80e-3  # s
SHORTEST, LONGEST = 20e-3, 140e-3  # s
SOFT = 1.5  # ramps over which the wall's pace changes
FASTEST = 2.0  # that the shapes pass, of the measured pace


@dataclass(frozen=True, kw_only=True)
class Phases:
    """When which valve may be open.

    Parameters
    ----------
    valves
        When the volume is largest and smallest.
    contraction, relaxation
        How long both valves are shut before and after ejection, s, about these moments.
    """

    valves: Valves
    contraction: float = CONTRACTION
    relaxation: float = RELAXATION

    def __post_init__(self) -> None:
        for name, length in (("contraction", self.contraction), ("relaxation", self.relaxation)):
            check_isovolumic(name, length)

    @property
    def filled(self) -> float:
        """Return when the isovolumic contraction begins, s."""
        return self.valves.end_diastole - self.contraction / 2

    def _since(self, time: float) -> tuple[float, tuple[float, float, float]]:
        """Return the time since filling ended, and when the next three phases begin then, s."""
        period = self.valves.period
        systole = (self.valves.end_systole - self.valves.end_diastole) % period
        emptied = systole + (self.contraction - self.relaxation) / 2
        since = (time - self.filled) % period
        return since, (self.contraction, emptied, emptied + self.relaxation)

    def opened(self, time: float) -> str | None:
        """Return the valve through which blood may flow."""
        since, (ejects, emptied, fills) = self._since(time)
        if ejects <= since < emptied:
            return "aortic"
        return "mitral" if since >= fills else None

    def left(self, time: float) -> float:
        """Return how long that valve may still be open, s."""
        since, (_, emptied, _) = self._since(time)
        return (emptied if since < emptied else self.valves.period) - since

    def isovolumic(self, time: float) -> tuple[float, str | None]:
        """Return how far the pressure has come while both are shut, and which valve is next."""
        since, (ejects, emptied, fills) = self._since(time)
        if since < ejects:
            share, ahead = since / self.contraction, "aortic"
        elif emptied <= since < fills:
            share, ahead = (since - emptied) / self.relaxation, "mitral"
        else:
            return 0.0, None
        return share * share * (3 - 2 * share), ahead

    def next_opening(self, time: float) -> float:
        """Return when the valve opens that is next, s."""
        since, (ejects, _, fills) = self._since(time)
        return time - since + (ejects if since < ejects else fills)


def check_isovolumic(name: str, length: float) -> None:
    """Refuse phases, s, that no heart has."""
    if not SHORTEST <= length <= LONGEST:
        msg = (
            f"The isovolumic {name} lasts {SHORTEST * 1e3:g} to {LONGEST * 1e3:g} ms, found "
            f"{length * 1e3:.3g} ms. Give it in seconds."
        )
        raise InputError(msg)


def resting(cavity: MovingCavity, phases: Phases) -> MovingCavity:
    """Return the cavity whose wall rests while both valves are shut.

    What was measured of ejection and of filling passes evenly the faster, so that the shapes of
    their flows stay.

    Parameters
    ----------
    cavity
        As measured.
    phases
        Of its beat.

    Raises
    ------
    InputError
        If the beat is too short for such rests.
    """
    valves = phases.valves
    period, width = valves.period, SOFT * valves.ramp
    systole = (valves.end_systole - valves.end_diastole) % period
    halves = np.array([phases.contraction, phases.relaxation]) / 2 + width / 2
    shorter = min(systole, period - systole)
    if shorter > FASTEST * (shorter - halves.sum()):
        msg = (
            f"Systole and diastole of {systole * 1e3:.0f} and {(period - systole) * 1e3:.0f} ms "
            f"hold no isovolumic phases of {phases.contraction * 1e3:.0f} and "
            f"{phases.relaxation * 1e3:.0f} ms. Give shorter ones."
        )
        raise InputError(msg)
    marks = np.array([0.0, systole])
    moments = np.stack([marks - halves, marks + halves], axis=1).ravel()
    met = np.repeat(marks, 2)
    since = np.arange(KNOTS) * period / KNOTS - valves.end_diastole
    beats = np.floor((since - moments[0]) / period)
    within = since - beats * period
    ends = np.append(moments, moments[0] + period), np.append(met, met[0] + period)
    course = np.interp(within, *ends) + beats * period + valves.end_diastole
    return cavity.at_pace(smoothed(course, period, width))


__all__ = ["CONTRACTION", "RELAXATION", "Phases", "check_isovolumic", "resting"]
