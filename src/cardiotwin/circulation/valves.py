"""How much flows through a valve: laws written once, for numpy and torch.

Sharp: Regazzoni et al. (2022), J Comput Phys 457:111083, eq. 8. Arctangent: the public code
`circulation` 0.4. Hyperbolic tangent: svZeroDSolver's `ValveTanh`. Softplus: our own, monotonic
with a monotonic slope, for implicit steps.
"""

from typing import Any

from cardiotwin.units import MMHG

LAWS = ("sharp", "arctangent", "tanh", "softplus")
SMOOTH_WIDTH = 0.05 * MMHG  # Pa, of a softplus in implicit steps of some milliseconds


def valve_flow(law: str, difference: Any, constants: Any, xp: Any) -> Any:
    """Return the flow, m^3/s, at a pressure `difference` upstream less downstream, Pa.

    `constants` are `low` and `high`, the resistances of the open and of the closed valve,
    Pa s/m^3, and the `width`, Pa, of the passage between them (none of the sharp law). With
    x = difference/width: arctangent has ln R fall from `high` to `low` as 1/2 + arctan(x)/pi
    rises, tanh has R fall as (1 + tanh x)/2 rises, and softplus adds to the closed valve's flow
    that of ln(1 + exp x).
    """
    low, high, width = constants
    if law == "sharp":
        return difference / xp.where(difference > 0, low, high)
    x = difference / width
    if law == "arctangent":
        middle, half = (xp.log(low) + xp.log(high)) / 2, (xp.log(high) - xp.log(low)) / xp.pi
        return difference * xp.exp(half * xp.arctan(x) - middle)
    if law == "tanh":
        return difference / (low + (high - low) * (1 - xp.tanh(x)) / 2)
    rounded = (x + abs(x)) / 2 + xp.log1p(xp.exp(-abs(x)))
    return difference / high + (1 / low - 1 / high) * width * rounded


def valve_slope(law: str, difference: Any, constants: Any, xp: Any) -> Any:
    """Return the derivative of `valve_flow` by the difference, m^3/(s Pa)."""
    low, high, width = constants
    if law == "sharp":
        return 1 / xp.where(difference > 0, low, high)
    x = difference / width
    if law == "arctangent":
        middle, half = (xp.log(low) + xp.log(high)) / 2, (xp.log(high) - xp.log(low)) / xp.pi
        return xp.exp(half * xp.arctan(x) - middle) * (1 + half * x / (1 + x**2))
    if law == "tanh":
        resistance = low + (high - low) * (1 - xp.tanh(x)) / 2
        bend = (high - low) / 2 * (1 - xp.tanh(x) ** 2) * x
        return (1 + bend / resistance) / resistance
    return 1 / high + (1 / low - 1 / high) * (1 + xp.tanh(x / 2)) / 2


__all__ = ["LAWS", "SMOOTH_WIDTH", "valve_flow", "valve_slope"]
