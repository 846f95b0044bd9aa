"""How a cell whose corners lie inside, on and outside of a surface is cut into tetrahedra.

The stencils of Labelle & Shewchuk (2007), ACM Trans Graph 26:57. A quadrilateral left of a
lattice face is halved by a rule that knows only that face, so that both its cells agree.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Integer

TIE = 1e-9  # relative difference of two diagonals that are called equal
Nodes = Integer[np.ndarray, " n"]
Cells = Integer[np.ndarray, "_ 4"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """A lattice with its warped nodes and the cuts that are left on its edges.

    Parameters
    ----------
    places
        Doubled integer coordinates of the nodes.
    points
        Their positions after the warp, m.
    sign
        1 inside, 0 on the surface, -1 outside.
    edges
        The cut edges in order, smaller node first.
    cuts
        Where they are cut, m.
    """

    places: Integer[np.ndarray, "nodes 3"]
    points: Float[np.ndarray, "nodes 3"]
    sign: Integer[np.ndarray, " nodes"]
    edges: Integer[np.ndarray, "cuts 2"]
    cuts: Float[np.ndarray, "cuts 3"]

    @property
    def corners(self) -> Float[np.ndarray, "corners 3"]:
        """Return the nodes' and then the cuts' positions, m."""
        return np.concatenate([self.points, self.cuts])

    def between(self, a: Nodes, b: Nodes) -> Nodes:
        """Return the corners on cut edges."""
        n = len(self.points)
        codes = self.edges[:, 0] * n + self.edges[:, 1]
        wanted = np.minimum(a, b) * n + np.maximum(a, b)
        found = np.searchsorted(codes, wanted)
        return np.asarray(found + n)


def cut_cells(cells: Cells, cut: Cut) -> tuple[Float[np.ndarray, "corners 3"], Cells]:
    """Return the corners and the cells of what lies inside, each of positive volume."""
    order = np.argsort(-cut.sign[cells], axis=1, kind="stable")
    cells = np.take_along_axis(cells, order, axis=1)
    signs = cut.sign[cells]
    n_in, n_out = (signs > 0).sum(axis=1), (signs < 0).sum(axis=1)
    corners = cut.corners
    parts = [cells[(n_in > 0) & (n_out == 0)]]
    extra = np.zeros((0, 3))
    for inside, outside in ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1)):
        here = cells[(n_in == inside) & (n_out == outside)]
        if inside == 1:
            parts.append(_one_inside(here, outside, cut))
        elif inside + outside == 3:
            parts.append(_pyramids(here, cut, corners))
        else:
            prisms = _prisms(here, cut, corners) if inside == 3 else _wedges(here, cut, corners)
            pieces, extra = _split(*prisms, corners, extra)
            parts.append(pieces)
    corners = np.concatenate([corners, extra])
    return corners, _oriented(np.concatenate(parts), corners)


def _oriented(cells: Cells, corners: Float[np.ndarray, "corners 3"]) -> Cells:
    x = corners[cells]
    volume = np.linalg.det(x[:, 1:] - x[:, :1])
    cells = cells.copy()
    cells[volume < 0] = cells[volume < 0][:, [1, 0, 2, 3]]
    return cells


def _one_inside(cells: Cells, n_out: int, cut: Cut) -> Cells:
    """Return the tip of each cell at its one corner inside."""
    found = cells.copy()
    for k in range(4 - n_out, 4):
        found[:, k] = cut.between(cells[:, 0], cells[:, k])
    return found


def _pyramids(cells: Cells, cut: Cut, corners: Float[np.ndarray, "corners 3"]) -> Cells:
    """Return cells with two corners inside, one on the surface and one outside, in two."""
    p, q, z, n = cells.T
    c_p, c_q = cut.between(p, n), cut.between(q, n)
    flip = _ends_at_first(p, q, n, cut, corners)
    first = np.stack([p, q, np.where(flip, c_p, c_q), z], axis=1)
    second = np.stack([np.where(flip, q, p), c_q, c_p, z], axis=1)
    return np.concatenate([first, second])


def _prisms(
    cells: Cells, cut: Cut, corners: Float[np.ndarray, "corners 3"]
) -> tuple[Integer[np.ndarray, "n 6"], Integer[np.ndarray, "n 3"]]:
    """Return three corners inside and the three cuts, with the ways of the quads' diagonals."""
    inside, n = cells[:, :3], cells[:, 3]
    cuts = [cut.between(inside[:, k], n) for k in range(3)]
    ways = [
        _ends_at_first(inside[:, k], inside[:, (k + 1) % 3], n, cut, corners) for k in range(3)
    ]
    return np.column_stack([inside, *cuts]), np.stack(ways, axis=1).astype(np.int64)


