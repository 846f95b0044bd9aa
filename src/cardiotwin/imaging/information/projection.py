"""Denoising by projection on the components that stand out of noise, and the bits they hold.

Veraart et al. (2016), NeuroImage 142:394-406, with the edge of Tracy & Widom's law: Johnstone
(2001), Ann Statist 29:295-327. Spiked covariance: Baik & Silverstein (2006), J Multivar Anal
97:1382-1408.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError

# Quantile of the Tracy-Widom law of order 1 that noise exceeds once in twenty matrices.
ONE_IN_TWENTY = 0.9793


@dataclass(frozen=True, kw_only=True, eq=False)
class Components:
    """What of a matrix of images x pixels stands out of its noise.

    Parameters
    ----------
    number
        Of components kept.
    noise_sd
        Standard deviation of the noise, stated or found.
    signal_to_noise
        Variance of each kept component per pixel without noise, in units of the noise's variance;
        its bias by the noise is removed.
    denoised
        The matrix projected on these components, means restored.
    """

    number: int
    noise_sd: float
    signal_to_noise: Float[np.ndarray, " components"]
    denoised: Float[np.ndarray, "images pixels"]

    @property
    def bits_per_pixel(self) -> float:
        """Return what a pixel of all images tells, sum log2(1 + l)/2: bits, Gaussian components.

        A Gaussian has the largest entropy of its covariance: it is an upper bound.
        """
        return float(np.log2(1 + self.signal_to_noise).sum() / 2)


def edge(n_rows: int, n_columns: int, quantile: float = ONE_IN_TWENTY) -> float:
    """Return the squared singular value that pure noise of unit variance seldom exceeds."""
    roots = np.sqrt(n_columns - 0.5), np.sqrt(n_rows - 0.5)
    centre = sum(roots) ** 2
    width = np.sqrt(centre) * (1 / roots[0] + 1 / roots[1]) ** (1 / 3)
    return float(centre + quantile * width)


def components(
    images: Float[np.ndarray, "images pixels"], noise_sd: float | None = None
) -> Components:
    """Return what stands out of the noise in images of the same pixels.

    Each image's mean is set aside. Components are taken off while the largest left is beyond the
    edge of noise; where no noise is stated, it is what is left, over its degrees of freedom.

    Raises
    ------
    InputError
        For fewer than two images, or fewer pixels than images.
    """
    n_images, n_pixels = images.shape
    if not 2 <= n_images < n_pixels:
        msg = (
            f"Components need 2 or more images of more pixels than images, found {n_images} of "
            f"{n_pixels} pixels. Take larger patches, or a series."
        )
        raise InputError(msg)
    mean = images.mean(axis=1, keepdims=True)
    left, values, right = np.linalg.svd(images - mean, full_matrices=False)
    squares, freedom = values**2, n_pixels - 1  # the means took one
    number, variance = 0, _variance(squares, 0, freedom, noise_sd)
    while number < n_images and squares[number] > variance * edge(
        n_images - number, freedom - number
    ):
        number += 1
        variance = _variance(squares, number, freedom, noise_sd)
    kept = (left[:, :number] * values[:number]) @ right[:number]
    return Components(
        number=number,
        noise_sd=float(np.sqrt(variance)),
        signal_to_noise=_without_bias(squares[:number], variance, n_images, freedom),
        denoised=kept + mean,
    )


def _variance(
    squares: Float[np.ndarray, " images"], number: int, freedom: int, noise_sd: float | None
) -> float:
    """Return the noise's variance: stated, or what is left over its degrees of freedom."""
    if noise_sd is not None:
        return noise_sd**2
    rest = (len(squares) - number) * (freedom - number)
    return float(squares[number:].sum() / rest) if rest else 0.0


def _without_bias(
    squares: Float[np.ndarray, " components"], variance: float, n_images: int, freedom: int
) -> Float[np.ndarray, " components"]:
    """Return the components' own variance: y = (1 + l)(1 + g/l) solved for l, y in noise units."""
    if variance == 0:
        return np.full(len(squares), np.inf)
    aspect = n_images / freedom
    excess = squares / freedom / variance - 1 - aspect
    root = np.sqrt(np.maximum(excess**2 - 4 * aspect, 0.0))
    return np.asarray(np.maximum((excess + root) / 2, 0.0))


__all__ = ["Components", "components", "edge"]
