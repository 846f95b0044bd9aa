"""The template of a left ventricle: a disc of triangles times layers, one connectivity for all.

The disc is the ventricle cut open: its centre is the apex, its rim the base. Ring k has 6 k
nodes, so that triangles stay even over a dome; a long ventricle may stop widening where it is as
wide as a cylinder. Layers run from endocardium to epicardium.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TETRAHEDRON_EDGES, TRIANGLE_EDGES, TetMesh

Surface = Callable[
    [Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]],
    Float[np.ndarray, "nodes 3"],
]
"""Position of the wall at (u, angle, t): u 0 apex to 1 base, angle rad, t 0 endo to 1 epi."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """How fine the wall is cut.

    Parameters
    ----------
    rings
        Rows of triangles from apex to base.
    layers
        Layers of prisms through the wall; each prism becomes three tetrahedra.
    widest
        Most nodes in a sixth of a ring; 0 where every ring has one more than the one before.
    """

    rings: int = 8
    layers: int = 2
    widest: int = 0

    def __post_init__(self) -> None:
        for name, least in (("rings", 2), ("layers", 1), ("widest", 0)):
            value = getattr(self, name)
            if value < least:
                msg = (
                    f"Template.{name} must be at least {least}, found {value}. "
                    "Eight rings and two layers resolve a healthy left ventricle."
                )
                raise InputError(msg)

    def sixth(self, ring: int) -> int:
        """Return how many nodes a sixth of a ring has (of ring 0, which is the apex, none)."""
        return min(ring, self.widest) if self.widest else ring


@dataclass(frozen=True, kw_only=True, eq=False)
class Connectivity:
    """What a template fixes: its nodes' material coordinates and how they join.

    Parameters
    ----------
    u, angle, t
        Material coordinates of each order-2 node: 0 apex to 1 base, rad, 0 endo to 1 epi.
    cells, facets
        As in `TetMesh`, positive where (u, angle, t) are right-handed.
    """

    u: Float[np.ndarray, " nodes"]
    angle: Float[np.ndarray, " nodes"]
    t: Float[np.ndarray, " nodes"]
    cells: Integer[np.ndarray, "cells 10"]
    facets: dict[str, Integer[np.ndarray, "_ 6"]]


def wall_mesh(template: Template, surface: Surface) -> TetMesh:
    """Return the wall whose every node, mid-edge ones too, is mapped by `surface`.

    The material coordinates are its point fields ``apicobasal``, ``transmural``, ``rotational``:
    they are exact, equal at all phases and in all hearts, and need no solution of their own.
    A left-handed `surface` gives a mesh of the same nodes with mirrored cells.
    """
    joined = connectivity(template)
    points = np.asarray(surface(joined.u, joined.angle, joined.t), dtype=np.float64)
    cells, facets = joined.cells, joined.facets
    corners = points[cells[:, :4]]
    edges = corners[:, 1:] - corners[:, :1]
    if np.linalg.det(edges).sum() < 0:
        cells = cells[:, [1, 0, 2, 3, 4, 6, 5, 8, 7, 9]]
        facets = {name: facet[:, [0, 2, 1, 5, 4, 3]] for name, facet in facets.items()}
    fields = {"apicobasal": joined.u, "transmural": joined.t, "rotational": joined.angle}
    return TetMesh(points=points, cells=cells, facets=facets, point_fields=fields)


@lru_cache(maxsize=16)
def connectivity(template: Template) -> Connectivity:
    """Return the template's nodes and cells (kept, since every heart shares them)."""
    disc_u, disc_angle, triangles = _disc(template)
    n_disc = len(disc_u)
    layer = np.repeat(np.arange(template.layers + 1), n_disc)
    u, angle = np.tile(disc_u, template.layers + 1), np.tile(disc_angle, template.layers + 1)
    t = layer / template.layers
    corners = np.concatenate(
        [_cut_prisms(triangles, n_disc) + n_disc * k for k in range(template.layers)]
    )
    pairs = np.sort(corners[:, TETRAHEDRON_EDGES], axis=2).reshape(-1, 2)
    edges, inverse = np.unique(pairs, axis=0, return_inverse=True)
    cells = np.hstack([corners, len(u) + inverse.reshape(-1, 6)])
    mid_u, mid_angle, mid_t = _midway(u, angle, t, edges)
    middle = {tuple(edge): len(u) + k for k, edge in enumerate(edges.tolist())}
    top = triangles + n_disc * template.layers
    facets = {
        "lv_endocardium": _with_middles(triangles[:, ::-1], middle),
        "epicardium": _with_middles(top, middle),
        "base": _with_middles(_rim_facets(template, n_disc, corners), middle),
    }
    return Connectivity(
        u=np.concatenate([u, mid_u]),
        angle=np.concatenate([angle, mid_angle]),
        t=np.concatenate([t, mid_t]),
        cells=cells,
        facets=facets,
    )


