"""Parameters of a heart's flow that its images leave open, with priors.

Sotiropoulos, Le & Gilmanov (2016), Annu Rev Fluid Mech 48:259-283 (how the mitral orifice sets the
ventricle's flow); the priors' widths are assumptions, wider than what is known of one patient.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.haemodynamics.heart import LONGEST, SHORTEST


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """A parameter of the flow that images leave open, with its normal prior.

    Parameters
    ----------
    middle, sd
        Of the prior; of the logarithm if `positive`, so that sd is relative.
    low, high
        What the model takes.
    positive
        Whether the logarithm is normal.
    """

    middle: float
    sd: float
    low: float
    high: float
    positive: bool = False

    def at(self, deviation: float) -> float:
        """Return the value so many standard deviations from the middle."""
        if self.positive:
            value = self.middle * np.exp(self.sd * deviation)
        else:
            value = self.middle + self.sd * deviation
        return float(np.clip(value, self.low, self.high))


UNKNOWNS: dict[str, Unknown] = {
    "ramp": Unknown(middle=20e-3, sd=0.35, low=SHORTEST, high=LONGEST, positive=True),
    "viscosity": Unknown(middle=3.5e-3, sd=0.25, low=1e-3, high=2e-2, positive=True),
    "stroke": Unknown(middle=1.0, sd=0.03, low=0.88, high=1.12),
    "size": Unknown(middle=1.0, sd=0.005, low=0.97, high=1.03),
    "lag": Unknown(middle=0.0, sd=4e-3, low=-20e-3, high=20e-3),
    "orifice_x": Unknown(middle=0.0, sd=0.12, low=-0.45, high=0.45),
    "orifice_y": Unknown(middle=0.0, sd=0.12, low=-0.45, high=0.45),
    "orifice_radius": Unknown(middle=0.8, sd=0.1, low=0.5, high=1.2),
    "tilt_x": Unknown(middle=0.0, sd=0.12, low=-0.6, high=0.6),
    "tilt_y": Unknown(middle=0.0, sd=0.12, low=-0.6, high=0.6),
}
"""How long one valve takes over from the other (s), blood's viscosity (Pa s), the wall's
excursion and the heart's size over the measured ones, how late the motion is (s), the mitral
orifice's middle and radius (of its window's), and the slope of its jet against the normal."""


def values_of(deviations: Float[np.ndarray, " unknowns"]) -> dict[str, float]:
    """Return the parameters' values from their deviations in prior standard deviations."""
    pairs = zip(UNKNOWNS.items(), deviations, strict=True)
    return {name: unknown.at(float(each)) for (name, unknown), each in pairs}


__all__ = ["UNKNOWNS", "Unknown", "values_of"]
