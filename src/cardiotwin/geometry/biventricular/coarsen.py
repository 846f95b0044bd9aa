"""A valid mesh made coarser by collapsing edges, so that it stays valid whatever is thin in it.

Every collapse draws a node onto a neighbour. It is done where all cells left keep their shape and
the boundary its surfaces, rims and topology; collapses that share no cell are done together.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Integer

from cardiotwin.geometry.biventricular.solid import Tagged, shapes
from cardiotwin.geometry.biventricular.stars import (
    Incidence,
    any_of,
    distinct,
    holds,
    neighbours,
    once,
)

Deviation = Callable[
    [Float[np.ndarray, "n 3"], Integer[np.ndarray, " n"]], Float[np.ndarray, " n"]
]
"""Distance of positions, m, from the surface with a number."""

GROWTH = 1.35  # of the longest edge allowed, from stage to stage
LONGEST = 1.4  # of the edge asked for: a collapse makes no longer one
TRIED = 4  # neighbours that a node may be drawn onto, nearest first
ENOUGH = 0.01  # of the nodes drawn in a round: with fewer the stage ends
ROUNDS = 60  # of a stage
TURN = np.cos(np.deg2rad(50))  # a boundary face turns no more than this at once


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a collapse must keep.

    Parameters
    ----------
    edge
        Length that edges grow to, m.
    least_angle
        Smallest dihedral angle of a cell, rad.
    deviation
        Distance of a boundary edge's middle from its surface, m.
    """

    edge: float
    least_angle: float
    deviation: float


def coarsened(
    mesh: Tagged, limits: Limits, deviation: Deviation, rng: np.random.Generator
) -> Tagged:
    """Return the mesh with edges collapsed until they are about as long as asked."""
    ends = mesh.points[mesh.cells[:, :2]]
    usual = float(np.median(np.linalg.norm(np.diff(ends, axis=1), axis=2)))
    # Narrow integers halve what is read and written at each round.
    mesh = replace(mesh, cells=mesh.cells.astype(np.int32), faces=mesh.faces.astype(np.int32))
    n_stages = max(int(np.ceil(np.log(limits.edge / usual) / np.log(GROWTH))), 1)
    for stage in range(n_stages):
        cap = LONGEST * limits.edge / GROWTH ** (n_stages - 1 - stage)
        active = np.ones(len(mesh.points), dtype=bool)
        for _ in range(ROUNDS):
            mesh, active, n_drawn = _round(mesh, active, replace(limits, edge=cap), deviation, rng)
            if n_drawn < ENOUGH * len(mesh.points):
                break
    return replace(mesh, cells=mesh.cells.astype(np.int64), faces=mesh.faces.astype(np.int64))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Trials:
    """Pairs of a node, by its place among the chosen ones, and a neighbour to draw it onto."""

    nodes: Integer[np.ndarray, " n"]
    which: Integer[np.ndarray, " pairs"]
    target: Integer[np.ndarray, " pairs"]


Stars = tuple[Incidence, Incidence]
"""Cells, and boundary faces, by node."""


def _round(
    mesh: Tagged,
    active: Bool[np.ndarray, " nodes"],
    limits: Limits,
    deviation: Deviation,
    rng: np.random.Generator,
) -> tuple[Tagged, Bool[np.ndarray, " _left"], int]:
    """Return the mesh after one set of independent collapses, who may try again, how many."""
    n = len(mesh.points)
    rank = np.where(active, rng.permutation(n) + 1, 0).astype(np.int32)
    beaten = np.zeros(n, dtype=bool)
    ranks = rank[mesh.cells]
    best = np.maximum(np.maximum(ranks[:, 0], ranks[:, 1]), np.maximum(ranks[:, 2], ranks[:, 3]))
    lower = ranks < best[:, None]
    beaten[mesh.cells[lower]] = True
    nodes = np.flatnonzero(active & ~beaten)
    stars = Incidence(mesh.cells, n), Incidence(mesh.faces, n)
    trials = _targets(mesh, nodes, stars, limits.edge)
    score = _scores(mesh, trials, stars, limits, deviation)
    order = np.lexsort((-score, trials.which))
    first = order[np.unique(trials.which[order], return_index=True)[1]]
    chosen = first[score[first] >= limits.least_angle]
    u, v = nodes[trials.which[chosen]], trials.target[chosen]
    kept = _apart(mesh, u, v, rank, stars[0]) & _linked(mesh, u, v, stars)
    tried = active.copy()
    tried[nodes] = False
    tried[u[~kept]] = True  # another of the set was in the way
    return _drawn(mesh, u[kept], v[kept], tried)


