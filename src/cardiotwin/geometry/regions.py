"""Regions of straight-sided triangles or tetrahedra, which a fluid fills."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from math import prod

import numpy as np
from jaxtyping import Float, Integer


@dataclass(frozen=True, kw_only=True, eq=False)
class Region:
    """A region of triangles or tetrahedra.

    Parameters
    ----------
    points
        Nodes, m.
    cells
        Three (four) nodes per triangle (tetrahedron), of positive area (volume).
    facets
        Two (three) nodes per edge (triangle) of the boundary, by name; together they close it.
    """

    points: Float[np.ndarray, "nodes dim"]
    cells: Integer[np.ndarray, "cells corners"]
    facets: Mapping[str, Integer[np.ndarray, "_ sides"]]


def box(shape: tuple[int, ...], low: tuple[float, ...], high: tuple[float, ...]) -> Region:
    """Return a rectangle (box), each of its cuboids cut along the same diagonal (Kuhn's cut).

    Parameters
    ----------
    shape
        Cuboids along each axis.
    low, high
        Opposite corners, m.

    Examples
    --------
    >>> region = box((2, 2, 2), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    >>> len(region.points), len(region.cells), len(region.facets["wall"])
    (27, 48, 48)
    """
    axes = [np.linspace(a, b, n + 1) for a, b, n in zip(low, high, shape, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(shape))
    strides = np.array([prod(n + 1 for n in shape[k + 1 :]) for k in range(len(shape))])
    corner = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    first = corner.reshape(-1, len(shape)) @ strides
    paths = [
        np.cumsum([0, *strides[list(order)]])[None] + first[:, None]
        for order in permutations(range(len(shape)))
    ]
    cells = oriented(points, np.concatenate(paths))
    return Region(points=points, cells=cells, facets={"wall": boundary(cells)})


def oriented(
    points: Float[np.ndarray, "nodes dim"], cells: Integer[np.ndarray, "cells corners"]
) -> Integer[np.ndarray, "cells corners"]:
    """Return the cells with those of negative volume turned over."""
    corners = points[cells]
    negative = np.linalg.det(corners[:, 1:] - corners[:, :1]) < 0
    result = cells.copy()
    result[negative, :2] = cells[negative, 1::-1]
    return result


def boundary(cells: Integer[np.ndarray, "cells corners"]) -> Integer[np.ndarray, "_ sides"]:
    """Return the sides that belong to one cell alone."""
    n = cells.shape[1]
    sides = np.concatenate([np.delete(cells, k, axis=1) for k in range(n)])
    _, where, count = np.unique(
        np.sort(sides, axis=1), axis=0, return_index=True, return_counts=True
    )
    return np.asarray(sides[where[count == 1]])


def cell_sizes(
    points: Float[np.ndarray, "nodes dim"], cells: Integer[np.ndarray, "cells corners"]
) -> Float[np.ndarray, " cells"]:
    """Return the signed area, m^2, of triangles or the signed volume, m^3, of tetrahedra."""
    edges = _edges(points, cells)
    if points.shape[1] == 2:
        (a, b), (c, d) = edges
        return np.asarray((a * d - b * c) / 2)
    return triple(*edges) / 6


def linear_functions(
    points: Float[np.ndarray, "nodes dim"], cells: Integer[np.ndarray, "cells corners"]
) -> tuple[Float[np.ndarray, " cells"], Float[np.ndarray, "dim corners cells"]]:
    """Return the cells' sizes, m^2 or m^3, and the slopes of their linear functions, 1/m."""
    edges = _edges(points, cells)
    slopes = np.empty((points.shape[1], cells.shape[1], len(cells)))
    if points.shape[1] == 2:
        (a, b), (c, d) = edges
        whole = a * d - b * c
        slopes[:, 1], slopes[:, 2] = (d, -c), (-b, a)
    else:
        a, b, c = edges
        slopes[:, 1], slopes[:, 2], slopes[:, 3] = cross(b, c), cross(c, a), cross(a, b)
        whole = (a * slopes[:, 1]).sum(axis=0)
    slopes[:, 1:] /= whole
    slopes[:, 0] = -slopes[:, 1:].sum(axis=1)
    return whole / (2.0 if len(slopes) == 2 else 6.0), slopes


def _edges(
    points: Float[np.ndarray, "nodes dim"], cells: Integer[np.ndarray, "cells corners"]
) -> list[Float[np.ndarray, "dim cells"]]:
    """Return the edges from each cell's first corner, m."""
    first, *others = np.take(np.ascontiguousarray(points.T), cells.T, axis=1).swapaxes(0, 1)
    return [corner - first for corner in others]


def cross(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the components of a x b."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def triple(
    a: Float[np.ndarray, "3 n"], b: Float[np.ndarray, "3 n"], c: Float[np.ndarray, "3 n"]
) -> Float[np.ndarray, " n"]:
    """Return a . (b x c)."""
    return np.asarray(sum(x * y for x, y in zip(a, cross(b, c), strict=True)))


__all__ = [
    "Region",
    "boundary",
    "box",
    "cell_sizes",
    "cross",
    "linear_functions",
    "oriented",
    "triple",
]
