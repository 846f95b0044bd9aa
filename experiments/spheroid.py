"""The wall between two spheroids with fibres by rule: the benchmarks' ventricles in closed form.

Land et al. (2015), Proc R Soc A 471:20150641, problem 3; Arostica et al. (2025), CMAME 435:117485.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Points = Float[np.ndarray, "*n 3"]
Depths = Float[np.ndarray, " *n"]


@dataclass(frozen=True, kw_only=True)
class Spheroid:
    """Spheroids about one centre, of half axes that grow linearly through the wall.

    Parameters
    ----------
    short, long
        Half axes at the endocardium and the epicardium, m.
    helix
        Fibre angle at the endocardium and the epicardium, degrees: from the circumference
        (e_v) to the meridian (e_u).
    axis
        Which coordinate runs along the long axis (2: z); the other two follow it cyclically.
    """

    short: tuple[float, float]
    long: tuple[float, float]
    helix: tuple[float, float]
    axis: int = 2

    def depth(self, points: Points) -> Depths:
        """Return which of the spheroids a point is on, 0 at the endocardium, 1 at the epicardium.

        By bisection, to the last digits; points off the wall are given its nearer surface.
        """
        along, across = self._split(points)
        low, high = np.zeros_like(along), np.ones_like(along)
        for _ in range(53):
            t = (low + high) / 2
            short, long = self._half_axes(t)
            beyond = np.hypot(across / short, along / long) > 1
            low, high = np.where(beyond, t, low), np.where(beyond, high, t)
        return np.asarray((low + high) / 2)

    def axes(self, points: Points, depth: Depths) -> tuple[Points, Points, Points]:
        """Return fibre, sheet and normal at points of given depths.

        With long cos u along and short sin u across the axis, e_u and e_v are the unit tangents,
        f = sin(helix) e_u + cos(helix) e_v, n = e_u x e_v and s = f x n. On the axis, where u has
        no direction, any meridian serves.
        """
        along, across = self._split(points)
        short, long = self._half_axes(depth)
        u = np.arctan2(across / short, along / long)
        second, third = (points[..., (self.axis + k) % 3] for k in (1, 2))
        v = np.arctan2(third, second)
        zero = np.zeros_like(u)
        e_u = np.stack(
            [-long * np.sin(u), short * np.cos(u) * np.cos(v), short * np.cos(u) * np.sin(v)], -1
        )
        e_u /= np.linalg.norm(e_u, axis=-1, keepdims=True)
        e_v = np.stack([zero, -np.sin(v), np.cos(v)], -1)
        angle = np.radians(self.helix[0] + (self.helix[1] - self.helix[0]) * depth)[..., None]
        fibre = np.sin(angle) * e_u + np.cos(angle) * e_v
        normal = np.cross(e_u, e_v)
        sheet = np.cross(fibre, normal)
        f, s, n = (np.roll(vectors, self.axis, axis=-1) for vectors in (fibre, sheet, normal))
        return f, s, n

    def _split(self, points: Points) -> tuple[Depths, Depths]:
        """Return how far along and across the axis points are, m."""
        others = [(self.axis + k) % 3 for k in (1, 2)]
        return points[..., self.axis], np.linalg.norm(points[..., others], axis=-1)

    def _half_axes(self, depth: Depths) -> tuple[Depths, Depths]:
        short, long = ((1 - depth) * a + depth * b for a, b in (self.short, self.long))
        return short, long
