"""Laplace problems on a wall, with its own order-2 nodes as unknowns.

The mesh's nodes are the unknowns in the mesh's order, so no library needs to renumber them.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import spsolve

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import INNER, INNER_WEIGHTS, jacobians, tetrahedron_shapes


def stiffness(mesh: TetMesh) -> csr_matrix:
    """Return the matrix of the integral of grad u . grad v, m."""
    jacobian = jacobians(mesh.points, mesh, INNER)
    weights = np.linalg.det(jacobian) * INNER_WEIGHTS
    gradients = tetrahedron_shapes(INNER)[1] @ np.linalg.inv(jacobian)
    scaled = gradients * weights[:, :, None, None]
    n_cells = len(mesh.cells)
    rows = scaled.transpose(0, 2, 1, 3).reshape(n_cells, 10, -1)
    columns = gradients.transpose(0, 2, 1, 3).reshape(n_cells, 10, -1)
    local = rows @ columns.transpose(0, 2, 1)
    i = np.repeat(mesh.cells, 10, axis=1).ravel()
    j = np.tile(mesh.cells, (1, 10)).ravel()
    n_nodes = len(mesh.points)
    return csr_matrix((local.ravel(), (i, j)), shape=(n_nodes, n_nodes))


def harmonic(
    matrix: csr_matrix,
    fixed: Bool[np.ndarray, " nodes"],
    values: Float[np.ndarray, "nodes ..."],
) -> Float[np.ndarray, "nodes ..."]:
    """Return the solution that takes `values` where `fixed`, and no flux leaves elsewhere.

    Columns are as many problems, which share one factorisation.
    """
    free = ~fixed
    solution = values.copy()
    load = -matrix[free][:, fixed] @ values[fixed]
    solution[free] = spsolve(matrix[free][:, free].tocsc(), load, permc_spec="MMD_AT_PLUS_A")
    return solution


def gradient(
    mesh: TetMesh, field: Float[np.ndarray, " nodes"], reference: Float[np.ndarray, "q 3"]
) -> Float[np.ndarray, "cells q 3"]:
    """Return the gradient of an order-2 field at reference points of each cell, 1/m."""
    slopes = np.einsum("cn,qnk->cqk", field[mesh.cells], tetrahedron_shapes(reference)[1])
    inverse = np.linalg.inv(jacobians(mesh.points, mesh, reference))
    return np.asarray(np.einsum("cqk,cqki->cqi", slopes, inverse), dtype=np.float64)


__all__ = ["gradient", "harmonic", "stiffness"]
