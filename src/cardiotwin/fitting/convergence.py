"""Whether chains have told enough: rank-normalised R-hat and effective sample size.

Vehtari, Gelman, Simpson, Carpenter & Buerkner (2021), Bayesian Analysis 16:667-718.
"""

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri
from scipy.stats import rankdata

type Chains = Float[np.ndarray, "chains draws"]


def split_rhat(x: Chains) -> float:
    """Return the larger R-hat of the ranks' normal scores, of values and of their deviations."""
    folded = np.abs(x - np.median(x))
    return max(_rhat(_scores(_halves(each))) for each in (x, folded))


def effective_size(x: Chains) -> float:
    """Return how many independent draws tell the bulk as well (ibid. sect. 3.2)."""
    return _size(_scores(_halves(x)))


def tail_size(x: Chains) -> float:
    """Return the smaller effective size of the 5 % and 95 % quantiles (ibid. sect. 4.3)."""
    sizes = []
    for level in (0.05, 0.95):
        below = (x <= np.quantile(x, level)).astype(float)
        sizes.append(_size(_halves(below)))
    return min(sizes)


def _halves(x: np.ndarray) -> np.ndarray:
    half = x.shape[1] // 2
    return np.concatenate([x[:, :half], x[:, -half:]])


def _scores(x: np.ndarray) -> np.ndarray:
    ranks = rankdata(x.ravel(), method="average").reshape(x.shape)
    return np.asarray(ndtri((ranks - 0.375) / (x.size + 0.25)))


def _rhat(x: np.ndarray) -> float:
    n = x.shape[1]
    within = x.var(axis=1, ddof=1).mean()
    if within == 0:
        return float("nan")
    between = x.mean(axis=1).var(ddof=1)
    return float(np.sqrt((n - 1) / n + between / within))


def _size(x: np.ndarray) -> float:
    """Return Geyer's initial monotone sequence estimate over all chains (ibid. eq. 10 to 14)."""
    m, n = x.shape
    centred = x - x.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred, 2 * n, axis=1)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :n] / n
    within = covariance[:, 0].mean() * n / (n - 1)
    if within == 0:
        return float("nan")
    total = within * (n - 1) / n + (x.mean(axis=1).var(ddof=1) if m > 1 else 0.0)
    rho = 1 - (within - covariance.mean(axis=0) * n / (n - 1)) / total
    rho[0] = 1.0
    pairs = rho[: 2 * (n // 2)].reshape(-1, 2).sum(axis=1)
    positive = int(np.argmax(pairs <= 0)) if (pairs <= 0).any() else len(pairs)
    monotone = np.minimum.accumulate(pairs[:positive])
    tau = max(-1 + 2 * float(monotone.sum()), 1 / np.log10(m * n))
    return float(m * n / tau)


__all__ = ["effective_size", "split_rhat", "tail_size"]
