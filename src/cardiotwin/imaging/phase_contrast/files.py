"""A 4D-flow series in a subject's folder: NIfTI of magnitudes and phases, and what is encoded.

Images follow each other encoding by encoding within a frame, and frame by frame. The header's
``VelocityEncoding`` has a row of gradient moments per image, rad s/m along the image's own axes
(rows, columns, across the slices), ``FrameTime`` its frame's time after the R wave, s; besides
``HeartPeriod``, s, and ``NoiseSD``, ``PhaseDifference`` (true where an image's phase is that of
the velocity alone) and ``FrameWindow``, the share of the frames' distance that each averages over.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from jaxtyping import Float

from cardiotwin.errors import Flag, InputError
from cardiotwin.imaging.encoded import PHASE, EncodedSeries, read_encoded
from cardiotwin.imaging.encoded_header import header_beside, one_number
from cardiotwin.imaging.nifti import stem
from cardiotwin.imaging.phase_contrast.series import FlowSeries, noise_of
from cardiotwin.imaging.phase_contrast.voxels import VoxelGrid
from cardiotwin.units import MM

KIND = "phase_contrast"
AIR = 0.05  # of the bright voxels' magnitude, below which a voxel is taken for air
BRIGHT = 99  # percentile of the magnitudes


def read_flow(path: Path, period: float | None = None) -> tuple[FlowSeries, tuple[Flag, ...]]:
    """Return a series of a subject's folder, and what is doubtful in it.

    Parameters
    ----------
    path
        The file of magnitudes.
    period
        Of a beat, s, where the header has none.

    Raises
    ------
    InputError
        If the images cannot be read, do not encode three directions in every frame, or their
        times are not those of one beat.
    """
    encoded, header = read_encoded(path), header_beside(path)
    if encoded.contrast != KIND:
        msg = f"{path.name} is no phase contrast, found {encoded.contrast}. Give the flow's file."
        raise InputError(msg)
    told = one_number(header, "HeartPeriod", path) or period
    if told is None:
        msg = f"{stem(path)}.json has no HeartPeriod. Write the RR interval in s."
        raise InputError(msg)
    times, rows = _frames(encoded, path)
    shape = encoded.signal.shape
    signal = encoded.signal.reshape(*shape[:3], len(times), len(rows))
    if not np.nan_to_num(signal).any():
        msg = f"{path.name} has no signal: all of its values are zero. Convert the series again."
        raise InputError(msg)
    gone = ~np.isfinite(signal).all(axis=(3, 4))
    signal = np.where(gone[..., None, None], 0, signal).astype(np.complex128)
    noise = encoded.noise_sd
    if noise is None:
        size = np.abs(signal).mean(axis=(3, 4))
        noise = noise_of(signal, ~gone & (size < AIR * np.percentile(size, BRIGHT)))
    axes = encoded.affine[:3, :3] / np.linalg.norm(encoded.affine[:3, :3], axis=0)
    series = FlowSeries(
        signal=signal,
        grid=VoxelGrid(shape=(shape[0], shape[1], shape[2]), affine=encoded.affine),
        encoding=rows @ axes.T,
        times=times,
        period=told,
        noise_sd=noise,
        referenced=_yes(header, "PhaseDifference", path),
        window=one_number(header, "FrameWindow", path) or 0.0,
    )
    return series, encoded.flags


def _yes(header: Mapping[str, Any], key: str, path: Path) -> bool:
    value = header.get(key, False)
    if not isinstance(value, bool):
        msg = (
            f"{key} of {stem(path)}.json must be true or false, found {value!r}. Mend the header."
        )
        raise InputError(msg)
    return value


def _frames(
    encoded: EncodedSeries, path: Path
) -> tuple[Float[np.ndarray, " frames"], Float[np.ndarray, "rows 3"]]:
    """Return the frames' times, s, and the encodings of each."""
    if encoded.frame_times is None:
        msg = f"{stem(path)}.json has no FrameTime. Write each image's time after the R wave in s."
        raise InputError(msg)
    if encoded.encoded.shape[1] != 3:
        msg = (
            f"VelocityEncoding of {stem(path)}.json must have three numbers per image, found "
            f"{encoded.encoded.shape[1]}. Give moments along rows, columns and across slices."
        )
        raise InputError(msg)
    times = np.unique(encoded.frame_times)
    n_rows = len(encoded.frame_times) // len(times)
    even = np.repeat(times, n_rows)
    if len(even) != len(encoded.frame_times) or not np.array_equal(even, encoded.frame_times):
        counts = [int((encoded.frame_times == t).sum()) for t in times]
        msg = (
            f"The frames of {path.name} must follow each other with as many images each, found "
            f"{min(counts)} to {max(counts)} images in {len(times)} frames. A direction is "
            "missing, or the images are in another order: write them frame by frame."
        )
        raise InputError(msg)
    by_frame = encoded.encoded.reshape(len(times), n_rows, 3)
    if not np.allclose(by_frame, by_frame[0], rtol=1e-6, atol=0):
        wrong = int(np.abs(by_frame - by_frame[0]).max(axis=(1, 2)).argmax())
        msg = (
            f"VelocityEncoding of {stem(path)}.json must repeat in every frame, found "
            f"{by_frame[wrong].tolist()} in frame {wrong} and {by_frame[0].tolist()} in the first."
            " Write the images of each frame in one order."
        )
        raise InputError(msg)
    return times, by_frame[0]


def write_flow(path: Path, series: FlowSeries) -> None:
    """Write a series' magnitudes to `path`, with its phases and its header beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = series.grid.affine.copy()
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    affine[:3] /= MM
    images = series.signal.reshape(*series.grid.shape, -1)
    make: Any = nib.Nifti1Image  # nibabel's methods carry no types
    for name, values in (("", np.abs(images)), (PHASE, np.angle(images))):
        image = make(values.astype(np.float32), affine)
        image.header.set_xyzt_units("mm")
        nib.save(image, path.with_name(f"{stem(path)}{name}.nii.gz"))
    n_frames, n_rows = series.signal.shape[3:]
    header = {
        "Contrast": KIND,
        "VelocityEncoding": np.tile(series.encoding @ axes, (n_frames, 1)).tolist(),
        "FrameTime": np.repeat(series.times, n_rows).tolist(),
        "HeartPeriod": series.period,
        "NoiseSD": series.noise_sd,
        "PhaseDifference": series.referenced,
        "FrameWindow": series.window,
    }
    text = json.dumps(header, indent=2, allow_nan=False) + "\n"
    path.with_name(f"{stem(path)}.json").write_text(text, encoding="utf-8")


__all__ = ["read_flow", "write_flow"]
