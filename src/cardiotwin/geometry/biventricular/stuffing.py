"""Isosurface stuffing: the lattice's nodes near the surface snap to it, cells are cut by it.

Labelle & Shewchuk (2007), ACM Trans Graph 26:57: with the warp below every dihedral angle lies
between 10.7 and 164.8 degrees away from the base and from where large cubes meet small ones; there
all cells are of positive volume, but a few are flat.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Integer

from cardiotwin.geometry.biventricular.grid import step_to_zero
from cardiotwin.geometry.biventricular.lattice import Lattice
from cardiotwin.geometry.biventricular.solid import Solid, renumbered
from cardiotwin.geometry.biventricular.stars import once
from cardiotwin.geometry.biventricular.stencils import Cut, cut_cells, squared_length

Function = Callable[[Float[np.ndarray, "n 3"]], Float[np.ndarray, " n"]]
"""About the distance inside the solid at positions, m."""

ALPHA_LONG, ALPHA_SHORT = 0.24999, 0.41189  # table 1 of the paper, for its bounds
ALPHA_DIAGONAL = 0.30  # of a face: of the base, or between a large cube and small ones
SHORT, DIAGONAL = (3, 12), (2, 8)  # squared lengths of small and large cubes' edges, in places
LONGEST_SMALL = 4  # likewise: the longest edge of a small cube's cells
BRACKETS = 10  # steps that find a cut on an edge
STRAY = 0.4  # of a cube's side: a base node moves no farther in the plane
ON_SURFACE = 0.02  # of the edge: residual of a node projected in the plane
NEWTONS = 6
SLOPE_STEP = 0.05  # of the edge, for differences


def stuff(lattice: Lattice, function: Function) -> Solid:
    """Return the solid where a function is positive, below the base."""
    lattice, value = _trimmed(lattice, function)
    sign = np.sign(value).astype(np.int64)
    edges, points = _cuts(lattice, value, function)
    moved, sign, kept = _warped(lattice, sign, edges, points, function)
    cut = Cut(
        places=lattice.places,
        points=moved,
        sign=sign,
        edges=edges[kept],
        cuts=points[kept],
    )
    corners, cells = cut_cells(lattice.cells, cut)
    on_base = np.zeros(len(corners), dtype=bool)
    on_base[: len(lattice.places)] = lattice.on_base
    on_base |= corners[:, 2] == 0
    used, cells = renumbered(cells)
    return Solid(points=corners[used], cells=cells, on_base=on_base[used])


def _trimmed(lattice: Lattice, function: Function) -> tuple[Lattice, Float[np.ndarray, " nodes"]]:
    """Return the lattice without cells that hold nothing of the solid, and the function on it."""
    value = function(lattice.points)
    cells = lattice.cells[(value > 0)[lattice.cells].any(axis=1)]
    used, cells = renumbered(cells)
    smaller = Lattice(
        edge=lattice.edge, places=lattice.places[used], points=lattice.points[used], cells=cells
    )
    return smaller, value[used]


def _unique_edges(cells: Integer[np.ndarray, "cells 4"]) -> Integer[np.ndarray, "edges 2"]:
    """Return the edges of cells, each once, the smaller node first, in order."""
    a, b = np.triu_indices(4, 1)
    low = np.minimum(cells[:, a], cells[:, b]).ravel()
    high = np.maximum(cells[:, a], cells[:, b]).ravel()
    n = int(cells.max()) + 1
    return np.stack(np.divmod(once(low * n + high), n), axis=1)


def _cuts(
    lattice: Lattice, value: Float[np.ndarray, " nodes"], function: Function
) -> tuple[Integer[np.ndarray, "cuts 2"], Float[np.ndarray, "cuts 3"]]:
    """Return the edges on which the function changes its sign, and where (Illinois's rule)."""
    edges = _unique_edges(lattice.cells)
    edges = edges[value[edges[:, 0]] * value[edges[:, 1]] < 0]
    start, step = lattice.points[edges[:, 0]], np.diff(lattice.points[edges], axis=1)[:, 0]
    low, high = np.zeros(len(edges)), np.ones(len(edges))
    at_low, at_high = value[edges[:, 0]].copy(), value[edges[:, 1]].copy()
    share = low
    for _ in range(BRACKETS):
        share = low + (high - low) * np.clip(at_low / (at_low - at_high), 0.02, 0.98)
        found = function(start + share[:, None] * step)
        below = found * at_low > 0
        at_high = np.where(below, at_high / 2, found)
        at_low = np.where(below, found, at_low / 2)
        low, high = np.where(below, share, low), np.where(below, high, share)
    return edges, start + share[:, None] * step


def _warped(
    lattice: Lattice,
    sign: Integer[np.ndarray, " nodes"],
    edges: Integer[np.ndarray, "cuts 2"],
    cuts: Float[np.ndarray, "cuts 3"],
    function: Function,
) -> tuple[
    Float[np.ndarray, "nodes 3"],
    Integer[np.ndarray, " nodes"],
    Bool[np.ndarray, " cuts"],
]:
    """Return the nodes after snapping, their signs, and which cuts are left.

    The nearest pair of node and cut goes first. Pairs that cannot disturb each other go at once,
    with the same result.
    """
    node, edge, target = _violations(lattice, edges, cuts, function)
    far = np.linalg.norm(target - lattice.points[node], axis=1)
    order = np.lexsort((node, far))
    node, edge, target = node[order], edge[order], target[order]
    other = edges[edge].sum(axis=1) - node
    points, sign = lattice.points.copy(), sign.copy()
    active = np.ones(len(node), dtype=bool)
    rank = np.arange(len(node))
    while active.any():
        best = np.full(len(points), len(node))
        np.minimum.at(best, node[active], rank[active])
        rival = np.full(len(points), len(node))
        np.minimum.at(rival, node[active], best[other[active]])
        np.minimum.at(rival, other[active], best[node[active]])
        won = active & (rank == best[node]) & (best[node] < rival[node])
        points[node[won]] = target[won]
        sign[node[won]] = 0
        active &= (sign[node] != 0) & (sign[other] != 0)
    return points, sign, (sign[edges] != 0).all(axis=1)


def _violations(
    lattice: Lattice,
    edges: Integer[np.ndarray, "cuts 2"],
    cuts: Float[np.ndarray, "cuts 3"],
    function: Function,
) -> tuple[
    Integer[np.ndarray, " pairs"], Integer[np.ndarray, " pairs"], Float[np.ndarray, "pairs 3"]
]:
    """Return node, cut's edge and where the node would go, for cuts too near a node."""
    length = np.linalg.norm(np.diff(lattice.points[edges], axis=1)[:, 0], axis=1)
    alpha = _alphas(lattice, edges)
    found = []
    for end in range(2):
        far = np.linalg.norm(cuts - lattice.points[edges[:, end]], axis=1)
        near = np.flatnonzero(far < alpha * length)
        found.append((edges[near, end], near, cuts[near]))
    node, edge, target = (np.concatenate(parts) for parts in zip(*found, strict=True))
    leaves = lattice.on_base[node] & (target[:, 2] != 0)
    large = squared_length(lattice.places, *edges[edge[leaves]].T) > LONGEST_SMALL
    placed, sound = _in_plane(lattice, node[leaves], large, function)
    target[leaves] = placed
    kept = np.ones(len(node), dtype=bool)
    kept[leaves] = sound
    return node[kept], edge[kept], target[kept]


def _alphas(lattice: Lattice, edges: Integer[np.ndarray, "cuts 2"]) -> Float[np.ndarray, " cuts"]:
    """Return how near a cut may come to a node, as a share of its edge."""
    squared = squared_length(lattice.places, *edges.T)
    alpha = np.full(len(edges), ALPHA_LONG)
    alpha[np.isin(squared, SHORT)] = ALPHA_SHORT
    alpha[np.isin(squared, DIAGONAL)] = ALPHA_DIAGONAL
    return alpha


def _in_plane(
    lattice: Lattice,
    node: Integer[np.ndarray, " n"],
    large: Bool[np.ndarray, " n"],
    function: Function,
) -> tuple[Float[np.ndarray, "n 3"], Bool[np.ndarray, " n"]]:
    """Return where base nodes meet the surface in the plane, and whether that is near enough."""
    start = lattice.points[node]
    points, flat = start.copy(), np.ones(len(start), dtype=bool)
    step = SLOPE_STEP * lattice.edge
    for _ in range(NEWTONS):
        points += step_to_zero(function, points, step, flat=flat)
    residual = np.abs(function(points))
    far = np.linalg.norm(points - start, axis=1)
    side = lattice.edge * np.where(large, 2, 1)
    return points, (residual < ON_SURFACE * lattice.edge) & (far < STRAY * side)


__all__ = ["stuff"]
