"""A twin before the scanner: the heart of a run folder, with its whole beat where there is one."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline

from cardiotwin.errors import InputError
from cardiotwin.exam.equilibria import beat_of_equilibria, over_time
from cardiotwin.exam.heart import BeatingHeart
from cardiotwin.exam.patient import Scanned, place_of
from cardiotwin.exam.scan import Scan
from cardiotwin.geometry.biventricular.part import left_ventricle
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import wall_volume
from cardiotwin.imaging.examination import Phase, Subject
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.state import WallState
from cardiotwin.mechanics.wall import Wall
from cardiotwin.twin.beating import RESTING_RATE
from cardiotwin.twin.files import sha256_of
from cardiotwin.twin.json_record import (
    SCHEMA,
    ejection,
    estimate_record,
    states_record,
    subject_record,
)
from cardiotwin.twin.store import RECORD, load_twin
from cardiotwin.twin.twin import Estimate, Twin
from cardiotwin.units import ML, MMHG

WallOf = Callable[[TetMesh], Wall]
"""The mechanics of an imaged wall, as `Recipe.wall` sets it up."""

BEAT = "beat.vtkhdf"
OF_A_BEAT = "twin"
"""What a run of whole beats calls the folder of its twin."""

_MARKED = (Phase.END_DIASTOLE, Phase.END_SYSTOLE)
_SYSTOLE = 0.546, 0.0021 * 60  # s, and s per beat/s: to aortic closure, Weissler et al. 1968
_KNOWN = "known: the twin that was scanned"
_PRESSURE_SD = 2 * MMHG, 5 * MMHG  # stated of end-diastole and end-systole where none was


@dataclass(frozen=True, kw_only=True, eq=False)
class TwinInScanner:
    """A twin that is to be scanned.

    Parameters
    ----------
    heart
        Its beat at even steps.
    subject
        What an examination of it states.
    truth
        Content of `truth.json`, without the scan.
    """

    heart: BeatingHeart
    subject: Mapping[str, Any]
    truth: Mapping[str, Any]


def twin_in_scanner(folder: Path, wall_of: WallOf, scan: Scan, n_frames: int) -> TwinInScanner:
    """Return the twin of a run folder, its wall at `n_frames` even steps of its beat.

    `beat.vtkhdf` beside its `twin.json` gives the beat; without one, the twin's own wall is led
    through equilibria from its end-diastole to its end-systole and back.

    Raises
    ------
    InputError
        If the folder holds no finished twin, or one without end-systole.
    ConvergenceError
        If the wall finds no equilibrium on the way.
    """
    twin = load_twin(folder)
    if Phase.END_SYSTOLE.value not in twin.states:
        msg = (
            f"{folder} holds a twin of end-diastole alone, found no end-systole in it. "
            "Give a twin that beats: one whose examination had both phases."
        )
        raise InputError(msg)
    period = 1 / (twin.subject.heart_rate or RESTING_RATE)
    whole = _whole_beat(folder)
    if whole is not None:
        heart = _beating(twin, whole, scan, period, n_frames)
        source = BEAT
    else:
        heart = _equilibria(twin, wall_of, scan, period, n_frames)
        source = "equilibria between the fitted states"
    record = _truth(twin, heart) | {
        "beat_source": source,
        "twin": {"sha256": sha256_of((folder / RECORD).read_bytes())},
    }
    return TwinInScanner(heart=heart, subject=subject_record(_stated(twin, period)), truth=record)


def _whole_beat(folder: Path) -> Path | None:
    """Return the beat's file: in the run folder, or round it where it is the beat's own `twin`."""
    places = [folder / BEAT]
    if folder.resolve().name == OF_A_BEAT:
        places.append(folder.resolve().parent / BEAT)
    return next((place for place in places if place.is_file()), None)


def _stated(twin: Twin, period: float) -> Subject:
    """Return the person with the twin's pressures as measured, where none was."""
    subject = twin.subject
    first, last = (twin.states[phase.value].cavity_pressure for phase in _MARKED)
    return replace(
        subject,
        heart_rate=1 / period,
        end_diastolic_pressure=(first, _sd(subject.end_diastolic_pressure, _PRESSURE_SD[0])),
        end_systolic_pressure=(last, _sd(subject.end_systolic_pressure, _PRESSURE_SD[1])),
        diastolic_points=(),
    )


def _sd(measured: tuple[float, float] | None, usual: float) -> float:
    return usual if measured is None else measured[1]


def _end_systole_time(twin: Twin, period: float) -> float:
    time = twin.times.get(Phase.END_SYSTOLE.value, np.nan)
    if np.isfinite(time):
        return float(time)
    return min(_SYSTOLE[0] - _SYSTOLE[1] / period, 0.6 * period)


def _patient(twin: Twin, points: Float[np.ndarray, "nodes 3"], scan: Scan) -> Scanned:
    mesh = replace(twin.mesh, points=points)
    right = None if twin.right is None else twin.right.cavity_volume
    left = left_ventricle(mesh)
    return Scanned(shape=place_of(left, right_cavity_volume=right), scan=scan)


