"""Draws from a posterior of any shape, and its evidence, by tempering from the prior.

Draws of the prior are carried through growing powers of the likelihood, each chosen so that
their weights stay even, and moved at each power (Del Moral, Doucet & Jasra 2006, J R Stat Soc B
68:411-436) by Hamiltonian trajectories. A parameter's mass is the mean square of its slope, which
is the mean curvature of any density: the draws' own spread would not do, since that of draws with
few ancestors is too small, and keeps them from moving apart.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.fitting.hamiltonian import Sampling, sample

Points = Float[np.ndarray, "draws n"]
Values = Float[np.ndarray, " draws"]
Likelihood = Callable[[Points], tuple[Values, Points]]

POWERS = 100  # more than any map has needed


@dataclass(frozen=True, kw_only=True)
class Tempering:
    """How the draws are carried.

    Parameters
    ----------
    draws
        How many.
    even
        Effective share of them that the weights of a new power leave.
    moves
        Trajectories at each power.
    longest
        Leapfrog steps of the longest of them.
    """

    draws: int = 100
    even: float = 0.5
    moves: int = 5
    longest: int = 8

    def __post_init__(self) -> None:
        """Refuse what would carry nothing."""
        if min(self.draws - 1, self.moves, self.longest) < 1 or not 0 < self.even < 1:
            msg = (
                "Tempering needs two draws or more, a move, a step, and an even share between 0 "
                f"and 1, found {self.draws}, {self.moves}, {self.longest} and {self.even:g}. The "
                "defaults are 100, 5, 8 and 0.5."
            )
            raise InputError(msg)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tempered:
    """Draws of a posterior.

    Parameters
    ----------
    x, log_likelihood
        Of each draw, all of one weight.
    log_evidence
        Of the data.
    powers
        Of the likelihood, the last is 1.
    accepted
        Share of the proposals at each power.
    """

    x: Points
    log_likelihood: Values
    log_evidence: float
    powers: tuple[float, ...]
    accepted: tuple[float, ...]


def temper(likelihood: Likelihood, n: int, how: Tempering, rng: np.random.Generator) -> Tempered:
    """Return draws of the posterior of n parameters that are standard normal before the data.

    `likelihood` returns the logarithm and its gradient.

    Raises
    ------
    ConvergenceError
        If the powers do not reach 1.
    """
    x = rng.standard_normal((how.draws, n))
    told, slope = likelihood(x)
    powers, accepted, evidence = [0.0], [], 0.0
    while powers[-1] < 1:
        power = _next_power(told, powers[-1], how.even)
        log_weight = (power - powers[-1]) * (told - told.max())
        weight = np.exp(log_weight)
        evidence += np.log(weight.mean()) + (power - powers[-1]) * told.max()
        weight /= weight.sum()
        mass = np.maximum(weight @ (power * slope - x) ** 2, 1.0)  # at least the prior's
        x = x[_resampled(weight, rng)]

        def density(at: Points, power: float = power) -> tuple[Values, Points]:
            value, slope = likelihood(at)
            return power * value - np.sum(at**2, axis=1) / 2, power * slope - at

        few = Sampling(warm_up=how.moves - 1, draws=1, longest=how.longest)
        drawn = sample(density, x, np.diag(1 / mass), few, rng)
        x = drawn.x[:, -1]
        told, slope = likelihood(x)
        powers.append(power)
        accepted.append(drawn.accepted)
        if len(powers) > POWERS:
            msg = (
                f"Tempering reached the power {power:.3g} after {POWERS} steps. Give larger "
                "errors to the data, or more draws."
            )
            raise ConvergenceError(msg, tuple(powers), x)
    return Tempered(
        x=x,
        log_likelihood=told,
        log_evidence=float(evidence),
        powers=tuple(powers[1:]),
        accepted=tuple(accepted),
    )


def _next_power(told: Values, power: float, even: float) -> float:
    """Return the largest power, up to 1, whose weights leave this share effective."""

    def effective(to: float) -> float:
        weight = np.exp((to - power) * (told - told.max()))
        return float(weight.sum() ** 2 / (weight**2).sum() / len(told))

    if effective(1.0) >= even:
        return 1.0
    low, high = power, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if effective(middle) >= even else (low, middle)
    return low


def _resampled(weight: Values, rng: np.random.Generator) -> np.ndarray:
    """Return which draws are kept, each about as often as its weight (systematic)."""
    places = (np.arange(len(weight)) + rng.uniform()) / len(weight)
    return np.minimum(np.searchsorted(np.cumsum(weight), places), len(weight) - 1)


__all__ = ["Tempered", "Tempering", "temper"]
