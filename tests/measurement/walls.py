"""Walls of revolution that move in closed form: contraction, shortening, twist at fixed volume."""

from dataclasses import dataclass

import numpy as np

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.template import Template, wall_mesh

WIDEST = np.deg2rad(110)  # from the apex: the wall ends above its equator
INNER, OUTER = np.array([25e-3, 60e-3]), np.array([34e-3, 68e-3])  # radius, half-length
WIDTH, TINY = 25e-3, 1e-12  # m
TOP = -INNER[1] * np.cos(WIDEST)  # height of the flat base


def surface(u, angle, t):
    """Return the wall between two ellipsoids cut at one height, angles as in a person."""
    radius, length = (a + (b - a) * t for a, b in zip(INNER, OUTER, strict=True))
    polar = u * np.arccos(-TOP / length)
    across = radius * np.sin(polar)
    return np.stack(
        [across * np.cos(angle), -across * np.sin(angle), -length * np.cos(polar)], axis=1
    )


def wall(rings=8, layers=2) -> TetMesh:
    return wall_mesh(Template(rings=rings, layers=layers), surface)


def radius_at(size, height):
    return size[0] * np.sqrt(1 - (np.asarray(height) / size[1]) ** 2)


@dataclass(frozen=True, kw_only=True)
class Beat:
    """A motion about the axis: the inner wall drawn in most, height and angle linear in height."""

    scale: float = 1.0
    drawn: float = 0.0  # how much more on the axis than far outside
    shorten: float = 1.0  # factor on the depth below the base
    twist: float = 0.0  # rad/m below the base, counter-clockwise seen from the apex

    def radius(self, r):
        return self.scale * r * (1 - self.drawn * np.exp(-((np.asarray(r) / WIDTH) ** 2)))

    def height(self, z):
        return TOP - self.shorten * (TOP - np.asarray(z))

    def before(self, z):
        """Return the height that the motion takes to z."""
        return TOP - (TOP - np.asarray(z)) / self.shorten

    def angle(self, z):
        return self.twist * (TOP - np.asarray(z))

    def __call__(self, points):
        r = np.hypot(*points[:, :2].T)
        stretch = self.radius(r + TINY) / (r + TINY)
        turn = -self.angle(points[:, 2])  # left-handed about the axis from apex to base
        x, y = points[:, :2].T * stretch
        return np.stack(
            [
                x * np.cos(turn) - y * np.sin(turn),
                x * np.sin(turn) + y * np.cos(turn),
                self.height(points[:, 2]),
            ],
            axis=1,
        )


def levels():
    """Return the heights of the three slices: 3/4, 1/2 and 1/4 of the cavity's length."""
    return -INNER[1] + np.array([3, 2, 1]) / 4 * (TOP + INNER[1])


def radii_at(height):
    """Return endocardium, mid-wall and epicardium (rows by height) at end-diastole."""
    inner, outer = radius_at(INNER, height), radius_at(OUTER, height)
    return np.stack([inner, (inner + outer) / 2, outer], axis=-1)


def arc(size, beat=None, n=200001):
    """Return the length of a surface's meridian from rim to rim, moved by a beat."""
    polar = np.linspace(0, np.arccos(-TOP / size[1]), n)
    r, z = size[0] * np.sin(polar), -size[1] * np.cos(polar)
    if beat is not None:
        r, z = beat.radius(r), beat.height(z)
    return 2 * np.hypot(np.diff(r), np.diff(z)).sum()
