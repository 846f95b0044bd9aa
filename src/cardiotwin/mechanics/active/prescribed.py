"""Courses in time that are given, not computed: a twitch, a calcium transient, a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import minimize_scalar

from cardiotwin.errors import InputError

QR = 0.04  # s, from the Q wave to the R wave, at which a beat begins
STILL = 0.03  # share of its tension that muscle has lost when the valve closes: our choice


@dataclass(frozen=True, kw_only=True)
class DoubleHill:
    """A smooth twitch: one Hill function rises, another falls.

    Parameters
    ----------
    peak
        Largest value, in the unit wanted (Pa for a tension).
    period
        Duration of a beat, s.
    rise, fall
        Times of the half values as shares of the time scale 0.2 s + 0.15 period.
    rise_power, fall_power
        Steepness of both.

    Notes
    -----
    Normalised elastance of the human left ventricle: Stergiopulos, Meister & Westerhof (1996),
    Am J Physiol 270:H2050-H2059; its time scale: Simaan et al. (2009), IEEE Trans Control Syst
    Technol 17:28-38.
    """

    peak: float
    period: float = 1.0
    rise: float = 0.7
    rise_power: float = 1.9
    fall: float = 1.17
    fall_power: float = 21.9

    def __post_init__(self) -> None:
        """Refuse a beat without duration."""
        _require_positive(self, ("period", "rise", "rise_power", "fall", "fall_power"))

    def value(self, time: float) -> float:
        """Return the value at a time, s; it repeats with the period."""
        return self.peak * self._shape(time % self.period) / self._highest

    def _shape(self, time: float) -> float:
        t = time / (0.2 + 0.15 * self.period)
        rising = (t / self.rise) ** self.rise_power
        falling = (t / self.fall) ** self.fall_power
        return float(rising / (1 + rising) / (1 + falling))

    @cached_property
    def _highest(self) -> float:
        found = minimize_scalar(
            lambda time: -self._shape(time),
            bounds=(0, self.period),
            method="bounded",
            options={"xatol": 1e-9},
        )
        return float(-found.fun)


@dataclass(frozen=True, kw_only=True)
class SystolicTwitch:
    """A tension as long as systole is at a heart rate: tanh^2 up, a Hill function down.

    Parameters
    ----------
    peak
        Largest value, Pa.
    period
        Duration of a beat, s.
    rise
        Time constant of the rise, s.
    fall_power
        Steepness of the fall.

    Notes
    -----
    The rise tanh^2(t / rise): Niederer et al. (2011), Cardiovasc Res 89:336-343, cited from
    memory; 0.1 s opens the aortic valve about 0.1 s after the Q wave, where it was measured: the
    pre-ejection period is 0.345 of the ejection's duration in adults (Wanderman et al. 1981,
    Circulation 63:204-209). The fall is that of `DoubleHill`, but later: it begins at the second
    heart sound, 0.54 s - 2.1 ms per beat/min after the Q wave (men 541 - 2.2, women 540 - 2.0:
    Chest 1981, 80:613-617), which itself lies `QR` before t = 0. `DoubleHill` is an elastance:
    taken for a tension, which does not grow with the muscle's length, it rises too slowly.
    """

    peak: float
    period: float = 1.0
    rise: float = 0.1
    fall_power: float = 21.9

    def __post_init__(self) -> None:
        """Refuse a beat without duration, and one too short for the regression."""
        _require_positive(self, ("period", "rise", "fall_power"))
        if not 0 <= self.peak < np.inf:
            msg = (
                f"SystolicTwitch.peak must be zero or positive and finite, found {self.peak:g} Pa."
            )
            raise InputError(msg)
        if not self.end_systole > self.rise:
            msg = (
                "SystolicTwitch.period must be that of a heart whose systole is longer than the "
                f"twitch's rise, {self.rise:g} s, found {self.period:g} s ({60 / self.period:.3g} "
                f"beats/min), whose systole ends at {self.end_systole:.3g} s. Give a smaller rise."
            )
            raise InputError(msg)

    @property
    def end_systole(self) -> float:
        """Return when systole ends, s after t = 0: the aortic valve's closure."""
        return 0.54 - 2.1e-3 * 60 / self.period - QR

    def value(self, time: float) -> float:
        """Return the value at a time, s; it repeats with the period."""
        return self.peak * float(self.share(time, np))

    def share(self, time: Any, xp: Any) -> Any:
        """Return the share of the peak at a time, s, with the functions of `xp` (numpy, torch)."""
        return self._shape(time % self.period, xp) / self._highest

    def _shape(self, time: Any, xp: Any) -> Any:
        half = self.end_systole / (STILL / (1 - STILL)) ** (1 / self.fall_power)
        return xp.tanh(time / self.rise) ** 2 / (1 + (time / half) ** self.fall_power)

    @cached_property
    def _highest(self) -> float:
        found = minimize_scalar(
            lambda time: -float(self._shape(time, np)),
            bounds=(0, self.period),
            method="bounded",
            options={"xatol": 1e-9},
        )
        return float(-found.fun)


