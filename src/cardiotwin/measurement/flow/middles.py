"""Between a frame's middle and the mean over its window, for fields over a beat that repeats."""

import numpy as np
from jaxtyping import Float

Field = Float[np.ndarray, "frames nodes 3"]


def at_middles(field: Field, window: float) -> Field:
    """Return the field at the frames' middles from its means over their windows.

    A wave that turns n times in N frames loses all but sinc(n window / N) of itself.
    """
    return _scaled(field, 1 / _left(len(field), window))


def over_windows(field: Field, window: float) -> Field:
    """Return the means over the frames' windows of a field told at their middles."""
    return _scaled(field, _left(len(field), window))


def _left(n_frames: int, window: float) -> Float[np.ndarray, " waves"]:
    if n_frames < 3:
        return np.ones(n_frames // 2 + 1)
    return np.asarray(np.sinc(np.arange(n_frames // 2 + 1) * window / n_frames))


def _scaled(field: Field, by: Float[np.ndarray, " waves"]) -> Field:
    if (by == 1).all():
        return field
    waves = np.fft.rfft(field, axis=0) * by[:, None, None]
    return np.asarray(np.fft.irfft(waves, n=len(field), axis=0))


__all__ = ["at_middles", "over_windows"]
