"""DICOM cine images as stacks: LPS millimetres and trigger times to RAS metres and seconds.

Attributes: DICOM PS3.3, C.7.6.2 (image plane), C.8.3 (MR image), C.7.6.16 (multi-frame).
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from jaxtyping import Float
from pydicom.errors import InvalidDicomError

from cardiotwin.errors import InputError
from cardiotwin.imaging.affine import check_affine, lps_affine
from cardiotwin.imaging.examination import ImageStack

SAME_PLACE = 0.1  # mm
EVEN = 0.05  # relative spread of the slices' distances in one stack


@dataclass(frozen=True, kw_only=True, eq=False)
class _Frame:
    """One image of a series as DICOM has it: LPS, mm, ms."""

    position: Float[np.ndarray, "3"]
    row: Float[np.ndarray, "3"]
    column: Float[np.ndarray, "3"]
    spacing: tuple[float, float]
    thickness: float
    time: float
    series: tuple[int, str]
    name: str
    pixels: Float[np.ndarray, "i j"]

    @property
    def normal(self) -> Float[np.ndarray, "3"]:
        return np.asarray(np.cross(self.row, self.column), dtype=np.float64)


def dicom_files(folder: Path) -> tuple[Path, ...]:
    """Return the DICOM files in a folder and its folders, by their preamble."""
    return tuple(item for item in sorted(folder.rglob("*")) if item.is_file() and is_dicom(item))


def is_dicom(path: Path) -> bool:
    """Return whether a file begins as DICOM files do."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def read_dicom(folder: Path) -> tuple[ImageStack, ...]:
    """Return the cine stacks of a folder of DICOM files.

    Images of one orientation and size make one stack if their planes are evenly spaced and have
    the same number of frames, otherwise one stack for each plane. Of series repeated at a plane
    the longest counts, then the latest.
    """
    frames = [frame for path in dicom_files(folder) for frame in _frames(path)]
    if not frames:
        msg = (
            f"{folder} holds no DICOM images, found {sum(1 for _ in folder.rglob('*'))} other "
            "files. Name the folder of the exported series."
        )
        raise InputError(msg)
    groups: dict[tuple[Any, ...], list[_Frame]] = defaultdict(list)
    for frame in frames:
        axes = tuple(np.round(np.concatenate([frame.row, frame.column]), 3).tolist())
        groups[axes, frame.spacing, frame.pixels.shape].append(frame)
    stacks = [stack for group in groups.values() for stack in _stacks(group, folder)]
    return tuple(sorted(stacks, key=lambda stack: stack.name))


