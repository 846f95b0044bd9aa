"""The series beside the cine: what each is asked to be, and how its signal is called.

Times and angles are usual at 1.5 T (Kramer et al. 2020, JCMR 22:17; Messroghli et al. 2017, JCMR
19:75 for maps).
"""

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from jaxtyping import Complex, Float, Integer

from cardiotwin.exam.series import MOST_VIEWS, LineTimes, Series
from cardiotwin.units import MS

FIELD_STRENGTH = 1.5  # T


@dataclass(frozen=True, kw_only=True)
class T1Map(Series):
    """MOLLI: balanced read-outs after inversions, with all that they do to the magnetisation.

    Parameters
    ----------
    scheme, first
        Images read and beats waited by turns; first inversion time of each group, s.
    """

    scheme: tuple[int, ...] = (5, 3, 3)
    first: tuple[float, ...] = (0.1, 0.18)

    contrast = "molli"

    def acquisition(self, period: float) -> dict[str, Any]:
        """Return scheme, first times and period."""
        return {"scheme": self.scheme, "first": self.first, "heart_period": period}

    def sidecar(self, period: float) -> dict[str, Any]:
        """Return the inversion times, s, in the images' order."""
        groups = zip(self.first, self.scheme[::2], strict=True)
        times = [start + n * period for start, count in groups for n in range(count)]
        return {"InversionTime": times, "FlipAngle": 35.0}

    def beats(self, n_images: int) -> Integer[np.ndarray, " images"]:  # noqa: ARG002
        """Return the beat of each image: those that are waited for lie between the groups."""
        ends = np.cumsum(self.scheme)
        starts = [0, *ends][: len(self.scheme) : 2]
        return np.concatenate(
            [start + np.arange(n) for start, n in zip(starts, self.scheme[::2], strict=True)]
        )


@dataclass(frozen=True, kw_only=True)
class T1SaturationMap(Series):
    """SASHA: saturation recoveries and one image without.

    Parameters
    ----------
    saturation_time
        s; infinite for the image without saturation.
    """

    saturation_time: tuple[float, ...] = (math.inf, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7)

    contrast = "sasha"

    def acquisition(self, period: float) -> dict[str, Any]:  # noqa: ARG002
        """Return the saturation times."""
        return {"saturation_time": np.array(self.saturation_time)}

    def sidecar(self, period: float) -> dict[str, Any]:  # noqa: ARG002
        """Return the saturation times, s; null is without saturation."""
        times = [None if math.isinf(time) else time for time in self.saturation_time]
        return {"SaturationTime": times, "FlipAngle": 70.0}


@dataclass(frozen=True, kw_only=True)
class T2Map(Series):
    """T2-prepared images.

    Parameters
    ----------
    preparation_time
        s.
    """

    preparation_time: tuple[float, ...] = (0.0, 25 * MS, 55 * MS)

    contrast = "t2_prepared"

    def acquisition(self, period: float) -> dict[str, Any]:  # noqa: ARG002
        """Return the preparation times."""
        return {"preparation_time": np.array(self.preparation_time)}

    def sidecar(self, period: float) -> dict[str, Any]:  # noqa: ARG002
        """Return the preparation times, s."""
        return {"PreparationTime": list(self.preparation_time), "FlipAngle": 70.0}


@dataclass(frozen=True, kw_only=True)
class EchoMap(Series):
    """Gradient echoes, complex: T2*, the field, water and fat.

    Parameters
    ----------
    n_echoes, first_echo, echo_spacing
        s; echoes tell fields up to half their rate.
    """

    n_echoes: int = 8
    first_echo: float = 1.4 * MS
    echo_spacing: float = 1.7 * MS

    contrast = "water_fat"
    counter = "contrast"

    def timing(self, n_lines: int, n_images: int, period: float) -> LineTimes:
        """Return when the lines are taken: all echoes of a line after one pulse."""
        train = self.echo_time[-1] + self.first_echo
        views = min(MOST_VIEWS, n_lines)
        lines = np.arange(n_lines)
        start = self.moment * period + (lines % views - views // 2) * train
        since = np.array(self.echo_time)[:, None] + start
        beat = np.tile(lines // views, (n_images, 1))
        return LineTimes(beat=beat, since_r_wave=np.maximum(since, 0))

    @property
    def echo_time(self) -> tuple[float, ...]:
        """Return the echo times, s."""
        steps = [self.first_echo, *[self.echo_spacing] * (self.n_echoes - 1)]
        return tuple(round(time, 9) for time in accumulate(steps))

    def acquisition(self, period: float) -> dict[str, Any]:  # noqa: ARG002
        """Return the echo times and the field."""
        return {"echo_time": np.array(self.echo_time), "field_strength": FIELD_STRENGTH}

    def sidecar(self, period: float) -> dict[str, Any]:  # noqa: ARG002
        """Return the echo times, s."""
        return {"EchoTime": list(self.echo_time), "FlipAngle": 12.0}


@dataclass(frozen=True, kw_only=True)
class IvimMap(Series):
    """Diffusion weightings of one direction, motion-compensated.

    Parameters
    ----------
    b_values
        s/m^2.
    """

    signal_to_noise: float = 120.0
    minutes: float = 4.0
    b_values: tuple[float, ...] = (0.0, 20e6, 40e6, 60e6, 100e6, 150e6, 250e6, 350e6, 450e6)

    contrast = "ivim"

    @property
    def line_time(self) -> float:
        """Return the time from echo to echo of an echo-planar train, s."""
        return 0.7 * MS

    def acquisition(self, period: float) -> dict[str, Any]:  # noqa: ARG002
        """Return the b-values."""
        return {"b_values": np.array(self.b_values)}

    def sidecar(self, period: float) -> dict[str, Any]:  # noqa: ARG002
        """Return the b-values, s/mm^2."""
        return {"BValue": [b / 1e6 for b in self.b_values]}


def off_resonance_phase(
    series: Series, field: Float[np.ndarray, "i j"], n_images: int
) -> Complex[np.ndarray, "i j images"]:
    """Return the phase that a field, Hz, gives to each image: that of its echo time."""
    times = np.array(getattr(series, "echo_time", (0.0,) * n_images))
    phase: Float[np.ndarray, "i j images"] = 2 * np.pi * field[..., None] * times
    return np.asarray(np.exp(1j * phase), dtype=np.complex128)


__all__ = [
    "FIELD_STRENGTH",
    "EchoMap",
    "IvimMap",
    "T1Map",
    "T1SaturationMap",
    "T2Map",
    "off_resonance_phase",
]
