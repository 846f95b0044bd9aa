"""What the header of a first pass says, and its arterial input: each refused where it is none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.imaging.affine import spacing
from cardiotwin.imaging.nifti import stem
from cardiotwin.perfusion.first_pass_signal import ReadOut
from cardiotwin.units import MM


def times(header: Mapping[str, Any], n_images: int, path: Path) -> tuple[Any, int]:
    """Return the frames' times, s, and which image has no saturation."""
    told = header.get("DynamicTime")
    name = f"{stem(path)}.json"
    if not isinstance(told, list) or len(told) != n_images:
        found = "none" if told is None else f"{len(told) if isinstance(told, list) else told!r}"
        msg = (
            f"DynamicTime of {name} must have a number for each of the {n_images} images, s, and "
            f"null for that without saturation, found {found}."
        )
        raise InputError(msg)
    blank = [number for number, value in enumerate(told) if value is None]
    if len(blank) != 1:
        msg = (
            f"DynamicTime of {name} must be null for one image, that without saturation, by which "
            f"all others are divided, found {len(blank)}."
        )
        raise InputError(msg)
    try:
        time = np.array([value for value in told if value is not None], dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = f"DynamicTime of {name} must be numbers, s, found {told!r}."
        raise InputError(msg) from error
    if not (np.isfinite(time).all() and (np.diff(time) > 0).all()):
        msg = f"DynamicTime of {name} must increase, s. Sort the images by their time."
        raise InputError(msg)
    return time, blank[0]


def thickness(header: Mapping[str, Any], affine: Float[np.ndarray, "4 4"], path: Path) -> float:
    """Return the slices' thickness, m; without a word of it they follow without a gap."""
    apart = float(spacing(affine)[2])
    told = header.get("SliceThickness")
    if told is None:
        return apart
    if not isinstance(told, int | float) or not 0.5 <= told <= 1.001 * apart / MM:
        msg = (
            f"SliceThickness of {stem(path)}.json must be a number, mm, up to the {apart / MM:g} "
            f"mm that slices are apart, found {told!r}. Mend the header."
        )
        raise InputError(msg)
    return float(told) * MM


def read_out(header: Mapping[str, Any], path: Path) -> ReadOut:
    """Return how the centre of k-space was read."""
    limits = {
        "SaturationTime": (1e-3, 1.0),
        "RepetitionTime": (5e-4, 0.1),
        "FlipAngle": (0.5, 180.0),
        "CentrePulse": (1.0, 500.0),
    }
    found = {}
    for key, (low, high) in limits.items():
        value = header.get(key)
        if not isinstance(value, int | float) or not low <= value <= high:
            msg = (
                f"{key} of {stem(path)}.json must be a number between {low:g} and {high:g}, found "
                f"{value!r}. Mend the header: times are in s, the angle in degrees."
            )
            raise InputError(msg)
        found[key] = float(value)
    return ReadOut(
        saturation_time=found["SaturationTime"],
        repetition_time=found["RepetitionTime"],
        flip_angle=float(np.deg2rad(found["FlipAngle"])),
        pulse=found["CentrePulse"],
    )


def input_beside(path: Path, time: Float[np.ndarray, " frames"]) -> Any:
    """Return the arterial input that lies beside, at the frames' times; None where none does."""
    beside = path.with_name(f"{stem(path)}_aif.tsv")
    if not beside.is_file():
        return None
    try:
        rows = np.loadtxt(beside, skiprows=1, ndmin=2)
    except ValueError as error:
        msg = f"{beside.name} must have a line of names, then two columns of numbers: {error}."
        raise InputError(msg) from error
    if not np.isfinite(rows).all() or (
        rows.shape[1:] == (2,) and (np.diff(rows[:, 0]) <= 0).any()
    ):
        msg = f"{beside.name} must have finite numbers at increasing times, s. Mend the table."
        raise InputError(msg)
    if rows.shape[1:] != (2,) or rows[0, 0] > time[0] + 1e-3 or rows[-1, 0] < time[-1] - 1e-3:
        msg = (
            f"{beside.name} must have time, s, and mol/m^3 over all frames, found {rows.shape[1]} "
            f"columns from {rows[0, 0]:g} to {rows[-1, 0]:g} s, frames from {time[0]:g} to "
            f"{time[-1]:g} s."
        )
        raise InputError(msg)
    return np.interp(time, *rows.T)


__all__ = ["input_beside", "read_out", "thickness", "times"]
