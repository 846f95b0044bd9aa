"""Sampling of a Cartesian grid: a unitary Fourier transform with its centre at n // 2, and a mask.

y(k) = m(k) / sqrt(N) sum_r x(r) exp(-2 pi i k r / n), with k and r counted from n // 2 along each
axis (the convention of the ISMRM raw data format, Inati et al. 2017, MRM 77:411-421).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex
from scipy import fft

IN_PLANE = (-2, -1)


@dataclass(frozen=True, kw_only=True, eq=False)
class CartesianFourier:
    """Transform along some of the last axes, and keep what was sampled.

    Parameters
    ----------
    mask
        What was sampled, True or False; its axes are the last ones of the image and an axis of
        length 1 stands for all. The spectrum keeps its whole grid, nought where nothing was
        sampled.
    axes
        Transformed axes, counted from the last: (-1,) once the read-out is transformed.
    """

    mask: Bool[np.ndarray, "*sampling"]
    axes: tuple[int, ...] = IN_PLANE

    def forward(self, x: Complex[np.ndarray, "*image"], /) -> Complex[np.ndarray, "*image"]:
        """Return the sampled spectrum."""
        return np.asarray(to_kspace(x, self.axes) * self.mask)

    def adjoint(self, y: Complex[np.ndarray, "*image"], /) -> Complex[np.ndarray, "*image"]:
        """Return the image of a spectrum, nought where nothing was sampled."""
        return to_image(y * self.mask, self.axes)


def to_kspace(
    x: Complex[np.ndarray, "*image"], axes: tuple[int, ...] = IN_PLANE
) -> Complex[np.ndarray, "*image"]:
    """Return the centred unitary Fourier transform."""
    moved = fft.ifftshift(x, axes)
    return np.asarray(
        fft.fftshift(fft.fftn(moved, axes=axes, norm="ortho", overwrite_x=True), axes)
    )


def to_image(
    y: Complex[np.ndarray, "*image"], axes: tuple[int, ...] = IN_PLANE
) -> Complex[np.ndarray, "*image"]:
    """Return the inverse of `to_kspace`."""
    moved = fft.ifftshift(y, axes)
    image = fft.ifftn(moved, axes=axes, norm="ortho", overwrite_x=True)
    return np.asarray(fft.fftshift(image, axes))


__all__ = ["IN_PLANE", "CartesianFourier", "to_image", "to_kspace"]
