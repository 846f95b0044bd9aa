"""Few quadrature points with non-negative weights, in the place of many.

Energy-conserving sampling and weighting (Farhat, Avery, Chapman & Cortial 2014, Int J Num Meth Eng
98:625-662; of quadrature points: An, Kim & James 2008, ACM Trans Graph 27:165): weights w >= 0
with |G w - b| <= tolerance |b|, found by the active-set method of Lawson & Hanson (1974, Solving
Least Squares Problems, ch. 23), stopped early so that few are not zero.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from scipy.linalg import cho_factor, cho_solve

from cardiotwin.errors import ConvergenceError

RIDGE = 1e-12  # of the Gram matrix's trace: two points of one cell may be nearly alike


@dataclass(frozen=True, kw_only=True, eq=False)
class Cubature:
    """Chosen columns and their weights.

    Parameters
    ----------
    chosen
        Numbers of the columns.
    weights
        Positive.
    misfit
        |G w - b| / |b|.
    """

    chosen: Integer[np.ndarray, " chosen"]
    weights: Float[np.ndarray, " chosen"]
    misfit: float


def sparse_weights(
    rows: Float[np.ndarray, "rows columns"],
    target: Float[np.ndarray, " rows"],
    *,
    tolerance: float,
    at_once: int = 8,
) -> Cubature:
    """Return non-negative weights of few columns whose sum is the target to a tolerance.

    `at_once` columns enter per iteration, those that correlate best with what is missing.

    Raises
    ------
    ConvergenceError
        If the target cannot be met with as many columns as there are rows.
    """
    lengths = np.linalg.norm(rows, axis=0)
    lengths[lengths == 0] = np.inf
    size = float(np.linalg.norm(target))
    chosen = np.zeros(0, dtype=np.int64)
    weights = np.zeros(0)
    missing, misfits = target, [1.0]
    while misfits[-1] > tolerance:
        gain = (rows.T @ missing) / lengths
        gain[chosen] = -np.inf
        entering = np.argsort(gain)[::-1][:at_once]
        entering = entering[gain[entering] > 0]
        if not len(entering) or len(chosen) + len(entering) > len(rows):
            break
        chosen, weights = _settled(
            rows, target, np.append(chosen, entering), np.append(weights, np.zeros(len(entering)))
        )
        missing = target - rows[:, chosen] @ weights
        misfits.append(float(np.linalg.norm(missing)) / size)
        if len(misfits) > STALLED and misfits[-1] > 0.999 * misfits[-STALLED]:
            break
    if misfits[-1] > tolerance:
        msg = (
            f"No cubature meets the tolerance {tolerance:g}: {len(chosen)} points miss the target "
            f"by {misfits[-1]:.3g} of it. Give more rows, or a larger tolerance."
        )
        raise ConvergenceError(msg, misfits)
    return Cubature(chosen=chosen, weights=weights, misfit=misfits[-1])


STALLED = 40  # iterations without progress


def _settled(
    rows: Float[np.ndarray, "rows columns"],
    target: Float[np.ndarray, " rows"],
    chosen: Integer[np.ndarray, " chosen"],
    weights: Float[np.ndarray, " chosen"],
) -> tuple[Integer[np.ndarray, " kept"], Float[np.ndarray, " kept"]]:
    """Return the least-squares weights of the chosen columns that are positive, the rest left."""
    some = rows[:, chosen]
    gram, right = some.T @ some, some.T @ target
    inside = np.ones(len(chosen), dtype=bool)
    while True:
        part = gram[np.ix_(inside, inside)]
        ridge = RIDGE * np.trace(part) / len(part)
        found = cho_solve(cho_factor(part + ridge * np.eye(len(part))), right[inside])
        if (found > 0).all():
            return chosen[inside], found
        old = weights[inside]
        fresh = (old == 0) & (found <= 0)
        if fresh.any():  # a newcomer that wants to be negative goes first, or the method stalls
            leaving = fresh
        else:
            falling = found <= 0
            share = np.min(old[falling] / (old[falling] - found[falling]))
            old = old + share * (found - old)
            weights[inside] = np.where(old > 1e-12 * old.max(), old, 0.0)
            leaving = (weights[inside] == 0) & falling
        inside[np.flatnonzero(inside)[leaving]] = False
