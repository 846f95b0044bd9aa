"""The fibrous skeleton of the valves, which keeps the base flat.

The weak form has springs along the base's normal n everywhere on it, k (n.s) (n.v) with s the
shift from the unloaded placement. Their share of the base's motions as a plane (`plane_motions`)
is taken away again by `ModalSprings` of stiffness -k: what remains is k times the part of n.s that
warps the base.
"""

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import area_vector, facet_rule
from cardiotwin.imaging.curves import plane_axes


def base_normal(mesh: TetMesh) -> Float[np.ndarray, "3"]:
    """Return the unit normal of the imaged base, out of the wall."""
    area = area_vector(mesh.points, mesh.facets["base"])
    return np.asarray(area / np.linalg.norm(area))


def plane_motions(mesh: TetMesh) -> Float[np.ndarray, "3 nodes 3"]:
    """Return the nodal loads of the base's motions as a plane: one shift, two tilts.

    Each is the integral over the base of a shape function times a motion along the normal, m;
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
    return np.asarray(loads.T[:, :, None] * base_normal(mesh))
