"""A series as a low-rank background and a sparse change, from few samples.

minimise 1/2 |A (L + S) - y|^2 + lambda_L |L|_* + lambda_S |T S|_1, with pixels by frames as a
matrix for the nuclear norm and T the Fourier transform along time: Otazo, Candes & Sodickson
(2015), MRM 73:1125-1136. Solved by proximal gradients with the optimised momentum of Kim &
Fessler, as for this problem in Lin & Fessler (2019), IEEE TCI 5:17-31 (POGM with restart).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex
from scipy import fft

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.imaging.encoding.fourier import to_image
from cardiotwin.imaging.reconstruction.sense import LineSense

_WINDOW = 10  # iterations over which the objective is watched
LIPSCHITZ = 2.0  # of the data term's gradient in (L, S) together, for |A| <= 1

Pair = Complex[np.ndarray, "2 t i j"]


@dataclass(frozen=True, kw_only=True, eq=False)
class LowRankSparse:
    """What the decomposition gives.

    Parameters
    ----------
    background, change
        Low-rank and sparse part, by frame.
    objective
        What is minimised, after each iteration.
    """

    background: Complex[np.ndarray, "t i j"]
    change: Complex[np.ndarray, "t i j"]
    objective: tuple[float, ...]

    @property
    def image(self) -> Complex[np.ndarray, "t i j"]:
        """Return the series itself."""
        return np.asarray(self.background + self.change)


def low_rank_sparse(
    kspace: Complex[np.ndarray, "coils t i j"],
    mask: Bool[np.ndarray, "t j"],
    coil_maps: Complex[np.ndarray, "coils i j"],
    *,
    low_rank: float = 0.001,
    sparse: float = 0.0003,
    tolerance: float = 5e-3,
    iterations: int = 300,
) -> LowRankSparse:
    """Return the decomposition.

    Parameters
    ----------
    kspace, mask
        Samples, nought where there are none, and sampled lines by frame.
    coil_maps
        Unit vectors across coils, or nought.
    low_rank, sparse
        lambda_L as a share of the largest singular value of A* y, lambda_S as a share of the
        largest coefficient of T A* y. Otazo et al. have 0.01 and 0.0025 for cine with evenly
        bright coils; fat beside a coil makes the largest values larger, and the shares smaller.
    tolerance
        Largest relative fall of the objective in ten steps at which it has settled.
    iterations
        Proximal steps at most.

    Raises
    ------
    ConvergenceError
        If the objective has not settled by then.
    """
    if min(low_rank, sparse) <= 0:
        msg = (
            f"low_rank and sparse must be positive, found {low_rank:g} and {sparse:g}. "
            "Both are shares of the largest value, of the order of 0.01."
        )
        raise InputError(msg)
    encoding = LineSense(coil_maps=coil_maps, mask=mask)
    lines = to_image(kspace, (-2,))
    right = encoding.adjoint(lines)
    limits = (low_rank * _spectral_norm(right), sparse * float(np.abs(_temporal(right)).max()))
    energy = 0.5 * float(np.vdot(lines, lines * mask[:, None]).real)

    def gradient(pair: Pair) -> tuple[Pair, float]:
        """Return the data term's gradient and, at no cost, its value."""
        series = pair.sum(axis=0)
        normal = encoding.normal(series)
        value = energy + float(np.vdot(series, 0.5 * normal - right).real)
        return np.broadcast_to(normal - right, pair.shape), value

    def shrink(pair: Pair, step: float) -> tuple[Pair, float]:
        """Return the proximal point and the penalties there."""
        low, nuclear = shrink_singular_values(pair[0], step * limits[0])
        change, absolute = shrink_temporal_spectrum(pair[1], step * limits[1])
        return np.stack([low, change]), limits[0] * nuclear + limits[1] * absolute

    start = np.stack([right, np.zeros_like(right)])
    (background, change), objective = _pogm(
        start, gradient, shrink, tolerance=tolerance, iterations=iterations
    )
    return LowRankSparse(background=background, change=change, objective=objective)


