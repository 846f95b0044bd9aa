"""Straight tetrahedra, their boundary, and how well shaped they are."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

FACES = np.array([(1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)])
"""Corners of a cell's faces, outward by the right hand; face k lies opposite corner k."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Solid:
    """Straight tetrahedra of positive volume.

    Parameters
    ----------
    points
        Corners, m.
    cells
        Four corners each.
    on_base
        Which corners lie in the base's plane.
    """

    points: Float[np.ndarray, "nodes 3"]
    cells: Integer[np.ndarray, "cells 4"]
    on_base: Bool[np.ndarray, " nodes"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Tagged:
    """Straight tetrahedra with their boundary's faces on numbered surfaces.

    Parameters
    ----------
    points
        Corners, m.
    cells
        Four corners each, positive.
    faces
        Boundary faces, outward.
    tags
        Number of the surface of each face.
    """

    points: Float[np.ndarray, "nodes 3"]
    cells: Integer[np.ndarray, "cells 4"]
    faces: Integer[np.ndarray, "faces 3"]
    tags: Integer[np.ndarray, " faces"]


def largest_part(solid: Solid) -> Solid:
    """Return the largest part of a solid whose cells share faces."""
    order, same = _paired(solid.cells)
    first, second = order[:-1][same] // 4, order[1:][same] // 4
    n = len(solid.cells)
    joined = coo_matrix((np.ones(len(first), dtype=np.int8), (first, second)), shape=(n, n))
    n_parts, part = connected_components(joined, directed=False)
    if n_parts == 1:
        return solid
    used, cells = renumbered(solid.cells[part == np.argmax(np.bincount(part))])
    return Solid(points=solid.points[used], cells=cells, on_base=solid.on_base[used])


def renumbered(
    cells: Integer[np.ndarray, "cells 4"],
) -> tuple[Integer[np.ndarray, " used"], Integer[np.ndarray, "cells 4"]]:
    """Return the nodes that cells use, in order, and the cells in their numbering."""
    used, numbered = np.unique(cells, return_inverse=True)
    return used, numbered.reshape(cells.shape)


def boundary(cells: Integer[np.ndarray, "cells 4"]) -> Integer[np.ndarray, "faces 3"]:
    """Return the faces of only one cell, outward by the right hand."""
    order, same = _paired(cells)
    single = ~(np.append(same, False) | np.insert(same, 0, False))
    return np.asarray(cells[:, FACES].reshape(-1, 3)[order[single]])


def _paired(
    cells: Integer[np.ndarray, "cells 4"],
) -> tuple[Integer[np.ndarray, " faces"], np.ndarray]:
    """Return all faces in an order that puts equal ones together, and which equal the next."""
    faces = np.sort(cells[:, FACES].reshape(-1, 3), axis=1)
    n = int(cells.max()) + 1
    code = (faces[:, 0] * n + faces[:, 1]) * n + faces[:, 2]
    order = np.argsort(code)
    return order, np.asarray(np.diff(code[order]) == 0)


def shapes(
    points: Float[np.ndarray, "nodes 3"], cells: Integer[np.ndarray, "cells 4"]
) -> tuple[Float[np.ndarray, " cells"], Float[np.ndarray, " cells"]]:
    """Return each cell's smallest dihedral angle, rad, and its volume, m^3."""
    x = points[cells]
    a, b, c = (x[:, k] - x[:, 0] for k in (1, 2, 3))
    normals = [np.cross(c, b), np.cross(a, c), np.cross(b, a)]  # outward, of faces 1, 2, 3
    normals.insert(0, -(normals[0] + normals[1] + normals[2]))
    volume = -np.einsum("ni,ni->n", a, normals[1]) / 6
    lengths = [np.sqrt(np.einsum("ni,ni->n", m, m)) for m in normals]
    largest = np.full(len(cells), -1.0)
    for i in range(4):
        for j in range(i):
            product = np.einsum("ni,ni->n", normals[i], normals[j])
            scale = np.maximum(lengths[i] * lengths[j], np.finfo(np.float64).tiny)
            largest = np.maximum(largest, -product / scale)
    return np.arccos(np.clip(largest, -1, 1)), volume


__all__ = ["FACES", "Solid", "Tagged", "boundary", "largest_part", "renumbered", "shapes"]
