"""A measured motion at another pace: the same shapes, met at other moments of the beat."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity.motion import Motion

Nodes = Float[np.ndarray, "nodes 3"]
Course = Float[np.ndarray, " moments"]
ROUNDING = 1e-12  # of a course that rests
KNOTS = 2048  # of the beat: half a millisecond


@dataclass(frozen=True, kw_only=True, eq=False)
class PacedMotion:
    """The shapes of a motion, each at the moment that a course of its time tells.

    Where the course rests, the wall rests to the last bit.

    Parameters
    ----------
    shapes
        Over one beat.
    course
        Of evenly spaced moments of the beat, the time of the shapes, s: rising by a period per
        beat, monotone between the moments as its values are (Fritsch & Carlson 1980,
        SINUM 17:238-246).
    """

    shapes: Motion
    course: Float[np.ndarray, " moments"]

    def __post_init__(self) -> None:
        """Refuse a course that runs backwards: the heart would take back a part of its beat."""
        whole = np.append(self.course, self.course[0] + self.period)
        if not (np.diff(whole) >= -1e-12 * self.period).all():
            worst = float(np.diff(whole).min())
            msg = (
                "A motion's course does not run backwards, found a step of "
                f"{worst * 1e3:.3g} ms. Give times of the shapes that rise over the beat."
            )
            raise InputError(msg)
        turns = np.arange(-2, len(self.course) + 3)
        values = self.course[turns % len(self.course)] + self.period * (turns // len(self.course))
        curve = PchipInterpolator(turns * self.period / len(self.course), values)
        object.__setattr__(self, "_curve", curve)
        object.__setattr__(self, "_slope", curve.derivative())

    @property
    def period(self) -> float:
        """Return the period of the beat, s."""
        return self.shapes.period

    def shape_time(self, time: float) -> float:
        """Return the time of the shape at a moment, s."""
        return float(self._curve(time % self.period))  # type: ignore[attr-defined]

    def pace(self, time: float) -> float:
        """Return how fast the shapes pass: 1 as measured, 0 at rest."""
        slope = float(self._slope(time % self.period))  # type: ignore[attr-defined]
        return slope if slope > ROUNDING else 0.0

    def positions(self, time: float) -> Nodes:
        """Return where the nodes are, m."""
        return self.shapes.positions(self.shape_time(time))

    def velocity(self, time: float) -> Nodes:
        """Return the nodes' velocity, m/s."""
        return np.asarray(self.pace(time) * self.shapes.velocity(self.shape_time(time)))


def smoothed(course: Float[np.ndarray, " moments"], period: float, width: float) -> np.ndarray:
    """Return a course averaged over a window with soft ends, s; it rests where all of that rests.

    The window is a cosine's arch of compact support, so no rest is lost farther than half of its
    width, s, from where it ends.
    """
    n = len(course)
    even = np.arange(n) * period / n
    reach = np.arange(-int(width / 2 / period * n), int(width / 2 / period * n) + 1)
    weights = 1 + np.cos(2 * np.pi * reach * period / n / width)
    weights /= weights.sum()
    apart = course - even
    places = np.arange(n)[:, None] + reach
    # Differences to the middle, so that a course at rest stays what it is to the last bit.
    lifted = apart[places % n] + (places * period / n) - course[:, None]
    return np.asarray(course + lifted @ weights)


__all__ = ["KNOTS", "Course", "PacedMotion", "smoothed"]
