"""A beat's measured courses as a least-squares problem of the circulation's parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float

from cardiotwin.circulation import Circulation, Elastance, Trace, limit_cycle
from cardiotwin.circulation.tangents import cycle_tangents
from cardiotwin.fitting.channels import Channel
from cardiotwin.fitting.priors import Normal, Prior

Vector = Float[np.ndarray, " _"]
Matrix = Float[np.ndarray, "_ _"]
NUDGE = 1e-4  # of a parameter in its own scale
PLACES = {
    "lv_pressure": ("lv", "pressure"),
    "aortic_pressure": ("systemic_arteries", "pressure"),
    "lv_volume": ("lv", "volume"),
    "aortic_flow": ("lv", "outflow"),
}
CHAMBERS = ("left_atrium", "right_atrium", "left_ventricle", "right_ventricle")
ROOT_SHARE = "aortic_root.share"
"""The root's impedance, of what the open aortic valve resists; pressure is told before it."""
DELAY = Normal(mean=0.0, sd=0.03, source="the R wave against the contraction")
TIMES = ("onset", "contraction", "relaxation", "rise_time", "fall_time")
TIED = {f"twitch.{key}": [f"{s}_ventricle.{key}" for s in ("left", "right")] for key in TIMES} | {
    f"atria.{key}": [f"{s}_atrium.{key}" for s in ("left", "right")] for key in TIMES
}


@dataclass(frozen=True, kw_only=True)
class FreeShape:
    """What is believed of a chamber's elastance as it differs from its twitch.

    Parameters
    ----------
    chamber
        Its name; `Elastance.shape` says how many knots there are.
    sd
        Of the logarithm of the elastance.
    length
        Share of the period over which it changes: the coefficients are a periodic Gaussian
        process, of correlation exp(-(sin(pi d)/(pi length))^2/2) at a share d of the period.
    """

    chamber: str = "left_ventricle"
    sd: float = 0.2
    length: float = 0.04

    def root(self, knots: int) -> Matrix:
        """Return the matrix from standard normal numbers to the spline's coefficients."""
        apart = np.abs(np.arange(knots)[:, None] - np.arange(knots)) / knots
        far = np.sin(np.pi * apart) / np.pi / self.length
        covariance = np.exp(-(far**2) / 2) + 1e-6 * np.eye(knots)
        return np.asarray(self.sd * np.linalg.cholesky(covariance))


