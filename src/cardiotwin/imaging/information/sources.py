"""Series of images of one plane, from whatever holds them, with what they weigh as stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped
from scipy.io import loadmat

from cardiotwin.errors import InputError
from cardiotwin.imaging.dicom import dicom_files, is_dicom
from cardiotwin.imaging.images import read_images
from cardiotwin.imaging.nifti import is_nifti
from cardiotwin.imaging.read import read_examination


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """Images of one plane.

    Parameters
    ----------
    name
        Of the series, with the number of the plane where it has several.
    images
        Values, frames first.
    data_bytes
        As stored: whole bytes per value.
    quantum
        Step of the stored values; 0 where they are not whole numbers.
    """

    name: str
    images: Float[np.ndarray, "images rows columns"]
    data_bytes: int
    quantum: float


def read_series(path: Path) -> tuple[Series, ...]:
    """Return the series of two or more frames in images, a folder, a subject or a MATLAB file.

    Raises
    ------
    InputError
        If there is none.
    """
    found = tuple(_series(path))
    if not found:
        msg = (
            f"{path} holds no series of two or more images of one plane. "
            "Give a cine, a perfusion series or a map's images: NIfTI, DICOM or a MATLAB file."
        )
        raise InputError(msg)
    return found


def _series(path: Path) -> Iterator[Series]:
    tables = sorted(path.glob("*.mat")) if path.is_dir() else [path] * (path.suffix == ".mat")
    for table in tables:
        yield from _of_table(table)
    if tables:
        return
    stacks = read_images(path, "path") if _holds_images(path) else read_examination(path).images
    for stack in stacks:
        n_planes = stack.array.shape[2]
        for plane in range(n_planes):
            name = stack.name if n_planes == 1 else f"{stack.name} plane {plane}"
            if stack.array.shape[3] > 1:
                yield _stored(name, stack.array[:, :, plane].transpose(2, 0, 1))


def _holds_images(path: Path) -> bool:
    """Return whether a path is images, or a folder of them, and not a subject or labels."""
    if not path.is_dir():
        return path.is_file() and (is_nifti(path) or is_dicom(path))
    return any(is_nifti(item) for item in path.iterdir()) or bool(dicom_files(path))


def _of_table(path: Path) -> Iterator[Series]:
    """Return the arrays of three dimensions in a MATLAB file, frames last."""
    try:
        content = loadmat(path)
    except (NotImplementedError, ValueError, OSError) as error:
        msg = f"{path} is not a readable MATLAB file: {error}. Save it with -v7."
        raise InputError(msg) from error
    for name, value in content.items():
        if isinstance(value, np.ndarray) and value.ndim == 3 and value.dtype.kind in "uif":
            yield _stored(f"{path.stem} {name}", value.transpose(2, 0, 1))


def _stored(name: str, values: Shaped[np.ndarray, "images rows columns"]) -> Series:
    """Return a series with its step and bytes: whole numbers take 1, 2 or 4 bytes."""
    images = np.ascontiguousarray(values, dtype=np.float64)
    whole = bool(np.all(images == np.rint(images)))
    size = values.dtype.itemsize
    if whole:
        reach = max(float(images.max()), -2 * float(images.min()))
        size = 1 if reach < 2**8 else 2 if reach < 2**16 else 4
    return Series(name=name, images=images, data_bytes=images.size * size, quantum=float(whole))


__all__ = ["Series", "read_series"]
