"""That the wall keeps its volume, as a prior of its motion.

Blood squeezed out of the myocardium is a few per cent of it (Yin et al. 1996, Am J Physiol
271:H1864; from memory), so that motion in a short-axis plane tells strain across it:
incompressible motion from tags (Liu, Abd-Elmoniem & Prince 2012, IEEE Trans Med Imaging; from
memory).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import CENTROID, tetrahedron_shapes
from cardiotwin.measurement.motion import Smoothness, node_basis

CHANGE_SD = 0.1  # of a piece of wall's volume over that at the R wave


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptVolume:
    """Volumes of the wall's cells as readings of its field: each is what it was at the R wave.

    Parameters
    ----------
    slopes
        Of the field's terms in the middle of each curved cell, 1/m: flat ones change their
        volumes by several per cent where the wall's curve does.
    weight
        Of one cell: all together count as many independent pieces as the field has terms.
    """

    slopes: Float[np.ndarray, "cells 3 terms"]
    weight: float

    def gradient(self, field: Float[np.ndarray, "terms 3"]) -> Float[np.ndarray, "cells 3 3"]:
        """Return the deformation gradient of each cell."""
        return np.asarray(np.eye(3) + np.swapaxes(self.slopes @ field, 1, 2))

    def left(self, field: Float[np.ndarray, "terms 3"]) -> Float[np.ndarray, " cells"]:
        """Return what is missing to the first volumes, in standard deviations."""
        return np.asarray(self.weight * (1 - np.linalg.det(self.gradient(field))))

    def rows(self, field: Float[np.ndarray, "terms 3"]) -> Float[np.ndarray, "cells unknowns"]:
        """Return what the coefficients, direction running fastest, do to the volumes."""
        gradient = self.gradient(field)
        # dJ = cof F : dF, with the cofactor as cross products: right where J is nought, too.
        a, b, c = np.moveaxis(gradient, 2, 0)
        cofactor = np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)], axis=2)
        rows = np.einsum("mjk,mij->mki", self.slopes, cofactor)
        return np.asarray(self.weight * rows.reshape(len(rows), -1))


def kept_volume(mesh: TetMesh, smoothness: Smoothness) -> KeptVolume:
    """Return the volumes of a mesh's cells as readings of a field on it."""
    basis = node_basis(mesh, smoothness)
    shapes = tetrahedron_shapes(CENTROID)[1][0]
    edges, changes = (
        np.einsum("nk,cnj->ckj", shapes, each[mesh.cells]) for each in (mesh.points, basis)
    )
    independent = min(1.0, basis.shape[1] / len(mesh.cells))
    return KeptVolume(
        slopes=np.linalg.solve(edges, changes), weight=float(np.sqrt(independent)) / CHANGE_SD
    )


__all__ = ["CHANGE_SD", "KeptVolume", "kept_volume"]
