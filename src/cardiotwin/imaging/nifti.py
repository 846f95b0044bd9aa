"""NIfTI files as arrays with an affine in metres."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from jaxtyping import Float, Integer, Shaped

from cardiotwin.errors import Flag, InputError
from cardiotwin.imaging.affine import (
    anisotropic_axis,
    check_affine,
    check_axes,
    slice_distance,
    with_axis_last,
)
from cardiotwin.imaging.examination import ImageStack
from cardiotwin.imaging.header import (
    frame_interval,
    header_flags,
    length_unit,
    metres,
    silent,
)
from cardiotwin.imaging.provenance import require_file

SUFFIXES = (".nii", ".nii.gz")


@dataclass(frozen=True, kw_only=True, eq=False)
class Volume:
    """What a NIfTI file holds.

    Parameters
    ----------
    array
        Values by voxel index and frame.
    affine
        Voxel index to RAS+ world, m.
    frame_interval
        Seconds between frames; None for one frame or where the header has no plausible number.
    length_unit
        The header's unit of length, in words.
    flags
        What the header lacks, or says twice and differently.
    source
        The file.
    """

    array: Shaped[np.ndarray, "i j k t"]
    affine: Float[np.ndarray, "4 4"]
    frame_interval: float | None
    length_unit: str
    flags: tuple[Flag, ...]
    source: Path


def is_nifti(path: Path) -> bool:
    """Return whether a file's name is that of a NIfTI file."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def stem(path: Path) -> str:
    """Return the file's name without `.nii` or `.nii.gz`."""
    name = path.name
    for suffix in (".gz", ".nii"):
        name = name.removesuffix(suffix)
    return name


def read_volume(path: Path, role: str = "path") -> Volume:
    """Return a NIfTI file's values and place; raise `InputError` where it is broken."""
    require_file(path, role)
    try:
        with silent():
            image: Any = nib.load(path)
            array = np.asanyarray(image.dataobj)
    except (
        nib.filebasedimages.ImageFileError,
        nib.spatialimages.HeaderDataError,
        OSError,
        EOFError,
        ValueError,
        MemoryError,
        OverflowError,
        zlib.error,
    ) as error:
        reason = str(error).split("\n", maxsplit=1)[0] or type(error).__name__
        msg = (
            f"{path} is not a readable NIfTI file: {reason} ({path.stat().st_size} bytes found). "
            "It may be truncated or of another format: copy or convert it again."
        )
        raise InputError(msg) from error
    if not isinstance(image, nib.Nifti1Pair):
        msg = f"{path} is no NIfTI file, found {type(image).__name__}. Convert it to .nii.gz."
        raise InputError(msg)
    if array.dtype.kind not in "buif":
        msg = f"{path} holds values of type {array.dtype}. Give one real number per voxel."
        raise InputError(msg)
    affine = np.array(image.affine, dtype=np.float64)
    affine[:3] *= metres(image.header)
    check_affine(affine, path)
    array = _four_dimensions(array, path)
    return Volume(
        array=array,
        affine=affine,
        frame_interval=frame_interval(image.header, array.shape[3]),
        length_unit=length_unit(image.header),
        flags=header_flags(image, path),
        source=path,
    )


def _four_dimensions(array: Shaped[np.ndarray, "..."], path: Path) -> Shaped[np.ndarray, "..."]:
    """Return the array with exactly i, j, k, t; trailing singletons go, missing axes come."""
    shape = array.shape
    while len(shape) > 4 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) > 4 or array.size == 0:
        msg = (
            f"{path} has the shape {array.shape}. "
            "Give a volume (i, j, k) or a series of volumes (i, j, k, frame)."
        )
        raise InputError(msg)
    return array.reshape(shape + (1,) * (4 - len(shape)))


def label_values(volume: Volume) -> Integer[np.ndarray, "i j k t"]:
    """Return a segmentation's values as whole numbers; raise `InputError` where they are not."""
    array = volume.array
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind == "f":
        if not np.all(np.isfinite(array)):
            found = f"{int(np.sum(~np.isfinite(array)))} voxels are not finite"
            _not_labels(volume.source, found)
        if np.abs(array - np.rint(array)).max() > 1e-3:
            found = f"values such as {array[np.abs(array - np.rint(array)) > 1e-3][0]:.4g}"
            _not_labels(volume.source, found)
        array = np.rint(array)
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > np.iinfo(np.int16).max:
        _not_labels(volume.source, f"values from {low} to {high}")
    labels: Integer[np.ndarray, "i j k t"] = array.astype(np.uint8 if high < 256 else np.int16)
    distinct = int(np.count_nonzero(np.bincount(labels.ravel())))
    if distinct > 24:
        _not_labels(volume.source, f"{distinct} distinct values from {low} to {high}")
    return labels


def _not_labels(source: Path, found: str) -> None:
    msg = (
        f"{source} is not a segmentation: found {found}. Give the label file as path and the "
        "image as image=..."
    )
    raise InputError(msg)


def read_image(path: Path, role: str = "image", name: str | None = None) -> ImageStack:
    """Return a NIfTI image with its slices on the third axis.

    Frame times run evenly from 0 (the R wave); without a plausible interval they are NaN for
    every frame but the first.
    """
    volume = read_volume(path, role)
    array, affine = volume.array, volume.affine
    axis = anisotropic_axis(affine)
    if axis is not None:
        array, affine = with_axis_last(array, affine, axis)
    check_axes(affine, path)
    interval = np.nan if volume.frame_interval is None else volume.frame_interval
    n_frames = array.shape[3]
    times = np.concatenate([[0.0], interval * np.arange(1, n_frames)])
    return ImageStack(
        array=np.ascontiguousarray(array, dtype=np.float32),
        affine=affine,
        frame_times=times,
        slice_thickness=slice_distance(affine),
        name=stem(path) if name is None else name,
        source=path,
    )
