"""Which phase-encoding lines of a Cartesian grid are sampled."""

import numpy as np
from jaxtyping import Bool

from cardiotwin.errors import InputError


def regular_lines(
    n_lines: int, *, acceleration: int, n_calibration: int = 0, n_frames: int = 1
) -> Bool[np.ndarray, "t j"]:
    """Return every R-th line, moved on by one from frame to frame, and the middle ones.

    Moving on makes aliases flicker at the highest frequency of the series, where little of the
    beat lies (UNFOLD: Madore et al. 1999, MRM 42:813-828; TSENSE: Kellman et al. 2001,
    MRM 45:846-852).
    """
    _check(n_lines, acceleration, n_calibration)
    lines, frames = np.arange(n_lines), np.arange(n_frames)[:, None]
    return np.asarray(((lines - frames) % acceleration == 0) | _middle(n_lines, n_calibration))


def random_lines(
    n_lines: int,
    *,
    acceleration: float,
    n_frames: int,
    rng: np.random.Generator,
    n_calibration: int = 0,
    decay: float = 2.0,
) -> Bool[np.ndarray, "t j"]:
    """Return lines drawn by frame with a density that falls off from the middle.

    The density is (1 - |k| / k_max)^decay above a floor (Lustig et al. 2007, MRM 58:1182-1195);
    each frame has n_lines / acceleration of them, those in the middle included.
    """
    _check(n_lines, acceleration, n_calibration)
    middle = _middle(n_lines, n_calibration)
    wanted = round(n_lines / acceleration) - int(middle.sum())
    if wanted < 0:
        msg = (
            f"acceleration {acceleration:g} leaves {wanted + int(middle.sum())} of {n_lines} "
            f"lines, found n_calibration {n_calibration}. Calibrate with fewer lines."
        )
        raise InputError(msg)
    apart = np.abs(np.arange(n_lines) - n_lines // 2) / (n_lines / 2)
    density = np.where(middle, 0.0, (1 - apart) ** decay + 0.05)
    masks = np.tile(middle, (n_frames, 1))
    for mask in masks:
        mask[rng.choice(n_lines, size=wanted, replace=False, p=density / density.sum())] = True
    return masks


def _middle(n_lines: int, n_calibration: int) -> Bool[np.ndarray, " j"]:
    first = n_lines // 2 - n_calibration // 2
    lines = np.arange(n_lines)
    return np.asarray((lines >= first) & (lines < first + n_calibration))


def _check(n_lines: int, acceleration: float, n_calibration: int) -> None:
    if not 1 <= acceleration <= n_lines:
        msg = (
            f"acceleration must lie between 1 and the {n_lines} lines, found {acceleration:g}. "
            "It is the share of lines that are left out: 2 takes every second."
        )
        raise InputError(msg)
    if not 0 <= n_calibration <= n_lines:
        msg = (
            f"n_calibration must lie between 0 and the {n_lines} lines, found {n_calibration}. "
            "24 are usual."
        )
        raise InputError(msg)


__all__ = ["random_lines", "regular_lines"]
