"""The endocardium of a folder's cine, as several programs of the blood take it."""

from pathlib import Path

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import EndocardialFrames, measured_frames
from cardiotwin.imaging.read import read_examination


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
