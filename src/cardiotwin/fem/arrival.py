"""When an iteration has arrived."""

from collections.abc import Callable

import numpy as np

Goal = Callable[[float, float], bool]
"""Tells of a residual's norm, and of a bound of the next correction's, whether they will do."""


def goal(residual: float, share: float, way: Callable[[], float]) -> Goal:
    """Return what tells whether an iterate will do.

    Parameters
    ----------
    residual
        Norm that will do.
    share
        Of the way that the next correction may have.
    way
        Returns how far the iterate has come; 0 where the residual alone decides.
    """

    def arrived(norm: float, correction: float) -> bool:
        if norm <= residual < np.inf:  # neither nan nor inf has arrived
            return True
        return norm + correction < np.inf and correction <= share * way() > 0

    return arrived
