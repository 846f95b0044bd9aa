"""The most probable parameters from several starts at once, and Laplace's approximation there.

Levenberg-Marquardt in a batch, within the model's range (Nocedal & Wright 2006, Numerical
Optimization, sect. 10.3); evidence of a mode: MacKay (2003), Information Theory, Inference, and
Learning Algorithms, ch. 27.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from cardiotwin.errors import ConvergenceError
from cardiotwin.fitting.problem import Problem, cost_of

ITERATIONS = 60
SMALL = 1e-3  # posterior standard deviations: a step at which a search has arrived
ROUNDING = 1e-9  # of a cost
SADDLE = 0.1  # of -log p: what lies lower beside a mode shows that it is none
APART = 2.0  # posterior standard deviations between two modes
EASIER, HARDER = 0.2, 4.0
FIRST, LAST = 1e-2, 1e7  # damping


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalMode:
    """One maximum of the posterior density.

    Parameters
    ----------
    x
        Standard numbers.
    cost
        -log p there.
    residuals, jacobian
        Of the measurements, white.
    at_bound
        Which parameters lie on an end of the model's range.
    weight
        Its share of the posterior, by Laplace, among all modes found.
    starts
        How many starts arrived here.
    """

    x: Float[np.ndarray, " parameters"]
    cost: float
    residuals: Float[np.ndarray, " residuals"]
    jacobian: Float[np.ndarray, "residuals parameters"]
    at_bound: Bool[np.ndarray, " parameters"]
    weight: float
    starts: int

    @property
    def decrement(self) -> float:
        """Return how far Newton's step from here would go, posterior standard deviations.

        Nothing at a maximum; more where the model's answers end before it.
        """
        gradient = self.jacobian.T @ self.residuals + self.x
        free = ~self.at_bound
        own = self.precision[np.ix_(free, free)]
        return float(np.sqrt(gradient[free] @ np.linalg.solve(own, gradient[free])))

    @property
    def precision(self) -> Float[np.ndarray, "parameters parameters"]:
        """Return the Gauss-Newton Hessian of -log p."""
        return np.asarray(self.jacobian.T @ self.jacobian + np.eye(len(self.x)))

    @property
    def covariance(self) -> Float[np.ndarray, "parameters parameters"]:
        """Return Laplace's covariance of the standard numbers."""
        return np.asarray(np.linalg.inv(self.precision))


class _At(NamedTuple):
    """Where searches are: standard numbers, residuals, their derivative, -log p."""

    x: np.ndarray
    r: np.ndarray
    J: np.ndarray
    cost: np.ndarray

    def part(self, which: np.ndarray) -> "_At":
        """Return some of them."""
        return _At(*(each[which] for each in self))


def find_modes(problem: Problem, starts: Float[np.ndarray, "starts n"]) -> tuple[LocalMode, ...]:
    """Return the modes, the most probable first.

    Raises
    ------
    ConvergenceError
        If no search arrives.
    """
    box = problem.box()
    at = _searched(problem, starts, box)
    beside = [_lower(problem, mode, box) for mode in _distinct(at, box)]
    if any(map(len, beside)):  # a saddle, whose gradient vanishes too
        more = _searched(problem, np.concatenate(beside), box)
        at = _At(*(np.concatenate(pair) for pair in zip(at, more, strict=True)))
    modes = _distinct(at, box)
    tops = tuple(mode for mode in modes if not len(_lower(problem, mode, box))) or modes
    total = sum(mode.weight for mode in tops)
    return tuple(replace(mode, weight=mode.weight / total) for mode in tops)


