"""Blood in the beating cavity: a model velocity without divergence that follows the wall.

Through each plane across the long axis flows what the cavity below it loses, evenly over the
plane; across it blood moves towards or away from the plane's middle such that nothing is created:
v = w e - w'/2 (x - c) + dc/dt + w c', with w the flow over the area, c the middle. It is a
caricature (no jets, no vortices), for images whose velocity is known everywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.integrate import cumulative_trapezoid
from scipy.interpolate import CubicSpline

from cardiotwin.exam.heart import BeatingHeart
from cardiotwin.measurement.views import plan_views
from cardiotwin.units import MM

Velocity = Callable[[Float[np.ndarray, "n 3"], float], Float[np.ndarray, "n 3"]]
"""Takes places, m, and a time after the R wave, s; returns velocities, m/s."""

_RINGS = 16  # heights of the endocardium at which its section is read
_LEVELS = 80  # of the grid along the axis
_LEAST = (3 * MM) ** 2 * np.pi  # m^2, the smallest section through which blood flows
_SMOOTH = 7  # harmonics of the beat that the sections keep


@dataclass(frozen=True, kw_only=True, eq=False)
class CavityFlow:
    """The field of one heart; call it with places and a time.

    Parameters
    ----------
    origin, axis
        A point of the long axis, m, and its direction to the base.
    period
        Of the beat, s.
    times
        At which the field is kept, s.
    along
        By time: velocity along the axis over height, m/s.
    middle, drift
        By time: where the sections' middles are over height, m, and how fast they move, m/s.
    """

    origin: Float[np.ndarray, "3"]
    axis: Float[np.ndarray, "3"]
    period: float
    times: Float[np.ndarray, " t"]
    along: tuple[CubicSpline, ...]
    middle: tuple[CubicSpline, ...]
    drift: tuple[CubicSpline, ...]

    def __call__(self, points: Float[np.ndarray, "n 3"], time: float) -> Float[np.ndarray, "n 3"]:
        """Return the velocity at points, m/s, straight between the kept times."""
        place = np.mod(time / self.period, 1.0) * len(self.times)
        first = int(place) % len(self.times)
        share = place - int(place)
        following = (first + 1) % len(self.times)
        ends = self._at(points, first), self._at(points, following)
        return np.asarray((1 - share) * ends[0] + share * ends[1])

    def _at(self, points: Float[np.ndarray, "n 3"], number: int) -> Float[np.ndarray, "n 3"]:
        arm = points - self.origin
        height = np.clip(arm @ self.axis, self.along[number].x[0], self.along[number].x[-1])
        across = arm - (arm @ self.axis)[:, None] * self.axis
        speed = self.along[number](height)[:, None]
        narrowing = self.along[number](height, 1)[:, None]
        middle = self.middle[number]
        return np.asarray(
            speed * self.axis
            - 0.5 * narrowing * (across - middle(height))
            + self.drift[number](height)
            + speed * middle(height, 1)
        )


def cavity_flow(heart: BeatingHeart) -> CavityFlow:
    """Return the flow that a heart's own wall drives through its left ventricle."""
    left = heart.left
    frame = plan_views(left).frame
    axis, origin = frame.long_axis, frame.origin
    inner = np.unique(left.facets["lv_endocardium"])
    material = left.point_fields["apicobasal"][inner]
    arm = heart.points[:, inner] - origin
    heights = arm @ axis
    across = arm - heights[..., None] * axis
    grid = np.linspace(heights.min(), heights.max(), _LEVELS)
    area = np.zeros((len(arm), _LEVELS))
    middle = np.zeros((len(arm), _LEVELS, 3))
    for number in range(len(arm)):
        area[number], middle[number] = _sections(material, heights[number], across[number], grid)
    below = cumulative_trapezoid(area, grid, axis=1, initial=0.0)
    flow = -_rate(below, heart.period)
    speed = flow / np.maximum(area, _LEAST)
    drift = _rate(middle, heart.period)
    return CavityFlow(
        origin=origin,
        axis=axis,
        period=heart.period,
        times=heart.times,
        along=tuple(CubicSpline(grid, one) for one in speed),
        middle=tuple(CubicSpline(grid, one) for one in middle),
        drift=tuple(CubicSpline(grid, one) for one in drift),
    )


def _sections(
    material: Float[np.ndarray, " nodes"],
    height: Float[np.ndarray, " nodes"],
    across: Float[np.ndarray, "nodes 3"],
    grid: Float[np.ndarray, " levels"],
) -> tuple[Float[np.ndarray, " levels"], Float[np.ndarray, "levels 3"]]:
    """Return area, m^2, and middle, m, of the cavity's sections at the grid's heights."""
    ring = np.minimum((material * _RINGS).astype(int), _RINGS - 1)
    known = np.unique(ring)
    levels = np.array([height[ring == k].mean() for k in known])
    middles = np.array([across[ring == k].mean(axis=0) for k in known])
    squares = np.array(
        [
            np.mean(np.sum((across[ring == k] - middle) ** 2, axis=1))
            for k, middle in zip(known, middles, strict=True)
        ]
    )
    order = np.argsort(levels)
    levels, middles, squares = levels[order], middles[order], squares[order]
    levels, squares = np.append(height.min(), levels), np.append(0.0, squares)
    middles = np.vstack([middles[:1], middles])
    area = np.pi * np.interp(grid, levels, squares)
    middle = np.stack([np.interp(grid, levels, middles[:, axis]) for axis in range(3)], axis=1)
    return np.where(grid < levels[0], 0.0, area), middle


def _rate(values: Float[np.ndarray, "t ..."], period: float) -> Float[np.ndarray, "t ..."]:
    """Return the derivative over a beat that repeats, by its lowest harmonics."""
    waves = np.fft.rfft(values, axis=0)
    number = np.arange(len(waves))
    slope = np.where(number <= _SMOOTH, 2j * np.pi * number / period, 0)
    shape = (-1, *(1,) * (values.ndim - 1))
    return np.asarray(np.fft.irfft(waves * slope.reshape(shape), n=len(values), axis=0))


__all__ = ["CavityFlow", "Velocity", "cavity_flow"]
