"""Blood flow as it is reported: by AHA segment, by layer, as a reserve; maps onto the mesh.

Segments: Cerqueira et al. (2002), Circulation 105:539-542.
"""

import numpy as np
from jaxtyping import Float, Integer
from scipy.ndimage import map_coordinates

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import cell_volumes

N_SEGMENTS = 17
INNER_THIRD, OUTER_THIRD = 1 / 3, 2 / 3

Cells = Float[np.ndarray, " cells"]


def segment_means(mesh: TetMesh, values: Cells) -> Float[np.ndarray, "17"]:
    """Return the mean over each segment's volume; NaN where it has no cell with a value."""
    return _means(mesh, values, mesh.cell_fields["aha_segment"].astype(np.int64) - 1, N_SEGMENTS)


def layer_means(mesh: TetMesh, values: Cells) -> Float[np.ndarray, "3 17"]:
    """Return the means by segment of the inner, middle and outer third of the wall.

    A cell is of the third that its middle is in.
    """
    depth = mesh.point_fields["transmural"][mesh.cells[:, :4]].mean(axis=1)
    layer = (depth >= INNER_THIRD).astype(np.int64) + (depth >= OUTER_THIRD)
    groups = layer * N_SEGMENTS + mesh.cell_fields["aha_segment"].astype(np.int64) - 1
    return _means(mesh, values, groups, 3 * N_SEGMENTS).reshape(3, N_SEGMENTS)


def endo_epi_ratio(mesh: TetMesh, values: Cells) -> Float[np.ndarray, "17"]:
    """Return the inner third's mean by the outer third's, by segment."""
    layers = layer_means(mesh, values)
    return np.asarray(layers[0] / layers[2])


def reserve(mesh: TetMesh, stress: Cells, rest: Cells) -> Float[np.ndarray, "17"]:
    """Return the blood flow under stress by that at rest, by segment."""
    return np.asarray(segment_means(mesh, stress) / segment_means(mesh, rest))


def map_to_cells(
    values: Float[np.ndarray, "x y z"], affine: Float[np.ndarray, "4 4"], mesh: TetMesh
) -> Cells:
    """Return a map's values at the cells' middles, between its voxels.

    A voxel without a value (NaN) has no weight; a cell with less than half of the weight is NaN.

    Raises
    ------
    InputError
        If the map and the wall do not overlap.
    """
    middles = mesh.points[mesh.cells[:, :4]].mean(axis=1)
    voxels = np.linalg.solve(affine[:3, :3], (middles - affine[:3, 3]).T)
    known = np.isfinite(values)
    weight, total = (
        map_coordinates(array, voxels, order=1, mode="constant", cval=0.0)
        for array in (known.astype(np.float64), np.where(known, values, 0.0))
    )
    found = np.where(weight >= 0.5, total / np.maximum(weight, 0.5), np.nan)
    if not np.isfinite(found).any():
        low, high = (1e3 * end for end in (middles.min(axis=0), middles.max(axis=0)))
        msg = (
            f"The map has no value within the wall, found cells from {np.round(low)} to "
            f"{np.round(high)} mm and {int(known.sum())} voxels with one. Look at its affine: "
            "the world is RAS in metres."
        )
        raise InputError(msg)
    return np.asarray(found)


def _means(
    mesh: TetMesh, values: Cells, groups: Integer[np.ndarray, " cells"], n_groups: int
) -> Float[np.ndarray, " groups"]:
    known = np.isfinite(values) & (groups >= 0)
    volume = cell_volumes(mesh.points, mesh)[known]
    groups = groups[known]
    weight = np.bincount(groups, volume, n_groups)
    total = np.bincount(groups, volume * values[known], n_groups)
    tiny = np.finfo(np.float64).tiny
    return np.where(weight > 0, total / np.maximum(weight, tiny), np.nan)


__all__ = ["endo_epi_ratio", "layer_means", "map_to_cells", "reserve", "segment_means"]