def _searched(problem: Problem, starts: np.ndarray, box: tuple[np.ndarray, np.ndarray]) -> _At:
    """Return where searches arrive."""
    at = _at(problem, np.clip(starts, *box))
    damping = np.full(len(starts), FIRST)
    arrived, lost = np.zeros(len(starts), bool), ~np.isfinite(at.cost)
    for _ in range(ITERATIONS):
        going = np.flatnonzero(~arrived & ~lost)
        if not len(going):
            break
        here = at.part(going)
        trial = _at(problem, np.clip(here.x + _steps(here, damping[going], box), *box))
        better = trial.cost <= here.cost
        length = _length(here.J, trial.x - here.x)
        for old, new in zip(at, trial, strict=True):
            old[going[better]] = new[better]
        same = trial.cost <= here.cost + ROUNDING * (1 + here.cost)
        arrived[going[(length < SMALL) & same]] = True
        damping[going] *= np.where(better, EASIER, HARDER)
        lost |= damping > LAST
    stalled = lost & np.isfinite(at.cost)  # where the model's answers end
    if not (arrived | stalled).any():
        best = float(np.min(at.cost, initial=np.inf))
        msg = (
            f"No search for the most probable heart arrived from {len(starts)} starts (best -log "
            f"p {best:.4g}; {int((~np.isfinite(at.cost)).sum())} without an answer of the model). "
            "Check the measurements' units, or train the reduced heart in a larger range."
        )
        raise ConvergenceError(msg, [best])
    return at.part(arrived if arrived.any() else stalled)


def _probes(mode: LocalMode) -> np.ndarray:
    """Return places one standard deviation to both sides of a mode, along its principal axes."""
    sizes, axes = np.linalg.eigh(mode.precision)
    away = axes.T / np.sqrt(sizes)[:, None]
    return np.asarray(mode.x + np.concatenate([away, -away]))


def _lower(problem: Problem, mode: LocalMode, box: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the probes about a mode where the density is larger than at it: it is none."""
    places = np.clip(_probes(mode), *box)
    lower = cost_of(problem.residuals(places), places) < mode.cost - SADDLE
    return np.asarray(places[lower])


def _at(problem: Problem, x: np.ndarray) -> _At:
    r, J = problem.linearised(x)
    return _At(x=x, r=r, J=J, cost=cost_of(r, x))


def _steps(at: _At, damping: np.ndarray, box: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return Levenberg's steps; what presses against an end of the range stays there."""
    n = at.x.shape[1]
    gradient = np.einsum("bmn,bm->bn", at.J, at.r) + at.x
    held = ((at.x <= box[0]) & (gradient > 0)) | ((at.x >= box[1]) & (gradient < 0))
    A = np.einsum("bmi,bmj->bij", at.J, at.J) + np.eye(n)
    A += damping[:, None, None] * np.einsum("bii->bi", A)[:, :, None] * np.eye(n)
    A[held], gradient[held] = 0.0, 0.0
    A = np.where(held[:, None, :], 0.0, A) + held[:, :, None] * np.eye(n)
    return np.asarray(-np.linalg.solve(A, gradient[..., None])[..., 0])


def _length(J: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return steps in posterior standard deviations."""
    along = np.einsum("bmn,bn->bm", J, step)
    return np.asarray(np.sqrt(np.sum(along**2, axis=1) + np.sum(step**2, axis=1)))


def _distinct(at: _At, box: tuple[np.ndarray, np.ndarray]) -> tuple[LocalMode, ...]:
    kept: list[int] = []
    starts: list[int] = []
    for k in np.argsort(at.cost, kind="stable"):
        near = [i for i, j in enumerate(kept) if _length(at.J[[j]], at.x[[k]] - at.x[[j]]) < APART]
        if near:
            starts[near[0]] += 1
        else:
            kept.append(int(k))
            starts.append(1)
    precision = np.einsum("bmi,bmj->bij", at.J[kept], at.J[kept]) + np.eye(at.x.shape[1])
    logs = -at.cost[kept] - np.linalg.slogdet(precision)[1] / 2
    shares = np.exp(logs - logs.max())
    return tuple(
        LocalMode(
            x=at.x[k],
            cost=float(at.cost[k]),
            residuals=at.r[k],
            jacobian=at.J[k],
            at_bound=(at.x[k] <= box[0]) | (at.x[k] >= box[1]),
            weight=float(share),
            starts=count,
        )
        for k, share, count in zip(kept, shares / shares.sum(), starts, strict=True)
    )


__all__ = ["LocalMode", "find_modes"]
