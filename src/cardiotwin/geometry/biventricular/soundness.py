"""Whether straight tetrahedra are one solid: its surface, its closedness, its genus, its angles."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cardiotwin.geometry.biventricular.stuffing import Solid

FACES = np.array([(1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)])
"""Corners of a cell's faces, outward by the right hand; face k lies opposite corner k."""

SPHERE = 2  # Euler characteristic of a surface without handles


@dataclass(frozen=True, kw_only=True)
class Soundness:
    """What a solid's boundary is like.

    Parameters
    ----------
    open_edges
        Edges of the boundary that do not join exactly two of its triangles.
    pinched
        Nodes at which the boundary touches itself.
    surfaces
        Connected parts of the boundary.
    euler
        Its Euler characteristic: 2 for a ball.
    flat
        Cells without positive volume.
    dihedral_min
        Smallest angle between two faces of a cell, rad.
    """

    open_edges: int
    pinched: int
    surfaces: int
    euler: int
    flat: int
    dihedral_min: float

    def failing(self, least_angle: float) -> str | None:
        """Return in words what is wrong, None for one ball of well-shaped cells."""
        reasons = [
            (self.flat > 0, f"{self.flat} cells without volume"),
            (self.open_edges > 0, f"{self.open_edges} open edges of the boundary"),
            (self.pinched > 0, f"{self.pinched} points where the wall touches itself"),
            (self.surfaces != 1, f"{self.surfaces} separate surfaces"),
            (self.euler != SPHERE, f"{(SPHERE - self.euler) / 2:g} holes through the wall"),
            (
                self.dihedral_min < least_angle,
                f"a dihedral angle of {np.degrees(self.dihedral_min):.1f} degrees",
            ),
        ]
        return next((words for wrong, words in reasons if wrong), None)


def largest_part(solid: Solid) -> Solid:
    """Return the largest part of a solid whose cells share faces."""
    order, same = _paired(solid.cells)
    first, second = order[:-1][same] // 4, order[1:][same] // 4
    n = len(solid.cells)
    joined = coo_matrix((np.ones(len(first), dtype=np.int8), (first, second)), shape=(n, n))
    n_parts, part = connected_components(joined, directed=False)
    if n_parts == 1:
        return solid
    cells = solid.cells[part == np.argmax(np.bincount(part))]
    used, numbered = np.unique(cells, return_inverse=True)
    return Solid(
        points=solid.points[used],
        cells=numbered.reshape(cells.shape),
        on_base=solid.on_base[used],
    )


def boundary(cells: Integer[np.ndarray, "cells 4"]) -> Integer[np.ndarray, "faces 3"]:
    """Return the faces of only one cell, outward by the right hand."""
    order, same = _paired(cells)
    single = ~(np.append(same, False) | np.insert(same, 0, False))  # noqa: FBT003
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


def soundness(solid: Solid) -> Soundness:
    """Return what a solid is like."""
    faces = boundary(solid.cells)
    _, corners = np.unique(faces, return_inverse=True)
    corners = corners.reshape(faces.shape)
    n_nodes = int(corners.max()) + 1
    ends = np.sort(corners[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    code = ends[:, 0] * n_nodes + ends[:, 1]
    order = np.argsort(code, kind="stable")
    edges, counts = np.unique(code, return_counts=True)
    pairs = order[1:][np.diff(code[order]) == 0], order[:-1][np.diff(code[order]) == 0]
    surfaces, fans = _parts(corners, pairs)
    angles, volumes = shapes(solid.points, solid.cells)
    return Soundness(
        open_edges=int((counts != 2).sum()),
        pinched=fans - n_nodes,
        surfaces=surfaces,
        euler=n_nodes - len(edges) + len(faces),
        flat=int((volumes <= 0).sum()),
        dihedral_min=float(angles.min()),
    )


def _parts(
    corners: Integer[np.ndarray, "faces 3"],
    pairs: tuple[Integer[np.ndarray, " pairs"], Integer[np.ndarray, " pairs"]],
) -> tuple[int, int]:
    """Return the number of connected surfaces, and of fans of faces round nodes."""
    n = len(corners)
    faces = [side // 3 for side in pairs]
    joined = coo_matrix((np.ones(len(faces[0]), dtype=np.int8), faces), shape=(n, n))
    surfaces = connected_components(joined, directed=False)[0]
    # Corner 3 f + k is node k of face f; two faces' corners are joined at both ends of an edge.
    ends = [[3 * (side // 3) + side % 3, 3 * (side // 3) + (side + 1) % 3] for side in pairs]
    flat = corners.ravel()
    first = np.concatenate(ends[0])
    straight = flat[ends[0][0]] == flat[ends[1][0]]
    second = np.concatenate(
        [np.where(straight, ends[1][0], ends[1][1]), np.where(straight, ends[1][1], ends[1][0])]
    )
    links = coo_matrix((np.ones(len(first), dtype=np.int8), (first, second)), shape=(3 * n, 3 * n))
    return int(surfaces), int(connected_components(links, directed=False)[0])


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


__all__ = ["FACES", "Soundness", "boundary", "largest_part", "shapes", "soundness"]