def _frames(path: Path) -> Iterator[_Frame]:
    """Yield the images of a file; none for files without pixels or without a place."""
    try:
        data = pydicom.dcmread(path)
        if "PixelData" not in data:
            return
        pixels = np.asarray(data.pixel_array, dtype=np.float32)
    except (  # the last two: compressed, and no decoder
        InvalidDicomError,
        OSError,
        EOFError,
        AttributeError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise InputError(_unreadable(path, error)) from error
    shared = data.get("SharedFunctionalGroupsSequence")
    per_frame = data.get("PerFrameFunctionalGroupsSequence")
    if per_frame is None:
        pixels = pixels if pixels.ndim == 3 else pixels[None]
    for number, picture in enumerate(pixels):
        sources = [data]
        if per_frame is not None:
            sources = [*_items(per_frame[number]), *_items(shared[0] if shared else {}), data]
        frame = _frame(sources, picture, path)
        if frame is not None:
            yield frame


def _unreadable(path: Path, error: Exception) -> str:
    """Return why an image is not read: what it is compressed as, or what the reader says."""
    reason = " ".join(str(error).split())[:200]
    try:
        syntax = pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID
    except (InvalidDicomError, OSError, EOFError, AttributeError, ValueError):
        syntax = None
    if syntax is not None and not syntax.is_transfer_syntax:
        reason = f"its transfer syntax {syntax} is unknown"
    elif syntax is not None and syntax.is_compressed and not syntax.is_deflated:
        reason = f"its pixels are compressed as {syntax.name}, for which there is no decoder here"
    return (
        f"{path} is not a readable DICOM image: {reason}. Export it again, uncompressed, or "
        "leave it out of the folder."
    )


def _items(groups: Any) -> list[Any]:
    """Return the first item of each functional group of a multi-frame image."""
    return [element.value[0] for element in groups if element.VR == "SQ" and len(element.value)]


def _first(sources: list[Any], *names: str) -> Any:
    for name in names:
        for source in sources:
            value = source.get(name)
            if value is not None and value != "":
                return value
    return None


def _frame(sources: list[Any], picture: Float[np.ndarray, "j i"], path: Path) -> _Frame | None:
    """Return an image with its place in LPS; None for one that has none (a report, a scout)."""
    position = _first(sources, "ImagePositionPatient")
    axes = _first(sources, "ImageOrientationPatient")
    spacing = _first(sources, "PixelSpacing")
    if position is None or axes is None or spacing is None or picture.ndim != 2:
        return None
    time = _first(sources, "TriggerTime", "NominalCardiacTriggerDelayTime")
    slope = float(_first(sources, "RescaleSlope") or 1.0)
    series = int(_first(sources, "SeriesNumber") or 0)
    return _Frame(
        position=np.array(position, dtype=np.float64),
        row=np.array(axes[:3], dtype=np.float64),
        column=np.array(axes[3:], dtype=np.float64),
        spacing=(float(spacing[0]), float(spacing[1])),
        thickness=float(_first(sources, "SliceThickness") or 0.0),
        time=np.nan if time is None else float(time),
        series=(series, str(_first(sources, "SeriesInstanceUID"))),
        name=str(_first(sources, "SeriesDescription") or path.parent.name),
        pixels=picture.T * slope + float(_first(sources, "RescaleIntercept") or 0.0),
    )


def _stacks(group: list[_Frame], folder: Path) -> list[ImageStack]:
    """Return the stacks of images of one orientation and size."""
    planes: list[list[_Frame]] = []
    normal = group[0].normal
    for frame in sorted(group, key=lambda frame: float(frame.position @ normal)):
        if planes and (frame.position - planes[-1][0].position) @ normal < SAME_PLACE:
            planes[-1].append(frame)
        else:
            planes.append([frame])
    cines = [_one_series(plane) for plane in planes]
    if len(cines) > 1 and _is_even(cines):
        return [_stack(cines, folder)]
    return [_stack([cine], folder) for cine in cines]


def _one_series(plane: list[_Frame]) -> list[_Frame]:
    series: dict[tuple[int, str], list[_Frame]] = defaultdict(list)
    for frame in plane:
        series[frame.series].append(frame)
    chosen = max(series, key=lambda key: (len(series[key]), key))
    return sorted(series[chosen], key=lambda frame: frame.time)


def _is_even(cines: list[list[_Frame]]) -> bool:
    """Return whether planes have the same number of frames and lie at even steps."""
    if len({len(cine) for cine in cines}) > 1:
        return False
    steps = np.diff([cine[0].position for cine in cines], axis=0)
    spread = np.linalg.norm(steps - steps.mean(axis=0), axis=1).max()
    return bool(spread <= EVEN * np.linalg.norm(steps.mean(axis=0)))


def _stack(cines: list[list[_Frame]], folder: Path) -> ImageStack:
    first, last = cines[0][0], cines[-1][0]
    thickness = first.thickness or 1.0
    across = first.normal * thickness
    if len(cines) > 1:
        across = (last.position - first.position) / (len(cines) - 1)
    affine = lps_affine(
        first.position, first.row * first.spacing[1], first.column * first.spacing[0], across
    )
    check_affine(affine, folder)
    times = np.array([[frame.time for frame in cine] for cine in cines]) * 1e-3
    array = np.array([[frame.pixels for frame in cine] for cine in cines], dtype=np.float32)
    return ImageStack(
        array=np.ascontiguousarray(array.transpose(2, 3, 0, 1)),
        affine=affine,
        frame_times=np.median(times, axis=0),  # each breath-hold has its own
        slice_thickness=thickness * 1e-3,
        name=f"{first.series[0]} {first.name}".strip(),
        source=folder,
    )
