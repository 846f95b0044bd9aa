"""Polynomials of what a model answers, over a box of its parameters, from values and derivatives.

Where the answers are smooth, few runs with their derivatives determine a polynomial of a total
degree in many parameters: each run tells as many numbers as there are parameters, and one more
(gradient-enhanced regression: Peng, Hampton & Doostan 2016, J Comput Phys 310:440-458). What it
misses is measured on runs that it never saw.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from jaxtyping import Bool, Float, Integer

from cardiotwin.errors import InputError

FOLDS = 5  # of the runs, each left out once
SLOPE_WEIGHT = 0.5  # of a derivative by half a range, beside a value


@dataclass(frozen=True, kw_only=True, eq=False)
class Response:
    """Answers as polynomials of a box's coordinates, each from -1 to 1.

    Parameters
    ----------
    names
        Of the parameters.
    lower, upper
        The box, SI.
    logarithmic
        Parameters whose logarithm is the coordinate.
    powers
        Degrees of each term's Legendre polynomials.
    coefficients
        Of each answer.
    error
        Covariance of what the polynomial misses, by runs that were left out.
    """

    names: tuple[str, ...]
    lower: Float[np.ndarray, " n"]
    upper: Float[np.ndarray, " n"]
    logarithmic: Bool[np.ndarray, " n"]
    powers: Integer[np.ndarray, "terms n"]
    coefficients: Float[np.ndarray, "terms answers"]
    error: Float[np.ndarray, "answers answers"]

    def inside(self, values: Float[np.ndarray, "batch n"]) -> Bool[np.ndarray, " batch"]:
        """Return which parameters lie in the box."""
        slack = 1e-9 * (self.upper - self.lower)
        return np.asarray(
            ((values >= self.lower - slack) & (values <= self.upper + slack)).all(axis=1)
        )

    def unit(
        self, values: Float[np.ndarray, "batch n"]
    ) -> tuple[Float[np.ndarray, "batch n"], Float[np.ndarray, "batch n"]]:
        """Return coordinates and their derivatives by the parameters."""
        low, high, at = (
            np.where(self.logarithmic, np.log(np.where(self.logarithmic, x, 1.0)), x)
            for x in (self.lower, self.upper, values)
        )
        slope = 2 / (high - low) * np.where(self.logarithmic, 1 / values, 1.0)
        return np.asarray(2 * (at - low) / (high - low) - 1), np.asarray(slope)

    def answers(self, values: Float[np.ndarray, "batch n"]) -> Float[np.ndarray, "batch answers"]:
        """Return the answers, SI."""
        u, _ = self.unit(values)
        return np.asarray(_terms(u, self.powers)[0] @ self.coefficients)

    def linearised(
        self, values: Float[np.ndarray, "batch n"]
    ) -> tuple[Float[np.ndarray, "batch answers"], Float[np.ndarray, "batch answers n"]]:
        """Return the answers and their derivatives by the parameters, SI."""
        u, by = self.unit(values)
        terms, slopes = _terms(u, self.powers)
        found = np.einsum("btn,ta->ban", slopes, self.coefficients, optimize=True)
        return terms @ self.coefficients, found * by[:, None]


def total_degree(n: int, degree: int) -> Integer[np.ndarray, "terms n"]:
    """Return the powers of all monomials up to a total degree."""
    rows = [np.zeros(n, int)]
    for total in range(1, degree + 1):
        chosen = combinations_with_replacement(range(n), total)
        rows += [np.bincount(each, minlength=n) for each in chosen]
    return np.array(rows)


def _terms(
    u: Float[np.ndarray, "batch n"], powers: Integer[np.ndarray, "terms n"]
) -> tuple[Float[np.ndarray, "batch terms"], Float[np.ndarray, "batch terms n"]]:
    """Return products of Legendre polynomials and their derivatives."""
    one, slope = [np.ones_like(u), u], [np.zeros_like(u), np.ones_like(u)]
    for k in range(1, int(powers.max(initial=0))):  # Bonnet's recursion and its derivative
        one.append(((2 * k + 1) * u * one[k] - k * one[k - 1]) / (k + 1))
        slope.append(slope[k - 1] + (2 * k + 1) * one[k])
    by_degree, slopes = np.stack(one, axis=-1), np.stack(slope, axis=-1)
    batch, n = u.shape
    values = np.stack([by_degree[:, k, powers[:, k]] for k in range(n)], axis=-1)
    before, after = np.ones((batch, len(powers), n)), np.ones((batch, len(powers), n))
    before[..., 1:] = np.cumprod(values[..., :-1], axis=-1)
    after[..., :-1] = np.cumprod(values[..., :0:-1], axis=-1)[..., ::-1]
    by = np.stack([slopes[:, k, powers[:, k]] for k in range(n)], axis=-1)
    return values.prod(axis=-1), before * by * after


def fit_response(
    names: tuple[str, ...],
    ends: tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]],
    logarithmic: tuple[str, ...],
    runs: tuple[
        Float[np.ndarray, "runs n"],
        Float[np.ndarray, "runs answers"],
        Float[np.ndarray, "runs answers n"],
    ],
    *,
    degree: int,
) -> Response:
    """Return the polynomial of runs: parameters, answers, and derivatives, SI.

    Raises
    ------
    InputError
        If there are too few runs for the degree.
    """
    values, answers, slopes = runs
    n, powers = len(names), total_degree(len(names), degree)
    left = len(values) - -(-len(values) // FOLDS)
    if left * (n + 1) < 2 * len(powers):
        msg = (
            f"A polynomial of degree {degree} in {n} parameters has {len(powers)} terms: it needs "
            f"{-(-2 * len(powers) // (n + 1))} runs and a fifth more, found {len(values)}."
        )
        raise InputError(msg)
    empty = Response(
        names=names,
        lower=ends[0],
        upper=ends[1],
        logarithmic=np.isin(names, logarithmic),
        powers=powers,
        coefficients=np.zeros((len(powers), answers.shape[1])),
        error=np.zeros((answers.shape[1],) * 2),
    )
    u, by = empty.unit(values)
    terms, term_slopes = _terms(u, powers)
    unit_slopes = slopes / by[:, None]
    fold = np.arange(len(values)) % FOLDS
    misses = np.zeros_like(answers)

    def solved(kept: np.ndarray) -> np.ndarray:
        rows = SLOPE_WEIGHT * np.swapaxes(term_slopes[kept], 1, 2).reshape(-1, len(powers))
        told = SLOPE_WEIGHT * np.swapaxes(unit_slopes[kept], 1, 2).reshape(-1, answers.shape[1])
        A, b = np.concatenate([terms[kept], rows]), np.concatenate([answers[kept], told])
        return np.asarray(np.linalg.lstsq(A, b, rcond=1e-10)[0])

    for one in range(FOLDS):
        out = fold == one
        misses[out] = answers[out] - terms[out] @ solved(~out)
    return Response(
        names=names,
        lower=ends[0],
        upper=ends[1],
        logarithmic=empty.logarithmic,
        powers=powers,
        coefficients=solved(np.ones(len(values), bool)),
        error=misses.T @ misses / len(values),
    )


__all__ = ["Response", "fit_response", "total_degree"]
