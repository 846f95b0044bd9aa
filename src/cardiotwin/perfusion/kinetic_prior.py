"""What is believed of a muscle before its curves are seen, and what they tell with it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from cardiotwin.errors import InputError

VAGUE = 0.9  # of the prior's variance: what is left of it where a curve tells no flow
NAMES = ("mbf", "ps", "vp", "ve", "delay")


@dataclass(frozen=True, kw_only=True)
class KineticPrior:
    """Medians and standard deviations of the natural logarithms of what makes a curve.

    Ranges of normal muscle: blood flow 0.6 to 4 mL/min/g at rest and under stress, here wide
    enough for muscle with a tenth of it; PS 0.7 to 1.5 mL/min/g, blood 0.05 to 0.1 and
    interstitium 0.15 to 0.25 of the volume (Kellman et al. 2017, JCMR 19:43, and what is cited
    there); scars have more interstitium.

    Parameters
    ----------
    mbf, mbf_sd
        Blood flow, m^3/(s kg).
    ps, ps_sd
        Permeability-surface product, 1/s.
    vp, vp_sd
        Plasma volume, of the tissue's.
    ve, ve_sd
        Interstitial volume, of the tissue's.
    delay, delay_sd
        From where the input was measured, s; normal.
    """

    mbf: float = 1.5e-3 / 60
    mbf_sd: float = 1.0
    ps: float = 1.0 / 60
    ps_sd: float = 0.4
    vp: float = 0.05
    vp_sd: float = 0.35
    ve: float = 0.2
    ve_sd: float = 0.35
    delay: float = 0.5
    delay_sd: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a prior that is none."""
        for name in NAMES:
            median, sd = getattr(self, name), getattr(self, f"{name}_sd")
            if not (0 < sd < np.inf and (name == "delay" or median > 0)):
                msg = f"KineticPrior needs a positive {name} and {name}_sd, found {median}, {sd}."
                raise InputError(msg)

    @property
    def spread(self) -> Float[np.ndarray, "5"]:
        """Return the standard deviations."""
        return np.array([getattr(self, f"{name}_sd") for name in NAMES])


@dataclass(frozen=True, kw_only=True, eq=False)
class BelievedFit:
    """What curves and prior tell; NaN where there is no curve.

    Parameters
    ----------
    values
        Of `mbf` (m^3/(s kg)), `ps` (1/s), `vp`, `ve`, `delay` (s): medians.
    standard_errors
        In the same units; a positive parameter's is its median times that of its logarithm.
    narrowed
        Of each: standard deviation over that of the prior: 1 is not told by the curve at all.
    curves
        Fitted, mol/m^3.
    noise_sd
        Of a sample, mol/m^3, from what the fit leaves.
    correlation
        Of neighbouring residuals, of which the errors take account.
    covariance
        Of the standardised parameters: from the prior's median, in its standard deviations.
    common
        What the logarithm of flow changes by with each of five standard normal numbers that all
        curves of a muscle share; it is not in the errors (`one_muscle`).
    """

    values: Mapping[str, Float[np.ndarray, "*voxels"]]
    standard_errors: Mapping[str, Float[np.ndarray, "*voxels"]]
    narrowed: Mapping[str, Float[np.ndarray, "*voxels"]]
    curves: Float[np.ndarray, "*voxels samples"]
    noise_sd: Float[np.ndarray, "*voxels"]
    correlation: Float[np.ndarray, "*voxels"]
    covariance: Float[np.ndarray, "*voxels 5 5"]
    common: Float[np.ndarray, "*voxels 5"]

    def alone(
        self, prior: KineticPrior
    ) -> tuple[Float[np.ndarray, "*voxels"], Float[np.ndarray, "*voxels"]]:
        """Return the flows that the curves tell without the prior of flow, and their errors.

        `prior` is that of the fit. What is believed of flow is told once, by whoever compares
        these with a model; the other parameters' priors stay. NaN where the curve tells nothing.
        """
        variance = self.covariance[..., 0, 0]
        x = np.log(self.values["mbf"] / prior.mbf) / prior.mbf_sd
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(variance < VAGUE, 1 / variance - 1, np.nan)
            mbf = prior.mbf * np.exp(prior.mbf_sd * x / variance / precision)
            return mbf, mbf * prior.mbf_sd / np.sqrt(precision)

    def some(self, numbers: slice) -> "BelievedFit":
        """Return some of a row of curves."""
        parts: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            each = {k: v[numbers] for k, v in value.items()} if isinstance(value, dict) else None
            parts[item.name] = value[numbers] if each is None else each
        return replace(self, **parts)

    @property
    def told(self) -> Bool[np.ndarray, "*voxels"]:
        """Return where the flow is told."""
        return np.isfinite(self.values["mbf"])


__all__ = ["NAMES", "BelievedFit", "KineticPrior"]