def _equilibria(
    twin: Twin, wall_of: WallOf, scan: Scan, period: float, n_frames: int
) -> BeatingHeart:
    """Return the beat of the twin's own mechanics, at rest in every frame."""
    full, empty = (twin.states[phase.value] for phase in _MARKED)
    wall = wall_of(twin.mesh)
    way = beat_of_equilibria(
        wall,
        diastole=_loads(twin, full),
        systole=_loads(twin, empty),
        end_systolic_volume=empty.cavity_volume,
    )
    end = _end_systole_time(twin, period)
    times = period * np.arange(n_frames) / n_frames
    last = over_time(way, np.array([end]), period=period, end_systole_time=end)[0]
    return BeatingHeart(
        patient=_patient(twin, way[0], scan),
        mesh=replace(twin.mesh, points=way[0]),
        times=times,
        points=over_time(way, times, period=period, end_systole_time=end),
        period=period,
        end_systole_time=end,
        marked={Phase.END_DIASTOLE: way[0], Phase.END_SYSTOLE: last},
    )


def _loads(twin: Twin, state: WallState) -> Loads:
    return Loads(
        cavity_pressure=state.cavity_pressure,
        rv_pressure=0.0 if state.right is None else state.right.cavity_pressure,
        active_tension=state.active_tension,
        passive_scale=twin.parameters["passive_scale"].value,
        passive_exponent=twin.parameters["passive_exponent"].value,
    )


def _beating(twin: Twin, path: Path, scan: Scan, period: float, n_frames: int) -> BeatingHeart:
    """Return the whole beat that was run, at even steps by periodic cubic splines."""
    times, points = read_frames(path.read_bytes(), str(path))
    if points.shape[1:] != twin.mesh.points.shape or times[-1] >= period:
        msg = (
            f"{path} is no beat of the twin beside it, found {points.shape[1]} nodes up to "
            f"{times[-1]:.3g} s instead of {len(twin.mesh.points)} and {period:.3g} s. "
            "Run the beat of this twin again, or remove the file."
        )
        raise InputError(msg)
    course = periodic_course(times, points, period)
    even = period * np.arange(n_frames) / n_frames
    fine = times[0] + period * np.arange(200) / 200
    volumes = [cavity_volume(course(time), twin.mesh) for time in fine]
    end = float(fine[int(np.argmin(volumes))])
    return BeatingHeart(
        patient=_patient(twin, points[0], scan),
        mesh=replace(twin.mesh, points=points[0]),
        times=even,
        points=np.asarray(course(even)),
        period=period,
        end_systole_time=end,
        marked={Phase.END_DIASTOLE: points[0], Phase.END_SYSTOLE: np.asarray(course(end))},
    )


def periodic_course(
    times: Float[np.ndarray, " frames"], points: Float[np.ndarray, "frames nodes 3"], period: float
) -> CubicSpline:
    """Return the nodes at any time of a beat that repeats, by cubic splines."""
    ends = [*times, times[0] + period]
    return CubicSpline(ends, np.concatenate([points, points[:1]]), bc_type="periodic")


def read_frames(
    content: bytes, name: str
) -> tuple[Float[np.ndarray, " frames"], Float[np.ndarray, "frames nodes 3"]]:
    """Return the times, s, and nodes, m, of a whole beat's file.

    Raises
    ------
    InputError
        If it is no such file.
    """
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            group = file["VTKHDF"]
            rest = np.asarray(group["Points"], dtype=np.float64)
            times = np.asarray(group["Steps/Values"], dtype=np.float64)
            moved = np.asarray(group["PointData/displacement"], dtype=np.float64)
        return times, rest + moved.reshape(len(times), *rest.shape)
    except (OSError, KeyError, ValueError) as error:
        msg = (
            f"{name} is no whole beat, found {type(error).__name__}: {error}. "
            "Run the beat again, or remove the file: the twin is scanned without it."
        )
        raise InputError(msg) from error


def _truth(twin: Twin, heart: BeatingHeart) -> dict[str, Any]:
    """Return what is known of the twin, with the keys of `twin.json`."""
    left = heart.left
    first, last = (heart.marked[phase] for phase in _MARKED)
    model = {
        "edv_ml": cavity_volume(first, left) / ML,
        "wall_ed_ml": wall_volume(first, left) / ML,
        "esv_ml": cavity_volume(last, left) / ML,
        "wall_es_ml": wall_volume(last, left) / ML,
    }
    model |= ejection(model)
    return {
        "schema": SCHEMA,
        "subject": subject_record(twin.subject),
        "geometry": {
            "model": model,
            "whole": dict(model),
            "mesh": {"cells": len(left.cells), "nodes": len(left.points)},
        },
        "states": states_record(twin),
        "parameters": {
            name: estimate_record(
                name, Estimate(value=one.value, sd=0.0, unit=one.unit, prior=_KNOWN)
            )
            for name, one in twin.parameters.items()
        },
    }


__all__ = ["BEAT", "TwinInScanner", "WallOf", "periodic_course", "read_frames", "twin_in_scanner"]
