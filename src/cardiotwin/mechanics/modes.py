"""Springs that act on a few motions of the whole wall, such as the rigid ones."""

import numpy as np
import scipy.linalg
from jaxtyping import Float

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import INNER, INNER_WEIGHTS, jacobians, tetrahedron_shapes
from cardiotwin.mechanics.fields import Fields, Midway
from cardiotwin.mechanics.solved import Dofs, Placement, Solved

Modes = Float[np.ndarray, "modes nodes 3"]


def rigid_motions(mesh: TetMesh) -> Modes:
    """Return the nodal loads of the wall's rigid motions: three shifts, three turns.

    Each is the integral over the wall of a shape function times a motion, m; the motions are
    orthonormal over the wall.
    """
    shapes = tetrahedron_shapes(INNER)[0]
    volumes = np.linalg.det(jacobians(mesh.points, mesh, INNER)) * INNER_WEIGHTS
    x = np.einsum("qn,cni->cqi", shapes, mesh.points[mesh.cells])
    around = x - np.einsum("cq,cqi->i", volumes, x) / volumes.sum()
    shifts = [np.broadcast_to(unit, x.shape) for unit in np.eye(3)]
    motions = np.stack([*shifts, *(np.cross(unit, around) for unit in np.eye(3))])
    products = np.einsum("cq,acqi,bcqi->ab", volumes, motions, motions)
    motions = np.einsum("ab,bcqi->acqi", np.linalg.inv(np.linalg.cholesky(products)), motions)
    loads = np.zeros((6, *mesh.points.shape))
    for load, motion in zip(loads, motions, strict=True):
        by_cell = np.einsum("cq,qn,cqi->cni", volumes, shapes, motion, optimize=True)
        np.add.at(load, mesh.cells.ravel(), by_cell.reshape(-1, 3))
    return loads


def rigid_anchors(mesh: TetMesh) -> Modes:
    """Return six unit vectors, of a node's way along an axis each, which hold every rigid motion.

    They are those rows of the rigid motions that a QR decomposition with pivoting takes first, so
    that they lie far apart.
    """
    around = mesh.points - mesh.points.mean(axis=0)
    around = around / np.abs(around).max()
    shifts = [np.broadcast_to(unit, around.shape) for unit in np.eye(3)]
    turns = [np.cross(unit, around) for unit in np.eye(3)]
    motions = np.stack([*shifts, *turns]).reshape(6, -1)
    chosen = scipy.linalg.qr(motions, mode="r", pivoting=True)[1][:6]
    anchors = np.zeros_like(motions)
    anchors[np.arange(6), chosen] = 1
    return anchors.reshape(6, *around.shape)


class ModalSprings:
    """Springs between the unloaded and the present placement that feel some motions alone.

    Parameters
    ----------
    fields
        Unknown and given placement.
    modes
        Nodal loads of the motions.
    stiffness
        Force per displacement along a mode; negative where it takes away what the weak form has.
    follows
        Whether the unknown is the present placement (otherwise the unloaded one).
    midway
        Where the forces are taken (at the unknown itself by default).
    """

    def __init__(
        self,
        fields: Fields,
        modes: Modes,
        stiffness: float,
        *,
        follows: bool,
        midway: Midway | None = None,
    ) -> None:
        self._fields = fields
        self._stiffness = stiffness
        self._sign = 1.0 if follows else -1.0  # of the unknown in the shift
        self._midway = midway or Midway(fields)
        self._loads = np.stack([fields.of_nodes(mode) for mode in modes], axis=1)
        self._placements = self._loads[fields.displacement_dofs]

    def _pull(self, shift: Placement) -> Dofs:
        along = self._fields.placement_layout.dot(self._placements, shift)
        return np.asarray(self._stiffness * self._loads @ along)

    def prepare(self) -> None:
        """Show the weak form nothing: it has no part in them."""

    def force(self) -> Dofs:
        """Return the residual's part, N."""
        shift = self._midway.displacement() - self._fields.given.x.array
        return self._pull(self._sign * shift)

    def energy(self, solved: Solved) -> float:
        """Return what they store in a present placement, J (they are to follow it)."""
        shift = solved.unknown[self._fields.displacement_dofs] - solved.other
        along = self._fields.placement_layout.dot(self._placements, shift)
        return float(self._stiffness / 2 * np.sum(along**2))

    def factors(self) -> tuple[Float[np.ndarray, "dofs rank"], Float[np.ndarray, "dofs rank"]]:
        """Return the factors of its derivative by the unknown."""
        slope = self._sign * self._stiffness * self._midway.share
        return self._loads, slope * self._loads

    def along_given(self, change: Placement) -> Dofs:
        """Return its derivative along a change of the given placement."""
        return self._pull(-self._sign * change)
