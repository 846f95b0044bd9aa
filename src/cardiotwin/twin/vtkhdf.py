"""`twin.vtkhdf`: one file that viewers open as a heart in time, and that holds the whole twin.

The group ``VTKHDF`` is what PyVista and ParaView read: an unstructured grid of quadratic
tetrahedra at end-diastole with fibres, segments and coordinates, and one time step per state of
the beat with displacement, strain and stress. The group ``cardiotwin``,
which viewers pass over, holds the record as it is loaded: a JSON document and its arrays.
"""

import json
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float, Shaped

from cardiotwin.twin.beat import UNLOADED, beat_states, state_times
from cardiotwin.twin.document import from_document, to_document
from cardiotwin.twin.twin import Twin
from cardiotwin.twin.vtk_view import write_array, write_view


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
        write_array(stored, name, array)


def _write_view(group: h5py.Group, twin: Twin) -> None:
    names = beat_states(twin)
    write_view(
        group,
        twin.mesh,
        points=_static_points(twin),
        cells=_static_cells(twin),
        times=_step_values(twin, names),
        moving_points={
            "displacement": np.concatenate([twin.states[name].displacement for name in names])
        }
        if names
        else {},
        moving_cells=_cell_series(twin, names),
    )


def _static_points(twin: Twin) -> dict[str, Shaped[np.ndarray, "..."]]:
    points = dict(twin.mesh.point_fields)
    if UNLOADED in twin.states:
        points["unloaded_displacement"] = twin.states[UNLOADED].displacement
    for phase, measured in twin.measured_points.items():
        points[f"measured_{phase.value}_displacement"] = measured - twin.mesh.points
    return points


def _static_cells(twin: Twin) -> dict[str, Shaped[np.ndarray, "..."]]:
    cells = dict(twin.mesh.cell_fields)
    if twin.function is not None and twin.function.fibre_work is not None:
        cells["fibre_work"] = twin.function.fibre_work
    return cells


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
        if all(step.shape == like.shape for step in steps):
            series[key] = np.concatenate(steps)
    return series


def _step_values(twin: Twin, names: Sequence[str]) -> Float[np.ndarray, " steps"]:
    """Return the steps' times, s; their numbers where a time is unknown or repeats."""
    times = np.array([state_times(twin).get(name, np.nan) for name in names])
    return times if np.all(np.diff(times) > 0) else np.arange(len(names), dtype=np.float64)


__all__ = ["twin_from_hdf5", "twin_to_hdf5"]
