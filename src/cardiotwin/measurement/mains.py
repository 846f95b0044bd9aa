"""The hum of the mains in a pressure: what is no noise, since it is known but for its phase.

An amplifier lets in the mains' frequency and, of a distorted one, its third harmonic (Huhta &
Webster 1973, IEEE Trans Biomed Eng 20:91-101). Samples taken too seldom show it at another
frequency: 180 Hz at 149 samples per second look like 31 Hz.
"""

import numpy as np
from jaxtyping import Float

Course = Float[np.ndarray, " frames"]
MAINS = 60.0  # Hz, of the Americas
HARMONICS = (1, 3)
KEYS = tuple(f"hum_{MAINS * k:.0f}hz_{part}" for k in HARMONICS for part in ("cosine", "sine"))
TURNS = 30  # of the weights
BEYOND = 2.0  # standard deviations from which a sample counts less


def waves(time: Course) -> Float[np.ndarray, "frames waves"]:
    """Return cosine and sine of each harmonic, in the order of `KEYS`."""
    turned = 2 * np.pi * MAINS * np.outer(time, HARMONICS)
    return np.stack([np.cos(turned), np.sin(turned)], axis=-1).reshape(len(time), -1)


def found_hum(
    rough: Course, columns: Float[np.ndarray, "frames waves"]
) -> Float[np.ndarray, " waves"]:
    """Return how much of each column is in what smoothing leaves of a pressure.

    `columns` are the waves, less their own smooth course. Least squares with Cauchy's weights: a
    valve's notch is not a hum.
    """
    hum = np.zeros(columns.shape[1])
    for _ in range(TURNS):
        left = rough - columns @ hum
        spread = BEYOND * 1.4826 * float(np.median(np.abs(left))) + np.finfo(float).tiny
        root = 1 / np.sqrt(1 + (left / spread) ** 2)
        hum = np.linalg.lstsq(columns * root[:, None], rough * root, rcond=None)[0]
    return np.asarray(hum)


__all__ = ["HARMONICS", "KEYS", "MAINS", "found_hum", "waves"]
