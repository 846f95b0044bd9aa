"""How much flows through a valve: laws written once, for numpy and torch.

Sharp: Regazzoni et al. (2022), J Comput Phys 457:111083, eq. 8. Arctangent: the public code
`circulation` 0.4. Hyperbolic tangent: svZeroDSolver's `ValveTanh`. Softplus: our own, monotonic
with a monotonic slope, for implicit steps.
"""

import math
from typing import Any

from cardiotwin.units import MMHG

LAWS = ("sharp", "arctangent", "tanh", "softplus")
SMOOTH_WIDTH = 0.05 * MMHG  # Pa, of a softplus in implicit steps of some milliseconds


def valve_constants(law: str, low: Any, high: Any, width: Any, xp: Any) -> tuple[Any, ...]:
    """Return what the law needs of its valves, for `valve_flow`.

    `low` and `high` are the resistances of the open and of the closed valve, Pa s/m^3, and
    `width`, Pa, the passage between them (none of the sharp law).
    """
    if law == "sharp":
        return 1 / low, 1 / high
    if law == "arctangent":
        middle, half = -(xp.log(low) + xp.log(high)) / 2, (xp.log(high) - xp.log(low)) / math.pi
        return 1 / width, half, middle
    if law == "tanh":
        return 1 / width, (high - low) / 2, (high + low) / 2
    return 1 / width, (1 / low - 1 / high) * width, 1 / high


def valve_flow(law: str, difference: Any, constants: tuple[Any, ...], xp: Any) -> Any:
    """Return the flow, m^3/s, at a pressure `difference` upstream less downstream, Pa.

    With x = difference/width: arctangent has ln R fall from the closed to the open resistance as
    1/2 + arctan(x)/pi rises, tanh has R fall as (1 + tanh x)/2 rises, and softplus adds to the
    closed valve's flow that of ln(1 + exp x).
    """
    if law == "sharp":
        forwards, backwards = constants
        return difference * xp.where(difference > 0, forwards, backwards)
    steepness, span, offset = constants
    x = difference * steepness
    if law == "arctangent":
        return difference * xp.exp(span * xp.arctan(x) + offset)
    if law == "tanh":
        return difference / (offset - span * xp.tanh(x))
    return span * ((x + abs(x)) / 2 + xp.log1p(xp.exp(-abs(x)))) + offset * difference


def valve_slope(law: str, difference: Any, constants: tuple[Any, ...], xp: Any) -> Any:
    """Return the derivative of `valve_flow` by the difference, m^3/(s Pa)."""
    if law == "sharp":
        forwards, backwards = constants
        return xp.where(difference > 0, forwards, backwards)
    steepness, span, offset = constants
    x = difference * steepness
    if law == "arctangent":
        return xp.exp(span * xp.arctan(x) + offset) * (1 + span * x / (1 + x**2))
    if law == "tanh":
        resistance = offset - span * xp.tanh(x)
        return (1 + span * (1 - xp.tanh(x) ** 2) * x / resistance) / resistance
    return span * steepness * (1 + xp.tanh(x / 2)) / 2 + offset


__all__ = ["LAWS", "SMOOTH_WIDTH", "valve_constants", "valve_flow", "valve_slope"]
