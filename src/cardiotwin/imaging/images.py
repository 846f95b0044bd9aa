"""Images to show behind the contours, placed by their affines and never by their index."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import Flag, InputError
from cardiotwin.imaging.affine import describe, slice_distance, to_index
from cardiotwin.imaging.dicom import dicom_files, is_dicom, read_dicom
from cardiotwin.imaging.examination import Contours, ImageStack, View
from cardiotwin.imaging.nifti import is_nifti, read_image, stem
from cardiotwin.imaging.provenance import require_file

ENOUGH = 0.5  # of the heart lies in the image
AROUND = 30e-3  # m that a single plane may lie before or behind the heart
PARALLEL = 0.95


def read_images(path: Path, role: str = "image") -> tuple[ImageStack, ...]:
    """Return the images of a NIfTI file, a folder of them, or a folder of DICOM files."""
    if path.is_dir():
        volumes = [item for item in sorted(path.iterdir()) if is_nifti(item)]
        if volumes:
            return tuple(_with_times(read_image(item, role), item) for item in volumes)
        return read_dicom(path)
    require_file(path, role)
    if is_dicom(path):
        return read_dicom(path.parent)
    return (_with_times(read_image(path, role), path),)


def image_files(path: Path) -> tuple[Path, ...]:
    """Return the files that `read_images` reads."""
    folder = path if path.is_dir() else path.parent
    volumes = [item for item in sorted(folder.iterdir()) if is_nifti(item)]
    if path.is_dir() and not volumes:
        return dicom_files(path)
    if path.is_file() and is_dicom(path):
        return dicom_files(folder)
    read = volumes if path.is_dir() else [path]
    return tuple(read) + tuple(item for item in (folder / "series.json",) if item.is_file())


def _with_times(image: ImageStack, path: Path) -> ImageStack:
    """Return the image with the trigger times that a `series.json` beside it gives."""
    table = path.parent / "series.json"
    if not table.is_file():
        return image
    try:
        series = json.loads(table.read_text(encoding="utf-8")).get(stem(path), {})
        times = np.array(series.get("trigger_ms", ()), dtype=np.float64) * 1e-3
        name = f"{stem(path)} {series.get('desc', '')}".strip()
    except (ValueError, AttributeError, OSError) as error:
        msg = f"{table} is not a table of series: {error}. Correct it or take it away."
        raise InputError(msg) from error
    same = len(times) == image.array.shape[3]
    return replace(image, name=name, frame_times=times if same else image.frame_times)


def share_shown(image: ImageStack, points: Float[np.ndarray, "points 3"]) -> float:
    """Return the share of the heart's points that an image shows.

    For a single plane these are the points whose foot lies in the picture, if the plane cuts the
    heart or passes it within 30 mm.
    """
    shape = np.array(image.array.shape[:3])
    index = to_index(image.affine, points)
    inside = (index >= -0.51) & (index <= shape - 0.49)
    if shape[2] > 1:
        return float(np.mean(inside.all(axis=1)))
    height = index[:, 2] * slice_distance(image.affine)
    if height.min() > AROUND or height.max() < -AROUND:
        return 0.0
    return float(np.mean(inside[:, :2].all(axis=1)))


def matching(
    images: Iterable[ImageStack], contours: Contours, *, named: bool
) -> tuple[tuple[ImageStack, ...], tuple[Flag, ...]]:
    """Return the images that show the heart, and a flag for those that do not.

    Raises `InputError` where none does, or where one was asked for by name and does not.
    """
    points = np.concatenate([curve.points for curve in contours.curves])
    shares = [(image, share_shown(image, points)) for image in images]
    kept = tuple(image for image, share in shares if share >= ENOUGH)
    lost = [(image, share) for image, share in shares if share < ENOUGH]
    if lost and (not kept or (named and len(shares) == 1)):
        image, share = max(lost, key=lambda item: item[1])
        msg = (
            f"{image.source} and {contours.source} are on different grids that their affines do "
            f"not reconcile, found {100 * share:.0f} % of the heart inside the image (its affine "
            f"in m: {describe(image.affine)}). Give the image of the same examination, or "
            "correct the affine that was lost."
        )
        raise InputError(msg)
    if not lost:
        return kept, ()
    names = ", ".join(image.name for image, _ in lost)
    sentence = (
        f"{len(lost)} of {len(shares)} images do not show the heart and are left out: {names}."
    )
    return kept, (Flag(name="images_elsewhere", sentence=sentence),)


def short_axis(images: Iterable[ImageStack], contours: Contours) -> tuple[ImageStack, ...]:
    """Return the images whose planes are parallel to the short-axis contours'."""
    normals = [item.normal for item in contours.slices.values() if item.view is View.SHORT_AXIS]
    if not normals:
        return ()
    found = []
    for image in images:
        across = np.cross(image.affine[:3, 0], image.affine[:3, 1])
        if abs(across @ normals[0]) >= PARALLEL * np.linalg.norm(across):
            found.append(image)
    return tuple(found)


def frame_time(images: Iterable[ImageStack], frame: int, n_frames: int | None) -> float | None:
    """Return the median time, s, of a frame in the images that have as many; None if unknown."""
    times = [
        float(image.frame_times[frame])
        for image in images
        if 1 < image.array.shape[3] > frame and n_frames in (None, image.array.shape[3])
    ]
    known = [time for time in times if np.isfinite(time)]
    return float(np.median(known)) if known else None
