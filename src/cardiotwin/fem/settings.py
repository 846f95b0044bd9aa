"""When a nonlinear iteration has arrived: numbers only, without dolfinx."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NewtonSettings:
    """When Newton's iteration has arrived, and when it gives up.

    Parameters
    ----------
    relative, absolute
        Tolerances of the residual's norm, relative to the first residual and in its own unit.
    iterations
        Most iterations of one load.
    shortest
        Smallest share of a Newton step that is worth taking.
    """

    relative: float = 1e-8
    absolute: float = 1e-9
    iterations: int = 10
    shortest: float = 0.01
