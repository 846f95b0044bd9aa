"""What lies in a subject's folder beside the drawing, and who may be found by it all.

Raw data, and series that encode relaxation, diffusion, field or motion.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError

from cardiotwin.errors import Flag
from cardiotwin.imaging.affine import spacing
from cardiotwin.imaging.check import Findings
from cardiotwin.imaging.dicom import dicom_files
from cardiotwin.imaging.encoded import (
    CONTRASTS,
    EncodedSeries,
    encoded_files,
    read_encoded,
)
from cardiotwin.imaging.raw import RawOutline, outline_raw
from cardiotwin.imaging.raw.read import SUFFIXES
from cardiotwin.units import MM, MS

FOLDER = "raw"
COUNTED = {"repetitions": "repetition", "echoes": "contrast", "sets": "set_number"}
IDENTIFYING = (
    *("PatientName", "PatientID", "PatientBirthDate", "OtherPatientIDs", "PatientAddress"),
    *("PatientTelephoneNumbers", "StudyDate", "StudyTime", "AccessionNumber", "StudyID"),
    *("ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName"),
    *("InstitutionName", "InstitutionAddress", "StationName", "DeviceSerialNumber"),
)

DATES = ("AcquisitionDateTime", "AcquisitionDate", "SeriesDate")
"""Beside those, what converters write into JSON headers."""


def describe_beside(path: Path) -> Findings:
    """Return lines on a folder's raw data and series, and flags for what tells who the person is.

    Raises
    ------
    InputError
        If a raw-data file or a series cannot be read.
    """
    if not path.is_dir():
        return Findings(lines=(), flags=())
    lines: list[str] = []
    flags: list[Flag] = []
    for file in raw_files(path):
        scan, found = outline_raw(file)
        lines.append(_scan(scan))
        flags += found
    for file in encoded_files(path):
        series = read_encoded(file)
        lines.append(_series(series))
        flags += series.flags
    return Findings(
        lines=tuple(lines), flags=(*flags, *_named_in_dicom(path), *_named_in_headers(path))
    )


def raw_files(folder: Path) -> tuple[Path, ...]:
    """Return the raw-data files of a subject's folder."""
    place = folder / FOLDER
    if not place.is_dir():
        return ()
    return tuple(item for item in sorted(place.iterdir()) if item.suffix in SUFFIXES)


def _scan(scan: RawOutline) -> str:
    protocol, counted = scan.protocol, scan.counted
    extents = zip(protocol.field_of_view, protocol.matrix, strict=True)
    step = [extent / number / MM for extent, number in extents]
    noise = "noise measured" if scan.noise else "no noise measured"
    traces = ", ".join(scan.traces) or "no traces"
    repetition = f", TR {protocol.repetition_time / MS:.3g} ms" if protocol.repetition_time else ""
    size = f"{scan.n_slices} slices, {counted['phase']} phases"
    for name, counter in COUNTED.items():
        size += f", {counted[counter]} {name}" if counted[counter] > 1 else ""
    return (
        f"raw {scan.source.name}: {protocol.name}, {protocol.trajectory}, {scan.n_readouts} "
        f"read-outs of {scan.n_samples} samples by {scan.n_coils} coils, {size}, pixels "
        f"{step[0]:.3g} x {step[1]:.3g} mm{repetition}, {noise}, {traces}"
    )


def _series(series: EncodedSeries) -> str:
    i, j, k, images = series.signal.shape
    steps = " x ".join(f"{step / MM:.3g}" for step in spacing(series.affine))
    times = series.frame_times
    frames = "" if times is None else f" in {len(np.unique(times))} frames"
    kind = CONTRASTS[series.contrast]
    return (
        f"series {series.source.name}: {series.contrast.replace('_', ' ')}, {images} images"
        f"{frames} by {kind.argument.replace('_', ' ')}, {i} x {j} x {k} voxels of {steps} mm"
    )


def _named_in_dicom(folder: Path) -> tuple[Flag, ...]:
    """Return a flag that names the identifying attributes of the DICOM files in a folder."""
    found = {name for file in dicom_files(folder) for name in _filled(file)}
    if not found:
        return ()
    names = ", ".join(name for name in IDENTIFYING if name in found)
    sentence = (
        f"DICOM files in {folder.name} may tell who the person is, they have {names}: cardiotwin "
        "copies none of it, but do not pass the files on."
    )
    return (Flag(name="personal_data", sentence=sentence),)


def _named_in_headers(folder: Path) -> tuple[Flag, ...]:
    """Return a flag that names the identifying keys of the JSON headers beside images."""
    found: set[str] = set()
    for file in sorted(folder.glob("*/*.json")):
        try:
            header = json.loads(file.read_bytes())
        except (OSError, ValueError):
            continue  # reading the series says what is wrong
        if isinstance(header, dict):
            found |= {name for name in (*IDENTIFYING, *DATES) if header.get(name)}
    if not found:
        return ()
    names = ", ".join(name for name in (*IDENTIFYING, *DATES) if name in found)
    sentence = (
        f"JSON headers in {folder.name} may tell who the person is, they have {names}: cardiotwin "
        "copies none of it, but do not pass the files on."
    )
    return (Flag(name="personal_data", sentence=sentence),)


def _filled(file: Path) -> Iterator[str]:
    try:
        data = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(IDENTIFYING))
    except (InvalidDicomError, OSError, EOFError, ValueError):
        return  # reading the images says what is wrong
    for name in IDENTIFYING:
        if str(data.get(name, "") or "").strip():
            yield name


__all__ = ["describe_beside", "raw_files"]
