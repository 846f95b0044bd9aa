"""Complex noise of correlated channels, and its whitening.

Pruessmann et al. (2001), MRM 46:638-651: with the covariance Psi = L L*, the channels L^-1 y have
independent noise of unit variance (1/2 in each of real and imaginary part).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Inexact
from scipy.linalg import solve_triangular

from cardiotwin.errors import InputError


def complex_noise(
    covariance: Inexact[np.ndarray, "coils coils"],
    shape: tuple[int, ...],
    rng: np.random.Generator,
) -> Complex[np.ndarray, " coils *samples"]:
    """Return circular Gaussian noise with E n n* = covariance across the first axis."""
    lower = cholesky(covariance)
    parts = rng.standard_normal((2, len(lower), int(np.prod(shape)))) * np.sqrt(0.5)
    return np.asarray((lower @ (parts[0] + 1j * parts[1])).reshape(len(lower), *shape))


def sample_covariance(
    noise: Complex[np.ndarray, " coils *samples"],
) -> Complex[np.ndarray, "coils coils"]:
    """Return the covariance of a noise measurement, whose mean is nought by physics."""
    flat = noise.reshape(len(noise), -1)
    if flat.shape[1] < len(flat):
        msg = (
            f"The noise of {len(flat)} coils needs that many samples at least, found "
            f"{flat.shape[1]}. Measure more."
        )
        raise InputError(msg)
    return np.asarray(flat @ flat.conj().T / flat.shape[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Whitening:
    """Turn channels into ones with independent noise of unit variance.

    Parameters
    ----------
    covariance
        Of the channels' complex noise.
    """

    covariance: Inexact[np.ndarray, "coils coils"]

    def forward(
        self, x: Complex[np.ndarray, " coils *samples"], /
    ) -> Complex[np.ndarray, " coils *samples"]:
        """Return L^-1 x."""
        return self._solve(x, adjoint=False)

    def adjoint(
        self, y: Complex[np.ndarray, " coils *samples"], /
    ) -> Complex[np.ndarray, " coils *samples"]:
        """Return L^-* y."""
        return self._solve(y, adjoint=True)

    def _solve(
        self, channels: Complex[np.ndarray, " coils *samples"], *, adjoint: bool
    ) -> Complex[np.ndarray, " coils *samples"]:
        lower = cholesky(self.covariance).astype(channels.dtype)
        flat = channels.reshape(len(channels), -1)
        solved = solve_triangular(lower, flat, lower=True, trans="C" if adjoint else "N")
        return np.asarray(solved.reshape(channels.shape))


def cholesky(
    covariance: Inexact[np.ndarray, "coils coils"],
) -> Inexact[np.ndarray, "coils coils"]:
    """Return L of covariance = L L*; raise `InputError` where it is no covariance."""
    values = np.linalg.eigvalsh(covariance) if np.isfinite(covariance).all() else [np.nan]
    if not values[0] > 1e-12 * values[-1]:
        msg = (
            "The coils' noise covariance must be positive definite, found an eigenvalue of "
            f"{values[0]:.3g} beside {values[-1]:.3g}. A coil may be dead, or counted twice."
        )
        raise InputError(msg)
    return np.asarray(np.linalg.cholesky(covariance))


__all__ = ["Whitening", "cholesky", "complex_noise", "sample_covariance"]
