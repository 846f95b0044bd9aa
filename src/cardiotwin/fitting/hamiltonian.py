"""Draws from a posterior by Hamiltonian Monte Carlo, many chains in one batch.

A reduced heart answers a batch at little more than the price of one, so all chains move in step:
trajectories of one length, drawn anew in each iteration (Neal 2011, Handbook of Markov Chain Monte
Carlo, ch. 5, sect. 5.4.2), where NUTS would let each chain turn where it likes and the batch wait
for the longest. Laplace's covariance at the best mode is the inverse mass; the step length follows
the acceptance while the chains settle (Hoffman & Gelman 2014, J Mach Learn Res 15:1593-1623,
sect. 3.2).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError

type Chains = Float[np.ndarray, "chains n"]
ACCEPTED = 0.8  # share of proposals that the step length aims at
LOST = 1e3  # below the start's log density: a trajectory has gone astray, and is stopped
PULL, CALM, FORGET = 0.05, 10.0, 0.75  # gamma, t0 and kappa of dual averaging, ibid. sect. 3.2.1


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How long to sample.

    Parameters
    ----------
    chains
        In the batch.
    warm_up
        Iterations in which the chains settle, and which are left out.
    draws
        Iterations that are kept, of each chain.
    longest
        Leapfrog steps of the longest trajectory.
    starts
        Of the search for modes.
    seed
        Of the draws.
    """

    chains: int = 8
    warm_up: int = 100
    draws: int = 600
    longest: int = 6
    starts: int = 6
    seed: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    """Chains of a sampler.

    Parameters
    ----------
    x
        Positions.
    accepted
        Mean share of proposals that were taken.
    step
        Length of a leapfrog step, standard deviations of the mass's metric.
    refused
        Share of proposals where the density had no value.
    """

    x: Float[np.ndarray, "chains draws n"]
    accepted: float
    step: float
    refused: float


def sample(
    density: Callable[[Chains], tuple[Float[np.ndarray, " chains"], Chains]],
    start: Chains,
    covariance: Float[np.ndarray, "n n"],
    sampling: Sampling,
    rng: np.random.Generator,
) -> Draws:
    """Return draws from exp(log density).

    Parameters
    ----------
    density
        Log density and its gradient of a batch; where it has none, -infinity and anything.
    start
        Where the chains begin.
    covariance
        About that of the target: the inverse mass.

    Raises
    ------
    ConvergenceError
        If no start has a density.
    """
    root = np.linalg.cholesky(covariance)

    def white(z: Chains) -> tuple[np.ndarray, np.ndarray]:
        value, gradient = density(z @ root.T)
        finite = np.isfinite(value) & np.isfinite(gradient).all(axis=1)
        gradient = np.where(finite[:, None], gradient @ root, 0.0)
        return np.where(finite, value, -np.inf), gradient

    z = np.linalg.solve(root, start.T).T
    value, gradient = white(z)
    alive = np.isfinite(value)
    if not alive.any():
        msg = (
            f"None of {len(start)} chains begins where the posterior has a density. Search its "
            "modes first."
        )
        raise ConvergenceError(msg, [])
    z, value, gradient = (each[_instead(alive, rng)] for each in (z, value, gradient))
    pace = _Pace(first=1.0 / len(covariance) ** 0.25)
    kept, taken, refused = [], [], []
    for iteration in range(sampling.warm_up + sampling.draws):
        settling = iteration < sampling.warm_up
        step = pace.trial if settling else pace.mean
        momentum = rng.standard_normal(z.shape)
        new, p, g, v = z, momentum, gradient, value
        for _ in range(int(rng.integers(1, sampling.longest + 1))):
            lost = v < value - LOST
            half = p + step / 2 * g
            ahead = np.where(lost[:, None], new, new + step * half)
            v, g = white(ahead)
            v = np.where(lost, -np.inf, v)
            new, p = ahead, half + step / 2 * g
        gain = v - value - (np.sum(p**2, axis=1) - np.sum(momentum**2, axis=1)) / 2
        chance = np.exp(np.minimum(gain, 0.0))
        move = rng.random(len(z)) < chance
        z = np.where(move[:, None], new, z)
        gradient = np.where(move[:, None], g, gradient)
        value = np.where(move, v, value)
        if settling:
            pace = pace.after(float(chance.mean()))
            continue
        kept.append(z @ root.T)
        taken.append(float(chance.mean()))
        refused.append(float(np.mean(~np.isfinite(v))))
    return Draws(
        x=np.stack(kept, axis=1),
        accepted=float(np.mean(taken)),
        step=pace.mean,
        refused=float(np.mean(refused)),
    )


def _instead(alive: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return each chain's own number, or that of a chain that has a density."""
    others = rng.choice(np.flatnonzero(alive), len(alive))
    return np.asarray(np.where(alive, np.arange(len(alive)), others))


@dataclass(frozen=True, kw_only=True)
class _Pace:
    """The step length by dual averaging."""

    first: float
    count: int = 0
    miss: float = 0.0
    log_mean: float | None = None

    @property
    def trial(self) -> float:
        """Return the length to try next."""
        pull = np.sqrt(self.count) / PULL * self.miss
        return float(self.first * np.exp(-min(max(pull, -3.0), 6.0)))

    @property
    def mean(self) -> float:
        """Return the length that was found."""
        return self.first if self.log_mean is None else float(np.exp(self.log_mean))

    def after(self, accepted: float) -> "_Pace":
        """Return the pace after an iteration."""
        count = self.count + 1
        share = 1 / (count + CALM)
        miss = (1 - share) * self.miss + share * (ACCEPTED - accepted)
        new = _Pace(first=self.first, count=count, miss=miss)
        weight = count**-FORGET
        before = 0.0 if self.log_mean is None else self.log_mean
        return _Pace(
            first=self.first,
            count=count,
            miss=miss,
            log_mean=weight * float(np.log(new.trial)) + (1 - weight) * before,
        )


__all__ = ["Draws", "Sampling", "sample"]
