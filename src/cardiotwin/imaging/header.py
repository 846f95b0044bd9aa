"""What a NIfTI header says of place, size and time, and where it contradicts itself.

Place and units follow the NIfTI-1 standard (Cox et al. 2004): sform before qform, `xyzt_units`
for lengths and times; millimetres where the header names no unit.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from nibabel.imageglobals import logger as nibabel_log

from cardiotwin.errors import Flag, InputError
from cardiotwin.units import MM

METRES_PER_UNIT = {0: 1e-3, 1: 1.0, 2: 1e-3, 3: 1e-6}  # xyzt_units, lowest three bits
UNIT_NAMES = {0: "no unit (read as mm)", 1: "metres", 2: "millimetres", 3: "micrometres"}
SECONDS_PER_UNIT = {0: 1.0, 8: 1.0, 16: 1e-3, 24: 1e-6}  # next three bits
UNSET = 1.0  # what writers leave in pixdim[4] that know no time, whatever the unit
BEAT = (0.25, 2.5)  # s, the plausible range of one beat
SAME_SIZE = 0.01  # relative difference of steps: of all three a volume would be 3 % wrong
SAME_PLACE = 1 * MM  # between a corner's two places: the width of a pixel


@contextmanager
def silent() -> Iterator[None]:
    """Keep nibabel's own lines on headers off the terminal; `header_flags` says what matters."""
    handlers, propagate = nibabel_log.handlers, nibabel_log.propagate
    nibabel_log.handlers, nibabel_log.propagate = [logging.NullHandler()], False
    try:
        yield
    finally:
        nibabel_log.handlers, nibabel_log.propagate = handlers, propagate


def units(header: Any) -> int:
    """Return the code of the header's units of length and time."""
    return int(header["xyzt_units"])


def metres(header: Any) -> float:
    """Return the header's unit of length, m."""
    return METRES_PER_UNIT.get(units(header) & 7, 1e-3)


def length_unit(header: Any) -> str:
    """Return the header's unit of length, in words."""
    return UNIT_NAMES.get(units(header) & 7, "an unknown unit (read as mm)")


def frame_interval(header: Any, n_frames: int) -> float | None:
    """Return the seconds between frames if they make a plausible beat, None if they do not.

    Seconds called milliseconds are tried too, and the other way round. An interval of 1 says
    nothing: it is what most writers leave who have no time to tell.
    """
    zooms = header.get_zooms()
    if n_frames < 2 or len(zooms) < 4 or zooms[3] == UNSET:
        return None
    interval = float(zooms[3]) * SECONDS_PER_UNIT.get(units(header) & 56, 1.0)
    for factor in (1.0, 1e-3, 1e3):
        if BEAT[0] <= interval * factor * n_frames <= BEAT[1]:
            return interval * factor
    return None


def header_flags(image: Any, source: Path) -> tuple[Flag, ...]:
    """Return a flag for each thing that a header says twice and differently, or not at all.

    Raises `InputError` where it leaves the size of the voxels open: every volume rests on it.
    """
    header = image.header
    sform, qform = int(header["sform_code"]) > 0, int(header["qform_code"]) > 0
    pixdim = _pixdim(image)
    several = np.array([*image.shape, 1, 1][:3]) > 1
    known = np.all(np.isfinite(pixdim[several]) & (pixdim[several] != 0))
    if not known and not sform:
        msg = (
            f"{source} does not say how large its voxels are, found pixdim {_steps(pixdim)} and "
            "no sform. Write the file again with its spacing."
        )
        raise InputError(msg)
    if not known:
        return (_sizes_missing(pixdim, image, source),)
    flags = [_orientation(source)] if not (sform or qform) else []
    if not sform and (pixdim[several] < 0).any():
        flags.append(_sizes_negative(pixdim, source))
    if sform:
        flags += _sizes_differ(image, np.abs(pixdim), several, source, qform=qform)
    if sform and qform:
        flags += _places_differ(image, source)
    return tuple(flags)


