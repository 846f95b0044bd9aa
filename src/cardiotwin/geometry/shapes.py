"""Shape functions of the order-2 triangle and tetrahedron, in VTK's node order."""

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.mesh import TETRAHEDRON_EDGES, TRIANGLE_EDGES, TetMesh

_CORNERS = np.vstack([np.zeros(3), np.eye(3)])

CENTROID = np.full((1, 3), 0.25)
"""The middle of the reference tetrahedron, as a list of one point."""

NODES = np.concatenate([_CORNERS, _CORNERS[np.array(TETRAHEDRON_EDGES)].mean(axis=1)])
"""The reference tetrahedron's ten nodes."""

_A, _B = 0.3108859192633006, 0.0927352503108912
_C, _D = 0.0455037041256497, 0.4544962958743503
INNER = np.array(
    [point for a in (_A, _B) for point in [(a, a, a), *np.where(np.eye(3), 1 - 3 * a, a)]]
    + [*np.where(np.eye(3), _C, _D), *np.where(np.eye(3), _D, _C)]
)
"""Quadrature points of degree 5 on the reference tetrahedron (Walkington 2000), 14 of them."""

INNER_WEIGHTS = (
    np.repeat([0.1126879257180159, 0.0734930431163620, 0.0425460207770815], (4, 4, 6)) / 6
)
"""Their weights, which sum to the reference volume 1/6."""


def triangle_shapes(
    points: Float[np.ndarray, "q 2"],
) -> tuple[Float[np.ndarray, "q 6"], Float[np.ndarray, "q 6 2"]]:
    """Return the values and gradients of the quadratic triangle's shape functions."""
    barycentric = np.column_stack([1 - points.sum(axis=1), points])
    slopes = np.vstack([-np.ones(2), np.eye(2)])
    return _quadratic(barycentric, slopes, TRIANGLE_EDGES)


def tetrahedron_shapes(
    points: Float[np.ndarray, "q 3"],
) -> tuple[Float[np.ndarray, "q 10"], Float[np.ndarray, "q 10 3"]]:
    """Return the values and gradients of the quadratic tetrahedron's shape functions."""
    barycentric = np.column_stack([1 - points.sum(axis=1), points])
    slopes = np.vstack([-np.ones(3), np.eye(3)])
    return _quadratic(barycentric, slopes, TETRAHEDRON_EDGES)


def jacobians(
    points: Float[np.ndarray, "nodes 3"], mesh: TetMesh, reference: Float[np.ndarray, "q 3"]
) -> Float[np.ndarray, "cells q 3 3"]:
    """Return dx_i / dxi_k of each cell at reference points, m."""
    gradients = tetrahedron_shapes(reference)[1]
    jacobian = np.einsum("cni,qnk->cqik", points[mesh.cells], gradients, optimize=True)
    return np.asarray(jacobian, dtype=np.float64)


def _quadratic(
    barycentric: Float[np.ndarray, "q corners"],
    slopes: Float[np.ndarray, "corners dim"],
    edges: tuple[tuple[int, int], ...],
) -> tuple[Float[np.ndarray, "q shapes"], Float[np.ndarray, "q shapes dim"]]:
    a, b = np.array(edges).T
    first, second = barycentric[:, a], barycentric[:, b]
    values = np.hstack([barycentric * (2 * barycentric - 1), 4 * first * second])
    corner = (4 * barycentric - 1)[:, :, None] * slopes
    middle = 4 * (first[:, :, None] * slopes[b] + second[:, :, None] * slopes[a])
    return values, np.concatenate([corner, middle], axis=1)


def points_within(n: int) -> Float[np.ndarray, "points 4"]:
    """Return barycentric coordinates of points spread evenly in a tetrahedron, n + 1 an edge."""
    grid = np.array([(i, j, k) for i in range(n + 1) for j in range(n + 1) for k in range(n + 1)])
    inside = grid[grid.sum(axis=1) <= n]
    counts = np.column_stack([inside, n - inside.sum(axis=1)])
    return np.asarray((counts + 0.25) / (n + 1))


__all__ = [
    "CENTROID",
    "INNER",
    "INNER_WEIGHTS",
    "NODES",
    "jacobians",
    "points_within",
    "tetrahedron_shapes",
    "triangle_shapes",
]
