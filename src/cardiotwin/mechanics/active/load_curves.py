"""Tension and pressure that follow a switched rate, as in the 2025 elastodynamics benchmark.

Arostica et al. (2025), CMAME 435:117485; the law of the tension is that of Bestel, Clement &
Sorine (2001), MICCAI, LNCS 2208:1159-1161.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from cardiotwin.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Switch:
    """A rate that is high in systole and low outside it.

    Parameters
    ----------
    high, low
        Rate within systole and outside it, 1/s.
    systole, diastole
        Times at which they begin, s.
    width
        Duration of the change, s.
    """

    high: float = 5.0
    low: float = -30.0
    systole: float = 0.16
    diastole: float = 0.484
    width: float = 0.005

    def rate(self, time: float) -> float:
        """Return the rate at a time, 1/s."""
        share = self._rising(time - self.systole) * self.systolic(time)
        return self.high * share + self.low * (1 - share)

    def systolic(self, time: float) -> float:
        """Return 1 before diastole, 0 after."""
        return 1 - self._rising(time - self.diastole)

    def _rising(self, since: float) -> float:
        return float(1 + np.tanh(since / self.width)) / 2


@dataclass(frozen=True, kw_only=True)
class TensionCurve:
    """Active tension tau with tau' = -|a| tau + peak max(a, 0), tau(0) = 0.

    Parameters
    ----------
    peak
        Contractility sigma_0: the tension reached if systole lasted, Pa.
    switch
        The rate a.
    end
        Last time that may be asked for, s.
    """

    peak: float = 1.5e5
    switch: Switch = Switch()
    end: float = 1.0

    def value(self, time: float) -> float:
        """Return the tension at a time, Pa."""
        return _at(self, self._solution, time)

    @cached_property
    def _solution(self) -> Any:
        def change(time: float, tension: Any) -> Any:
            a = self.switch.rate(time)
            return -abs(a) * tension + self.peak * max(a, 0.0)

        return _integrate(change, self.end)


@dataclass(frozen=True, kw_only=True)
class PressureCurve:
    """Cavity pressure p with p' = -|b| p + mid max(b, 0) + pre max(g, 0), p(0) = 0.

    Here b is the switch's rate + atrial_rate g + mid_rate, and g is 1 before diastole, 0 after.

    Parameters
    ----------
    mid, pre
        Pressures of systole and of the filling before it, Pa.
    mid_rate, atrial_rate
        What the phases add to the rate, 1/s.
    switch
        The rate of the ventricle's contraction.
    end
        Last time that may be asked for, s.
    """

    mid: float = 16000.0
    pre: float = 7000.0
    mid_rate: float = 1.0
    atrial_rate: float = 5.0
    switch: Switch = Switch(systole=0.17)
    end: float = 1.0

    def value(self, time: float) -> float:
        """Return the pressure at a time, Pa."""
        return _at(self, self._solution, time)

    @cached_property
    def _solution(self) -> Any:
        def change(time: float, pressure: Any) -> Any:
            g = self.switch.systolic(time)
            b = self.switch.rate(time) + self.atrial_rate * g + self.mid_rate
            return -abs(b) * pressure + self.mid * max(b, 0.0) + self.pre * max(g, 0.0)

        return _integrate(change, self.end)


def _integrate(change: Any, end: float) -> Any:
    # The rate turns within milliseconds: a longer step could leap over a beat.
    solved = solve_ivp(
        change, (0, end), [0.0], "DOP853", rtol=1e-11, atol=1e-8, max_step=5e-3, dense_output=True
    )
    return solved.sol


def _at(curve: TensionCurve | PressureCurve, solution: Any, time: float) -> float:
    if not 0 <= time <= curve.end:
        msg = (
            f"{type(curve).__name__}.value: the time must lie between 0 and {curve.end:g} s, "
            f"found {time:g}. Give a later `end`."
        )
        raise InputError(msg)
    return float(solution(time)[0])
