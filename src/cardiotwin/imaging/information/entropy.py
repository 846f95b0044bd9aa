"""Entropy of image values above that of their noise: what one value tells, in bits.

Of a value y = x + n stored in steps of q, I(x; y) = H(y) - H(n), both entropies of steps: the step
cancels, so that a finer one gives the same number and a coarser one only what it loses. A plain
histogram's entropy of a denoised image has no such meaning: it grows without end as q falls.
Bias of H: Miller (1955), in Information Theory in Psychology, 95-100.
"""

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from cardiotwin.errors import InputError

PER_NOISE = 10.0  # steps in one standard deviation of the noise, unless stated
OFFSETS = 32  # positions of the noise within a step
COARSEST = 4.0  # step in standard deviations beyond which next to nothing is told


def quantised_entropy(values: Float[np.ndarray, " values"], quantum: float) -> float:
    """Return the entropy of values in steps, bits, with Miller's and Madow's correction."""
    steps = np.floor((values - values.min()) / quantum).astype(np.int64)
    counts = np.unique(steps, return_counts=True)[1]
    share = counts / len(values)
    correction = (len(counts) - 1) / (2 * len(values) * np.log(2))
    return float(-(share * np.log2(share)).sum() + correction)


def quantised_noise_entropy(noise_sd: float, quantum: float) -> float:
    """Return the entropy of Gaussian noise in steps, bits, averaged over its place in a step.

    For q << s it is log2(2 pi e s^2)/2 - log2(q).
    """
    step = quantum / noise_sd
    reach = int(np.ceil(8 / step)) + 1
    edges = np.arange(-reach, reach + 1)[:, None] + (np.arange(OFFSETS) + 0.5) / OFFSETS
    share = np.diff(ndtr(edges * step), axis=0)
    logs = np.log2(share, out=np.zeros_like(share), where=share > 0)
    return float(-(share * logs).sum(axis=0).mean())


def entropy_gain(
    values: Float[np.ndarray, " values"], noise_sd: float, quantum: float | None = None
) -> float:
    """Return what a value tells of what it would be without noise, bits: H(y) - H(n) >= 0.

    Values are taken one by one, so a whole image tells less than its number of pixels times this.

    Parameters
    ----------
    values
        Of an image, as measured.
    noise_sd
        Standard deviation of their noise.
    quantum
        Step in which the values are told apart (a multiple of the one they were stored in); None:
        a tenth of the noise.

    Raises
    ------
    InputError
        If there is no noise, or the step is too coarse to see it.
    """
    step = noise_sd / PER_NOISE if quantum is None else quantum
    if not (noise_sd > 0 and 0 < step <= COARSEST * noise_sd):
        msg = (
            f"Information needs noise and a step not above {COARSEST:g} times its standard "
            f"deviation, found noise_sd={noise_sd:g} and quantum={step:g}. State the noise of the "
            "measurement; an image without noise would hold infinitely many bits."
        )
        raise InputError(msg)
    gain = quantised_entropy(values, step) - quantised_noise_entropy(noise_sd, step)
    return max(gain, 0.0)


__all__ = ["entropy_gain", "quantised_entropy", "quantised_noise_entropy"]
