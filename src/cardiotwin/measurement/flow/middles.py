"""Velocities at the frames' middles from their means over the frames' windows."""

import numpy as np
from jaxtyping import Bool, Float

Field = Float[np.ndarray, "frames nodes 3"]


def at_middles(field: Field, *, window: float, free: Bool[np.ndarray, " nodes"]) -> Field:
    """Return the field at the frames' middles from its means over their windows.

    A wave that turns n times in N frames loses all but sinc(n window / N) of itself.
    """
    if window == 0 or len(field) < 3:
        return field
    left = np.sinc(np.arange(len(field) // 2 + 1) * window / len(field))
    waves = np.fft.rfft(field, axis=0) / left[:, None, None]
    return np.where(free[:, None], np.fft.irfft(waves, n=len(field), axis=0), field)


__all__ = ["at_middles"]
