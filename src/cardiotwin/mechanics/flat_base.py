"""The fibrous skeleton of the valves, which keeps the base flat."""

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import area_vector, facet_rule
from cardiotwin.imaging.curves import plane_axes
from cardiotwin.mechanics.fields import Fields
from cardiotwin.mechanics.solved import Dofs, Placement


def base_normal(mesh: TetMesh) -> Float[np.ndarray, "3"]:
    """Return the unit normal of the imaged base, out of the wall."""
    area = area_vector(mesh.points, mesh.facets["base"])
    return np.asarray(area / np.linalg.norm(area))


def plane_motions(mesh: TetMesh) -> Float[np.ndarray, "nodes 3"]:
    """Return the nodal loads of the base's motions as a plane: one shift, two tilts.

    Each is the integral over the base of a shape function times a motion (m along the normal);
    the motions are orthonormal over the base.
    """
    facets = mesh.facets["base"]
    shapes, areas, x = facet_rule(mesh.points, facets)
    centre = np.einsum("fq,fqi->i", areas, x) / areas.sum()
    within = plane_axes(base_normal(mesh))
    motions = np.concatenate([np.ones((*areas.shape, 1)), (x - centre) @ within.T], axis=2)
    products = np.einsum("fq,fqa,fqb->ab", areas, motions, motions)
    motions = motions @ np.linalg.inv(np.linalg.cholesky(products)).T
    loads = np.zeros((len(mesh.points), 3))
    by_facet = np.einsum("fq,qn,fqa->fna", areas, shapes, motions)
    np.add.at(loads, facets.ravel(), by_facet.reshape(-1, 3))
    return loads


class FlatBase:
    """What a plane may do is taken from the springs that hold the base against warping.

    The weak form has springs along the base's normal n everywhere on it, k (n.s) (n.v) with s the
    shift from the unloaded placement. Here their share of the base's motions as a plane is taken
    away again, a term of rank three: what remains is k times the part of n.s that warps the base.

    Parameters
    ----------
    fields
        Unknown and given placement.
    mesh
        The imaged wall.
    stiffness
        k, Pa/m.
    follows
        Whether the unknown is the present placement (otherwise the unloaded one).
    """

    def __init__(self, fields: Fields, mesh: TetMesh, stiffness: float, *, follows: bool) -> None:
        self._fields = fields
        self._stiffness = stiffness
        self._sign = 1.0 if follows else -1.0  # of the unknown in the shift
        along = plane_motions(mesh)[:, :, None] * base_normal(mesh)
        self._loads = np.stack([fields.of_nodes(along[:, k]) for k in range(3)], axis=1)

    def _taken(self, shift: Placement) -> Dofs:
        loads = self._loads[self._fields.displacement_dofs]
        return np.asarray(-self._stiffness * self._loads @ (loads.T @ shift))

    def force(self) -> Dofs:
        """Return the residual's part, N."""
        return self._taken(self._sign * (self._fields.sought() - self._fields.given.x.array))

    def factors(self) -> tuple[Float[np.ndarray, "dofs rank"], Float[np.ndarray, "dofs rank"]]:
        """Return the factors of its derivative by the unknown."""
        return self._loads, -self._sign * self._stiffness * self._loads

    def along_given(self, change: Placement) -> Dofs:
        """Return its derivative along a change of the given placement."""
        return self._taken(-self._sign * change)
