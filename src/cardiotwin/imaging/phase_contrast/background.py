"""Phase that is no velocity: eddy currents and concomitant fields, a polynomial over the image.

It is told by tissue at rest, from the complex images (no phase is unwrapped): each encoding's
phase against the first one's is fitted by Gauss-Newton on the residual phases, each voxel with
its magnitude's weight, and voxels that move count the less the farther they are off
(Geman & McClure's weights).

Walker et al. (1993), JMRI 3:521-530; Lankhaar et al. (2005), JMRI 22:73-79 on orders 0 to 2.
"""

from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import numpy as np
from jaxtyping import Bool, Complex, Float
from scipy.stats import chi2

from cardiotwin.errors import Flag, InputError
from cardiotwin.imaging.phase_contrast.series import FlowSeries
from cardiotwin.imaging.phase_contrast.voxels import VoxelGrid

ORDER = 2
ROUNDS = 40
OUTSIDE = 3.0  # spreads of the residual phases, beyond which a voxel counts less and less
LEAST = 10  # voxels for each coefficient
CHANCE = 1e-3  # of coefficients so far from none without a background, beyond which there is one


@dataclass(frozen=True, kw_only=True, eq=False)
class Background:
    """A polynomial phase per encoding over a grid.

    Parameters
    ----------
    coefficients
        Of the monomials of the position from -1 to 1 over the grid, by encoding, rad.
    covariance
        Of the coefficients of one encoding, rad^2, by encoding.
    order
        Of the polynomial.
    """

    coefficients: Float[np.ndarray, "encodings terms"]
    covariance: Float[np.ndarray, "encodings terms terms"]
    order: int

    def phase(self, grid: VoxelGrid) -> Float[np.ndarray, "i j k 1 encodings"]:
        """Return the phase at the voxels, rad."""
        found = monomials(grid, self.order) @ self.coefficients.T
        return np.asarray(found[..., None, :])


def monomials(grid: VoxelGrid, order: int) -> Float[np.ndarray, "i j k terms"]:
    """Return 1, x, y, z, x^2, xy, ... at the voxels, each axis from -1 to 1 over the grid."""
    axes = [np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in grid.shape]
    place = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    terms = [
        np.prod(place[..., list(which)], axis=-1)
        for degree in range(order + 1)
        for which in combinations_with_replacement(range(3), degree)
    ]
    return np.stack(terms, axis=-1)


def fit_background(
    signal: Complex[np.ndarray, "i j k frames encodings"],
    grid: VoxelGrid,
    still: Bool[np.ndarray, "i j k"],
    *,
    order: int = ORDER,
    referenced: bool = False,
) -> Background:
    """Return the background phase of a series, from voxels at rest.

    Parameters
    ----------
    signal
        Complex images.
    grid
        Of the images.
    still
        Tissue that does not move.
    order
        Of the polynomial.
    referenced
        As in `FlowSeries`; if False, phases are taken from the first image's.

    Raises
    ------
    InputError
        If too few voxels are at rest, or they do not tell the polynomial.
    """
    design = monomials(grid, order)[still]
    if len(design) < LEAST * design.shape[1] or np.linalg.matrix_rank(design) < design.shape[1]:
        msg = (
            f"A background phase of order {order} has {design.shape[1]} coefficients, found "
            f"{len(design)} voxels at rest. Mark more still tissue on all sides of the vessel, or "
            "lower the order."
        )
        raise InputError(msg)
    base = 1.0 if referenced else signal[still][..., :1].conj()
    together = (signal[still] * base).sum(axis=1)  # voxels encodings: over the frames
    found = [_fit(column, design) for column in together.T]
    if not referenced:
        found[0] = (np.zeros(design.shape[1]), np.zeros((design.shape[1],) * 2))
    return Background(
        coefficients=np.stack([one for one, _ in found]),
        covariance=np.stack([spread for _, spread in found]),
        order=order,
    )


def without_background(
    series: FlowSeries, still: Bool[np.ndarray, "i j k"], *, order: int = ORDER
) -> tuple[FlowSeries, tuple[Flag, ...]]:
    """Return a series without its background phase, and a flag where there was one.

    Coefficients that noise alone could make are no background: the series stays as it is.

    Raises
    ------
    InputError
        If the still tissue does not tell the phase (`fit_background`).
    """
    found = fit_background(
        series.signal, series.grid, still, order=order, referenced=series.referenced
    )
    told = slice(0 if series.referenced else 1, None)
    pairs = zip(found.coefficients[told], found.covariance[told], strict=True)
    far = max(float(c @ np.linalg.solve(spread, c)) for c, spread in pairs)
    n_terms = found.coefficients.shape[1]
    if chi2.sf(far, n_terms) * len(found.coefficients[told]) > CHANCE:
        return series, ()
    phase = found.phase(series.grid)
    encoding = series.encoding if series.referenced else series.encoding[1:] - series.encoding[:1]
    decoding = np.linalg.pinv(encoding).T
    design = monomials(series.grid, order)
    spread = np.einsum("ijkp,epq,ijkq->ijke", design, found.covariance[told], design)
    apart = np.abs(phase[..., 0, told] @ decoding).max()
    error = np.sqrt((spread @ decoding**2).max())
    sentence = (
        f"Still tissue has a background phase of up to {np.abs(phase).max():.2f} rad, as of "
        f"{apart:.3f} m/s, which was taken away; its standard error is at most {error:.3f} m/s."
    )
    clean = replace(series, signal=series.signal * np.exp(-1j * phase))
    return clean, (Flag(name="background_phase", sentence=sentence),)


def _fit(
    product: Complex[np.ndarray, " voxels"], design: Float[np.ndarray, "voxels terms"]
) -> tuple[Float[np.ndarray, " terms"], Float[np.ndarray, "terms terms"]]:
    size = np.abs(product)
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = np.angle(product.sum())
    trust = weight = np.ones(len(size))
    normal = np.eye(design.shape[1])
    for _ in range(ROUNDS):
        left = np.angle(product * np.exp(-1j * design @ coefficients))
        spread = 1.4826 * float(np.median(np.abs(left[size > 0]))) + 1e-12
        trust = 1 / (1 + (left / (OUTSIDE * spread)) ** 2) ** 2
        weight = size * trust
        normal = design.T @ (weight[:, None] * design)
        coefficients = coefficients + np.linalg.solve(normal, design.T @ (weight * left))
    left = np.angle(product * np.exp(-1j * design @ coefficients))
    freedom = max(float(trust.sum()) - design.shape[1], 1.0)
    residual = float(np.sum(weight * left**2)) / freedom
    return coefficients, residual * np.linalg.inv(normal)


__all__ = ["Background", "fit_background", "monomials", "without_background"]
