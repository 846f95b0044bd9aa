"""How well shaped the cells of a wall are."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import INNER, NODES, jacobians


@dataclass(frozen=True, kw_only=True)
class Quality:
    """The worst of a mesh.

    Parameters
    ----------
    inverted
        Cells whose Jacobian is not positive at a node or a quadrature point.
    distortion_min
        Smallest Jacobian of a cell over its largest: 1 for a straight cell, <= 0 if inverted.
    dihedral_min, dihedral_max
        Extreme angles between the faces of the straight tetrahedra, rad.
    """

    inverted: int
    distortion_min: float
    dihedral_min: float
    dihedral_max: float


def quality(points: Float[np.ndarray, "nodes 3"], mesh: TetMesh) -> Quality:
    """Return the quality of a mesh with its nodes at `points`."""
    determinants = np.linalg.det(jacobians(points, mesh, np.concatenate([NODES, INNER])))
    low, high = determinants.min(axis=1), np.abs(determinants).max(axis=1)
    angles = dihedral_angles(points, mesh)
    return Quality(
        inverted=int((low <= 0).sum()),
        distortion_min=float((low / high).min()),
        dihedral_min=float(angles.min()),
        dihedral_max=float(angles.max()),
    )


def dihedral_angles(
    points: Float[np.ndarray, "nodes 3"], mesh: TetMesh
) -> Float[np.ndarray, "cells 6"]:
    """Return the angles between the faces of the straight tetrahedra, rad.

    The gradients of the barycentric coordinates are the inward normals of the faces.
    """
    corners = points[mesh.cells[:, :4]]
    slopes = np.linalg.inv(corners[:, 1:] - corners[:, :1])  # column k is grad of coordinate k + 1
    normals = np.concatenate([-slopes.sum(axis=2, keepdims=True), slopes], axis=2)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    a, b = np.array(list(combinations(range(4), 2))).T
    cosines = -np.einsum("cie,cie->ce", normals[:, :, a], normals[:, :, b])
    return np.asarray(np.arccos(np.clip(cosines, -1, 1)), dtype=np.float64)


__all__ = ["Quality", "dihedral_angles", "quality"]
