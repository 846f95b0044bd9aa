"""Sampling off the grid, by the non-uniform fast Fourier transform of FINUFFT.

y(k) = 1 / sqrt(N) sum_r x(r) exp(-2 pi i k r pixel), r counted from n // 2: on the points of the
grid it is `CartesianFourier`. Barnett, Magland & af Klinteberg (2019), SIAM J Sci Comput 41:C479.
"""

from dataclasses import dataclass

import finufft
import numpy as np
from jaxtyping import Complex, Float


@dataclass(frozen=True, kw_only=True, eq=False)
class NonuniformFourier:
    """Transform the frames of an image to the samples of each frame's read-outs.

    Parameters
    ----------
    positions
        k along both axes, cycles / m, by frame, read-out and sample.
    shape
        Pixels along both axes.
    pixel
        m.
    tolerance
        Of the transform, relative. The adjoint belongs to the transform as computed, whatever
        the tolerance.
    """

    positions: Float[np.ndarray, "t readouts samples 2"]
    shape: tuple[int, int]
    pixel: float
    tolerance: float = 1e-6

    def forward(
        self, x: Complex[np.ndarray, "*coils t i j"], /
    ) -> Complex[np.ndarray, "*coils t readouts samples"]:
        """Return the samples."""
        frames = []
        for number, (first, second) in enumerate(self._angles(x)):
            image = _flat(x[..., number, :, :], 2)
            found = finufft.nufft2d2(first, second, image, eps=self.tolerance, isign=-1)
            frames.append(found.reshape(*x.shape[:-3], *self.positions.shape[1:3]))
        return np.asarray(np.stack(frames, axis=-3) * self._scale(x))

    def adjoint(
        self, y: Complex[np.ndarray, "*coils t readouts samples"], /
    ) -> Complex[np.ndarray, "*coils t i j"]:
        """Return the sum of all samples' waves."""
        frames = []
        for number, (first, second) in enumerate(self._angles(y)):
            samples = _flat(y[..., number, :, :], 2).reshape(-1, first.size)
            found = finufft.nufft2d1(
                first, second, samples, self.shape, eps=self.tolerance, isign=1
            )
            frames.append(found.reshape(*y.shape[:-3], *self.shape))
        return np.asarray(np.stack(frames, axis=-3) * self._scale(y))

    def _angles(self, like: Complex[np.ndarray, "..."]) -> Float[np.ndarray, "t 2 points"]:
        """Return the samples' phase steps per pixel, rad, in the precision of the data."""
        flat = self.positions.reshape(len(self.positions), -1, 2).transpose(0, 2, 1)
        return np.ascontiguousarray(2 * np.pi * self.pixel * flat, dtype=like.real.dtype)

    def _scale(self, like: Complex[np.ndarray, "..."]) -> np.generic:
        scale: np.generic = like.real.dtype.type(1 / np.sqrt(np.prod(self.shape)))
        return scale


def _flat(array: Complex[np.ndarray, "..."], n_kept: int) -> Complex[np.ndarray, "..."]:
    return np.ascontiguousarray(array.reshape(-1, *array.shape[array.ndim - n_kept :]))


__all__ = ["NonuniformFourier"]
