"""A series before the coils: its raw data, and the images that they give."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Complex, Float

from cardiotwin.exam.acquisition import slice_sensitivity
from cardiotwin.exam.coil_array import FoldedSlice
from cardiotwin.exam.heart import BeatingHeart
from cardiotwin.exam.series import Series
from cardiotwin.exam.series_raw import SliceSamples, series_raw
from cardiotwin.exam.stack import Stack, slice_affines
from cardiotwin.imaging.encoding import (
    complex_noise,
    elliptic_body,
    noise_covariance,
    torso_array,
)
from cardiotwin.imaging.raw import RawScan

_NOISE_SAMPLES = 4096


def coils_of(
    heart: BeatingHeart, stack: Stack, number: int, n_coils: int, acceleration: int
) -> FoldedSlice:
    """Return a slice as the array round the chest sees it; noise is 1 at the heart's middle."""
    place, shape = np.asarray(heart.patient.shape.position), stack.shape
    coils = torso_array(n_coils, place)
    covariance = noise_covariance(coils, elliptic_body(place))
    affines = slice_affines(stack)

    def folded(k: int, covariance: np.ndarray) -> FoldedSlice:
        maps = slice_sensitivity(affines[k], shape[:2], n_coils=n_coils, heart=place)
        return FoldedSlice(maps=maps, covariance=covariance, acceleration=acceleration)

    index = np.linalg.solve(stack.affine[:3, :3], place - stack.affine[:3, 3])
    i, j, k = (int(np.clip(round(x), 0, n - 1)) for x, n in zip(index, shape, strict=True))
    return folded(number, covariance / folded(k, covariance).noise_sd[i, j] ** 2)


def receive(
    coils: Sequence[FoldedSlice],
    clean: Sequence[Complex[np.ndarray, "i j images"]],
    densities: Sequence[Float[np.ndarray, "i j"]],
    series: Series,
    name: str,
    *,
    affines: Float[np.ndarray, "slices 4 4"],
    period: float,
    rng: np.random.Generator,
) -> tuple[list[Complex[np.ndarray, "i j images"]], RawScan]:
    """Return the images of all slices with the noise of their coils, and the raw data behind them.

    Parameters
    ----------
    coils, clean, densities
        By slice: who receives, the images without noise, and the image without contrast from
        which the coils' sensitivities are told.
    series, name
        What is scanned.
    affines
        Of the slices, voxel index to world, m.
    period
        Of the beat, s.
    rng
        Of noise and heartbeats.
    """
    scale = 1 / series.signal_to_noise
    images, samples = [], []
    for one, picture, density in zip(coils, clean, densities, strict=True):
        folded = one.folded(np.moveaxis(picture, 2, 0))
        folded += one.noise(len(folded), scale, rng)
        images.append(np.moveaxis(one.unfold(folded), 0, 2))
        lines, middle = one.calibration(density, scale, rng)
        samples.append(
            SliceSamples(
                images=one.samples(folded),
                lines=one.lines,
                calibration=middle,
                calibration_lines=lines,
            )
        )
    noise = complex_noise(scale**2 * coils[0].covariance, (_NOISE_SAMPLES,), rng)
    raw = series_raw(
        series, name, samples, affines, noise=noise.astype(np.complex64), period=period, rng=rng
    )
    return images, raw


__all__ = ["coils_of", "receive"]
