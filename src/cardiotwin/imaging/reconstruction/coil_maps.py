"""Coil sensitivities from the middle of k-space: ESPIRiT.

Patches of k-space lie in a subspace; the maps are, pixel by pixel, the eigenvector of the
projection onto it (seen as a convolution) whose eigenvalue is 1: Uecker et al. (2014), MRM
71:990-1001. Maps are unit vectors across coils; their common phase, which no data can tell, is
that of the coils' first principal component (Inati's rule, as in Uecker's software).
"""

import numpy as np
from jaxtyping import Complex
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft

from cardiotwin.errors import InputError


def espirit_maps(
    calibration: Complex[np.ndarray, "coils a b"],
    shape: tuple[int, int],
    *,
    kernel: int = 6,
    threshold: float = 0.003,
    crop: float = 0.9,
) -> Complex[np.ndarray, "coils i j"]:
    """Return the maps, nought where there is nothing to see.

    Parameters
    ----------
    calibration
        Fully sampled middle of k-space.
    shape
        Pixels of the maps.
    kernel
        Width of a patch, samples.
    threshold
        Singular values below this share of the largest are noise. Fat beside a coil is tens of
        times brighter than the heart, whose patches a larger share would take for noise.
    crop
        Pixels whose eigenvalue is smaller hold nothing.
    """
    extent = calibration.shape[1:]
    if min(extent) < 2 * kernel:
        msg = (
            f"Coil maps need {2 * kernel} x {2 * kernel} calibration samples at least, found "
            f"{extent[0]} x {extent[1]}. Sample more lines in the middle of k-space."
        )
        raise InputError(msg)
    filters = _signal_filters(calibration, kernel, threshold)
    operators = _pixel_operators(filters, shape)
    values, vectors = np.linalg.eigh(operators)
    maps = np.moveaxis(vectors[..., -1], -1, 0)
    maps = maps * _phase(maps, calibration)
    return np.where(values[..., -1] >= crop, maps, 0).astype(calibration.dtype)


def _signal_filters(
    calibration: Complex[np.ndarray, "coils a b"], kernel: int, threshold: float
) -> Complex[np.ndarray, "filters coils k k"]:
    """Return an orthonormal basis of the patches."""
    coils = len(calibration)
    patches = sliding_window_view(calibration, (kernel, kernel), axis=(1, 2))
    rows = np.moveaxis(patches, 0, 2).reshape(-1, coils * kernel**2).astype(np.complex128)
    values, vectors = np.linalg.eigh(rows.T @ rows.conj())
    kept = values > threshold**2 * values[-1]
    return np.asarray(vectors[:, kept].T.reshape(-1, coils, kernel, kernel))


def _pixel_operators(
    filters: Complex[np.ndarray, "filters coils k k"], shape: tuple[int, int]
) -> Complex[np.ndarray, "i j coils coils"]:
    """Return by pixel the matrix that the projection on the patches is, averaged over places."""
    _, coils, kernel, _ = filters.shape
    width = 2 * kernel - 1
    waves = fft.fftn(filters, (width, width), axes=(2, 3))
    spectrum = np.einsum("ncuv,nduv->cduv", waves, waves.conj(), optimize=True)
    lags = fft.fftshift(fft.ifftn(spectrum, axes=(2, 3)), axes=(2, 3)) / kernel**2
    padded = np.zeros((coils, coils, *shape), dtype=np.complex64)
    first = [size // 2 - (kernel - 1) for size in shape]
    padded[:, :, first[0] : first[0] + width, first[1] : first[1] + width] = lags
    moved = fft.ifftshift(padded, axes=(2, 3))
    image = fft.fftshift(fft.ifftn(moved, axes=(2, 3), norm="forward"), axes=(2, 3))
    return np.asarray(image.transpose(2, 3, 0, 1))


def _phase(
    maps: Complex[np.ndarray, "coils i j"], calibration: Complex[np.ndarray, "coils a b"]
) -> Complex[np.ndarray, "i j"]:
    """Return the factor that turns the first principal coil's map real and positive."""
    flat = calibration.reshape(len(calibration), -1)
    first = np.linalg.eigh(flat @ flat.conj().T)[1][:, -1]
    seen = np.einsum("c,cij->ij", first.conj(), maps)
    return np.asarray(np.exp(-1j * np.angle(seen)))


__all__ = ["espirit_maps"]
