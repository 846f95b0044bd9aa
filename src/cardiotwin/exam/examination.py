"""A whole examination: the beating heart through the scanner into a folder.

Raw data, the images reconstructed from them as NIfTI and DICOM, an annotation of end-diastole and
end-systole, physiological signals, and the truth. Its parts need nothing of each other, so that
several processes scan them side by side.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from cardiotwin.exam.battery import Battery, Beside, finish
from cardiotwin.exam.cine_protocol import CineProtocol
from cardiotwin.exam.heart import BeatingHeart, frame_arrays, volunteer_heart
from cardiotwin.exam.long_axis import write_long_axis
from cardiotwin.exam.make import IMAGE, LABELS, VALVES, valve_points, write_true_wall
from cardiotwin.exam.short_axis import NAME, Moving, write_short_axis
from cardiotwin.exam.truth import subject, truth_record
from cardiotwin.exam.volunteer import BeatSolver, Volunteer, end_diastolic_wall
from cardiotwin.exam.write import TRUE_WALL, TRUTH, write_yaml
from cardiotwin.measurement.views import VIEWS
from cardiotwin.twin.files import write_folder
from cardiotwin.twin.json_record import as_json, subject_record
from cardiotwin.units import ML

NOTHING_ELSE = Battery(series=())

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Session:
    """All that is scanned of a heart.

    Parameters
    ----------
    beside
        The series beside the cine; the heart, the cine's protocol, folder and seed are there.
    """

    beside: Beside

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the names of what is scanned, the longest first."""
        views = VIEWS if self.beside.cine.long_axis else ()
        return (NAME, *self.beside.battery.series, *views)

    def scan(self, name: str) -> Any:
        """Scan a part and write its files: return what is true of it, None of a long-axis view."""
        beside = self.beside
        _, for_cine, _, for_views = _rngs(beside.seed)
        if name == NAME:
            return write_short_axis(beside.heart, beside.cine, beside.folder, for_cine)
        if name in VIEWS:
            rng = for_views.spawn(len(VIEWS))[VIEWS.index(name)]
            return write_long_axis(beside.heart, beside.cine, name, beside.folder, rng)
        return beside.scan(name)


def scan_all(session: Session, processes: int) -> Iterator[tuple[str, Any]]:
    """Yield each part with what its scan returned, as they end."""
    if processes == 1:
        for name in session.parts:
            yield name, session.scan(name)
        return
    with ProcessPoolExecutor(
        min(processes, len(session.parts)),
        get_context("spawn"),  # a fork would take the solvers' threads and locks with it
        initializer=_enter,
        initargs=(session,),
    ) as pool:
        waiting = {pool.submit(_scan, name): name for name in session.parts}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        finally:
            pool.shutdown(cancel_futures=True)


_entered: dict[str, Session] = {}
"""The session of a process that scans: its hearts and slices are made once for all parts."""


def _enter(session: Session) -> None:
    _entered["session"] = session


def _scan(name: str) -> Any:
    return _entered["session"].scan(name)


def _rngs(seed: int) -> list[np.random.Generator]:
    """Return those of nothing yet, the short-axis cine, the valve's points and the views."""
    return np.random.default_rng(seed).spawn(4)


def make_examination(
    volunteer: Volunteer,
    protocol: CineProtocol,
    folder: Path,
    beat: BeatSolver,
    *,
    tell: Tell = lambda _: None,
    battery: Battery = NOTHING_ELSE,
    processes: int = 1,
) -> Path:
    """Return the folder of the volunteer's whole examination; it appears whole or not at all.

    `tell` hears a sentence at each stage; `battery` are the series beside the cine; so many
    `processes` scan side by side.

    Raises
    ------
    InputError
        If something is there already, or the protocol does not fit the beat.
    """
    mesh = end_diastolic_wall(volunteer)
    true_beat = beat(volunteer, mesh)
    tell("solved the beat")

    def fill(part: Path) -> None:
        heart = volunteer_heart(volunteer, mesh, true_beat, protocol.n_phases)
        beside = Beside(
            battery=battery, heart=heart, cine=protocol, folder=part, seed=volunteer.seed
        )
        person = subject_record(subject(volunteer, true_beat))
        moving, series = write_examination(beside, person, processes=processes, tell=tell)
        write_true_wall(part / TRUE_WALL, mesh, true_beat, frame_arrays(heart))
        record = truth_record(volunteer, mesh, true_beat, moving.shifts)
        write_truth(part, {**record, **series}, moving, protocol)

    write_folder(folder, fill)
    return folder


def write_truth(
    folder: Path, record: Mapping[str, Any], moving: Moving, protocol: CineProtocol
) -> None:
    """Write `truth.json`: what is known of the heart, how it was scanned, its true volumes."""
    course = {"time_s": moving.times.tolist(), "lv_volume_ml": (moving.volumes / ML).tolist()}
    whole = {**record, "protocol": asdict(protocol), "beat": course}
    (folder / TRUTH).write_text(as_json(whole), encoding="utf-8")


def write_examination(
    beside: Beside, subject: Mapping[str, Any], *, processes: int, tell: Tell
) -> tuple[Moving, dict[str, Any]]:
    """Scan a beating heart and write all files but the truth into its folder.

    Returns the heart by true frame, and what `truth.json` says of the series beside the cine.
    """
    found: dict[str, Any] = {}
    session = Session(beside=beside)
    for name, true in scan_all(session, processes):
        found[name] = true
        tell(f"scanned {name}, {len(found)} of {len(session.parts)}")
    moving: Moving = found.pop(NAME)
    heart: BeatingHeart = beside.heart
    spread = heart.patient.scan.valve_noise
    page = {
        **subject,
        "labels": "acdc",
        "files": {"labels": LABELS, "image": IMAGE},
        "end_diastole_frame": moving.marked[0],
        "end_systole_frame": moving.marked[1],
        VALVES: valve_points(heart.left, heart.marked, spread, _rngs(beside.seed)[2]),
    }
    write_yaml(beside.folder / "subject.yaml", page)
    return moving, finish(beside, {name: found[name] for name in beside.battery.series})


__all__ = ["NOTHING_ELSE", "Session", "make_examination", "write_examination", "write_truth"]
