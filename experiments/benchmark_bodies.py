"""Bodies of the benchmarks: a box, a truncated ellipsoid, half a hollow sphere."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.fem.domain import QUADRATURE, quadrature_rule
from cardiotwin.geometry.mesh import TETRAHEDRON_EDGES, TRIANGLE_EDGES, TetMesh
from cardiotwin.geometry.template import Surface, Template, connectivity, wall_mesh
from cardiotwin.mechanics.equations import Axes

MM = 1e-3  # m
FACES = np.array([(1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)])  # outward
PATHS = (
    (0, 3, 1, 7),
    (0, 1, 5, 7),
    (0, 2, 3, 7),
    (0, 6, 2, 7),
    (0, 5, 4, 7),
    (0, 4, 6, 7),
)  # positive


def box(
    *axes: Float[np.ndarray, " _"], sides: Mapping[str, Sequence[str]], middles: float = 0.0
) -> TetMesh:
    """Return a box cut at the ticks of three axes, six tetrahedra per brick.

    `sides` names the facets by sides ``x0 x1 y0 y1 z0 z1``; what it leaves out is ``free``.
    Inner mid-edge nodes are moved off their chords by `middles` of the edge (curved cells).
    """
    shape = tuple(len(ticks) for ticks in axes)
    corners = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    number = np.arange(len(corners)).reshape(shape)
    brick = np.stack(
        [
            number[i : shape[0] - 1 + i, j : shape[1] - 1 + j, k : shape[2] - 1 + k].ravel()
            for i in (0, 1)
            for j in (0, 1)
            for k in (0, 1)
        ],
        axis=1,
    )
    cells = brick[:, np.array(PATHS)].reshape(-1, 4)
    pairs = np.sort(cells[:, TETRAHEDRON_EDGES], axis=2).reshape(-1, 2)
    edges, inverse = np.unique(pairs, axis=0, return_inverse=True)
    points = np.concatenate([corners, corners[edges].mean(axis=1)])
    cells = np.hstack([cells, len(corners) + inverse.reshape(-1, 6)])
    facets = _named_facets(points, cells, sides)
    inner = np.setdiff1d(np.arange(len(corners), len(points)), np.concatenate([*facets.values()]))
    length = np.linalg.norm(np.diff(corners[edges[inner - len(corners)]], axis=1)[:, 0], axis=1)
    turn = inner[:, None] * np.array([1.0, 2.0, 3.0])
    points[inner] += middles * length[:, None] * np.sin(turn)
    return TetMesh(points=points, cells=cells, facets=facets)


def _named_facets(
    points: Float[np.ndarray, "nodes 3"],
    cells: Integer[np.ndarray, "cells 10"],
    sides: Mapping[str, Sequence[str]],
) -> dict[str, Integer[np.ndarray, "_ 6"]]:
    """Return the boundary's quadratic triangles by name."""
    middle = {
        tuple(sorted((cell[a], cell[b]))): cell[4 + number]
        for cell in cells.tolist()
        for number, (a, b) in enumerate(TETRAHEDRON_EDGES)
    }
    lowest, highest = points.min(axis=0), points.max(axis=0)
    named = {side: name for name, given in sides.items() for side in given}
    found: dict[str, list[list[int]]] = {name: [] for name in (*sides, "free")}
    for face in cells[:, :4][:, FACES].reshape(-1, 3).tolist():
        for axis, letter in enumerate("xyz"):
            for end, bound in enumerate((lowest, highest)):
                if np.all(points[face, axis] == bound[axis]):
                    edges = [middle[tuple(sorted((face[a], face[b])))] for a, b in TRIANGLE_EDGES]
                    found[named.get(f"{letter}{end}", "free")].append([*face, *edges])
    return {name: np.array(facets) for name, facets in found.items() if facets}


def land_point(
    u: Float[np.ndarray, " nodes"],
    angle: Float[np.ndarray, " nodes"],
    t: Float[np.ndarray, " nodes"],
) -> Float[np.ndarray, "nodes 3"]:
    """Return points of the truncated ellipsoid of Land et al. (2015), m: base at z = 5 mm."""
    short, long = (7 + 3 * t) * MM, (17 + 3 * t) * MM
    polar = u * np.arccos(-5 * MM / long)
    across = short * np.sin(polar)
    x, y, z = across * np.cos(angle), -across * np.sin(angle), -long * np.cos(polar)
    return np.stack([x, y, z], axis=1)


def ellipsoid(template: Template, size: float = 1.0, grading: float = 1.0) -> TetMesh:
    """Return the truncated ellipsoid of Land et al. (2015): base at z = 5 mm, apex below.

    `size` scales it: 3.5 gives the dimensions of a human left ventricle. `grading` as in
    `graded`.
    """
    mesh = graded(template, land_point, grading)
    return replace(mesh, points=size * mesh.points)


def graded(template: Template, surface: Surface, grading: float = 1.0) -> TetMesh:
    """Return a wall whose k-th of n rings lies at (k/n)^grading of the way from apex to base.

    Middle nodes stay midway between their corners, so that the cells' maps stay even.
    """
    joined = connectivity(template)
    u = joined.u**grading
    u[joined.cells[:, 4:]] = u[joined.cells[:, np.array(TETRAHEDRON_EDGES)]].mean(axis=2)
    mesh = wall_mesh(template, lambda _, angle, t: surface(u, angle, t))
    return replace(mesh, point_fields={**mesh.point_fields, "apicobasal": u})


def half_sphere(template: Template, inner: float, outer: float) -> TetMesh:
    """Return half a hollow sphere of two radii, m, cut at z = 0."""

    def surface(
        u: Float[np.ndarray, " nodes"],
        angle: Float[np.ndarray, " nodes"],
        t: Float[np.ndarray, " nodes"],
    ) -> Float[np.ndarray, "nodes 3"]:
        radius, polar = inner + (outer - inner) * t, u * np.pi / 2
        x, y = np.sin(polar) * np.cos(angle), -np.sin(polar) * np.sin(angle)
        return np.asarray(radius[:, None] * np.stack([x, y, -np.cos(polar)], axis=1))

    return wall_mesh(template, surface)


def constant_axes(mesh: TetMesh) -> Axes:
    """Return fibre, sheet and normal along x, y and z."""
    shape = (len(mesh.cells), len(quadrature_rule(QUADRATURE)[1]), 3)
    f, s, n = (np.ascontiguousarray(np.broadcast_to(axis, shape)) for axis in np.eye(3))
    return f, s, n
