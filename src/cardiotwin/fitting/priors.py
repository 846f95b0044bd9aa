"""What is believed of a parameter before the measurement."""

from dataclasses import dataclass

import numpy as np

from cardiotwin.errors import InputError


@dataclass(frozen=True, kw_only=True)
class LogNormal:
    """A positive parameter whose logarithm is normal.

    Parameters
    ----------
    median
        In the parameter's unit.
    sd
        Standard deviation of the natural logarithm (0.5: two thirds lie within a factor 1.65).
    source
        Where the numbers come from.
    """

    median: float
    sd: float
    source: str

    def __post_init__(self) -> None:
        """Refuse what is not a distribution."""
        for name in ("median", "sd"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                msg = (
                    f"The prior's {name} must be positive and finite, found {value:g}. Give the "
                    "median in the parameter's unit and sd as the spread of its logarithm."
                )
                raise InputError(msg)

    def residual(self, log_value: float) -> float:
        """Return the standardised distance of a logarithm from the prior's centre."""
        return float((log_value - np.log(self.median)) / self.sd)
