"""The volunteer's subject folder: what anybody's examination looks like, and the truth beside it.

The folder appears whole or not at all: it is filled under another name and then renamed.
"""

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import yaml
from jaxtyping import Float, Num

from cardiotwin.errors import InputError
from cardiotwin.units import MM

TRUTH = "truth.json"
TRUE_WALL = "truth.npz"


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write files in a new folder beside `folder` and put it in its place.

    Raises
    ------
    InputError
        If something else is there, or the operating system refuses.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = (
            f"The volunteer's folder must be new or empty, found something in {folder}. "
            "Name another folder."
        )
        raise InputError(msg)
    part = folder.with_name(f".{folder.name}.part-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        part.mkdir(parents=True)
        fill(part)
        _sync(part)
        part.replace(folder)  # replaces an empty folder too
        _sync_one(folder.parent)
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        msg = (
            f"The volunteer could not be written to {folder}: {reason}. "
            "Make room there, or name a folder that you may write to."
        )
        raise InputError(msg) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_series(
    path: Path,
    array: Num[np.ndarray, "i j k t"],
    affine: Float[np.ndarray, "4 4"],
    frame_interval: float,
) -> None:
    """Write a NIfTI series, its affine in millimetres as is usual; times start at the R wave."""
    millimetres = affine.copy()
    millimetres[:3] /= MM
    make: Any = nib.Nifti1Image  # nibabel's methods carry no types
    image = make(array, millimetres)
    image.header.set_xyzt_units("mm", "sec")
    steps = np.linalg.norm(millimetres[:3, :3], axis=0)
    image.header.set_zooms((*steps, frame_interval))
    image.set_sform(millimetres, code="scanner")
    image.set_qform(millimetres, code="scanner")
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)


def write_yaml(path: Path, record: dict[str, Any]) -> None:
    """Write keys and values in the order given."""
    path.write_text(yaml.safe_dump(record, sort_keys=False), encoding="utf-8")


def _sync(folder: Path) -> None:
    """Force a folder's files to the disk."""
    for path in [*folder.rglob("*"), folder]:
        _sync_one(path)


def _sync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


__all__ = ["TRUE_WALL", "TRUTH", "write_folder", "write_series", "write_yaml"]
