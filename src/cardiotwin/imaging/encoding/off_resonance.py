"""Off-resonance during the read-out, by time segments.

A sample at time t after excitation has the phase 2 pi f(r) t: as in the signal models, so that a
field map read from two echoes has its true sign. exp(2 pi i f t) is written as a sum over a few
moments, sum_l b_l(t) exp(2 pi i f tau_l), with the b that are best for the frequencies of the map
in least squares (Man et al. 1997, MRM 37:785-792; Fessler et al. 2005, IEEE TSP 53:3393-3402).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float

from cardiotwin.errors import InputError
from cardiotwin.operators import LinearOperator

_BINS = 200  # frequencies that stand for the map's
_MOST = 60  # segments: a phase of about 100 rad


@dataclass(frozen=True, kw_only=True, eq=False)
class OffResonance:
    """A Fourier encoding of spins that are off resonance.

    Parameters
    ----------
    fourier
        The encoding on resonance.
    frequency
        By pixel, Hz.
    times
        Of the samples after excitation, s, along the last axis or axes of the samples.
    tolerance
        Largest error of the phase factor, over all times and frequencies; it sets the number of
        segments.
    """

    fourier: LinearOperator
    frequency: Float[np.ndarray, "i j"]
    times: Float[np.ndarray, "*samples"]
    tolerance: float = 1e-4

    def forward(self, x: Complex[np.ndarray, "*image"], /) -> Complex[np.ndarray, "*range"]:
        """Return the samples."""
        images, weights = self._factors
        return np.asarray(
            sum(
                weight.astype(x.dtype) * self.fourier.forward(image.astype(x.dtype) * x)
                for image, weight in zip(images, weights, strict=True)
            )
        )

    def adjoint(self, y: Complex[np.ndarray, "*range"], /) -> Complex[np.ndarray, "*image"]:
        """Return the image with each pixel's phase taken back."""
        images, weights = self._factors
        return np.asarray(
            sum(
                image.conj().astype(y.dtype)
                * self.fourier.adjoint(weight.conj().astype(y.dtype) * y)
                for image, weight in zip(images, weights, strict=True)
            )
        )

    @cached_property
    def _factors(
        self,
    ) -> tuple[Complex[np.ndarray, " segments i j"], Complex[np.ndarray, " segments *samples"]]:
        """Return the segments' phase by pixel and their share by sample."""
        moments, weights = time_segments(self.frequency, self.times.ravel(), self.tolerance)
        images = np.exp(2j * np.pi * moments[:, None, None] * self.frequency)
        return images, weights.reshape(-1, *self.times.shape)


def time_segments(
    frequency: Float[np.ndarray, "..."], times: Float[np.ndarray, " samples"], tolerance: float
) -> tuple[Float[np.ndarray, " segments"], Complex[np.ndarray, "segments samples"]]:
    """Return the fewest moments, s, and their weights by sample that keep to a tolerance.

    Raises
    ------
    InputError
        If the map is not finite, or its frequencies turn too often during the read-out.
    """
    if not np.isfinite(frequency).all():
        bad = int((~np.isfinite(frequency)).sum())
        msg = f"The field map must be finite, found {bad} pixels that are not. Set them to 0 Hz."
        raise InputError(msg)
    low, high = float(frequency.min()), float(frequency.max())
    lines = np.linspace(low, high, _BINS)
    wanted = np.exp(2j * np.pi * lines[:, None] * times)
    for n_segments in range(1, _MOST + 1):
        moments = np.linspace(times.min(), times.max(), n_segments)
        if n_segments == 1:
            moments = moments + 0.5 * float(np.ptp(times))
        waves = np.exp(2j * np.pi * lines[:, None] * moments)
        weights = np.linalg.lstsq(waves, wanted, rcond=1e-12)[0]
        if np.abs(waves @ weights - wanted).max() <= tolerance:
            return moments, weights
    turns = (high - low) * float(np.ptp(times))
    msg = (
        f"Off-resonance of {low:.0f} to {high:.0f} Hz turns {turns:.1f} times in the read-out: "
        f"{_MOST} time segments do not keep to {tolerance:g}. Read out faster."
    )
    raise InputError(msg)


__all__ = ["OffResonance", "time_segments"]