def _disc(
    template: Template,
) -> tuple[
    Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"], Integer[np.ndarray, "triangles 3"]
]:
    """Return u and angle of the disc's nodes and its triangles, (u, angle) right-handed."""
    radius, turn, triangles = [0.0], [0.0], []
    inner, n_inner, first = 0, 1, 1  # the apex is the first ring's inner neighbour
    for ring in range(1, template.rings + 1):
        sixth, before = template.sixth(ring), template.sixth(ring - 1)
        count = 6 * sixth
        radius += [ring / template.rings] * count
        turn += [2 * np.pi * k / count for k in range(count)]
        for sector in range(6):
            for k in range(sixth):
                outer = sector * sixth + k
                a, b = first + outer, first + (outer + 1) % count
                c = inner + (sector * before + k) % n_inner
                triangles.append((a, b, c))
                if k < before:
                    d = inner + (sector * before + k + 1) % n_inner
                    triangles.append((b, d, c))
        inner, n_inner, first = first, count, first + count
    return np.array(radius), np.array(turn), np.array(triangles)


def _cut_prisms(
    triangles: Integer[np.ndarray, "triangles 3"], n_disc: int
) -> Integer[np.ndarray, "cells 4"]:
    """Return three tetrahedra per prism over a triangle.

    Every quadrilateral is cut from its lower-numbered inner to its higher-numbered outer corner,
    so neighbours agree (Dompierre et al. 1999, How to subdivide pyramids, prisms and hexahedra).
    """
    turns = triangles.argmin(axis=1)
    ring = (turns[:, None] + np.arange(3)) % 3
    a, b, c = np.take_along_axis(triangles, ring, axis=1).T
    even = b < c
    low, high = np.where(even, b, c), np.where(even, c, b)
    first = np.stack([a, low, high, high + n_disc], axis=1)
    second = np.stack([a, low, high + n_disc, low + n_disc], axis=1)
    third = np.stack([a, a + n_disc, low + n_disc, high + n_disc], axis=1)
    cells = np.stack([first, second, third], axis=1)
    # With b after c the tetrahedra are mirror images.
    cells[~even] = cells[~even][:, :, [1, 0, 2, 3]]
    return cells.reshape(-1, 4)


def _midway(
    u: Float[np.ndarray, " nodes"],
    angle: Float[np.ndarray, " nodes"],
    t: Float[np.ndarray, " nodes"],
    edges: Integer[np.ndarray, "edges 2"],
) -> tuple[Float[np.ndarray, " edges"], Float[np.ndarray, " edges"], Float[np.ndarray, " edges"]]:
    """Return the material coordinates of the middle of each edge."""
    a, b = edges.T
    start = np.where(u[a] == 0, angle[b], angle[a])  # the apex has every angle
    end = np.where(u[b] == 0, angle[a], angle[b])
    step = np.mod(end - start + np.pi, 2 * np.pi) - np.pi
    return (u[a] + u[b]) / 2, np.mod(start + step / 2, 2 * np.pi), (t[a] + t[b]) / 2


def _rim_facets(
    template: Template, n_disc: int, corners: Integer[np.ndarray, "cells 4"]
) -> Integer[np.ndarray, "facets 3"]:
    """Return the cells' faces whose three corners lie on the rim, outward."""
    faces = np.array([(1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)])
    candidates = corners[:, faces].reshape(-1, 3)
    on_rim = candidates % n_disc >= n_disc - 6 * template.sixth(template.rings)
    # Three rim nodes always bound the wall: an inner face has a node on an inner ring.
    return candidates[on_rim.all(axis=1)]


def _with_middles(
    corners: Integer[np.ndarray, "facets 3"], middle: dict[tuple[int, int], int]
) -> Integer[np.ndarray, "facets 6"]:
    """Return triangles with the nodes at the middle of their edges."""
    pairs = np.sort(corners[:, TRIANGLE_EDGES], axis=2)
    nodes = [[middle[tuple(pair)] for pair in triangle] for triangle in pairs.tolist()]
    return np.hstack([corners, np.array(nodes)])


__all__ = ["Connectivity", "Surface", "Template", "connectivity", "wall_mesh"]
