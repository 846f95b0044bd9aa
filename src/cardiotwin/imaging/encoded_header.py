"""The JSON header beside a series that encodes: its numbers, each refused where it is none."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.imaging.nifti import stem

LIMITS: Mapping[str, tuple[float, float]] = {
    "InversionTime": (0.0, 20.0),
    "SaturationTime": (0.0, np.inf),
    "PreparationTime": (0.0, 1.0),
    "EchoTime": (0.0, 0.5),
    "BValue": (0.0, 1e4),
    "FrameTime": (0.0, 10.0),
    "MagneticFieldStrength": (0.01, 25.0),
    "NoiseSD": (1e-30, 1e30),
    "HeartPeriod": (0.2, 3.0),
    "FrameWindow": (0.0, 1.5),
}
"""Between which each key lies, in its own unit (s, s/mm^2, T): beyond, the unit was mistaken."""


def one_number(header: Mapping[str, Any], key: str, path: Path) -> float | None:
    """Return a key's number, None where there is none."""
    value = header.get(key)
    if value is None:
        return None
    low, high = LIMITS[key]
    number = float(value) if isinstance(value, int | float) else np.nan
    if not low <= number <= high:
        msg = (
            f"{key} of {stem(path)}.json must be a number between {low:g} and {high:g}, found "
            f"{value!r}. Mend the header, or leave the key out."
        )
        raise InputError(msg)
    return number


def header_beside(path: Path) -> dict[str, Any]:
    """Return the header that lies beside a series of images."""
    beside = path.with_name(f"{stem(path)}.json")
    if not beside.is_file():
        msg = (
            f"{path} has no header beside it, found no {beside.name}: what its images encode is "
            "unknown. Convert the series again with its JSON sidecar."
        )
        raise InputError(msg)
    try:
        found = json.loads(beside.read_bytes())
    except ValueError as error:
        msg = f"{beside} is not JSON, found {error}. Convert the series again."
        raise InputError(msg) from error
    if not isinstance(found, dict):
        msg = f"{beside} holds no keys, found {type(found).__name__}. Convert the series again."
        raise InputError(msg)
    return found


def per_image(
    header: Mapping[str, Any], key: str, n_images: int, path: Path
) -> Float[np.ndarray, "images ..."]:
    """Return a key's values, one for each image; null means infinitely long."""
    name = f"{stem(path)}.json"
    if key not in header:
        msg = f"{name} has no {key}, found {', '.join(header) or 'nothing'}. Give one per image."
        raise InputError(msg)
    try:
        values = np.array(
            [np.inf if value is None else value for value in header[key]], dtype=np.float64
        )
    except (TypeError, ValueError) as error:
        msg = f"{key} of {name} must be numbers, found {header[key]!r}. Give one per image."
        raise InputError(msg) from error
    if len(values) != n_images:
        msg = (
            f"{key} of {name} must have one value for each of the {n_images} images, found "
            f"{len(values)}. Give all of them, in the images' order."
        )
        raise InputError(msg)
    low, high = LIMITS.get(key, (-np.inf, np.inf))
    wrong = np.isnan(values) | (values < low) | (values > high)
    if wrong.any():
        msg = (
            f"{key} of {name} must lie between {low:g} and {high:g}, found {values[wrong][0]:g}. "
            "Times are in s and b-values in s/mm^2 there."
        )
        raise InputError(msg)
    return values


__all__ = ["header_beside", "one_number", "per_image"]
