"""How large and how smooth a motion is believed to be, as the images themselves make likely.

Empirical Bayes: what is believed before a frame is read is what makes its readings likeliest
(MacKay 1992, Neural Comput 4:415-447).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

from cardiotwin.measurement.field_fit import Linear, Wall
from cardiotwin.measurement.stripe_images import Remainder

FALLS = 0.0, 6.0
FACTOR = 2.0  # by which the remainder's size is changed
TOLERANCE = 0.5  # of the evidence: less tells nothing
EVALUATIONS = 80


@dataclass(frozen=True, kw_only=True, eq=False)
class Believed:
    """What is believed of a frame before its images are read.

    Parameters
    ----------
    wall
        With how smooth its motion is.
    remainder
        What the motion has beyond the smooth field.
    """

    wall: Wall
    remainder: Remainder


Reread = Callable[[Wall, Remainder], Linear]
"""What is read about a field that was found, if this is believed."""


def learnt(believed: Believed, found: Linear, again: Reread) -> Believed:
    """Return what makes the readings about a field that was found likelier."""
    wall = _smoother(believed.wall, found)
    remainder, lowest = believed.remainder, again(wall, believed.remainder).evidence(wall)
    for factor in (FACTOR, 1 / FACTOR):
        while True:
            tried = replace(remainder, sd=factor * remainder.sd)
            evidence = again(wall, tried).evidence(wall)
            if evidence > lowest - TOLERANCE:
                break
            remainder, lowest = tried, evidence
        if remainder is not believed.remainder:
            break
    return Believed(wall=wall, remainder=remainder)


def _smoother(wall: Wall, found: Linear) -> Wall:
    """Return the wall with the likeliest smoothness."""

    def such(values: Float[np.ndarray, "3"]) -> Wall:
        smoothness = replace(
            wall.smoothness,
            largest=float(np.exp(values[0])),
            fall=float(np.clip(values[1], *FALLS)),
            uneven=float(np.exp(values[2])),
        )
        return replace(wall, smoothness=smoothness)

    before = wall.smoothness
    start = np.array([np.log(before.largest), before.fall, np.log(before.uneven)])
    best = minimize(
        lambda values: found.evidence(such(values)),
        start,
        method="Nelder-Mead",
        options={"maxfev": EVALUATIONS, "xatol": 0.02, "fatol": TOLERANCE},
    )
    return such(best.x)


__all__ = ["Believed", "learnt"]
