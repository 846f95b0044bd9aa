"""Where the slices lie: a short-axis stack planned on the end-diastolic heart."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.exam.patient import Patient
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

    def slabs(
        self, triangles: Float[np.ndarray, "triangles 3 3"], shifts: Float[np.ndarray, "k 2"]
    ) -> Iterator[Float[np.ndarray, "_ 3 3"]]:
        """Yield for each slice the world triangles that it meets, in its index coordinates.

        The slab reaches from -1/2 to 1/2 along the third; `shifts` move the heart along both
        in-plane axes, m.
        """
        steps = np.linalg.norm(self.affine[:3, :3], axis=0)
        index = (triangles - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T
        height = index[..., 2]
        low, high = height.min(axis=1), height.max(axis=1)
        reach = 0.5 * self.thickness / steps[2]
        for number, shift in enumerate(shifts):
            met = index[(high >= number - reach) & (low <= number + reach)]
            met[..., :2] += shift / steps[:2]
            met[..., 2] = (met[..., 2] - number) * steps[2] / self.thickness
            yield met

    def centres(self, number: int, across: float = 0.0) -> Float[np.ndarray, "i j 3"]:
        """Return the pixels' centres in one slice, `across` its middle plane, m."""
        i, j = np.meshgrid(np.arange(self.shape[0]), np.arange(self.shape[1]), indexing="ij")
        steps = np.linalg.norm(self.affine[:3, :3], axis=0)
        k = np.full(i.shape, number + across / steps[2])
        index = np.stack([i, j, k], axis=-1)
        return np.asarray(index @ self.affine[:3, :3].T + self.affine[:3, 3])


def plan_stack(
    patient: Patient, end_diastole: Float[np.ndarray, "nodes 3"], mesh: TetMesh
) -> Stack:
    """Return the stack whose second slice begins at the base, as the recipe plans it.

    Rows run to the body's left and columns forwards, so that the RV is on the left of the
    picture and the third axis runs to the apex: right-handed.
    """
    scan = patient.scan
    right, anterior, along = patient.shape.axes.T
    tilt, turn = scan.planning_tilt, scan.in_plane_turn
    into = -(np.cos(tilt) * along + np.sin(tilt) * (0.6 * right + 0.8 * anterior))
    first = -right - (-right @ into) * into
    first = first / np.linalg.norm(first)
    second = np.cross(into, first)
    row = np.cos(turn) * first + np.sin(turn) * second
    column = np.cross(into, row)
    steps = np.array([scan.pixel, scan.pixel, scan.slice_distance])
    base = base_centre(end_diastole, mesh)
    middle = np.asarray(patient.shape.position) + scan.off_centre * right
    start = base - (scan.planning_offset + 0.5 * scan.slice_distance) * into
    centre = middle + ((start - middle) @ into) * into
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([row, column, into]) * steps
    half = 0.5 * (np.array(scan.matrix) - 1) * scan.pixel
    affine[:3, 3] = centre - half[0] * row - half[1] * column
    return Stack(
        affine=affine, shape=(*scan.matrix, scan.n_slices), thickness=scan.slice_thickness
    )


def slice_affines(stack: Stack) -> Float[np.ndarray, "k 4 4"]:
    """Return each slice's voxel index to world, m, its third step the excited thickness."""
    affines = np.tile(stack.affine, (stack.shape[2], 1, 1))
    across = stack.affine[:3, 2]
    affines[:, :3, 3] += np.arange(stack.shape[2])[:, None] * across
    affines[:, :3, 2] = across / np.linalg.norm(across) * stack.thickness
    return affines


def base_centre(points: Float[np.ndarray, "nodes 3"], mesh: TetMesh) -> Float[np.ndarray, "3"]:
    """Return the mean of the endocardial rim's nodes, m."""
    return np.asarray(points[rim_nodes(mesh)].mean(axis=0))


__all__ = ["Stack", "base_centre", "plan_stack", "slice_affines"]
