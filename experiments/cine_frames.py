"""The endocardium of a folder's cine, as several programs of the blood take it."""

from pathlib import Path

import numpy as np

from cardiotwin.errors import InputError
from cardiotwin.exam.twin_heart import BEAT, OF_A_BEAT, periodic_course, read_frames
from cardiotwin.geometry.biventricular.part import left_ventricle
from cardiotwin.geometry.cavity import EndocardialFrames, measured_frames, wall_frames
from cardiotwin.imaging.read import read_examination
from cardiotwin.twin import Twin, load_twin
from cardiotwin.twin.beating import RESTING_RATE
from cardiotwin.twin.store import RECORD

FRAMES = 40  # of a twin's beat
PERIOD = 0.86  # s, of a cine whose contours tell none


SMOOTH, SHARP = 6, 16  # harmonics of a measured wall and of a twin's


def cine_frames(path: str, asking: str) -> EndocardialFrames:
    """Return the frames in the contours of a folder.

    Raises
    ------
    InputError
        If there is no such folder; `asking` says what needs it.
    """
    if not path or not Path(path).is_dir():
        msg = f"{asking} needs a folder of a cine's contours, found path={path!r}. Give one."
        raise InputError(msg)
    return measured_frames(read_examination(Path(path)))


def beating_frames(path: str, asking: str) -> EndocardialFrames:
    """Return the frames of a folder's cine, or of a twin's run folder that holds its beat.

    Raises
    ------
    InputError
        If it is neither; `asking` says what needs it.
    """
    found = _beat_of(path)
    if found is None:
        return cine_frames(path, asking)
    beat, twin = found
    times, points = read_frames(beat.read_bytes(), str(beat))
    period = _period(twin)
    moments = period * np.arange(FRAMES) / FRAMES
    course = periodic_course(times, points, period)
    return wall_frames(left_ventricle(twin.mesh), np.asarray(course(moments)))


def beat_period(path: str, untold: float = PERIOD) -> float:
    """Return how long the beat of `beating_frames` takes, s: a cine's contours tell none."""
    found = _beat_of(path)
    return untold if found is None else _period(found[1])


def wall_harmonics(path: str, told: int) -> int:
    """Return the harmonics of the wall's motion: as told, or, of 0, what its frames bear.

    Measured frames have noise, and few of them tell 6; a twin's have none, and its fast beat
    rings with fewer than 16.
    """
    return told or (SMOOTH if _beat_of(path) is None else SHARP)


def _beat_of(path: str) -> tuple[Path, Twin] | None:
    """Return the beat's file and its twin, if it is a twin's."""
    beat = Path(path) / BEAT
    if not path or not beat.is_file():
        return None
    return beat, load_twin(
        beat.parent if (beat.parent / RECORD).is_file() else beat.parent / OF_A_BEAT
    )


def _period(twin: Twin) -> float:
    return 1 / (twin.subject.heart_rate or RESTING_RATE)
