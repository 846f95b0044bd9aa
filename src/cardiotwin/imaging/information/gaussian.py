"""Information of Gaussian channels: about parameters, per component, and at a distortion, in bits.

Cover & Thomas (2006), Elements of Information Theory, ch. 9 and 10; Bayesian experimental design:
Chaloner & Verdinelli (1995), Statistical Science 10:273-304.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError

type Matrix = Float[np.ndarray, "rows columns"]
type Vector = Float[np.ndarray, " components"]


def encoding_information(
    jacobian: Matrix, prior: Float[np.ndarray, "parameters parameters"], noise_sd: float = 1.0
) -> float:
    """Return what data tell of parameters, log2 det(I + L' J'J L/s^2)/2 with the prior L L', bits.

    Exact for a linear signal with Gaussian noise; for another one it is Laplace's approximation.
    Complex data enter as their real and imaginary parts, with the noise of one part.
    """
    root = jacobian @ np.linalg.cholesky(prior) / noise_sd
    _, logdet = np.linalg.slogdet(np.eye(root.shape[1]) + root.T @ root)
    return float(logdet / (2 * np.log(2)))


def information_by_components(
    jacobian: Matrix, prior: Float[np.ndarray, "parameters parameters"], noise_sd: float = 1.0
) -> Vector:
    """Return log2(1 + snr_k^2)/2 of each singular value snr_k of J L/s, bits; largest first."""
    snr = np.linalg.svd(jacobian @ np.linalg.cholesky(prior) / noise_sd, compute_uv=False)
    return np.asarray(np.log2(1 + snr**2) / 2)


def information_after(
    operation: Float[np.ndarray, "after before"],
    jacobian: Float[np.ndarray, "before parameters"],
    prior: Float[np.ndarray, "parameters parameters"],
    noise_sd: float = 1.0,
) -> float:
    """Return what is left after a linear operation on the data, its noise carried along, bits.

    Never more than before (data-processing inequality): an operation that looks as if it raised
    information has forgotten that it correlates the noise.
    """
    left, size, _ = np.linalg.svd(operation, full_matrices=False)
    kept = size > size.max(initial=0.0) * 1e-12
    white = (left[:, kept] / size[kept]).T @ operation
    return encoding_information(white @ jacobian, prior, noise_sd)


def gains(
    jacobians: Sequence[Float[np.ndarray, "_ parameters"]],
    prior: Float[np.ndarray, "parameters parameters"],
    noise_sds: Sequence[float],
) -> Vector:
    """Return the gain of each sequence given those before it, bits; their sum is the whole's."""
    precision = np.linalg.inv(prior)
    found: list[float] = []
    for jacobian, sd in zip(jacobians, noise_sds, strict=True):
        after = precision + jacobian.T @ jacobian / sd**2
        found.append(float(np.linalg.slogdet(after)[1] - np.linalg.slogdet(precision)[1]))
        precision = after
    return np.array([each / (2 * np.log(2)) for each in found])


def greedy_order(
    jacobians: Sequence[Float[np.ndarray, "_ parameters"]],
    prior: Float[np.ndarray, "parameters parameters"],
    noise_sds: Sequence[float],
    costs: Sequence[float],
) -> list[int]:
    """Return the sequences in the order of the largest gain per cost, given those before.

    The gain is submodular, so at equal costs each start of this order holds at least 1 - 1/e of
    the most that as many sequences can tell (Nemhauser et al. 1978, Math Programming 14:265-294).
    """
    left: list[int] = list(range(len(jacobians)))
    order: list[int] = []
    while left:
        rates = []
        for number in left:
            chosen = [*order, number]
            each = gains([jacobians[i] for i in chosen], prior, [noise_sds[i] for i in chosen])
            rates.append(each[-1] / costs[number])
        order.append(left.pop(int(np.argmax(rates))))
    return order


def rate(variances: Vector, distortion: float) -> tuple[float, float]:
    """Return the bits that code Gaussian components to a total distortion, and the water level.

    R = sum log2(max(v/w, 1))/2 with sum min(v, w) = D (reverse water-filling, Cover & Thomas
    2006, theorem 10.3.3).

    Raises
    ------
    InputError
        If the distortion is not above zero.
    """
    if not distortion > 0:
        msg = (
            f"The distortion must be above zero, found {distortion:g}. "
            "No finite number of bits codes a real number exactly."
        )
        raise InputError(msg)
    rising = np.sort(np.asarray(variances, dtype=float))
    if distortion >= rising.sum():
        return 0.0, float(rising[-1])
    below = np.concatenate([[0.0], np.cumsum(rising)])[:-1]
    levels = (distortion - below) / np.arange(len(rising), 0, -1)
    water = float(levels[np.argmax(levels <= rising)])
    return float(np.log2(np.maximum(rising / water, 1)).sum() / 2), water


__all__ = [
    "encoding_information",
    "gains",
    "greedy_order",
    "information_after",
    "information_by_components",
    "rate",
]
