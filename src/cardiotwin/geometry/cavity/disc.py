"""The unit disc cut into triangles that follow the outlines of two windows in it.

The disc is a cross-section of the ventricle's cavity and, at the base, its lid; the windows are
where the valves are. One cut serves every cross-section and every heart with these windows.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Integer
from scipy.spatial import Delaunay

from cardiotwin.errors import InputError

CLEAR = 0.65  # edges between a free node and an outline, at least
RINGS = 3  # of nodes in a window, at least
ROUNDS = 40  # of smoothing
NARROWEST = 0.8  # edges between two outlines

Points = Float[np.ndarray, "points 2"]


@dataclass(frozen=True, kw_only=True)
class Window:
    """A round opening in the unit disc.

    Parameters
    ----------
    name
        Of the valve.
    x, y
        Its middle: the disc's x axis is angle zero.
    radius
        Of the disc's radius.
    """

    name: str
    x: float
    y: float
    radius: float

    def fraction(self, points: Points) -> Float[np.ndarray, " points"]:
        """Return the distance from the window's middle over its radius."""
        return np.asarray(np.hypot(points[:, 0] - self.x, points[:, 1] - self.y) / self.radius)


@dataclass(frozen=True, kw_only=True, eq=False)
class Disc:
    """Triangles of the unit disc.

    Parameters
    ----------
    points
        Nodes.
    triangles
        Counter-clockwise.
    window
        The number of each triangle's window, -1 outside.
    """

    points: Points
    triangles: Integer[np.ndarray, "triangles 3"]
    window: Integer[np.ndarray, " triangles"]


@lru_cache(maxsize=16)
def cut_disc(windows: tuple[Window, ...], edge: float) -> Disc:
    """Return the disc cut into triangles of an edge's length, of the disc's radius.

    Raises
    ------
    InputError
        If an outline comes so near to another one, or to the rim, that no triangles fit between.
    """
    _check(windows, edge)
    outlines = [_circle(0.0, 0.0, 1.0, edge)]
    rings = [_rings(window, edge) for window in windows]
    outlines += [each[0] for each in rings]
    fixed = np.concatenate(outlines)
    inside = [circle for each in rings for circle in each[1:]]
    points = np.concatenate([fixed, *inside, _lattice(windows, edge)])
    triangles = Delaunay(points).simplices
    for _ in range(ROUNDS):
        points = _smoothed(points, triangles, len(fixed))
        triangles = Delaunay(points).simplices
    _check_outlines(outlines, triangles)
    a, b, c = points[triangles].transpose(1, 0, 2)
    turned = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] < 0
    triangles[turned] = triangles[turned][:, [0, 2, 1]]
    middle = points[triangles].mean(axis=1)
    window = np.full(len(triangles), -1)
    for number, one in enumerate(windows):
        window[one.fraction(middle) < 1] = number
    return Disc(points=points, triangles=triangles.astype(np.int64), window=window)


def _check(windows: tuple[Window, ...], edge: float) -> None:
    gaps = {f"{w.name} and the rim": 1 - np.hypot(w.x, w.y) - w.radius for w in windows}
    for k, first in enumerate(windows):
        for other in windows[k + 1 :]:
            apart = float(np.hypot(first.x - other.x, first.y - other.y))
            gaps[f"{first.name} and {other.name}"] = apart - first.radius - other.radius
    for where, gap in gaps.items():
        if gap < NARROWEST * edge:
            msg = (
                f"The windows of the lid leave no room between {where}, found {gap:.3f} of the "
                f"rim's radius where an edge is {edge:.3f}. Move or shrink a window."
            )
            raise InputError(msg)


def _circle(x: float, y: float, radius: float, edge: float, least: int = 8) -> Points:
    count = max(round(2 * np.pi * radius / edge), least)
    angle = 2 * np.pi * np.arange(count) / count
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


def _rings(window: Window, edge: float) -> list[Points]:
    """Return a window's outline and circles within it, which resolve a jet's profile."""
    n_rings = max(round(window.radius / edge), RINGS)
    spacing = window.radius / n_rings
    radii = [window.radius * k / n_rings for k in range(n_rings, 0, -1)]
    circles = [_circle(window.x, window.y, r, spacing, least=6) for r in radii]
    return [*circles, np.array([[window.x, window.y]])]


def _lattice(windows: tuple[Window, ...], edge: float) -> Points:
    """Return the nodes of a triangular lattice outside the windows, clear of every outline."""
    rows = np.arange(-np.ceil(1.2 / edge), np.ceil(1.2 / edge) + 1)
    y, x = np.meshgrid(rows * np.sqrt(3) / 2, rows, indexing="ij")
    x = x + 0.5 * (np.arange(len(rows)) % 2)[:, None]
    points = edge * np.stack([x.ravel(), y.ravel()], axis=1)
    clear = 1 - np.hypot(*points.T) > CLEAR * edge
    for window in windows:
        clear &= (window.fraction(points) - 1) * window.radius > CLEAR * edge
    return np.asarray(points[clear])


def _smoothed(points: Points, triangles: Integer[np.ndarray, "triangles 3"], fixed: int) -> Points:
    """Return the points with each free one at the mean of its neighbours."""
    total, count = np.zeros_like(points), np.zeros(len(points))
    for a, b in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)):
        np.add.at(total, triangles[:, a], points[triangles[:, b]])
        np.add.at(count, triangles[:, a], 1.0)
    result = points.copy()
    result[fixed:] = total[fixed:] / count[fixed:, None]
    return result


def _check_outlines(
    outlines: list[Float[np.ndarray, "_points 2"]], triangles: Integer[np.ndarray, "triangles 3"]
) -> None:
    """Assert that the triangles follow every outline: free nodes keep off, so they do."""
    edges = {
        tuple(sorted(pair))
        for triangle in triangles.tolist()
        for pair in zip(triangle, triangle[1:] + triangle[:1], strict=True)
    }
    start = 0
    for outline in outlines:
        numbers = start + np.arange(len(outline))
        around = zip(numbers.tolist(), np.roll(numbers, -1).tolist(), strict=True)
        assert all(tuple(sorted(pair)) in edges for pair in around)  # noqa: S101 - a bug
        start += len(outline)


__all__ = ["Disc", "Window", "cut_disc"]
