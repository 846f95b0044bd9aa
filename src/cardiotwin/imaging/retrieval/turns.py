"""Phases that go round: continuous within each frame's wall, and from frame to frame.

Within a frame phases are unwrapped along the most reliable paths (Herraez et al. 2002, Applied
Optics 41:7437-7444); each piece of wall in a slice then differs from the truth by one number of
whole turns, which its change since the frame before tells: less than half a turn at the median of
the pixels that were wall then too, or of the whole slice where there are none.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.ndimage import label
from skimage.restoration import unwrap_phase

_TURN = 2 * np.pi


def continuous_phases(
    phases: Float[np.ndarray, "t i j k images"], mask: Bool[np.ndarray, "t i j k"]
) -> Float[np.ndarray, "t i j k images"]:
    """Return the phases with their turns, by frame; outside the mask they are as given.

    Parameters
    ----------
    phases
        Within half a turn, rad, frames in time order from where nothing has moved.
    mask
        Wall whose phase is known, by frame.
    """
    found = np.array(phases)
    for number in range(phases.shape[3]):
        for image in range(phases.shape[4]):
            level, before = 0.0, np.full(phases.shape[1:3], np.nan)
            for time in range(len(phases)):
                here = mask[time, :, :, number]
                if not here.any():
                    continue
                flat = found[time, :, :, number, image]
                flat[here] = _unwrapped(flat, here, before, level)[here]
                level = float(np.median(flat[here]))
                before = np.where(here, flat, np.nan)
    return found


def _unwrapped(
    phase: Float[np.ndarray, "i j"],
    mask: Bool[np.ndarray, "i j"],
    before: Float[np.ndarray, "i j"],
    level: float,
) -> Float[np.ndarray, "i j"]:
    """Return a frame's continuous phases, each piece of the wall moved near to those before.

    `level` stands for these where no pixel of a piece had any.
    """
    pieces: Integer[np.ndarray, "i j"] = label(mask)[0]
    unwrap: Any = unwrap_phase  # it carries no types
    result = np.array(unwrap(np.ma.masked_array(phase, ~mask), rng=0).filled(0.0))
    for number in range(1, int(pieces.max()) + 1):
        piece = pieces == number
        known = piece & np.isfinite(before)
        change = (result - before)[known] if known.any() else result[piece] - level
        result[piece] -= _TURN * np.rint(np.median(change) / _TURN)
    return result


__all__ = ["continuous_phases"]
