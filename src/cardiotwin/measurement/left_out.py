"""What a fit would be without each of its slices: an error that no model of them states.

A slice's readings are of one breath-hold and of one band of the wall, and what the model has not
got (the field's finest terms, the tissue across the slice) is wrong in all of them together. How
much the answer hangs on any one of them is the delete-a-group jackknife (Kott 2001, J Off Stat
17:521-526), with the fit as linear about its answer. What one slice alone tells, the others cannot
judge: there the fit without it would go as far as its linear form lets it, and is held.
"""

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh

MOST = 0.99  # share of the information in a direction that one slice may have and still be judged


def spread_without(
    square: Float[np.ndarray, "groups unknowns unknowns"],
    slope: Float[np.ndarray, "groups unknowns"],
    whole: Float[np.ndarray, "unknowns unknowns"],
) -> Float[np.ndarray, "unknowns unknowns"]:
    """Return the covariance of an answer by what each group of its readings does to it.

    Parameters
    ----------
    square, slope
        What each group tells: its Fisher information, and the slope of its logarithmic likelihood
        at the answer.
    whole
        All information together, with what is known without readings.

    Returns
    -------
    covariance
        Nought of fewer than two groups, which tell nothing about each other.
    """
    count = len(square)
    if count < 2:
        return np.zeros_like(whole)
    moved = []
    for own, its in zip(square, slope, strict=True):
        share, directions = eigh(own, whole)  # directions of unit length in `whole`
        moved.append(-directions @ (directions.T @ its / (1 - np.minimum(share, MOST))))
    return np.asarray((count - 1) / count * np.stack(moved).T @ np.stack(moved))


__all__ = ["spread_without"]
