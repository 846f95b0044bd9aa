"""Where the slices lie: a short-axis stack planned on the end-diastolic heart."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.exam.volunteer import Volunteer
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import rim_nodes


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """Parallel slices in the world, the first above the base.

    Parameters
    ----------
    affine
        Voxel index to RAS+ world, m; the third index counts from base to apex.
    shape
        Pixels along both in-plane axes, slices.
    thickness
        Of the excited slice, m; their distance is in the affine.
    """

    affine: Float[np.ndarray, "4 4"]
    shape: tuple[int, int, int]
    thickness: float

    def slab(
        self,
        triangles: Float[np.ndarray, "triangles 3 3"],
        number: int,
        shift: Float[np.ndarray, "2"],
    ) -> Float[np.ndarray, "triangles 3 3"]:
        """Return world triangles in one slice's index coordinates, the slab from -1/2 to 1/2.

        `shift` moves the heart along both in-plane axes, m.
        """
        steps = np.linalg.norm(self.affine[:3, :3], axis=0)
        index = (triangles - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T
        index[..., :2] += shift / steps[:2]
        index[..., 2] = (index[..., 2] - number) * steps[2] / self.thickness
        return np.asarray(index)

    def centres(self, number: int, across: float = 0.0) -> Float[np.ndarray, "i j 3"]:
        """Return the pixels' centres in one slice, `across` its middle plane, m."""
        i, j = np.meshgrid(np.arange(self.shape[0]), np.arange(self.shape[1]), indexing="ij")
        steps = np.linalg.norm(self.affine[:3, :3], axis=0)
        k = np.full(i.shape, number + across / steps[2])
        index = np.stack([i, j, k], axis=-1)
        return np.asarray(index @ self.affine[:3, :3].T + self.affine[:3, 3])


def plan_stack(
    volunteer: Volunteer, end_diastole: Float[np.ndarray, "nodes 3"], mesh: TetMesh
) -> Stack:
    """Return the stack whose second slice begins at the base, as the recipe plans it.

    Rows run to the body's left and columns forwards, so that the RV is on the left of the
    picture and the third axis runs to the apex: right-handed.
    """
    scan = volunteer.scan
    right, anterior, along = volunteer.shape.axes.T
    tilt, turn = scan.planning_tilt, scan.in_plane_turn
    into = -(np.cos(tilt) * along + np.sin(tilt) * (0.6 * right + 0.8 * anterior))
    first = -right - (-right @ into) * into
    first = first / np.linalg.norm(first)
    second = np.cross(into, first)
    row = np.cos(turn) * first + np.sin(turn) * second
    column = np.cross(into, row)
    steps = np.array([scan.pixel, scan.pixel, scan.slice_distance])
    base = base_centre(end_diastole, mesh)
    middle = np.asarray(volunteer.shape.position) + scan.off_centre * right
    start = base - (scan.planning_offset + 0.5 * scan.slice_distance) * into
    centre = middle + ((start - middle) @ into) * into
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([row, column, into]) * steps
    half = 0.5 * (np.array(scan.matrix) - 1) * scan.pixel
    affine[:3, 3] = centre - half[0] * row - half[1] * column
    return Stack(
        affine=affine, shape=(*scan.matrix, scan.n_slices), thickness=scan.slice_thickness
    )


def base_centre(points: Float[np.ndarray, "nodes 3"], mesh: TetMesh) -> Float[np.ndarray, "3"]:
    """Return the mean of the endocardial rim's nodes, m."""
    return np.asarray(points[rim_nodes(mesh)].mean(axis=0))


__all__ = ["Stack", "base_centre", "plan_stack"]
