"""The body-centred cubic lattice that isosurface stuffing starts from, cut flat at the base.

Labelle & Shewchuk (2007), Isosurface stuffing, ACM Trans Graph 26:57, doi:10.1145/1276377.1276448.
A plane of black nodes is the base; the cells that it would cut are replaced by their lower
halves, whose fourth node is the middle of a cube's top face. Cubes are large or small, as in an
octree: the cells of a large one beside small ones are halved, or quartered, so that all fit.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

AXES = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
LEFT_OUT, LARGE, DIVIDED = 0, 1, 2
Sizes = Callable[[Float[np.ndarray, "cubes 3"], float], Integer[np.ndarray, " cubes"]]
"""Which large cubes, by their middles and side, m, are left out, kept, or divided in eight."""

Nodes = Integer[np.ndarray, " n"]
Cells = Integer[np.ndarray, "_cells 4"]
Cubes = Bool[np.ndarray, "_x _y _z"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lattice:
    """Nodes and cells below the plane z = 0.

    Parameters
    ----------
    edge
        Side of the small cubes, m.
    places
        Integer coordinates of the nodes, in halves of that side.
    points
        Their positions, m.
    cells
        Four nodes each, of any orientation.
    """

    edge: float
    places: Integer[np.ndarray, "nodes 3"]
    points: Float[np.ndarray, "nodes 3"]
    cells: Integer[np.ndarray, "cells 4"]

    @property
    def on_base(self) -> Bool[np.ndarray, " nodes"]:
        """Return which nodes lie in the base's plane."""
        return np.asarray(self.places[:, 2] == 0)


def all_divided(
    middles: Float[np.ndarray, "cubes 3"],
    side: float,  # noqa: ARG001 - one of many
) -> Integer[np.ndarray, " cubes"]:
    """Return that every cube is to be a small one."""
    return np.full(len(middles), DIVIDED)


def lattice_below(
    low: Float[np.ndarray, "3"],
    high: Float[np.ndarray, "3"],
    edge: float,
    offset: tuple[float, float] = (0.0, 0.0),
    sizes: Sizes = all_divided,
) -> Lattice:
    """Return the lattice over a box below z = 0, moved in the plane by shares of its edge."""
    n = np.ceil((high - low) / (2 * edge)).astype(np.int64) + 1
    n[2] = int(np.ceil(-low[2] / (2 * edge))) + 1
    start = np.array([low[0] + (offset[0] - 1) * edge, low[1] + (offset[1] - 1) * edge, 0.0])
    index = np.stack(np.meshgrid(*(np.arange(k) for k in n), indexing="ij"), axis=-1)
    middles = start + (2 * index.reshape(-1, 3) - [0, 0, 2 * n[2]] + 1) * edge
    cells, shape = _cells(sizes(middles, 2 * edge).reshape(tuple(n)))
    used, cells = np.unique(cells, return_inverse=True)
    places = np.stack(np.unravel_index(used, shape), axis=1) - [0, 0, 4 * n[2]]
    return Lattice(
        edge=edge,
        places=places,
        points=places * (edge / 2) + start,
        cells=cells.reshape(-1, 4),
    )


def _cells(
    size: Integer[np.ndarray, "x y z"],
) -> tuple[Integer[np.ndarray, "cells 4"], tuple[int, int, int]]:
    """Return all cells, of nodes numbered through a grid of four steps to a large cube's side."""
    large, divided = size == LARGE, size == DIVIDED
    small = divided.repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2)
    x, y, z = (2 * n + 1 for n in small.shape)
    strides = np.array([y * z, z, 1])
    halves = _corners_of(small, (x, y, z))
    parts = []
    for cubes, side in ((large, 4), (small, 2)):
        for axes in AXES:
            d, e, f = (int(side * strides[k]) for k in axes)
            face = _faces(cubes, cubes, axes[0]) @ strides * side
            across = face + (e + f) // 2
            parts.append(_about(_ring(face, e, f), across - d // 2, across + d // 2, halves))
        top = np.argwhere(cubes[:, :, -1:]) @ strides * side + z - 1
        d, e = (int(side * stride) for stride in strides[:2])
        middle = top + (d + e) // 2
        parts.append(_about(_ring(top, d, e), middle - side // 2, middle, halves))
    for axes in AXES:
        d, e, f = (int(strides[k]) for k in axes)
        for first, second, ahead in ((large, divided, d), (divided, large, -d)):
            face = _faces(first, second, axes[0]) @ strides * 4
            parts.append(_between(_ring(face, 4 * e, 4 * f), face + 2 * (e + f), ahead))
    return np.concatenate(parts), (x, y, z)


def _corners_of(small: Cubes, shape: tuple[int, int, int]) -> Bool[np.ndarray, " nodes"]:
    """Return which nodes are corners of small cubes: they halve the large cubes' edges."""
    found = np.zeros(shape, dtype=bool)
    for corner in np.ndindex(2, 2, 2):
        every_other = (
            slice(2 * c, 2 * c + 2 * n, 2) for c, n in zip(corner, small.shape, strict=True)
        )
        found[tuple(every_other)] |= small
    return found.ravel()


def _faces(first: Cubes, second: Cubes, axis: int) -> Integer[np.ndarray, "faces 3"]:
    """Return the cubes of the second kind that follow one of the first kind along an axis."""
    before = np.zeros_like(first)
    np.moveaxis(before, axis, 0)[1:] = np.moveaxis(first, axis, 0)[:-1]
    return np.argwhere(before & second)


def _ring(corner: Nodes, along: int, across: int) -> list[Nodes]:
    """Return the corners round a face from the first one."""
    return [corner, corner + along, corner + along + across, corner + across]


def _about(
    ring: list[Nodes], first: Nodes, second: Nodes, halves: Bool[np.ndarray, " nodes"]
) -> Cells:
    """Return the cells of two nodes and an edge of the ring, halved where small cubes halve it."""
    cells = []
    for k, a in enumerate(ring):
        b = ring[(k + 1) % 4]
        middle = (a + b) // 2
        halved = halves[middle]
        for p, q, here in ((a, b, ~halved), (a, middle, halved), (middle, b, halved)):
            cells.append(np.stack([p[here], q[here], first[here], second[here]], axis=1))
    return np.concatenate(cells)


def _between(ring: list[Nodes], middle: Nodes, ahead: int) -> Cells:
    """Return the cells on both sides of a large cube's face with small cubes ahead of it."""
    cells = []
    behind = middle - 2 * ahead
    for k, a in enumerate(ring):
        centre = (middle + a) // 2 + ahead
        for b in (ring[(k + 1) % 4], ring[k - 1]):
            half = (a + b) // 2
            cells += [np.stack([apex, middle, a, half], axis=1) for apex in (behind, centre)]
    return np.concatenate(cells)


__all__ = ["DIVIDED", "LARGE", "LEFT_OUT", "Lattice", "Sizes", "all_divided", "lattice_below"]
