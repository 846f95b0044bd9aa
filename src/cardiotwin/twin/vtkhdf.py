"""`twin.vtkhdf`: one file that viewers open as a heart in time, and that holds the whole twin.

The group ``VTKHDF`` is what PyVista and ParaView read: an unstructured grid of quadratic
tetrahedra at end-diastole with fibres, segments and coordinates, and one time step per state of
the beat with displacement, strain and stress. Format: VTKHDF specification 2.2, Kitware,
https://docs.vtk.org/en/latest/vtk_file_formats/vtkhdf_file_format/. The group ``cardiotwin``,
which viewers pass over, holds the record as it is loaded: a JSON document and its arrays.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float, Shaped

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.twin.beat import UNLOADED, beat_states, state_times
from cardiotwin.twin.document import from_document, to_document
from cardiotwin.twin.twin import Twin

QUADRATIC_TETRAHEDRON = 24  # vtkCellType.h

Fields = Mapping[str, Shaped[np.ndarray, "..."]]


def twin_to_hdf5(twin: Twin) -> bytes:
    """Return the file's bytes; it is made in memory, so a full disk meets plain writing only."""
    with h5py.File.in_memory(libver=("v110", "v110")) as file:
        with np.errstate(invalid="ignore", over="ignore"):  # a view may show what is not a number
            _write_view(file.create_group("VTKHDF"), twin)
        _write_record(file.create_group("cardiotwin"), twin)
        file.flush()
        return bytes(file.id.get_file_image())


