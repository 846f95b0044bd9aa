"""The endocardium of a folder's cine, as several programs of the blood take it."""

from pathlib import Path

import numpy as np

from cardiotwin.errors import InputError
from cardiotwin.exam.twin_heart import BEAT, OF_A_BEAT, periodic_course, read_frames
from cardiotwin.geometry.biventricular.part import left_ventricle
from cardiotwin.geometry.cavity import EndocardialFrames, measured_frames, wall_frames
from cardiotwin.imaging.read import read_examination
from cardiotwin.twin import load_twin
from cardiotwin.twin.beating import RESTING_RATE
from cardiotwin.twin.store import RECORD

FRAMES = 40  # of a twin's beat


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
    beat = Path(path) / BEAT
    if not path or not beat.is_file():
        return cine_frames(path, asking)
    folder = beat.parent if (beat.parent / RECORD).is_file() else beat.parent / OF_A_BEAT
    twin = load_twin(folder)
    times, points = read_frames(beat.read_bytes(), str(beat))
    period = 1 / (twin.subject.heart_rate or RESTING_RATE)
    moments = period * np.arange(FRAMES) / FRAMES
    course = periodic_course(times, points, period)
    return wall_frames(left_ventricle(twin.mesh), np.asarray(course(moments)))