def shrink_singular_values(
    series: Complex[np.ndarray, "t i j"], limit: float
) -> tuple[Complex[np.ndarray, "t i j"], float]:
    """Return the series with singular values less by a limit, and its nuclear norm."""
    flat = series.reshape(len(series), -1)
    values, vectors = np.linalg.eigh((flat @ flat.conj().T).astype(np.complex128))
    singular = np.sqrt(np.maximum(values, 0.0))
    kept = np.maximum(singular - limit, 0.0)
    share = np.divide(kept, singular, out=np.zeros_like(kept), where=singular > 0)
    filtered = (vectors * share) @ vectors.conj().T
    return (filtered.astype(series.dtype) @ flat).reshape(series.shape), float(kept.sum())


def shrink_temporal_spectrum(
    series: Complex[np.ndarray, "t i j"], limit: float
) -> tuple[Complex[np.ndarray, "t i j"], float]:
    """Return the series with temporal frequencies less by a limit, and their absolute sum."""
    spectrum = _temporal(series)
    size = np.abs(spectrum)
    kept = np.maximum(size - size.dtype.type(limit), 0)
    spectrum *= np.divide(kept, size, out=np.zeros_like(kept), where=size > 0)
    image = fft.ifft(spectrum, axis=0, norm="ortho", overwrite_x=True)
    return np.asarray(image), float(kept.sum(dtype=np.float64))


def _temporal(series: Complex[np.ndarray, "t i j"]) -> Complex[np.ndarray, "t i j"]:
    return np.asarray(fft.fft(series, axis=0, norm="ortho"))


def _spectral_norm(series: Complex[np.ndarray, "t i j"]) -> float:
    flat = series.reshape(len(series), -1)
    return float(np.sqrt(np.linalg.eigvalsh(flat @ flat.conj().T)[-1]))


def _pogm(
    start: Pair,
    gradient: Callable[[Pair], tuple[Pair, float]],
    shrink: Callable[[Pair, float], tuple[Pair, float]],
    *,
    tolerance: float,
    iterations: int,
) -> tuple[Pair, tuple[float, ...]]:
    """Return the minimiser and the objective by iteration.

    Lin & Fessler (2019), algorithm 3; the momentum starts again where the objective rises.
    """
    x = w = z = start
    penalty, theta, gamma = np.inf, 1.0, 1.0 / LIPSCHITZ
    objective: list[float] = []
    while not _settled(objective, tolerance):
        if len(objective) > iterations:
            msg = (
                f"The low-rank and sparse series stopped after {iterations} steps at an objective "
                f"of {objective[-1]:.6g}, {_WINDOW} steps before {objective[-1 - _WINDOW]:.6g} "
                f"(tolerance {tolerance:g}). Give more iterations, or larger low_rank and sparse."
            )
            raise ConvergenceError(msg, objective[1:], state=x)
        slope, value = gradient(x)
        objective.append(value + penalty)
        if len(objective) > 1 and objective[-1] > objective[-2]:
            theta = 1.0
        before = theta
        theta = 0.5 * (1 + np.sqrt(1 + 4 * before**2))
        stepped = x - slope / LIPSCHITZ
        moved = stepped + (before - 1) / theta * (stepped - w)
        moved += before / theta * (stepped - x)
        moved += (before - 1) / (LIPSCHITZ * gamma * theta) * (z - x)
        gamma = (2 * before + theta - 1) / (LIPSCHITZ * theta)
        w, z = stepped, moved
        x, penalty = shrink(moved, gamma)
    return x, (*objective[1:], gradient(x)[1] + penalty)


def _settled(objective: list[float], tolerance: float) -> bool:
    """Return whether the objective fell by less than a share of itself in the last steps."""
    if len(objective) < _WINDOW + 2:
        return False
    return abs(objective[-1 - _WINDOW] - objective[-1]) <= tolerance * objective[-1]


__all__ = [
    "LowRankSparse",
    "low_rank_sparse",
    "shrink_singular_values",
    "shrink_temporal_spectrum",
]
