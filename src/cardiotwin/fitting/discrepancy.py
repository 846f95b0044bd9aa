"""What a model cannot follow, apart from the noise, its size found by the evidence.

Kennedy & O'Hagan (2001), J R Stat Soc B 63:425-464: measurement = model + discrepancy + noise. The
discrepancy is a Gaussian process in time of a Matern covariance of order 3/2 (Rasmussen & Williams
2006, Gaussian Processes for Machine Learning, eq. 4.17); amplitude and length are those of the
largest likelihood (ch. 5).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_triangular
from scipy.optimize import minimize

Vector = Float[np.ndarray, " _"]
Matrix = Float[np.ndarray, "_ _"]
SHORTEST, LONGEST = 2.0, 0.25  # of the length: frames, and share of the beat
TRIALS = 200


@dataclass(frozen=True, kw_only=True)
class Discrepancy:
    """A Gaussian process.

    Parameters
    ----------
    amplitude
        Standard deviation, in the channel's unit.
    length
        Over which it changes, s.
    """

    amplitude: float
    length: float

    def covariance(self, time: Vector) -> Matrix:
        """Return the covariance at some times."""
        far = np.sqrt(3) * np.abs(time[:, None] - time[None]) / self.length
        return np.asarray(self.amplitude**2 * (1 + far) * np.exp(-far))


def log_evidence(miss: Vector, covariance: Matrix) -> float:
    """Return ln N(miss; 0, covariance)."""
    factor = np.linalg.cholesky(covariance)
    white = solve_triangular(factor, miss, lower=True)
    logarithm = np.log(np.diag(factor)).sum() + len(miss) / 2 * np.log(2 * np.pi)
    return float(-white @ white / 2 - logarithm)


def estimate(time: Vector, noise: float, miss: Vector, period: float) -> Discrepancy:
    """Return the discrepancy of the largest likelihood of what a fitted model misses.

    The model is fitted first and not moved by its discrepancy (Liu, Bayarri & Berger 2009,
    Bayesian Anal 4:119-150), which could take over what parameters can tell.
    """
    step = float(np.median(np.diff(np.unique(time))))
    bounds = [
        (np.log(1e-3 * noise), np.log(300 * noise)),
        (np.log(SHORTEST * step), np.log(max(LONGEST * period, 4 * step))),
    ]

    def term(x: Vector) -> Discrepancy:
        return Discrepancy(amplitude=float(np.exp(x[0])), length=float(np.exp(x[1])))

    def cost(x: Vector) -> float:
        return -log_evidence(miss, term(x).covariance(time) + noise**2 * np.eye(len(time)))

    low, high = np.array(bounds).T
    start = np.clip(np.log([noise, 0.03 * period]), low, high)
    found = minimize(cost, start, method="L-BFGS-B", bounds=bounds, options={"maxfun": TRIALS})
    return term(found.x)


__all__ = ["Discrepancy", "estimate", "log_evidence"]
