"""When a nonlinear iteration has arrived: numbers only, without dolfinx."""

import math
from dataclasses import dataclass

from cardiotwin.errors import InputError


@dataclass(frozen=True, kw_only=True)
class NewtonSettings:
    """When Newton's iteration has arrived, and when it gives up.

    Parameters
    ----------
    relative, absolute
        Tolerances of the residual's norm, relative to the first residual and in its own unit.
    iterations
        Most tangents of one load.
    shortest
        Smallest share of a Newton step that is worth taking.
    reuse
        Whether the tangent of an earlier iterate or load serves as long as it leads on, improved
        by the steps taken with it (`secants`).
    """

    relative: float = 1e-8
    absolute: float = 1e-9
    iterations: int = 10
    shortest: float = 0.01
    reuse: bool = True

    def __post_init__(self) -> None:
        """Refuse tolerances that no iteration can meet, and one that never starts."""
        for name in ("relative", "absolute"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                msg = (
                    f"NewtonSettings.{name} must be positive and finite, found {value:g}. It is a "
                    f"tolerance of the residual's norm: {getattr(type(self), name):g} is usual."
                )
                raise InputError(msg)
        if self.iterations < 1:
            msg = (
                f"NewtonSettings.iterations must be at least 1, found {self.iterations}. "
                f"{type(self).iterations} are usual."
            )
            raise InputError(msg)
        if not 0 < self.shortest < 1:
            msg = (
                f"NewtonSettings.shortest must lie between 0 and 1, found {self.shortest:g}. It "
                f"is a share of a step: {type(self).shortest:g} is usual."
            )
            raise InputError(msg)
