"""What a series beside the cine is: how it is told apart and timed in raw data.

A series is single shots in quiet mid-diastole, or at many times of the beat.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.exam.limits import require_between, require_positive
from cardiotwin.units import MS

MOST_VIEWS = 16  # lines of a frame in one beat


@dataclass(frozen=True, kw_only=True, eq=False)
class LineTimes:
    """When the sampled lines of each image are taken.

    Parameters
    ----------
    beat
        Number of the heartbeat of the breath-hold.
    since_r_wave
        s after its R wave.
    """

    beat: Integer[np.ndarray, "images lines"]
    since_r_wave: Float[np.ndarray, "images lines"]


@dataclass(frozen=True, kw_only=True)
class Series(ABC):
    """What all series have.

    Parameters
    ----------
    slices
        Of the short-axis stack, evenly from base to apex.
    signal_to_noise
        Of one image: fully relaxed signal of water over the noise of its real part.
    minutes
        That it takes, breath-holds' pauses included.
    moment
        When it is read, as a share of the beat.
    acceleration
        One of how many lines is sampled; the images are unfolded from the coils.
    """

    slices: int = 3
    signal_to_noise: float = 60.0
    minutes: float = 1.0
    moment: float = 0.72
    acceleration: int = 2

    contrast = ""
    counter = "set_number"
    """What numbers the images in raw data."""

    @property
    def line_time(self) -> float:
        """Return the time from line to line of a read-out, s."""
        return 2.8 * MS

    def __post_init__(self) -> None:
        """Refuse what no scanner does."""
        require_between(self, "slices", 1, 40)
        require_positive(self, "signal_to_noise")
        require_between(self, "minutes", 0.0, 60.0)
        require_between(self, "moment", 0.0, 1.0)
        require_between(self, "acceleration", 1, 8)

    @abstractmethod
    def acquisition(self, period: float) -> dict[str, Any]:
        """Return what the contrast's signal takes; the beat's period is in s."""

    @abstractmethod
    def sidecar(self, period: float) -> dict[str, Any]:
        """Return what the images' header says."""

    def counters(self, n_images: int) -> dict[str, Integer[np.ndarray, " images"]]:
        """Return the counters of raw data that tell the images apart."""
        return {self.counter: np.arange(n_images)}

    def timing(self, n_lines: int, n_images: int, period: float) -> LineTimes:
        """Return when the lines are taken: here in single shots about the moment, one a beat."""
        beat = np.tile(self.beats(n_images)[:, None], (1, n_lines))
        since = self.moment * period + (np.arange(n_lines) - n_lines // 2) * self.line_time
        return LineTimes(beat=beat, since_r_wave=np.tile(np.maximum(since, 0), (n_images, 1)))

    def beats(self, n_images: int) -> Integer[np.ndarray, " images"]:
        """Return the beat of each image that is a single shot."""
        return np.arange(n_images)


@dataclass(frozen=True, kw_only=True)
class FramedSeries(Series):
    """Many times of the beat and several encodings, a few lines of one in each beat."""

    @property
    @abstractmethod
    def n_encodings(self) -> int:
        """Return the images of a frame."""

    @abstractmethod
    def shares(self) -> Float[np.ndarray, " frames"]:
        """Return the frames' moments as shares of the beat."""

    def counters(self, n_images: int) -> dict[str, Integer[np.ndarray, " images"]]:
        """Return the counters of raw data: frames are phases, encodings are sets."""
        numbers = np.arange(n_images)
        return {"phase": numbers // self.n_encodings, "set_number": numbers % self.n_encodings}

    def timing(self, n_lines: int, n_images: int, period: float) -> LineTimes:
        """Return when the lines are taken: some of one encoding about each frame's moment."""
        moments = period * self.shares()
        gap = np.diff(moments).min() if len(moments) > 1 else period
        views = max(1, min(int(gap / self.line_time), MOST_VIEWS, n_lines))
        numbers, lines = np.arange(n_images)[:, None], np.arange(n_lines)
        segments = -(-n_lines // views)
        beat = numbers % self.n_encodings * segments + lines // views
        since = moments[numbers // self.n_encodings]
        since = since + (lines % views - views // 2) * self.line_time
        return LineTimes(beat=beat, since_r_wave=np.maximum(since, 0))


__all__ = ["MOST_VIEWS", "FramedSeries", "LineTimes", "Series"]