def _pixdim(image: Any) -> Float[np.ndarray, "3"]:
    """Return the voxel sizes as the file has them: nibabel mends what it finds strange."""
    holder = image.file_map.get("header", image.file_map["image"])
    with holder.get_prepare_fileobj("rb") as file:
        raw = image.header_class.from_fileobj(file, check=False)
    return np.array(raw["pixdim"][1:4], dtype=np.float64)


def _steps(steps: Float[np.ndarray, " axes"]) -> str:
    return " x ".join(f"{step:.3g}" for step in steps)


def _sform_steps(image: Any) -> Float[np.ndarray, "3"]:
    return np.asarray(np.linalg.norm(image.affine[:3, :3], axis=0), dtype=np.float64)


def _orientation(source: Path) -> Flag:
    sentence = (
        f"{source.name} has neither sform nor qform: sizes are right, but which way the patient "
        "lies is unknown, so anterior and inferior may be exchanged."
    )
    return Flag(name="orientation_missing", sentence=sentence)


def _sizes_missing(pixdim: Float[np.ndarray, "3"], image: Any, source: Path) -> Flag:
    sentence = (
        f"pixdim of {source.name} holds no voxel sizes, found {_steps(pixdim)}: those of its "
        f"sform were read, {_steps(_sform_steps(image))} in {length_unit(image.header)}."
    )
    return Flag(name="voxel_sizes_missing", sentence=sentence)


def _sizes_negative(pixdim: Float[np.ndarray, "3"], source: Path) -> Flag:
    sentence = (
        f"pixdim of {source.name} is negative, found {_steps(pixdim)}: sizes are right, but left "
        "and right may be exchanged."
    )
    return Flag(name="voxel_sizes_negative", sentence=sentence)


def _sizes_differ(
    image: Any,
    pixdim: Float[np.ndarray, "3"],
    several: Any,
    source: Path,
    *,
    qform: bool,
) -> list[Flag]:
    """Return a flag where sform and pixdim differ in size; refuse it where a qform backs pixdim.

    Without a qform the sform alone is meant, and pixdim was never set.
    """
    steps = _sform_steps(image)
    if np.all(np.abs(steps / pixdim - 1)[several] <= SAME_SIZE):
        return []
    found = f"found {_steps(steps)} by its sform and {_steps(pixdim)} by its"
    if qform:
        msg = (
            f"{source} gives its voxels two sizes, {found} qform ({length_unit(image.header)}). "
            "Correct the wrong one, or set its code to 0."
        )
        raise InputError(msg)
    sentence = (
        f"{source.name} gives its voxels two sizes, {found} pixdim: the sform was read. If it is "
        "wrong, so are all volumes."
    )
    return [Flag(name="voxel_sizes_differ", sentence=sentence)]


def _places_differ(image: Any, source: Path) -> list[Flag]:
    """Return a flag where sform and qform lay the grid's corners at different places."""
    try:
        qform, sform = image.header.get_qform(), image.header.get_sform()
    except ValueError:  # its quaternion is no rotation: the sform alone can be meant
        return []
    ends = np.array([*image.shape, 1, 1][:3]) - 1
    corners = np.stack(np.meshgrid(*([0, end] for end in ends), indexing="ij"), axis=-1)
    apart = corners.reshape(-1, 3) @ (sform - qform)[:3, :3].T + (sform - qform)[:3, 3]
    farthest = float(np.linalg.norm(apart, axis=1).max()) * metres(image.header)
    if farthest <= SAME_PLACE:
        return []
    one, two = (form[:3, :3] / np.linalg.norm(form[:3, :3], axis=0) for form in (sform, qform))
    turn = np.rad2deg(np.arccos(np.clip((np.trace(one.T @ two) - 1) / 2, -1, 1)))
    mirrored = np.linalg.det(one) * np.linalg.det(two) < 0
    how = "as mirror images" if mirrored else f"turned by {turn:.0f} degrees"
    sentence = (
        f"The sform and the qform of {source.name} lay it at different places, {how} and up to "
        f"{farthest / MM:.0f} mm apart: the sform was read. If it is wrong, so is the "
        "orientation of the heart."
    )
    return [Flag(name="sform_qform_differ", sentence=sentence)]
