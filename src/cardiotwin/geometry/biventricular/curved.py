"""Straight tetrahedra to order-2 ones that follow the surfaces, in the world."""

import numpy as np
from jaxtyping import Bool, Float, Integer

from cardiotwin.geometry.biventricular.grid import VOXEL, step_to_zero
from cardiotwin.geometry.biventricular.shape import Shape
from cardiotwin.geometry.biventricular.solid import Solid, Tagged, boundary
from cardiotwin.geometry.mesh import TETRAHEDRON_EDGES, TRIANGLE_EDGES, TetMesh
from cardiotwin.geometry.shapes import INNER, NODES, jacobians

SURFACES = ("lv_endocardium", "rv_endocardium", "epicardium", "base")
BASE = 3
STRAY = 0.2  # of its edge: a middle node leaves the chord no farther
NEWTONS = 3
DISTORTED = 0.2  # smallest Jacobian over the straight cell's: with less the edges are straightened
HALVINGS = 6


def tagged(solid: Solid, shape: Shape) -> Tagged:
    """Return the solid with each boundary face on the surface it is nearest to."""
    faces = boundary(solid.cells)
    middles = solid.points[faces].mean(axis=1)
    tags = np.argmin(np.abs(shape.parts(middles)), axis=0)
    tags[solid.on_base[faces].all(axis=1)] = BASE
    return Tagged(points=solid.points, cells=solid.cells, faces=faces, tags=tags)


def off_surface(
    shape: Shape, points: Float[np.ndarray, "n 3"], tags: Integer[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Return how far points lie from the surface of a number, m."""
    return np.abs(_signed(shape, points, tags))


def _signed(
    shape: Shape, points: Float[np.ndarray, "n 3"], tags: Integer[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    found = -points[:, 2]
    local = shape.local(points)
    for tag in range(BASE):
        here = np.flatnonzero(tags == tag)
        found[here] = shape.part(tag, local[here])
    return found


def order_two(mesh: Tagged, shape: Shape) -> TetMesh:
    """Return the mesh with nodes on the middles of its edges, in the world, by named facets.

    Middles of the surfaces' edges are moved onto the surface, those of the rims within the base;
    where that would distort a cell they stay nearer the chord.
    """
    n = len(mesh.points)
    a, b = np.array(TETRAHEDRON_EDGES).T
    pairs = np.sort(np.stack([mesh.cells[:, a], mesh.cells[:, b]], axis=-1), axis=-1)
    codes, place = np.unique(pairs[..., 0] * n + pairs[..., 1], return_inverse=True)
    cells = np.hstack([mesh.cells, n + place.reshape(-1, 6)])
    ends = np.stack(np.divmod(codes, n), axis=1)
    chord = mesh.points[ends].mean(axis=1)
    on_edges = np.sort(mesh.faces[:, TRIANGLE_EDGES], axis=-1)
    middles = np.searchsorted(codes, on_edges[..., 0] * n + on_edges[..., 1])
    bulge = _bulge(mesh, shape, chord, ends, middles)
    points = np.concatenate([mesh.points, chord + _kept(mesh, cells, chord, bulge) * bulge])
    world = _world(shape, points)
    facets = np.hstack([mesh.faces, n + middles])
    if np.linalg.det(shape.frame.axes) < 0:  # the frame is left-handed, the world is not
        cells = cells[:, [1, 0, 2, 3, 4, 6, 5, 8, 7, 9]]
        facets = facets[:, [1, 0, 2, 3, 5, 4]]
    return TetMesh(
        points=world,
        cells=cells,
        facets={name: facets[mesh.tags == k] for k, name in enumerate(SURFACES)},
    )


def _world(shape: Shape, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    return np.asarray(shape.frame.origin + shape.local(points) @ shape.frame.axes)


def _bulge(
    mesh: Tagged,
    shape: Shape,
    chord: Float[np.ndarray, "edges 3"],
    ends: Integer[np.ndarray, "edges 2"],
    middles: Integer[np.ndarray, "faces 3"],
) -> Float[np.ndarray, "edges 3"]:
    """Return where the middles of edges would go from the chord to lie on their surfaces, m."""
    lowest = np.full(len(chord), BASE)
    highest = np.zeros(len(chord), dtype=np.int64)
    np.minimum.at(lowest, middles, mesh.tags[:, None])
    np.maximum.at(highest, middles, mesh.tags[:, None])
    seen = np.zeros(len(chord), dtype=bool)
    seen[middles] = True
    moved = np.flatnonzero(seen & (lowest != BASE))
    rim = highest[moved] == BASE
    tags, points = lowest[moved], chord[moved]
    longest = STRAY * np.linalg.norm(np.diff(mesh.points[ends[moved]], axis=1)[:, 0], axis=1)
    for _ in range(NEWTONS):
        points += step_to_zero(lambda x: _signed(shape, x, tags), points, VOXEL / 2, flat=rim)
    away = points - chord[moved]
    far = np.linalg.norm(away, axis=1)
    away *= np.minimum(longest / np.maximum(far, 1e-12), 1.0)[:, None]
    bulge = np.zeros_like(chord)
    bulge[moved] = away
    return bulge


def _kept(
    mesh: Tagged,
    cells: Integer[np.ndarray, "cells 10"],
    chord: Float[np.ndarray, "edges 3"],
    bulge: Float[np.ndarray, "edges 3"],
) -> Float[np.ndarray, "edges 1"]:
    """Return the share of each edge's bulge that leaves all its cells well shaped."""
    share = np.ones((len(chord), 1))
    n = len(mesh.points)
    bent = np.flatnonzero((bulge != 0).any(axis=1)[cells[:, 4:] - n].any(axis=1))
    for halving in range(HALVINGS + 1):
        points = np.concatenate([mesh.points, chord + share * bulge])
        bent = bent[_distorted(points, cells[bent])]
        if len(bent) == 0:
            break
        share[cells[bent, 4:] - n] *= 0.5 if halving < HALVINGS - 1 else 0.0
        touched: Bool[np.ndarray, " edges"] = np.zeros(len(chord), dtype=bool)
        touched[cells[bent, 4:] - n] = True
        bent = np.flatnonzero(touched[cells[:, 4:] - n].any(axis=1))
    return share


def _distorted(
    points: Float[np.ndarray, "nodes 3"], cells: Integer[np.ndarray, "cells 10"]
) -> Bool[np.ndarray, " cells"]:
    """Return which cells' Jacobian falls far below the straight cell's somewhere."""
    bent = TetMesh(points=points, cells=cells, facets={})
    found = np.linalg.det(jacobians(points, bent, np.concatenate([NODES, INNER])))
    corners = points[cells[:, :4]]
    straight = np.linalg.det(corners[:, 1:] - corners[:, :1])
    return np.asarray(found.min(axis=1) < DISTORTED * straight)


__all__ = ["BASE", "SURFACES", "off_surface", "order_two", "tagged"]
