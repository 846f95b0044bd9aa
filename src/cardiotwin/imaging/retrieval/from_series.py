"""Maps of a series that was read: its own model with its own header."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Complex, Float

from cardiotwin.errors import InputError
from cardiotwin.imaging.affine import spacing
from cardiotwin.imaging.encoded import CONTRASTS, EncodedSeries
from cardiotwin.imaging.retrieval.phase import (
    INVISIBLE,
    motion_from_relative,
    relative_phases,
)
from cardiotwin.imaging.retrieval.result import Retrieval
from cardiotwin.imaging.retrieval.retrieve import fit
from cardiotwin.imaging.retrieval.tags import tagged_motion
from cardiotwin.imaging.retrieval.turns import continuous_phases

RECOVERING = ("molli",)  # magnitudes whose sign is lost


@dataclass(frozen=True, kw_only=True, eq=False)
class SeriesMaps:
    """What was retrieved of a series.

    Parameters
    ----------
    frames
        By frame, in time order; one where the series has one moment.
    times
        Of the frames after the R wave, s; NaN where the series does not say.
    """

    frames: tuple[Retrieval, ...]
    times: Float[np.ndarray, " frames"]


def retrieve(
    series: EncodedSeries, mask: Bool[np.ndarray, "i j k ..."], *, noise_sd: float | None = None
) -> SeriesMaps:
    """Return the maps inside a mask; voxels outside it have no signal.

    Displacements of several frames may go round: their turns are followed from the first frame,
    where they are less than half a turn on average.

    Parameters
    ----------
    series
        As it was read.
    mask
        Voxels that are wanted, the same in all frames or by frame along a last axis.
    noise_sd
        Of the images' real part; None: what the header says, or the residual.

    Raises
    ------
    InputError
        If the mask is of another grid, or the images do not tell the parameters.
    """
    sd = series.noise_sd if noise_sd is None else noise_sd
    times = np.array([np.nan]) if series.frame_times is None else np.unique(series.frame_times)
    by_frame = np.moveaxis(mask, -1, 0) if mask.ndim == 4 else np.repeat(mask[None], len(times), 0)
    if by_frame.shape != (len(times), *series.signal.shape[:3]):
        msg = (
            f"The mask must be on the series' {series.signal.shape[:3]} voxels, found "
            f"{mask.shape}. Sample it on the series' grid."
        )
        raise InputError(msg)
    signals, rows = [], []
    for time, inside in zip(times, by_frame, strict=True):
        here = np.ones(series.signal.shape[3], dtype=bool)
        if series.frame_times is not None:
            here = series.frame_times == time
        signals.append(np.where(inside[..., None], series.signal[..., here], 0))
        rows.append(series.encoded[here])
    if series.contrast == "tagging":
        return SeriesMaps(frames=tuple(_tagged(series, by_frame, times, sd)), times=times)
    if CONTRASTS[series.contrast].model == "displacement" and len(times) > 1:
        found = _displacements(np.stack(signals), rows, sd)
    else:
        found = [_fit(series, signal, row, sd) for signal, row in zip(signals, rows, strict=True)]
    return SeriesMaps(frames=tuple(found), times=times)


def _tagged(
    series: EncodedSeries,
    mask: Bool[np.ndarray, "t i j k"],
    times: Float[np.ndarray, " t"],
    noise_sd: float | None,
) -> list[Retrieval]:
    """Return the displacement of all frames; harmonics need the whole images."""
    if series.frame_times is None or noise_sd is None:
        msg = (
            f"{series.source.name} needs the time of each image and its noise to follow stripes, "
            "found no FrameTime or no NoiseSD. Give both in its header, or noise_sd here."
        )
        raise InputError(msg)
    frames = [series.signal[..., series.frame_times == time] for time in times]
    rows = [series.encoded[series.frame_times == time] for time in times]
    if len({row.tobytes() for row in rows}) > 1:
        msg = (
            f"{series.source.name} must have the same stripes in all frames, found TagWave "
            f"{rows[0].tolist()} and others. Give every frame's images in the same order."
        )
        raise InputError(msg)
    steps = spacing(series.affine)
    return tagged_motion(
        np.stack(frames), mask, rows[0], (float(steps[0]), float(steps[1])), noise_sd=noise_sd
    )


def _displacements(
    signals: Complex[np.ndarray, "t i j k images"],
    rows: list[Float[np.ndarray, "images axes"]],
    noise_sd: float | None,
) -> list[Retrieval]:
    size = np.abs(signals).min(axis=-1)
    visible = size > INVISIBLE * (noise_sd or 0.0)
    phases = continuous_phases(relative_phases(signals), visible)
    return [
        motion_from_relative("displacement", signal, phase, row, noise_sd=noise_sd)
        for signal, phase, row in zip(signals, phases, rows, strict=True)
    ]


def _fit(
    series: EncodedSeries, signal: np.ndarray, encoded: np.ndarray, noise_sd: float | None
) -> Retrieval:
    contrast = CONTRASTS[series.contrast]
    given: Mapping[str, Any] = {contrast.argument: encoded}
    if contrast.model == "water_fat":
        given = {**given, "field_strength": series.field_strength}
    return fit(
        contrast.model,
        signal,
        polarity="unknown" if series.contrast in RECOVERING else "known",
        noise_sd=noise_sd,
        **given,
    )


__all__ = ["SeriesMaps", "retrieve"]