def twin_from_hdf5(content: bytes) -> Twin:
    """Return the twin of a file's bytes.

    Raises
    ------
    OSError, KeyError, ValueError
        If the bytes are not such a file.
    """
    with h5py.File.in_memory(file_image=content) as file:
        record = file["cardiotwin"]
        document = json.loads(bytes(record["document"][()]))
        arrays: dict[str, Shaped[np.ndarray, ...]] = {}

        def collect(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                arrays[name] = np.asarray(item[()])

        record["arrays"].visititems(collect)
        twin = from_document(Twin, document, arrays)
    assert isinstance(twin, Twin)  # noqa: S101 - the codec follows the annotation
    return twin


def _write_record(group: h5py.Group, twin: Twin) -> None:
    document, arrays = to_document(twin)
    text = json.dumps(document, allow_nan=False).encode("ascii")
    group.create_dataset("document", data=np.frombuffer(text, dtype=np.uint8))
    stored = group.create_group("arrays")
    for name, array in arrays.items():
        _write(stored, name, array)


def _write_view(group: h5py.Group, twin: Twin) -> None:
    group.attrs["Version"] = np.array([2, 2], dtype=np.int64)
    # A string of fixed length in ASCII: VTK refuses h5py's own variable-length strings here.
    group.attrs.create("Type", np.bytes_("UnstructuredGrid"), dtype="S16")
    _write_grid(group, twin.mesh)
    names = beat_states(twin)
    _write_static(group, twin, in_time=_names_in_time(twin, names))
    if names:
        _write_steps(group, twin, names)


def _write_grid(group: h5py.Group, mesh: TetMesh) -> None:
    n_cells, per_cell = mesh.cells.shape
    group["NumberOfPoints"] = np.array([len(mesh.points)], dtype=np.int64)
    group["NumberOfCells"] = np.array([n_cells], dtype=np.int64)
    group["NumberOfConnectivityIds"] = np.array([mesh.cells.size], dtype=np.int64)
    _write(group, "Points", np.asarray(mesh.points, dtype=np.float64))
    _write(group, "Connectivity", mesh.cells.astype(np.int64).ravel())
    _write(group, "Offsets", np.arange(n_cells + 1, dtype=np.int64) * per_cell)
    _write(group, "Types", np.full(n_cells, QUADRATIC_TETRAHEDRON, dtype=np.uint8))


def _write_static(group: h5py.Group, twin: Twin, in_time: set[str]) -> None:
    """Write what does not change over the beat, under names that no time series takes."""
    points = dict(twin.mesh.point_fields)
    if UNLOADED in twin.states:
        points["unloaded_displacement"] = twin.states[UNLOADED].displacement
    for phase, measured in twin.measured_points.items():
        points[f"measured_{phase.value}_displacement"] = measured - twin.mesh.points
    _write_fields(group.create_group("PointData"), points, taken=in_time)
    cells = dict(twin.mesh.cell_fields)
    if twin.function is not None and twin.function.fibre_work is not None:
        cells["fibre_work"] = twin.function.fibre_work
    _write_fields(group.create_group("CellData"), cells, taken=in_time)


def _write_fields(group: h5py.Group, fields: Fields, taken: set[str]) -> None:
    for name, values in fields.items():
        if name not in taken and _shows(name, values):
            _write(group, name, _for_view(values))


def _write_steps(group: h5py.Group, twin: Twin, names: Sequence[str]) -> None:
    """Write the time series: one geometry for all steps, fields laid end to end."""
    n_steps = len(names)
    once = np.zeros(n_steps, dtype=np.int64)
    steps = group.create_group("Steps")
    steps.attrs["NSteps"] = np.int64(n_steps)
    steps["Values"] = _step_values(twin, names)
    steps["PartOffsets"] = once
    steps["NumberOfParts"] = once + 1
    steps["PointOffsets"] = once
    steps["CellOffsets"] = once[:, None]
    steps["ConnectivityIdOffsets"] = once[:, None]
    point_offsets = steps.create_group("PointDataOffsets")
    cell_offsets = steps.create_group("CellDataOffsets")
    for name in group["PointData"]:
        point_offsets[name] = once
    for name in group["CellData"]:
        cell_offsets[name] = once
    counts = np.arange(n_steps, dtype=np.int64)
    displacement = np.concatenate([twin.states[name].displacement for name in names])
    _write(group["PointData"], "displacement", displacement)
    point_offsets["displacement"] = counts * len(twin.mesh.points)
    for name, series in _cell_series(twin, names).items():
        _write(group["CellData"], name, series)
        cell_offsets[name] = counts * len(twin.mesh.cells)


def _names_in_time(twin: Twin, names: Sequence[str]) -> set[str]:
    return {"displacement", *_cell_series(twin, names)} if names else set()


def _cell_series(
    twin: Twin, names: Sequence[str]
) -> dict[str, Shaped[np.ndarray, "steps_by_cells ..."]]:
    """Return each state field laid end to end over the steps, NaN where a state lacks it."""
    by_state = [twin.state_fields.get(name, {}) for name in names]
    known = {key: values for fields in by_state for key, values in fields.items()}
    series = {}
    for key, like in known.items():
        absent = np.full(like.shape, np.nan)
        steps = [fields.get(key, absent) for fields in by_state]
        if _shows(key, like) and all(step.shape == like.shape for step in steps):
            series[key] = np.concatenate([_for_view(step) for step in steps])
    return series


def _step_values(twin: Twin, names: Sequence[str]) -> Float[np.ndarray, " steps"]:
    """Return the steps' times, s; their numbers where a time is unknown or repeats."""
    times = np.array([state_times(twin).get(name, np.nan) for name in names])
    return times if np.all(np.diff(times) > 0) else np.arange(len(names), dtype=np.float64)


def _shows(name: str, values: Shaped[np.ndarray, "..."]) -> bool:
    """Return whether a viewer can take the field: real numbers under a plain name."""
    plain = name != "" and not set("/.\0") & set(name)
    return plain and values.size > 0 and values.dtype.kind in "fiu"


def _for_view(values: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
    """Return the values as rows of components in a type that viewers know."""
    flat = values if values.ndim < 2 else values.reshape(len(values), -1)
    return flat.astype(np.float64) if values.dtype.kind == "f" else flat.astype(np.int64)


def _write(group: h5py.Group, name: str, array: Shaped[np.ndarray, "..."]) -> None:
    packed = {"compression": "gzip", "shuffle": True} if array.ndim and array.size else {}
    group.create_dataset(name, data=array, **packed)


__all__ = ["twin_from_hdf5", "twin_to_hdf5"]
