"""An electrocardiogram that goes with heartbeats: sums of Gaussians about each R wave.

The waves' places, strengths and widths are those of McSharry et al. (2003), IEEE Trans Biomed Eng
50:289-294, table I, for a beat of one second, moved with the root of the beat's length as there;
a wave's height is its strength times the square of its width (the integral of eq. 1).
"""

import numpy as np
from jaxtyping import Float

SAMPLE_TIME = 2.5e-3  # s
_MILLIVOLT = 1.2 / (30.0 * 0.1**2)  # the R wave is 1.2 mV high, as in that paper's figures
_WAVES = {  # angle in the beat, rad; strength; width, rad
    "p": (-np.pi / 3, 1.2, 0.25),
    "q": (-np.pi / 12, -5.0, 0.1),
    "r": (0.0, 30.0, 0.1),
    "s": (np.pi / 12, -7.5, 0.1),
    "t": (np.pi / 2, 0.75, 0.4),
}
_NOISE = 0.01  # mV
_LONGEST = 1.5  # s: a longer gap between beats is a pause of the recording


def electrocardiogram(
    r_waves: Float[np.ndarray, " beats"], end: float, rng: np.random.Generator
) -> Float[np.ndarray, " samples"]:
    """Return the signal from 0 to `end`, mV, at steps of `SAMPLE_TIME`."""
    time = SAMPLE_TIME * np.arange(round(end / SAMPLE_TIME))
    signal = _NOISE * rng.standard_normal(len(time))
    following = np.minimum(np.diff(np.append(r_waves, r_waves[-1] + 1.0)), _LONGEST)
    for moment, length in zip(r_waves, following, strict=True):
        here = slice(*np.searchsorted(time, [moment - 0.5 * length, moment + 0.7 * length]))
        for angle, strength, width in _WAVES.values():
            scale = np.sqrt(length) / (2 * np.pi)
            away = (time[here] - moment - angle * scale) / (width * scale)
            signal[here] += _MILLIVOLT * strength * width**2 * np.exp(-0.5 * away**2)
    return signal


__all__ = ["SAMPLE_TIME", "electrocardiogram"]