@dataclass(frozen=True, kw_only=True, eq=False)
class BeatProblem:
    """What is fitted, and to what.

    Parameters
    ----------
    circulation, loop, channels, shapes, steps
        As of `fit_circulation`; `loop` are its priors.
    spread
        Of each channel, what the search takes for noise.
    near
        Where the last cycle began, and that of the smallest sum of squares, from which each trial
        goes on: one that was taken back may lie on another branch of cycles.
    """

    circulation: Circulation
    loop: Mapping[str, Prior]
    channels: Sequence[Channel]
    shapes: Sequence[FreeShape]
    spread: Sequence[float]
    steps: int
    near: dict[str, torch.Tensor] = field(default_factory=dict)
    least: list[float] = field(default_factory=lambda: [np.inf], init=False)

    @cached_property
    def priors(self) -> dict[str, Prior]:
        """Return the laws of all parameters but the shapes', the loop's first."""
        found = {**self.loop, "twitch.delay": DELAY}
        for channel in self.channels:
            found |= channel.priors()
        return found

    @cached_property
    def knots(self) -> dict[str, int]:
        """Return the number of each shape's coefficients."""
        return {s.chamber: len(getattr(self.circulation, s.chamber).shape) for s in self.shapes}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return all parameters."""
        shapes = [f"{name}.shape_{k}" for name, n in self.knots.items() for k in range(n)]
        return (*self.priors, *shapes)

    def si(self, x: Float[np.ndarray, "parameters columns"]) -> dict[str, Vector]:
        """Return values, SI, of standardised parameters."""
        values = {name: law.value(x[row]) for row, (name, law) in enumerate(self.priors.items())}
        row = len(self.priors)
        for shape in self.shapes:
            n = self.knots[shape.chamber]
            numbers = shape.root(n) @ x[row : row + n]
            values |= {f"{shape.chamber}.shape_{k}": numbers[k] for k in range(n)}
            row += n
        return values

    def given(self, values: Mapping[str, Vector]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Return the loop's parameters and its blood."""
        own = [*self.loop, *(name for name in values if ".shape_" in name)]
        found: dict[str, torch.Tensor] = {}
        for name in own:
            if name not in (ROOT_SHARE, "blood_volume"):
                for target in TIED.get(name, [name]):
                    found[target] = torch.tensor(values[name])
        delay = torch.tensor(values["twitch.delay"])
        for chamber in CHAMBERS:
            own = getattr(self.circulation, chamber)
            if not isinstance(own, Elastance):
                continue
            onset = found.get(f"{chamber}.onset", own.twitch.onset)
            found[f"{chamber}.onset"] = onset + delay
        return found, torch.tensor(values["blood_volume"])

    def courses(self, trace: Trace, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return what the channels are of, (channels, rows, batch), before their instruments."""
        found = []
        for channel in self.channels:
            if channel.name == "aortic_pressure" and self.circulation.aorta:
                found.append(trace.aorta[0][:, 0])
                continue
            course = trace.of(*PLACES[channel.name])
            if channel.name == "aortic_pressure" and ROOT_SHARE in values:
                opened = trace.hearts.values["aortic.open_resistance"]
                impedance = values[ROOT_SHARE].clamp(max=1.0) * opened
                course = course + impedance * trace.of("lv", "outflow")
            found.append(course)
        return torch.stack(found)

    def predict(self, x: Vector) -> tuple[Vector, Matrix]:
        """Return the frames of all channels, and their derivative by the parameters."""
        n = len(x)
        nudged = NUDGE * np.concatenate([np.zeros((n, 1)), np.eye(n), -np.eye(n)], 1)
        simulated = [k for k, name in enumerate(self.names) if self._is_loop(name)]
        m = len(simulated)
        chosen = [0, *(1 + k for k in simulated), *(1 + n + k for k in simulated)]
        values = self.si((x[:, None] + nudged)[:, chosen])
        parameters, blood = self.given(values)
        share = {ROOT_SHARE: torch.tensor(values[ROOT_SHARE])} if ROOT_SHARE in values else {}
        self._begin(parameters, blood)
        found = cycle_tangents(
            parameters,
            lambda trace, which: self.courses(
                trace, {name: value[which] for name, value in share.items()}
            ).flatten(0, 1),
            nudge=NUDGE,
            circulation=self.circulation,
            blood_volume=blood,
            start=self.near["start"],
            steps=self.steps,
        )
        self.near["last"] = found.start
        shape = len(self.channels), self.steps + 1
        courses = found.value.numpy().reshape(*shape, 1)
        by_loop = found.slope.numpy().reshape(*shape, m)
        here = {name: float(value) for name, value in self._instrument(x).items()}
        rows, slopes = [], []
        for course, slope, channel in zip(courses, by_loop, self.channels, strict=True):
            rows.append(self._frames(channel, course, here))
            each = np.zeros((len(channel.time), n))
            period = self.circulation.period
            each[:, simulated] = channel.reading(here, period)(slope)
            for name in channel.priors():
                k = self.names.index(name)
                ends = [
                    self._frames(
                        channel, course, self._instrument(x + sign * NUDGE * np.eye(n)[k])
                    )
                    for sign in (1, -1)
                ]
                each[:, k] = (ends[0] - ends[1]) / (2 * NUDGE)
            slopes.append(each)
        return np.concatenate(rows), np.concatenate(slopes)

    def _begin(self, parameters: Mapping[str, torch.Tensor], blood: torch.Tensor) -> None:
        if "start" in self.near:
            return
        first = {name: value[:1] for name, value in parameters.items()}
        cycle = limit_cycle(
            first,
            circulation=self.circulation,
            blood_volume=blood[:1],
            steps=self.steps,
            tolerance=1e-6,
        )
        self.near["start"] = cycle.trace.end[:, 0].detach()

    def _is_loop(self, name: str) -> bool:
        return name in self.loop or name == "twitch.delay" or ".shape_" in name

    def _instrument(self, x: Vector) -> dict[str, float]:
        rows = {name: row for row, name in enumerate(self.names) if not self._is_loop(name)}
        laws = {name: (self.priors[name], np.asarray(x[row])) for name, row in rows.items()}
        return {name: float(law.value(number)) for name, (law, number) in laws.items()}

    def _frames(self, channel: Channel, course: Matrix, values: Mapping[str, float]) -> Vector:
        period = self.circulation.period
        read = channel.reading(values, period)(course)[:, 0]
        return np.asarray(read + channel.offset(values, period))

    @cached_property
    def measured(self) -> Vector:
        """Return the frames of all channels."""
        return np.concatenate([channel.value for channel in self.channels])

    def split(self, frames: Vector) -> list[Vector]:
        """Return frames by channel."""
        ends = np.cumsum([len(channel.time) for channel in self.channels])[:-1]
        return np.split(frames, ends)

    def linearised(self, x: Vector) -> tuple[Vector, Matrix]:
        """Return standardised residuals, the priors' last, and their derivative."""
        frames, slope = self.predict(x)
        both = np.column_stack([frames - self.measured, slope])
        whole = both / np.repeat(self.spread, [len(c.time) for c in self.channels])[:, None]
        miss = np.append(whole[:, 0], x)
        if miss @ miss < self.least[0]:
            self.least[0], self.near["start"] = float(miss @ miss), self.near["last"]
        return miss, np.concatenate([whole[:, 1:], np.eye(len(x))])


__all__ = ["ROOT_SHARE", "BeatProblem", "FreeShape"]
