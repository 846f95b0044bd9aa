"""The group of an HDF5 file that VTK's readers take for a mesh whose fields change over time.

VTKHDF specification 2.2, Kitware,
https://docs.vtk.org/en/latest/vtk_file_formats/vtkhdf_file_format/.
"""

from collections.abc import Mapping

import h5py
import numpy as np
from jaxtyping import Float, Shaped

from cardiotwin.geometry.mesh import TetMesh

QUADRATIC_TETRAHEDRON = 24  # vtkCellType.h

Fields = Mapping[str, Shaped[np.ndarray, "..."]]


def write_view(
    group: h5py.Group,
    mesh: TetMesh,
    *,
    points: Fields,
    cells: Fields,
    times: Float[np.ndarray, " steps"],
    moving_points: Fields,
    moving_cells: Fields,
) -> None:
    """Write a mesh, what is fixed on it, and what changes over the steps.

    Parameters
    ----------
    group
        ``VTKHDF`` of a file.
    mesh
        One geometry for all steps.
    points, cells
        Fields by node and by cell; a name that moves is left out.
    times
        Of the steps, s.
    moving_points, moving_cells
        Fields of all steps, laid end to end.
    """
    group.attrs["Version"] = np.array([2, 2], dtype=np.int64)
    # A string of fixed length in ASCII: VTK refuses h5py's own variable-length strings here.
    group.attrs.create("Type", np.bytes_("UnstructuredGrid"), dtype="S16")
    _write_grid(group, mesh)
    for name, fixed, moving in (
        ("PointData", points, moving_points),
        ("CellData", cells, moving_cells),
    ):
        shown = {key: values for key, values in moving.items() if _shows(key, values)}
        part = group.create_group(name)
        for key, values in {**fixed, **shown}.items():
            if key in shown or (_shows(key, values) and key not in moving):
                write_array(part, key, _for_view(values))
    if len(times):
        _write_steps(group, times)
        _write_offsets(group, "PointData", set(moving_points), len(times), len(mesh.points))
        _write_offsets(group, "CellData", set(moving_cells), len(times), len(mesh.cells))


def _write_grid(group: h5py.Group, mesh: TetMesh) -> None:
    n_cells, per_cell = mesh.cells.shape
    group["NumberOfPoints"] = np.array([len(mesh.points)], dtype=np.int64)
    group["NumberOfCells"] = np.array([n_cells], dtype=np.int64)
    group["NumberOfConnectivityIds"] = np.array([mesh.cells.size], dtype=np.int64)
    write_array(group, "Points", np.asarray(mesh.points, dtype=np.float64))
    write_array(group, "Connectivity", mesh.cells.astype(np.int64).ravel())
    write_array(group, "Offsets", np.arange(n_cells + 1, dtype=np.int64) * per_cell)
    write_array(group, "Types", np.full(n_cells, QUADRATIC_TETRAHEDRON, dtype=np.uint8))


def _write_steps(group: h5py.Group, times: Float[np.ndarray, " steps"]) -> None:
    """Write the steps' times: all have one geometry."""
    once = np.zeros(len(times), dtype=np.int64)
    steps = group.create_group("Steps")
    steps.attrs["NSteps"] = np.int64(len(times))
    steps["Values"] = times
    steps["PartOffsets"] = once
    steps["NumberOfParts"] = once + 1
    steps["PointOffsets"] = once
    steps["CellOffsets"] = once[:, None]
    steps["ConnectivityIdOffsets"] = once[:, None]


def _write_offsets(
    group: h5py.Group, part: str, moving: set[str], n_steps: int, per_step: int
) -> None:
    """Write where each step's values of a field begin: one after the other, or the same."""
    starts = np.arange(n_steps, dtype=np.int64) * per_step
    offsets = group["Steps"].create_group(f"{part}Offsets")
    for key in group[part]:
        offsets[key] = starts if key in moving else np.zeros_like(starts)


def _shows(name: str, values: Shaped[np.ndarray, "..."]) -> bool:
    """Return whether a viewer can take the field: real numbers under a plain name."""
    plain = name != "" and not set("/.\0") & set(name)
    return plain and values.size > 0 and values.dtype.kind in "fiu"


def _for_view(values: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
    """Return the values as rows of components in a type that viewers know."""
    flat = values if values.ndim < 2 else values.reshape(len(values), -1)
    return flat.astype(np.float64) if values.dtype.kind == "f" else flat.astype(np.int64)


def write_array(group: h5py.Group, name: str, array: Shaped[np.ndarray, "..."]) -> None:
    """Write an array, packed where that makes it smaller."""
    packed = {"compression": "gzip", "shuffle": True} if array.ndim and array.size else {}
    group.create_dataset(name, data=array, **packed)


__all__ = ["write_array", "write_view"]
