"""A segmentation file as label maps by frame: slices on the third axis, values of `Tissue`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.errors import Flag, InputError
from cardiotwin.imaging.affine import anisotropic_axis, check_axes, with_axis_last
from cardiotwin.imaging.examination import LabelMap, Tissue
from cardiotwin.imaging.labels import as_tissue, check_known, contacts, in_words, resolve
from cardiotwin.imaging.nifti import label_values, read_volume


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelSeries:
    """The frames of a segmentation that hold a left ventricle.

    Parameters
    ----------
    frames
        Label maps by frame number.
    mapping
        The tissue of each of the file's values.
    n_frames
        Frames of the file, the empty ones included.
    frame_interval
        Seconds between frames, where the header says it.
    length_unit
        The header's unit of length, in words.
    flags
        What is doubtful of the header and the grid.
    source
        The file.
    """

    frames: Mapping[int, LabelMap]
    mapping: Mapping[int, Tissue]
    n_frames: int
    frame_interval: float | None
    length_unit: str
    flags: tuple[Flag, ...]
    source: Path


def read_labels(
    path: Path, labels: str, *, known: Mapping[int, Tissue] | None = None, role: str = "path"
) -> LabelSeries:
    """Return a segmentation; `known` gives the values' tissues where another file told them."""
    volume = read_volume(path, role)
    if min(volume.array.shape[:3]) == 1:
        msg = (
            f"{path} is a single slice, found the shape {volume.array.shape}. Give a stack of "
            "slices; if the fourth axis holds them, write them on the third."
        )
        raise InputError(msg)
    values, affine = _slices_last(label_values(volume), volume.affine)
    askew = check_axes(affine, path)
    held = np.flatnonzero(values.any(axis=(0, 1, 2)))
    stack = np.concatenate([values[..., frame] for frame in held] or [values[..., 0]], axis=2)
    mapping, convention = _mapping(stack, labels, known, path)
    _check_tissues(stack, mapping, path)
    frames = {}
    for frame in held:
        array = as_tissue(values[..., frame], mapping)
        if (array == Tissue.LV_CAVITY).any() and (array == Tissue.MYOCARDIUM).any():
            frames[int(frame)] = LabelMap(
                array=array, affine=affine, convention=convention, source=path
            )
    if not frames:
        msg = (
            f"{path} has no frame with both LV cavity and myocardium, found them in different "
            f"ones of {values.shape[3]} frames. Segment both in the same frame."
        )
        raise InputError(msg)
    return LabelSeries(
        frames=frames,
        mapping=mapping,
        n_frames=values.shape[3],
        frame_interval=volume.frame_interval,
        length_unit=volume.length_unit,
        flags=(*volume.flags, *askew),
        source=path,
    )


def _mapping(
    stack: Integer[np.ndarray, "i j k"],
    labels: str,
    known: Mapping[int, Tissue] | None,
    path: Path,
) -> tuple[Mapping[int, Tissue], str]:
    if known is None or not stack.any():
        return resolve(stack, labels, str(path))
    convention = f"as at end-diastole: {in_words(known)}"
    check_known([int(value) for value in np.unique(stack)], known, convention, str(path))
    return known, convention


def _check_tissues(
    stack: Integer[np.ndarray, "i j k"], mapping: Mapping[int, Tissue], path: Path
) -> None:
    """Raise `InputError` where no voxel is cavity, or none is wall."""
    counts = {
        tissue: sum(int(np.sum(stack == value)) for value in mapping if mapping[value] is tissue)
        for tissue in (Tissue.MYOCARDIUM, Tissue.LV_CAVITY)
    }
    names = {
        Tissue.MYOCARDIUM: "no myocardium: a cavity without wall",
        Tissue.LV_CAVITY: "no LV cavity: a wall without cavity",
    }
    for tissue, count in counts.items():
        if count == 0:
            present = [int(value) for value in np.unique(stack) if value]
            msg = (
                f"{path} has {names[tissue]}, found the values {present} read as "
                f"{in_words(mapping)}. Segment both, or name another convention with labels=..."
            )
            raise InputError(msg)


def _slices_last(
    values: Integer[np.ndarray, "a b c t"], affine: Float[np.ndarray, "4 4"]
) -> tuple[Integer[np.ndarray, "i j k t"], Float[np.ndarray, "4 4"]]:
    """Return the segmentation with its slices across the third axis.

    Slices lie across the coarse axis; where all are alike, across the one along which the wall
    makes the most complete ring.
    """
    axis = anisotropic_axis(affine)
    if axis is None:
        axis = max((2, 1, 0), key=lambda candidate: _ring(values, affine, candidate))
    moved, turned = with_axis_last(values, affine, axis)
    return np.ascontiguousarray(moved), turned


def _ring(
    values: Integer[np.ndarray, "i j k t"], affine: Float[np.ndarray, "4 4"], axis: int
) -> float:
    """Return the largest share of a value's edge that another one surrounds in slices."""
    where = np.argwhere(values.any(axis=3))
    if len(where) == 0 or values.shape[axis] < 2:
        return -1.0
    low, high = where.min(axis=0), where.max(axis=0) + 1
    frame = int(np.argmax(np.count_nonzero(values, axis=(0, 1, 2))))
    heart = values[low[0] : high[0], low[1] : high[1], low[2] : high[2], frame]
    moved, _ = with_axis_last(heart, affine, axis)
    present = [int(value) for value in np.unique(moved) if value]
    shares = contacts(np.ascontiguousarray(moved), present)
    return max((share for (a, b), share in shares.items() if b not in (0, a)), default=0.0)
