"""Laplace solutions between the surfaces of both ventricles, which rules for fibres follow."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float

from cardiotwin.geometry.fibres import wall_axes
from cardiotwin.geometry.laplace import gradient, harmonic, stiffness
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import NODES, tetrahedron_shapes

APEX = 0.05  # of the height: epicardium this low is the apex
SURFACES = ("lv_endocardium", "rv_endocardium", "epicardium")
Nodal = Float[np.ndarray, " nodes"]
Scalars = Float[np.ndarray, "cells q"]
Vectors = Float[np.ndarray, "cells q 3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Harmonics:
    """Harmonic functions of a wall; the first four sum to one.

    Parameters
    ----------
    left, right
        One on that ventricle's endocardium, zero on the other and on the epicardium.
    left_outer, right_outer
        One on that ventricle's part of the epicardium, zero on its other part and inside.
    height
        From the apex, zero, to the base, one.
    """

    left: Nodal
    right: Nodal
    left_outer: Nodal
    right_outer: Nodal
    height: Nodal

    @property
    def outer(self) -> Nodal:
        """Return the function that is one on the epicardium, zero inside."""
        return np.asarray(self.left_outer + self.right_outer)

    @property
    def between(self) -> Nodal:
        """Return the function from -2 on the left to 1 on the right, zero on the epicardium.

        Its sign tells the ventricles apart: two thirds of the septum are the LV's (Doste et al.
        2019). Nowhere inside is it flat.
        """
        return np.asarray(self.right - 2 * self.left)


@lru_cache(maxsize=2)
def harmonics(mesh: TetMesh) -> Harmonics:
    """Return the harmonic functions of a mesh with the point field ``apicobasal``."""
    matrix = stiffness(mesh)
    on = [surface_nodes(mesh, name) for name in SURFACES]
    fixed = on[0] | on[1] | on[2]
    inner = harmonic(matrix, fixed, np.stack(on[:2], axis=1).astype(np.float64))
    left, right = inner.T
    rights = on[2] & (_outward_slope(mesh, right - 2 * left) < 0)
    right_outer = harmonic(matrix, fixed, rights.astype(np.float64))
    base = surface_nodes(mesh, "base")
    apex = (mesh.point_fields["apicobasal"] < APEX) & on[2] & ~base
    return Harmonics(
        left=left,
        right=right,
        left_outer=1 - left - right - right_outer,
        right_outer=right_outer,
        height=harmonic(matrix, apex | base, base.astype(np.float64)),
    )


def surface_nodes(mesh: TetMesh, surface: str) -> Bool[np.ndarray, " nodes"]:
    """Return which nodes lie on a surface."""
    found = np.zeros(len(mesh.points), dtype=bool)
    found[mesh.facets[surface]] = True
    return found


def values_at(mesh: TetMesh, field: Nodal, reference: Float[np.ndarray, "q 3"]) -> Scalars:
    """Return a harmonic function of values 0 to 1 at reference points of each cell."""
    found = field[mesh.cells] @ tetrahedron_shapes(reference)[0].T
    return np.asarray(np.clip(found, 0, 1))  # order 2 overshoots a little


def ventricular_axes(
    mesh: TetMesh, reference: Float[np.ndarray, "q 3"]
) -> tuple[Vectors, Vectors, Vectors]:
    """Return the circumferential, longitudinal and transmural unit vectors, right-handed.

    Longitudinal points to the base, transmural out of the ventricle that a point belongs to.
    """
    found = harmonics(mesh)
    side = np.where(is_left(mesh, reference), 1.0, -1.0)[..., None]
    through = side * gradient(mesh, found.between, reference)
    return wall_axes(gradient(mesh, found.height, reference), through)


def is_left(mesh: TetMesh, reference: Float[np.ndarray, "q 3"]) -> Bool[np.ndarray, "cells q"]:
    """Return whether reference points of each cell belong to the left ventricle."""
    between = harmonics(mesh).between[mesh.cells] @ tetrahedron_shapes(reference)[0].T
    return np.asarray(between < 0)


def _outward_slope(mesh: TetMesh, field: Nodal) -> Nodal:
    """Return about how steeply a function grows out of the epicardium at its nodes."""
    slopes = np.zeros_like(mesh.points)
    np.add.at(slopes, mesh.cells, gradient(mesh, field, NODES))
    facets = mesh.facets["epicardium"]
    corners = mesh.points[facets[:, :3]]
    normals = np.zeros_like(mesh.points)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    np.add.at(normals, facets, normal[:, None])
    return np.asarray(np.einsum("ni,ni->n", slopes, normals))


__all__ = [
    "Harmonics",
    "harmonics",
    "is_left",
    "surface_nodes",
    "values_at",
    "ventricular_axes",
]
