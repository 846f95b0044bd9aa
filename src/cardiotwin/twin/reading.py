"""A twin with what is read of it: the record's numbers, and fields by segment for viewers."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import Flag, InputError
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.imaging.examination import Phase
from cardiotwin.measurement.views import N_SEGMENTS, SLICES
from cardiotwin.twin.beat import beat_states, state_times
from cardiotwin.twin.function import Function, read_function
from cardiotwin.twin.twin import Twin


def with_function(twin: Twin) -> Twin:
    """Return the twin with its function and segment fields; the same where it does not beat.

    A wall that the planes do not meet whole at end-diastole leaves a flag instead, one that they
    do not meet whole later a flag beside it.
    """
    names = beat_states(twin)
    if len(names) < 2 or names[0] != Phase.END_DIASTOLE:
        return twin
    try:
        function = read_function(
            twin.mesh,
            {name: twin.states[name] for name in names},
            twin.state_fields,
            times=state_times(twin),
            heart_rate=twin.subject.heart_rate,
            measured=twin.measured_points.get(Phase.END_SYSTOLE),
        )
    except InputError as error:
        flag = Flag(name="function_not_read", sentence=f"No strain or torsion was read: {error}")
        return replace(twin, flags=(*twin.flags, flag))
    read = segment_fields(twin.mesh, function)
    fields = {name: {**values, **read.get(name, {})} for name, values in twin.state_fields.items()}
    flags = (*twin.flags, *left_planes(function))
    return replace(twin, function=function, state_fields=fields, flags=flags)


def left_planes(function: Function) -> tuple[Flag, ...]:
    """Say in which fixed short-axis planes the wall is no longer whole, and in how many states."""
    gone = np.isnan(function.image.circumferential).any(axis=-1)
    if not gone.any():
        return ()
    named = [name for name, lost in zip(SLICES, gone.any(axis=0), strict=True) if lost]
    last = "end-systole" if gone[function.end_systole].any() else "not at end-systole"
    sentence = (
        f"The left ventricle's wall leaves the fixed plane of the {' and '.join(named)} slice in "
        f"{gone.any(axis=1).sum()} of {len(gone)} states ({last}): there circumferential and "
        "radial strain in fixed planes are unknown. Those along material lines are not concerned."
    )
    return (Flag(name="fixed_planes_left", sentence=sentence),)


def segment_fields(
    mesh: TetMesh, function: Function
) -> dict[str, dict[str, Float[np.ndarray, " cells"]]]:
    """Return by state what was read of each cell's segment, NaN outside the segments.

    ``segment_longitudinal_strain``, ``segment_circumferential_strain`` and
    ``segment_radial_strain`` along material lines, ``segment_wall_thickening`` in fixed planes:
    engineering strains, all from end-diastole.
    """
    numbers = mesh.cell_fields["aha_segment"].astype(np.int64)
    inside = (numbers >= 1) & (numbers <= N_SEGMENTS)
    found: dict[str, dict[str, Float[np.ndarray, " cells"]]] = {}
    for frame, name in enumerate(function.states):
        by_name = {
            "segment_longitudinal_strain": function.material.segment_longitudinal,
            "segment_circumferential_strain": function.material.segment_circumferential,
            "segment_radial_strain": function.material.segment_radial,
            "segment_wall_thickening": function.image.segment_radial,
        }
        found[name] = {
            key: np.where(inside, values[frame][np.where(inside, numbers - 1, 0)], np.nan)
            for key, values in by_name.items()
        }
    return found


__all__ = ["left_planes", "segment_fields", "with_function"]
