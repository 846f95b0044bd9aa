"""How a coronary bed sets its own tone, and which narrowing explains a flow.

A bed widens or narrows its arterial side until its mean flow is what the muscle asks for; wide
open it can do no more (hyperaemia is that state by a drug).
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from cardiotwin.perfusion.coronary import (
    OPEN,
    PER_MINUTE,
    CoronaryBed,
    Drive,
    Stenosis,
    coronary_beat,
)
from cardiotwin.units import MMHG

REFINEMENTS = 4  # of a search on a grid
GRID = 16


def regulated_tone(
    bed: CoronaryBed, drive: Drive, demand: float, stenosis: Stenosis | None = None
) -> float:
    """Return the tone at which the mean flow is the demand, m^3/(s kg), or the nearest to it."""

    def flow(tones: Float[np.ndarray, " cases"]) -> Float[np.ndarray, " cases"]:
        return coronary_beat(bed, drive, tone=tones, stenosis=stenosis).flow

    return _crossing(flow, demand, bed.least_tone, bed.most_tone)


def limiting_resistance(
    bed: CoronaryBed, drive: Drive, flow: float, most: float = 1e4 * MMHG / PER_MINUTE
) -> float:
    """Return the stenosis, Pa s kg/m^3, that holds a wide-open bed to a mean flow, m^3/(s kg).

    It is 0 where even without one no more would flow.
    """

    def lacking(resistances: Float[np.ndarray, " cases"]) -> Float[np.ndarray, " cases"]:
        wide = np.full(len(resistances), bed.most_tone)
        return -coronary_beat(bed, drive, tone=wide, stenosis=resistances).flow

    found = _crossing(lacking, -flow, OPEN, most)
    return 0.0 if found <= OPEN else found


def _crossing(
    rising: Callable[[Float[np.ndarray, " cases"]], Float[np.ndarray, " cases"]],
    level: float,
    low: float,
    high: float,
) -> float:
    """Return where a rising function has a level, an end of the range where it has not."""
    for _ in range(REFINEMENTS):
        grid = np.geomspace(low, high, GRID)
        values = rising(grid)
        if level <= values[0]:
            return float(grid[0])
        if level >= values[-1]:
            return float(grid[-1])
        above = int(np.searchsorted(values, level))
        low, high = float(grid[above - 1]), float(grid[above])
    return float(np.sqrt(low * high))


__all__ = ["limiting_resistance", "regulated_tone"]