def _targets(
    mesh: Tagged,
    nodes: Integer[np.ndarray, " n"],
    stars: Stars,
    longest: float,
) -> _Trials:
    """Return where each of the nodes may go, the nearest few.

    A node of a surface goes along that surface, one of a rim along that rim.
    """
    n = len(mesh.points)
    bits = np.left_shift(1, mesh.tags)
    mask = np.zeros(n, dtype=np.int64)
    np.bitwise_or.at(mask, mesh.faces, bits[:, None])
    star = neighbours(mesh.cells, stars[0], nodes, n)
    inner = star[mask[nodes[star // n]] == 0]
    which, face = stars[1].of(nodes)
    codes = np.repeat(which, 3) * n + mesh.faces[face].ravel()
    code = once(codes)
    place = np.searchsorted(code, codes)
    along = np.zeros(len(code), dtype=np.int64)
    np.bitwise_or.at(along, place, np.repeat(bits[face], 3))
    outer = code[along == mask[nodes[code // n]]]
    # The node itself is in all its faces: its mask is its own, and it is dropped below.
    pair_u, pair_v = np.divmod(np.concatenate([inner, outer]), n)
    far = np.linalg.norm(mesh.points[pair_v] - mesh.points[nodes[pair_u]], axis=1)
    kept = (pair_v != nodes[pair_u]) & (far < longest)
    pair_u, pair_v, far = pair_u[kept], pair_v[kept], far[kept]
    order = np.lexsort((far, pair_u))
    pair_u, pair_v = pair_u[order], pair_v[order]
    starts = np.searchsorted(pair_u, pair_u)
    near = np.arange(len(pair_u)) - starts < TRIED
    trials = _Trials(nodes=nodes, which=pair_u[near], target=pair_v[near])
    return _short(mesh, trials, star, longest)


def _short(
    mesh: Tagged, trials: _Trials, star: Integer[np.ndarray, " codes"], longest: float
) -> _Trials:
    """Return the trials that leave no edge longer than allowed."""
    owner, node = np.divmod(star, len(mesh.points))
    start = np.searchsorted(owner, np.arange(len(trials.nodes) + 1))
    counts = np.diff(start)[trials.which]
    trial = np.repeat(np.arange(len(counts)), counts)
    step = np.arange(len(trial)) - np.repeat(np.cumsum(counts) - counts, counts)
    ahead = mesh.points[node[start[trials.which][trial] + step]]
    ahead -= mesh.points[trials.target[trial]]
    long = np.einsum("ni,ni->n", ahead, ahead) >= longest**2
    # The node's own distance was looked at before.
    fits = np.bincount(trial[long], minlength=len(counts)) == 0
    return _Trials(nodes=trials.nodes, which=trials.which[fits], target=trials.target[fits])


def _scores(
    mesh: Tagged,
    trials: _Trials,
    stars: Stars,
    limits: Limits,
    deviation: Deviation,
) -> Float[np.ndarray, " pairs"]:
    """Return the smallest dihedral angle after each collapse, rad; -1 where it may not be done."""
    u, v = trials.nodes[trials.which], trials.target
    score = np.full(len(u), np.pi)
    which, cell = stars[0].of(u)
    corners = mesh.cells[cell]
    left = ~holds(corners, v[which])
    which, corners = which[left], corners[left]
    new = np.where(corners == u[which][:, None], v[which][:, None], corners)
    angle, volume = shapes(mesh.points, new)
    np.minimum.at(score, which, np.where(volume > 0, angle, -1.0))
    which, face = stars[1].of(u)
    corners = mesh.faces[face]
    left = ~holds(corners, v[which]) & (score[which] > 0)
    which, face, corners = which[left], face[left], corners[left]
    new = np.where(corners == u[which][:, None], v[which][:, None], corners)
    before, after = _normals(mesh.points[corners]), _normals(mesh.points[new])
    turned = np.einsum("ni,ni->n", before, after) < TURN
    x = mesh.points[new]
    off = np.zeros(len(new), dtype=bool)
    for k in range(3):  # the edge that was there before stays where it is
        moved = np.flatnonzero((new[:, k] != corners[:, k]) | (new[:, k - 1] != corners[:, k - 1]))
        middle = (x[moved, k] + x[moved, k - 1]) / 2
        off[moved] |= deviation(middle, mesh.tags[face[moved]]) > limits.deviation
    score[which[turned | off]] = -1.0
    return score


def _normals(x: Float[np.ndarray, "n 3 3"]) -> Float[np.ndarray, "n 3"]:
    normal = np.cross(x[:, 1] - x[:, 0], x[:, 2] - x[:, 0])
    return np.asarray(normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30))


def _apart(
    mesh: Tagged,
    u: Integer[np.ndarray, " n"],
    v: Integer[np.ndarray, " n"],
    rank: Integer[np.ndarray, " nodes"],
    star: Incidence,
) -> Bool[np.ndarray, " n"]:
    """Return which collapses leave each other alone: none's target lies in another's star."""
    which, cell = star.of(u)
    around = mesh.cells[cell]
    claimed, aimed = np.zeros_like(rank), np.zeros_like(rank)
    np.maximum.at(claimed, around, rank[u][which][:, None])
    np.maximum.at(aimed, v, rank[u])
    rival = np.zeros(len(u), dtype=rank.dtype)
    np.maximum.at(rival, which, aimed[around].max(axis=1))
    return np.asarray((rank[u] >= claimed[v]) & (rank[u] >= rival))


def _linked(
    mesh: Tagged,
    u: Integer[np.ndarray, " n"],
    v: Integer[np.ndarray, " n"],
    stars: Stars,
) -> Bool[np.ndarray, " n"]:
    """Return where only the nodes round an edge neighbour both its ends (the link condition).

    Dey, Edelsbrunner, Guha & Nekhayev (1999), Publ Inst Math 66:23-45. Nodes inside need no
    check: cells of positive volume that fill the same star are proof.
    """
    n = len(mesh.points)
    on_boundary = np.zeros(n, dtype=bool)
    on_boundary[mesh.faces] = True
    outside = on_boundary[u]
    allowed = np.ones(len(u), dtype=bool)
    u, v = u[outside], v[outside]
    linked = np.ones(len(u), dtype=bool)
    for elements, star, extra in ((mesh.cells, stars[0], 1), (mesh.faces, stars[1], 0)):
        common = neighbours(elements, star, u, n)
        common = np.intersect1d(common, neighbours(elements, star, v, n), assume_unique=True)
        number = np.bincount(common // n, minlength=len(u)) - 2  # u and v are in both
        which, element = star.of(u)
        shared = holds(elements[element], v[which])
        linked &= number == np.bincount(which[shared], minlength=len(u)) + extra
    allowed[outside] = linked
    return allowed


def _drawn(
    mesh: Tagged,
    u: Integer[np.ndarray, " n"],
    v: Integer[np.ndarray, " n"],
    active: Bool[np.ndarray, " nodes"],
) -> tuple[Tagged, Bool[np.ndarray, " _left"], int]:
    """Return the mesh with each u drawn onto its v, renumbered, and who may try next."""
    n = len(mesh.points)
    left, target = np.ones(n, dtype=bool), np.arange(n)
    left[u], target[u] = False, v
    number = (np.cumsum(left, dtype=np.int32) - 1)[target]
    touched = np.flatnonzero(any_of(~left[mesh.cells]))
    active = active.copy()
    active[mesh.cells[touched]] = True
    cells, faces = number[mesh.cells], number[mesh.faces]
    whole = np.ones(len(cells), dtype=bool)
    whole[touched] = distinct(cells[touched])
    faces_kept = distinct(faces)
    return (
        Tagged(
            points=mesh.points[left],
            cells=cells[whole],
            faces=faces[faces_kept],
            tags=mesh.tags[faces_kept],
        ),
        active[left],
        len(u),
    )


__all__ = ["Limits", "coarsened"]