def _wedges(
    cells: Cells, cut: Cut, corners: Float[np.ndarray, "corners 3"]
) -> tuple[Integer[np.ndarray, "n 6"], Integer[np.ndarray, "n 3"]]:
    """Return prisms of two corners inside and the four cuts; the quad of the cuts is free."""
    p, q, n, m = cells.T
    prism = np.stack(
        [p, cut.between(p, n), cut.between(p, m), q, cut.between(q, n), cut.between(q, m)], axis=1
    )
    first = _ends_at_first(p, q, n, cut, corners)
    third = ~_ends_at_first(p, q, m, cut, corners)
    x = corners[prism]
    falling = np.linalg.norm(x[:, 1] - x[:, 5], axis=1)
    rising = np.linalg.norm(x[:, 2] - x[:, 4], axis=1)
    second = np.where(first == third, ~first, rising < falling)
    return prism, np.stack([first, second, third], axis=1).astype(np.int64)


def squared_length(places: Integer[np.ndarray, "nodes 3"], a: Nodes, b: Nodes) -> Nodes:
    """Return the squared length of edges between nodes, in the places' units."""
    return np.asarray(((places[a] - places[b]) ** 2).sum(axis=1))


def _ends_at_first(
    p: Nodes, q: Nodes, n: Nodes, cut: Cut, corners: Float[np.ndarray, "corners 3"]
) -> Bool[np.ndarray, " n"]:
    """Return whether the quad (p, q, cut of qn, cut of pn) is halved from q to the cut of pn.

    A long edge's cut takes the diagonal (the other choice gives flatter cells); of two short
    ones, parity decides; beside the base, the shorter diagonal.
    """
    places = cut.places
    pn, qn, pq = (squared_length(places, *pair) for pair in ((p, n), (q, n), (p, q)))
    even = (places[p] > places[n]).sum(axis=1) % 2 == 0
    ends = np.where(pn != qn, pn > qn, ~even)
    regular = 3 * np.maximum(np.maximum(pn, qn), pq) == 4 * np.minimum(np.minimum(pn, qn), pq)
    regular &= pn + qn + pq == 10 * np.minimum(pn, qn) // 3
    beside = np.flatnonzero(~regular | (places[np.stack([p, q, n]), 2] == 0).any(axis=0))
    a, b, c = p[beside], q[beside], n[beside]
    c_a, c_b = cut.between(a, c), cut.between(b, c)
    to_first = np.linalg.norm(corners[b] - corners[c_a], axis=1)
    to_second = np.linalg.norm(corners[a] - corners[c_b], axis=1)
    tie = np.abs(to_first - to_second) < TIE * (to_first + to_second)
    ends[beside] = np.where(tie, b < a, to_first < to_second)
    return np.asarray(ends, dtype=bool)


def _prism_pieces() -> dict[int, Integer[np.ndarray, "3 4"]]:
    """Return the three tetrahedra of a prism for each way of its diagonals that has them."""
    sides = {(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (0, 3), (1, 4), (2, 5)}
    pieces = {}
    for mask in range(1, 7):
        edges = set(sides)
        for k in range(3):
            ahead = (k + 1) % 3
            diagonal = (ahead, k + 3) if mask >> k & 1 else (k, ahead + 3)
            edges.add(diagonal)
        whole = [c for c in combinations(range(6), 4) if set(combinations(c, 2)) <= edges]
        pieces[mask] = np.array(whole)
    return pieces


PIECES = _prism_pieces()
QUADS = ((0, 1, 4, 3), (1, 2, 5, 4), (2, 0, 3, 5))


def _split(
    prisms: Integer[np.ndarray, "n 6"],
    ways: Integer[np.ndarray, "n 3"],
    corners: Float[np.ndarray, "corners 3"],
    extra: Float[np.ndarray, "_extra 3"],
) -> tuple[Cells, Float[np.ndarray, "_more 3"]]:
    """Return prisms as tetrahedra; those whose diagonals chase each other get a middle node."""
    mask = ways @ np.array([1, 2, 4])
    found = [prisms[mask == m][:, piece].reshape(-1, 4) for m, piece in PIECES.items()]
    for m in (0, 7):
        here = prisms[mask == m]
        middle = len(corners) + len(extra) + np.arange(len(here))
        extra = np.concatenate([extra, corners[here].mean(axis=1)])
        faces = [(0, 1, 2), (3, 4, 5)]
        for a, b, c, d in QUADS:  # a, b below; c above b, d above a
            faces += [(a, b, d), (b, c, d)] if m else [(a, b, c), (a, c, d)]
        found += [np.column_stack([here[:, face], middle]) for face in faces]
    return np.concatenate(found), extra


__all__ = ["Cut", "cut_cells"]
