"""Series that encode as DICOM: one MR image per slice and image, magnitudes and phases.

DICOM PS3.3, A.4 (MR Image IOD), with what an image encodes in the attributes that there are for
it (PS3.6: inversion, echo and trigger time, b-value); the rest is named in the image's comments,
with the key and unit of the header that lies beside the NIfTI file. Nobody is named.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Inexact, Integer
from pydicom.uid import generate_uid

from cardiotwin.errors import InputError
from cardiotwin.imaging.dicom_write import data_set, decimal, image_of, save
from cardiotwin.units import MM, MS

STEPS = 4095  # of a stored magnitude, and of a whole turn
ATTRIBUTES: Mapping[str, tuple[str, float]] = {
    "InversionTime": ("InversionTime", 1 / MS),
    "EchoTime": ("EchoTime", 1 / MS),
    "FrameTime": ("TriggerTime", 1 / MS),
    "BValue": ("DiffusionBValue", 1.0),
}
"""Keys of the header with one value for each image: DICOM's keyword, and its unit in the key's."""
FLOATS = ("DiffusionBValue",)  # that are stored as floats, not as decimal strings


def write_encoded_dicom(
    signal: Inexact[np.ndarray, "i j k images"],
    affine: Float[np.ndarray, "4 4"],
    header: Mapping[str, Any],
    folder: Path,
    *,
    thickness: float,
    series: int,
) -> list[Path]:
    """Write a series and return its files; complex images give magnitudes and phases, rad.

    Parameters
    ----------
    signal
        By voxel and image.
    affine
        Voxel index to world, m.
    header
        As it lies beside the NIfTI file.
    folder
        Made where it is missing; its name is that of the series.
    thickness
        Of the slices, m.
    series
        Number of the series; phases have the next one.

    Raises
    ------
    InputError
        If values are no numbers.
    """
    if not np.isfinite(signal).all():
        bad = int((~np.isfinite(signal)).sum())
        msg = f"{folder.name} has {bad} values that are no numbers. Write them as nought first."
        raise InputError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    mark = sha256(signal.tobytes() + affine.tobytes()).hexdigest()
    size = np.abs(signal)
    parts = {"M": (size, max(float(size.max()), 1e-30) / STEPS, 0.0)}
    if np.iscomplexobj(signal):
        parts["P"] = (np.angle(signal), 2 * np.pi / STEPS, -np.pi)
    paths: list[Path] = []
    for number, (kind, (values, slope, intercept)) in enumerate(parts.items()):
        stored = np.rint((values - intercept) / slope).astype(np.uint16)
        common = {
            **_common(header, folder.name, mark, thickness),
            "SeriesNumber": series + number,
            "SeriesInstanceUID": generate_uid(entropy_srcs=[mark, "series", kind]),
            "ImageType": ["DERIVED", "SECONDARY", kind],
            "RescaleSlope": decimal(slope),
            "RescaleIntercept": decimal(intercept),
            "RescaleType": "rad" if kind == "P" else "US",
        }
        paths += _written(stored, affine, common, header, folder, kind=kind, mark=mark)
    return paths


def _common(
    header: Mapping[str, Any], name: str, mark: str, thickness: float
) -> dict[str, object]:
    found: dict[str, object] = {
        "SeriesDescription": name,
        "StudyInstanceUID": generate_uid(entropy_srcs=[mark, "study"]),
        "FrameOfReferenceUID": generate_uid(entropy_srcs=[mark, "place"]),
        "SliceThickness": decimal(thickness / MM),
        "MagneticFieldStrength": decimal(float(header["MagneticFieldStrength"])),
    }
    if "FlipAngle" in header:
        found["FlipAngle"] = decimal(float(header["FlipAngle"]))
    if isinstance(header.get("RepetitionTime"), float):
        found["RepetitionTime"] = decimal(header["RepetitionTime"] / MS)
    if "HeartPeriod" in header:
        found["HeartRate"] = round(60 / header["HeartPeriod"])
        found["NominalInterval"] = round(header["HeartPeriod"] / MS)
    return found


def _written(
    stored: Integer[np.ndarray, "i j k images"],
    affine: Float[np.ndarray, "4 4"],
    common: Mapping[str, object],
    header: Mapping[str, Any],
    folder: Path,
    *,
    kind: str,
    mark: str,
) -> list[Path]:
    paths: list[Path] = []
    for k, t in np.ndindex(*stored.shape[2:]):
        data = image_of(stored[:, :, k, t], affine, k)
        data.update(data_set({**common, **_encoded(header, t, stored.shape[3])}))
        data.InstanceNumber = data.AcquisitionNumber = len(paths) + 1
        data.SOPInstanceUID = generate_uid(entropy_srcs=[mark, kind, str(k), str(t)])
        path = folder / f"{kind.lower()}_slice{k + 1:02d}_image{t + 1:03d}.dcm"
        save(data, path)
        paths.append(path)
    return paths


def _encoded(header: Mapping[str, Any], image: int, n_images: int) -> dict[str, object]:
    """Return what one image encodes."""
    found: dict[str, object] = {}
    told = []
    for key, values in header.items():
        if not isinstance(values, list) or len(values) != n_images:
            continue
        value = values[image]
        if key in ATTRIBUTES and value is not None:
            keyword, scale = ATTRIBUTES[key]
            number = scale * float(value)
            found[keyword] = number if keyword in FLOATS else decimal(number)
        else:
            told.append(f"{key} {value}")
    if told:
        found["ImageComments"] = "; ".join(told)
    return found


__all__ = ["ATTRIBUTES", "write_encoded_dicom"]
