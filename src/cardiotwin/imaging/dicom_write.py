"""Stacks as DICOM: one MR image per slice and frame, nothing in it that tells who the person is.

DICOM PS3.3, A.4 (MR Image IOD). Identifiers are made of the picture's own content, so that the
same stack gives the same files; attributes that must be there and would name somebody are empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from cardiotwin.errors import InputError
from cardiotwin.imaging.affine import LPS_TO_RAS, spacing
from cardiotwin.imaging.examination import ImageStack
from cardiotwin.units import MM, MS

UNNAMED = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
    *("AccessionNumber", "ReferringPhysicianName", "StudyID", "Manufacturer"),
)
LARGEST = 65535


@dataclass(frozen=True, kw_only=True)
class Acquisition:
    """How a cine was taken.

    Parameters
    ----------
    heart_rate
        Beats / s.
    repetition_time, echo_time
        s.
    flip_angle
        rad.
    field_strength
        T.
    """

    heart_rate: float
    repetition_time: float
    echo_time: float
    flip_angle: float
    field_strength: float


def whole_numbers(stack: ImageStack) -> Integer[np.ndarray, "i j k t"]:
    """Return a stack's values as DICOM stores them; refuse what does not fit.

    Raises
    ------
    InputError
        If they are negative, no numbers, or beyond 16 bits.
    """
    values = np.rint(stack.array)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > LARGEST:
        msg = (
            f"{stack.name} must lie between 0 and {LARGEST} to be written as DICOM, found "
            f"{np.nanmin(values):g} to {np.nanmax(values):g}. Scale the magnitudes."
        )
        raise InputError(msg)
    return np.asarray(values, dtype=np.uint16)


def write_dicom(
    stack: ImageStack, folder: Path, acquisition: Acquisition, *, series: int = 1
) -> list[Path]:
    """Write a cine stack and return its files, in the order of slices and frames.

    Parameters
    ----------
    stack
        Magnitudes, stored to the nearest whole number.
    folder
        Made where it is missing.
    acquisition
        How it was taken.
    series
        Number of the series.

    Raises
    ------
    InputError
        If the values do not fit into 16 bits.
    """
    values = whole_numbers(stack)
    folder.mkdir(parents=True, exist_ok=True)
    mark = sha256(stack.array.tobytes() + stack.affine.tobytes()).hexdigest()
    common = {
        "SeriesDescription": stack.name,
        "SeriesNumber": series,
        "StudyInstanceUID": generate_uid(entropy_srcs=[mark, "study"]),
        "SeriesInstanceUID": generate_uid(entropy_srcs=[mark, "series", str(series)]),
        "FrameOfReferenceUID": generate_uid(entropy_srcs=[mark, "place"]),
        "RepetitionTime": decimal(acquisition.repetition_time / MS),
        "EchoTime": decimal(acquisition.echo_time / MS),
        "FlipAngle": decimal(float(np.rad2deg(acquisition.flip_angle))),
        "MagneticFieldStrength": decimal(acquisition.field_strength),
        "HeartRate": round(60 * acquisition.heart_rate),
        "NominalInterval": round(1 / acquisition.heart_rate / MS),
        "CardiacNumberOfImages": stack.array.shape[3],
        "SliceThickness": decimal(stack.slice_thickness / MM),
    }
    paths: list[Path] = []
    for k in range(stack.array.shape[2]):
        for t, time in enumerate(stack.frame_times):
            data = image_of(values[:, :, k, t], stack.affine, k)
            data.update(data_set(common))
            data.TriggerTime = decimal(float(time) / MS)
            data.InstanceNumber = len(paths) + 1
            data.SOPInstanceUID = generate_uid(entropy_srcs=[mark, str(series), str(k), str(t)])
            path = folder / f"slice{k + 1:02d}_frame{t + 1:02d}.dcm"
            save(data, path)
            paths.append(path)
    return paths


def image_of(
    pixels: Integer[np.ndarray, "i j"], affine: Float[np.ndarray, "4 4"], k: int
) -> Dataset:
    """Return one slice's pixels in their place, LPS, mm."""
    steps = spacing(affine)
    axes = LPS_TO_RAS @ (affine[:3, :3] / steps)
    origin = LPS_TO_RAS @ (affine[:3, 3] + k * affine[:3, 2]) / MM
    data = Dataset()
    data.SOPClassUID = MRImageStorage
    data.Modality = "MR"
    data.PatientPosition = "HFS"
    data.ImageType = ["DERIVED", "SECONDARY", "M"]
    data.ScanningSequence, data.SequenceVariant = "GR", "SS"
    data.ScanOptions, data.MRAcquisitionType = "CG", "2D"
    for name in UNNAMED:
        setattr(data, name, "")
    data.ImagePositionPatient = [decimal(value) for value in origin]
    data.ImageOrientationPatient = [decimal(value) for value in axes[:, :2].T.ravel()]
    data.PixelSpacing = [decimal(steps[1] / MM), decimal(steps[0] / MM)]  # rows, then columns
    data.Columns, data.Rows = pixels.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    data.PixelData = np.ascontiguousarray(pixels.T, dtype="<u2").tobytes()
    return data


def data_set(attributes: Mapping[str, object]) -> Dataset:
    """Return attributes by their keywords as a data set."""
    data = Dataset()
    for name, value in attributes.items():
        setattr(data, name, value)
    return data


def save(data: Dataset, path: Path) -> None:
    """Write a data set as a DICOM file, uncompressed."""
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.save_as(path, enforce_file_format=True)


def decimal(value: float) -> str:
    """Return a decimal string of at most 16 characters, as DICOM wants it."""
    return f"{value:.10g}"


__all__ = [
    "UNNAMED",
    "Acquisition",
    "data_set",
    "decimal",
    "image_of",
    "save",
    "whole_numbers",
    "write_dicom",
]
