"""Bases of displacements and pressures from snapshots: proper orthogonal decomposition.

Quarteroni, Manzoni & Negri (2016), Reduced Basis Methods for Partial Differential Equations,
sect. 6.5, in the inner product of H1 for displacements and of L2 for pressures.
"""

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix

from cardiotwin.mechanics.snapshots import WallIntegrals

LENGTH = 0.02  # m: (grad u, grad v) + (u, v) / LENGTH^2, both of one size in a wall's bending


def h1_product(wall: WallIntegrals) -> csr_matrix:
    """Return the matrix of the H1 product of scalar fields over the unloaded wall, m."""
    shapes = _shapes(wall)
    flat = wall.gradients * np.sqrt(wall.weights)[:, :, None, None]
    flat = np.moveaxis(flat, 2, 1).reshape(len(wall.cells), 10, -1)
    local = flat @ flat.transpose(0, 2, 1)
    local += np.einsum("cq,qm,qn->cmn", wall.weights, shapes, shapes) / LENGTH**2
    return _assembled(wall, local)


def l2_product(wall: WallIntegrals) -> csr_matrix:
    """Return the matrix of the L2 product of linear fields over the unloaded wall, m^3."""
    shapes = np.zeros((wall.weights.shape[1], 10))
    shapes[:, :4] = wall.pressure_shapes
    return _assembled(wall, np.einsum("cq,qm,qn->cmn", wall.weights, shapes, shapes))


def _shapes(wall: WallIntegrals) -> Float[np.ndarray, "points 10"]:
    b = wall.pressure_shapes
    pairs = ((0, 1), (1, 2), (0, 2), (0, 3), (1, 3), (2, 3))
    middle = np.stack([4 * b[:, i] * b[:, j] for i, j in pairs], axis=1)
    return np.hstack([b * (2 * b - 1), middle])


def _assembled(wall: WallIntegrals, local: Float[np.ndarray, "cells 10 10"]) -> csr_matrix:
    i = np.repeat(wall.cells, 10, axis=1).ravel()
    j = np.tile(wall.cells, (1, 10)).ravel()
    n_nodes = len(wall.unloaded)
    return csr_matrix((local.ravel(), (i, j)), shape=(n_nodes, n_nodes))


def product(
    matrix: csr_matrix,
    a: Float[np.ndarray, "m nodes parts"],
    b: Float[np.ndarray, "n nodes parts"],
) -> Float[np.ndarray, "m n"]:
    """Return the inner products of two families of nodal fields."""
    along = np.moveaxis(b, 0, -1).reshape(b.shape[1], -1)
    moved = np.asarray(matrix @ along).reshape(b.shape[1], -1, len(b))
    return np.asarray(np.tensordot(a, moved, axes=([1, 2], [0, 1])))


def orthogonal_modes(
    fields: Float[np.ndarray, "fields nodes parts"], matrix: csr_matrix, n_modes: int
) -> tuple[Float[np.ndarray, "modes nodes parts"], Float[np.ndarray, " fields"]]:
    """Return the orthonormal modes that hold most of the fields, and all singular values."""
    gram = product(matrix, fields, fields)
    values, vectors = np.linalg.eigh((gram + gram.T) / 2)
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = min(n_modes, int(np.sum(values > 1e-12 * values[0])))
    combined = np.tensordot(vectors[:, :kept].T, fields, axes=1)
    # Once more, for the smallest modes lose their orthogonality to rounding.
    again = np.linalg.cholesky(product(matrix, combined, combined))
    modes = np.tensordot(np.linalg.inv(again), combined, axes=1)
    return modes, np.sqrt(np.maximum(values, 0.0))
