"""The circulation of one animal from its measured pressures and volumes, with uncertainty.

A closed loop's limit cycle is fitted to courses over one beat by Gauss-Newton; its Jacobian comes
from a batch of hearts, one for each parameter's difference. What the lumped model cannot follow
is estimated with the noise: the standard deviation is that of the residuals, and their
correlation in time reduces the number of independent values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from cardiotwin.circulation import Circulation, Trace, limit_cycle
from cardiotwin.errors import ConvergenceError
from cardiotwin.fitting.least_squares import Mode, find_mode
from cardiotwin.fitting.priors import LogNormal

Vector = Float[np.ndarray, " _"]
NUDGE = 1e-4  # of a parameter in its own scale
WIDE = 6.0  # standard deviations that the search may go from the prior's centre
ROUNDS = 3  # in which noise and mode are estimated in turn
STEPS = 200  # per beat
PLACES = {
    "lv_pressure": ("lv", "pressure"),
    "aortic_pressure": ("systemic_arteries", "pressure"),
    "lv_volume": ("lv", "volume"),
    "aortic_flow": ("lv", "outflow"),
}
ROOT_SHARE = "aortic_root.share"
"""The root's impedance, of what the open aortic valve resists; pressure is told before it."""
TIED = {
    "twitch.contraction": ("left_ventricle.contraction", "right_ventricle.contraction"),
    "twitch.relaxation": ("left_ventricle.relaxation", "right_ventricle.relaxation"),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Channel:
    """A measured course over one beat.

    Parameters
    ----------
    name
        One of `PLACES`.
    time
        s since the R wave, by the channel's own clock.
    value
        SI.
    noise
        Standard deviation of the measurement, in the same unit.
    level_sd
        How far its zero may be off, in the same unit; 0: it is right.
    shift_sd
        How far its clock may be off, s; 0: it is the others'.
    """

    name: str
    time: Float[np.ndarray, " frames"]
    value: Float[np.ndarray, " frames"]
    noise: float
    level_sd: float = 0.0
    shift_sd: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class HaemodynamicFit:
    """The most probable circulation and how well it is known.

    Parameters
    ----------
    values, sd
        Of each parameter, SI; of positive ones `sd` is relative.
    predicted
        Each channel's course by the model.
    residual
        Root mean square difference by channel, in its unit.
    independent
        How many independent values each channel counts for.
    trace
        The limit cycle.
    mode
        The fit in its own scale.
    """

    values: Mapping[str, float]
    sd: Mapping[str, float]
    predicted: Mapping[str, Vector]
    residual: Mapping[str, float]
    independent: Mapping[str, float]
    trace: Trace
    mode: Mode


@dataclass(frozen=True, kw_only=True, eq=False)
class _Problem:
    circulation: Circulation
    priors: Mapping[str, LogNormal]
    channels: Sequence[Channel]
    spread: Sequence[float]  # of each channel, its correlation in time included
    near: dict[str, torch.Tensor] = field(default_factory=dict)  # where the last cycle began

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the parameters, then the delay of the twitch, levels and clocks."""
        levels = [f"{c.name}.level" for c in self.channels if c.level_sd]
        clocks = [f"{c.name}.shift" for c in self.channels if c.shift_sd]
        return (*self.priors, "twitch.delay", *levels, *clocks)

    def scale(self, name: str) -> float:
        """Return the standard deviation of the prior, in the fit's own scale or SI."""
        if name in self.priors:
            return self.priors[name].sd
        if name == "twitch.delay":
            return 0.03
        channel = next(c for c in self.channels if name.startswith(c.name + "."))
        return channel.level_sd if name.endswith("level") else channel.shift_sd

    def si(self, x: Any) -> dict[str, Any]:
        """Return values, SI, of standardised parameters (parameters, *batch)."""
        values = {}
        for row, name in enumerate(self.names):
            if name in self.priors:
                values[name] = self.priors[name].median * np.exp(self.scale(name) * x[row])
            else:
                values[name] = self.scale(name) * x[row]
        return values

    def cycle(self, x: Float[np.ndarray, "parameters batch"]) -> Trace:
        """Return the limit cycles."""
        values = self.si(x)
        given: dict[str, Any] = {}
        for name in self.priors:
            if name == ROOT_SHARE:
                continue
            for target in TIED.get(name, (name,)):
                given[target] = torch.tensor(values[name])
        for chamber in ("left_atrium", "left_ventricle", "right_atrium", "right_ventricle"):
            onset = getattr(self.circulation, chamber).twitch.onset
            given[f"{chamber}.onset"] = torch.tensor(onset + values["twitch.delay"])
        blood = given.pop("blood_volume")
        start = self.near.get("start")
        found = limit_cycle(
            given,
            circulation=self.circulation,
            start=None if start is None else start.expand(12, x.shape[1]),
            blood_volume=blood,
            steps=STEPS,
            tolerance=1e-8,
        )
        if not bool(found.reached.all()):
            msg = f"{int((~found.reached).sum())} circulations of the fit have no limit cycle."
            raise ConvergenceError(msg, found.change.tolist())
        self.near["start"] = found.trace.end.detach()[:, :1]
        return found.trace

    def predict(self, trace: Trace, x: Float[np.ndarray, "parameters batch"]) -> list[Any]:
        """Return each channel's courses (frames, batch)."""
        values, courses = self.si(x), []
        period = self.circulation.period
        for channel in self.channels:
            store, quantity = PLACES[channel.name]
            course = trace.of(store, quantity).detach().numpy()
            if channel.name == "aortic_pressure" and ROOT_SHARE in values:
                valve = values.get("aortic.open_resistance")
                opened = valve if valve is not None else self.circulation.aortic.open_resistance
                flow = trace.of("lv", "outflow").detach().numpy()
                course = course + np.minimum(values[ROOT_SHARE], 1.0) * opened * flow
            level = values.get(f"{channel.name}.level", np.zeros(x.shape[1]))
            shift = values.get(f"{channel.name}.shift", np.zeros(x.shape[1]))
            phase = np.linspace(0, period, len(course))
            courses.append(
                np.stack(
                    [
                        np.interp(channel.time - shift[k], phase, course[:, k], period=period)
                        for k in range(x.shape[1])
                    ],
                    axis=1,
                )
                + level
            )
        return courses

    def linearised(self, x: Vector) -> tuple[Vector, Float[np.ndarray, "_ _"]]:
        """Return standardised residuals, the priors' last, and their derivative."""
        n = len(x)
        many = x[:, None] + NUDGE * np.concatenate([np.zeros((n, 1)), np.eye(n), -np.eye(n)], 1)
        rows = [
            (course - channel.value[:, None]) / spread
            for course, channel, spread in zip(
                self.predict(self.cycle(many), many), self.channels, self.spread, strict=True
            )
        ]
        rows.append(many)  # standard normal priors
        whole = np.concatenate(rows)
        slope = (whole[:, 1 : n + 1] - whole[:, n + 1 :]) / (2 * NUDGE)
        return whole[:, 0], slope


def fit_circulation(
    circulation: Circulation,
    priors: Mapping[str, LogNormal],
    channels: Sequence[Channel],
) -> HaemodynamicFit:
    """Return the circulation of the measured beat.

    Parameters
    ----------
    circulation
        Its period is the beat's, its clock that of the R wave; what `priors` do not name is fixed.
    priors
        Of parameters by `parameter_values`' names, of ``twitch.contraction`` and
        ``twitch.relaxation`` (both ventricles'), of ``blood_volume``, and of `ROOT_SHARE` where
        the pressure of the aorta is that behind the valve and not that of its compliance, SI.
    channels
        What was measured.

    Raises
    ------
    ConvergenceError
        If there is no such circulation.
    """
    spread = [max(c.noise, 0.05 * float(np.ptp(c.value))) for c in channels]
    problem = _Problem(circulation=circulation, priors=priors, channels=channels, spread=spread)
    n = len(problem.names)
    bound = np.full(n, WIDE)
    mode, trace, courses = _mode(problem, np.zeros(n), bound)
    for _ in range(ROUNDS - 1):
        spread = [_spread(c, course) for c, course in zip(channels, courses, strict=True)]
        problem = replace(problem, spread=spread)
        mode, trace, courses = _mode(problem, mode.values, bound)
    misses = {c.name: c.value - y for c, y in zip(channels, courses, strict=True)}
    found = problem.si(mode.values)
    deviation = np.sqrt(np.diag(mode.covariance))
    return HaemodynamicFit(
        values={name: float(found[name]) for name in problem.names},
        sd={
            name: float(problem.scale(name) * one)
            for name, one in zip(problem.names, deviation, strict=True)
        },
        predicted={c.name: course for c, course in zip(channels, courses, strict=True)},
        residual={name: float(np.sqrt(np.mean(miss**2))) for name, miss in misses.items()},
        independent={name: len(miss) / correlated(miss) for name, miss in misses.items()},
        trace=trace,
        mode=mode,
    )


def _mode(problem: _Problem, start: Vector, bound: Vector) -> tuple[Mode, Trace, list[Vector]]:
    mode = find_mode(problem.linearised, start, lower=-bound, upper=bound)
    trace = problem.cycle(mode.values[:, None])
    courses = problem.predict(trace, mode.values[:, None])
    return mode, trace, [course[:, 0] for course in courses]


def _spread(channel: Channel, course: Vector) -> float:
    miss = channel.value - course
    sd = max(float(np.sqrt(np.mean(miss**2))), channel.noise)
    return sd * float(np.sqrt(correlated(miss)))


def correlated(residual: Vector) -> float:
    """Return how many neighbouring values count as one: 1 + 2 sum of positive correlations.

    The sum ends at the first correlation that is not positive (Geyer 1992, Stat Sci 7:473).
    """
    centred = residual - residual.mean()
    power = float(centred @ centred)
    if power == 0:
        return 1.0
    total = 1.0
    for lag in range(1, len(centred) // 2):
        correlation = float(centred[lag:] @ centred[:-lag]) / power
        if correlation <= 0:
            break
        total += 2 * correlation
    return total


__all__ = ["Channel", "HaemodynamicFit", "correlated", "fit_circulation"]
