"""A whole beat as clinicians read it: strains, twist and thickness over time, stress and work."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import cell_volumes
from cardiotwin.measurement.beat import end_systole, pump_function
from cardiotwin.measurement.sectors import segment_sums
from cardiotwin.mechanics.state import WallState
from cardiotwin.mechanics.wall import Wall
from cardiotwin.twin.frames import Frame
from cardiotwin.twin.function import Function, read_function
from cardiotwin.twin.twin import Twin

Fields = dict[str, Float[np.ndarray, "frames cells"]]


@dataclass(frozen=True, kw_only=True, eq=False)
class WholeBeat:
    """One beat that repeats, from end-diastole.

    Parameters
    ----------
    mesh
        The wall in the first frame, from which strains are taken.
    time
        Of the frames, s.
    states
        Their placements (displacements from `mesh`), pressures and volumes.
    fields
        By frame and cell: ``fibre_stress`` (Cauchy, Pa), ``fibre_strain`` and those of the wall's
        directions (Green-Lagrange, from the first frame).
    function
        What is read of them; `end_systole` is where ejection has ended.
    segment_fibre_work
        Work that each AHA segment's fibres do over the beat, J.
    segment_volume
        Of the wall, m^3.
    fibre_work
        That of the whole wall (with the right ventricle's, where there is one), J.
    """

    mesh: TetMesh
    time: Float[np.ndarray, " frames"]
    states: tuple[WallState, ...]
    fields: Fields
    function: Function
    segment_fibre_work: Float[np.ndarray, "17"]
    segment_volume: Float[np.ndarray, "17"]
    fibre_work: float


def read_beat(
    wall: Wall,
    frames: Sequence[Frame],
    *,
    time: Float[np.ndarray, " steps"],
    volume: Float[np.ndarray, " steps"],
    pressure: Float[np.ndarray, " steps"],
    heart_rate: float,
) -> WholeBeat:
    """Return what is read of a beat's frames, and of its steps.

    Parameters
    ----------
    wall
        Whose they are.
    frames
        From end-diastole; the last one is before the next beat's first.
    time, volume, pressure
        The left ventricle's at every step, SI: its pump function is taken from them.
    heart_rate
        Beats/s.
    """
    imaged = wall.mesh
    points = [imaged.points + frame.state.displacement for frame in frames]
    mesh = replace(imaged, points=points[0])
    states = tuple(
        replace(frame.state, displacement=there - points[0])
        for frame, there in zip(frames, points, strict=True)
    )
    fields = _strains(wall, points)
    fields["fibre_stress"] = np.stack([frame.fibre_stress for frame in frames])
    names = [f"frame_{k:03d}" for k in range(len(frames))]
    times = np.array([frame.time for frame in frames])
    function = read_function(
        mesh,
        dict(zip(names, states, strict=True)),
        {name: {key: field[k] for key, field in fields.items()} for k, name in enumerate(names)},
        times=dict(zip(names, times.tolist(), strict=True)),
        heart_rate=heart_rate,
        end_systole=end_systole(np.array([state.cavity_volume for state in states])),
    )
    pump = pump_function(volume, pressure, time=time, heart_rate=heart_rate)
    assert function.fibre_work is not None  # noqa: S101 - there are frames enough
    held = cell_volumes(mesh.points, mesh)
    work = function.fibre_work * held
    return WholeBeat(
        mesh=mesh,
        time=times,
        states=states,
        fields=fields,
        function=replace(function, pump=pump),
        segment_fibre_work=segment_sums(mesh, work),
        segment_volume=segment_sums(mesh, held),
        fibre_work=float(work.sum()),
    )


def two_states(beat: WholeBeat, twin: Twin) -> Twin:
    """Return the twin with the beat's end-diastole and end-systole as its states, to be drawn."""
    frames = {"end_diastole": 0, "end_systole": beat.function.end_systole}
    return replace(
        twin,
        mesh=beat.mesh,
        measured_points={},
        states={name: beat.states[k] for name, k in frames.items()},
        times={name: float(beat.time[k]) for name, k in frames.items()},
        state_fields={
            name: {key: values[k] for key, values in beat.fields.items()}
            for name, k in frames.items()
        },
        function=beat.function,
    )


def _strains(wall: Wall, points: Sequence[Float[np.ndarray, "nodes 3"]]) -> Fields:
    """Return Green-Lagrange strains from the first placement, by name."""
    found = [wall.strains(there) for there in points]
    result = {}
    for name in found[0]:
        squared = 1 + 2 * np.stack([one[name] for one in found])
        result[name] = (squared / squared[:1] - 1) / 2
    return result


__all__ = ["WholeBeat", "read_beat", "two_states"]
