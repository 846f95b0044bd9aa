"""Straight tetrahedra, their boundary, and how well shaped they are."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

FACES = np.array([(1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)])
"""Corners of a cell's faces, outward by the right hand; face k lies opposite corner k."""

AT_ONCE = 8192  # cells: their arrays stay in the processor's cache


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
    angle, volume = np.empty(len(cells)), np.empty(len(cells))
    for start in range(0, len(cells), AT_ONCE):
        here = slice(start, start + AT_ONCE)
        angle[here], volume[here] = _shapes(points, cells[here])
    return angle, volume


def _shapes(
    points: Float[np.ndarray, "nodes 3"], cells: Integer[np.ndarray, "cells 4"]
) -> tuple[Float[np.ndarray, " cells"], Float[np.ndarray, " cells"]]:
    """Return what `shapes` does; the faces' normals enter by their products alone."""
    x = np.ascontiguousarray(points[cells.T].transpose(0, 2, 1))
    a, b, c = x[1:] - x[0]
    aa, bb, cc, ab, ac, bc = (
        u[0] * v[0] + u[1] * v[1] + u[2] * v[2]
        for u, v in ((a, a), (b, b), (c, c), (a, b), (a, c), (b, c))
    )
    # Of faces 1, 2 and 3, which meet in corner 0 (Lagrange); the four normals add to nought.
    n = {(1, 1): bb * cc - bc**2, (2, 2): aa * cc - ac**2, (3, 3): aa * bb - ab**2}
    n |= {(1, 2): ac * bc - ab * cc, (1, 3): ab * bc - ac * bb, (2, 3): ab * ac - bc * aa}
    n[0, 1] = -(n[1, 1] + n[1, 2] + n[1, 3])
    n[0, 2] = -(n[1, 2] + n[2, 2] + n[2, 3])
    n[0, 3] = -(n[1, 3] + n[2, 3] + n[3, 3])
    n[0, 0] = -(n[0, 1] + n[0, 2] + n[0, 3])
    scale = [1 / np.sqrt(np.maximum(n[k, k], np.finfo(np.float64).tiny)) for k in range(4)]
    largest = np.full(len(cells), -1.0)
    for i, j in combinations(range(4), 2):
        largest = np.maximum(largest, -n[i, j] * (scale[i] * scale[j]))
    volume = a[0] * (b[1] * c[2] - b[2] * c[1])
    volume += a[1] * (b[2] * c[0] - b[0] * c[2])
    volume += a[2] * (b[0] * c[1] - b[1] * c[0])
    return np.arccos(np.clip(largest, -1, 1)), volume / 6


__all__ = ["FACES", "Solid", "Tagged", "boundary", "largest_part", "renumbered", "shapes"]