@dataclass(frozen=True, kw_only=True)
class CalciumTransient:
    """Calcium in the cytosol: d + (p - d) x exp(1 - x), x = t / time_to_peak.

    Parameters
    ----------
    diastolic, peak
        Smallest and largest concentration, mol/m^3 (1 micromolar is 1e-3 mol/m^3).
    time_to_peak
        From onset to peak, s.
    onset
        Start of the rise, s.
    period
        Duration of a beat, s.

    Notes
    -----
    Form of Hunter, McCulloch & ter Keurs (1998), Prog Biophys Mol Biol 69:289-331. The numbers
    are a fit to the transient of human muscle at 37 degrees C in Land et al. (2017), J Mol Cell
    Cardiol 106:68-83, figure 6 (measured by Coppini et al. 2013, Circulation 127:575-584).
    """

    diastolic: float = 0.164321e-3
    peak: float = 0.592586e-3
    time_to_peak: float = 0.123475
    onset: float = 0.0
    period: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no concentration and no duration."""
        _require_positive(self, ("diastolic", "peak", "time_to_peak", "period"))
        if not self.peak > self.diastolic:
            msg = (
                "CalciumTransient.peak must exceed the diastolic concentration, found "
                f"{self.peak:g} and {self.diastolic:g} mol/m^3."
            )
            raise InputError(msg)
        if not np.isfinite(self.onset):
            msg = f"CalciumTransient.onset must be a time in s, found {self.onset:g}."
            raise InputError(msg)

    def value(self, time: float) -> float:
        """Return the concentration at a time, mol/m^3; it repeats with the period."""
        x = ((time - self.onset) % self.period) / self.time_to_peak
        return float(self.diastolic + (self.peak - self.diastolic) * x * np.exp(1 - x))


@dataclass(frozen=True, kw_only=True)
class Table:
    """Values at given times, joined smoothly and without overshoot (Fritsch & Carlson 1980).

    Parameters
    ----------
    times
        Increasing times, s.
    values
        As many values, in any unit.
    """

    times: Sequence[float]
    values: Sequence[float]

    def __post_init__(self) -> None:
        """Refuse what is no function of time."""
        if len(self.times) != len(self.values) or len(self.times) < 2:
            msg = (
                f"Table needs two or more times and as many values, found {len(self.times)} "
                f"times and {len(self.values)} values. Give one value per time."
            )
            raise InputError(msg)
        steps = np.diff(self.times)
        if not (steps > 0).all():
            at = int(np.argmin(steps > 0)) + 1
            msg = (
                f"Table.times must increase, found {self.times[at]:g} s after "
                f"{self.times[at - 1]:g} s. Sort the rows and drop repeated times."
            )
            raise InputError(msg)
        if not np.isfinite(self.values).all():
            at = int(np.argmin(np.isfinite(self.values)))
            msg = (
                f"Table.values must be finite, found {self.values[at]:g} at {self.times[at]:g} s. "
                "Drop the row."
            )
            raise InputError(msg)

    def value(self, time: float) -> float:
        """Return the value at a time within the table."""
        if not self.times[0] <= time <= self.times[-1]:
            msg = (
                f"Table.value: the time must lie between {self.times[0]:g} and "
                f"{self.times[-1]:g} s, found {time:g}. Extend the table."
            )
            raise InputError(msg)
        return float(self._curve(time))

    @cached_property
    def _curve(self) -> Any:
        return PchipInterpolator(self.times, self.values)


def _require_positive(model: Any, names: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(model, name)
        if not 0 < value < np.inf:
            msg = (
                f"{type(model).__name__}.{name} must be positive and finite, found {value:g}. "
                "Give it in SI units."
            )
            raise InputError(msg)
