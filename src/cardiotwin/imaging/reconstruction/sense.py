"""Parallel imaging of a series whose frames lack phase-encoding lines.

SENSE for any sampling: |A x - y|^2 + damping |x|^2 by conjugate gradients (Pruessmann et al.
2001, MRM 46:638-651). Every line is read out whole, so the read-out is transformed once and only
the phase encoding remains.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Complex, Float
from scipy import fft

from cardiotwin.errors import InputError
from cardiotwin.imaging.encoding.fourier import CartesianFourier, to_image
from cardiotwin.imaging.encoding.sensitivity import Sensitivity
from cardiotwin.imaging.reconstruction.coil_maps import espirit_maps
from cardiotwin.operators import Chain, solve_least_squares

CALIBRATION = 24  # samples each way
DAMPING = 1e-3  # of the largest possible singular value squared: about 1 / SNR^2 of what is dark


@dataclass(frozen=True, kw_only=True, eq=False)
class LineSense:
    """The encoding of a series by coils and phase-encoding lines, read-outs transformed.

    Parameters
    ----------
    coil_maps
        By coil and pixel, unit vectors across coils or nought.
    mask
        Sampled lines by frame.
    """

    coil_maps: Complex[np.ndarray, "coils i j"]
    mask: Bool[np.ndarray, "t j"]

    def forward(self, x: Complex[np.ndarray, "t i j"], /) -> Complex[np.ndarray, " coils t i j"]:
        """Return the lines of all coils."""
        return self._chain.forward(x)

    def adjoint(self, y: Complex[np.ndarray, " coils t i j"], /) -> Complex[np.ndarray, "t i j"]:
        """Return the coils' combined images of the lines."""
        return self._chain.adjoint(y)

    def normal(self, x: Complex[np.ndarray, "t i j"], /) -> Complex[np.ndarray, "t i j"]:
        """Return A* A x, without the shifts that undo each other and frame by frame in cache."""
        result = np.zeros_like(x)
        maps = self._centred_maps.astype(x.dtype)
        lines = self.mask.astype(x.real.dtype)
        for frame, image in enumerate(x):
            for coil in maps:
                seen = fft.fft(coil * image, axis=-1, overwrite_x=True)
                seen *= lines[frame]
                result[frame] += coil.conj() * fft.ifft(seen, axis=-1, overwrite_x=True)
        return result

    @cached_property
    def _chain(self) -> Chain:
        mask = self.mask[:, None, :]
        return Chain(
            (CartesianFourier(mask=mask, axes=(-1,)), Sensitivity(coil_maps=self.coil_maps))
        )

    @cached_property
    def _centred_maps(self) -> Complex[np.ndarray, "coils i j"]:
        """Return the maps with the phase that counts frequencies from n // 2."""
        n_lines = self.coil_maps.shape[-1]
        middle = n_lines // 2
        return np.asarray(
            self.coil_maps * np.exp(2j * np.pi * middle * np.arange(n_lines) / n_lines)
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceSeries:
    """What a reconstruction gives.

    Parameters
    ----------
    image
        By frame.
    coil_maps
        That it was made with.
    """

    image: Complex[np.ndarray, "t i j"]
    coil_maps: Complex[np.ndarray, "coils i j"]


def reconstruct(
    kspace: Complex[np.ndarray, "coils t i j"], mask: Bool[np.ndarray, "t j"]
) -> SliceSeries:
    """Return a slice's images by SENSE, with coil maps of its own.

    Raises
    ------
    InputError
        If too few lines in the middle of k-space are sampled by any frame.
    """
    maps = espirit_maps(mean_middle(kspace, mask), kspace.shape[-2:])
    return SliceSeries(image=sense(kspace, mask, maps), coil_maps=maps)


def sense(
    kspace: Complex[np.ndarray, "coils t i j"],
    mask: Bool[np.ndarray, "t j"],
    coil_maps: Complex[np.ndarray, "coils i j"],
    *,
    damping: float = DAMPING,
    tolerance: float = 1e-3,
) -> Complex[np.ndarray, "t i j"]:
    """Return the images that agree with the samples in least squares."""
    encoding = LineSense(coil_maps=coil_maps, mask=mask)
    lines = to_image(kspace, (-2,))
    return np.asarray(solve_least_squares(encoding, lines, damping=damping, tolerance=tolerance))


def mean_middle(
    kspace: Complex[np.ndarray, "coils t i j"], mask: Bool[np.ndarray, "t j"]
) -> Complex[np.ndarray, "coils a b"]:
    """Return the middle of k-space, averaged over the frames that sampled each line.

    Raises
    ------
    InputError
        If a line of it was sampled by no frame.
    """
    n_read, n_lines = kspace.shape[-2:]
    width = min(CALIBRATION, n_lines, n_read)
    firsts = n_read // 2 - width // 2, n_lines // 2 - width // 2
    across, along = (slice(first, first + width) for first in firsts)
    counts: Float[np.ndarray, " b"] = mask[:, along].sum(axis=0).astype(kspace.real.dtype)
    if not counts.all():
        msg = (
            f"Coil maps need the {width} middle lines of k-space, found "
            f"{int((counts > 0).sum())} sampled by any frame. Sample calibration lines."
        )
        raise InputError(msg)
    return np.asarray(kspace[:, :, across, along].sum(axis=1) / counts)


__all__ = ["LineSense", "SliceSeries", "mean_middle", "reconstruct", "sense"]
