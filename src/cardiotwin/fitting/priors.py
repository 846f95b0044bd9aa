"""What is believed of a parameter before the measurement.

Every law maps a standard normal number to the parameter and back, so that all of a posterior is
sampled, and its information counted, on one scale: that on which the prior is N(0, 1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, ndtri

from cardiotwin.errors import InputError

type Numbers = Float[np.ndarray, "*any"]


@runtime_checkable
class Prior(Protocol):
    """A law of one parameter."""

    @property
    def source(self) -> str:
        """Where its numbers come from."""

    def value(self, x: Numbers) -> Numbers:
        """Return the parameter, in its unit, by a standard normal number."""

    def slope(self, x: Numbers) -> Numbers:
        """Return the derivative of `value`."""

    def standard(self, value: Numbers) -> Numbers:
        """Return the number of a parameter."""


def _check(law: object, positive: tuple[str, ...]) -> None:
    for item in fields(law):  # type: ignore[arg-type]
        value = getattr(law, item.name)
        if isinstance(value, str):
            continue
        if not np.isfinite(value) or (item.name in positive and not value > 0):
            wanted = "positive and finite" if item.name in positive else "finite"
            msg = (
                f"The prior's {item.name} must be {wanted}, found {value:g}. Give the "
                "middle in the parameter's unit, and sd as its spread (of a log-normal law: of "
                "the logarithm)."
            )
            raise InputError(msg)


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
        _check(self, ("median", "sd"))

    def residual(self, log_value: float) -> float:
        """Return the standardised distance of a logarithm from the prior's centre."""
        return float((log_value - np.log(self.median)) / self.sd)

    def value(self, x: Numbers) -> Numbers:
        """Return the parameter by a standard normal number."""
        return np.asarray(self.median * np.exp(self.sd * x))

    def slope(self, x: Numbers) -> Numbers:
        """Return the derivative of `value`."""
        return self.sd * self.value(x)

    def standard(self, value: Numbers) -> Numbers:
        """Return the number of a parameter."""
        return np.asarray(np.log(value / self.median) / self.sd)


@dataclass(frozen=True, kw_only=True)
class Normal:
    """A normal parameter.

    Parameters
    ----------
    mean, sd
        In the parameter's unit.
    source
        Where the numbers come from.
    """

    mean: float
    sd: float
    source: str

    def __post_init__(self) -> None:
        """Refuse what is not a distribution."""
        _check(self, ("sd",))

    def value(self, x: Numbers) -> Numbers:
        """Return the parameter by a standard normal number."""
        return np.asarray(self.mean + self.sd * x)

    def slope(self, x: Numbers) -> Numbers:
        """Return the derivative of `value`."""
        return np.full_like(x, self.sd)

    def standard(self, value: Numbers) -> Numbers:
        """Return the number of a parameter."""
        return np.asarray((value - self.mean) / self.sd)


@dataclass(frozen=True, kw_only=True)
class Uniform:
    """A parameter of which only the ends are known.

    Parameters
    ----------
    lower, upper
        In the parameter's unit.
    source
        Where the numbers come from.
    """

    lower: float
    upper: float
    source: str

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        _check(self, ())
        if not self.lower < self.upper:
            msg = (
                f"A uniform prior needs lower < upper, found {self.lower:g} and {self.upper:g}. "
                "Leave out a parameter that is known."
            )
            raise InputError(msg)

    def value(self, x: Numbers) -> Numbers:
        """Return the parameter by a standard normal number."""
        return np.asarray(self.lower + (self.upper - self.lower) * ndtr(x))

    def slope(self, x: Numbers) -> Numbers:
        """Return the derivative of `value`."""
        density = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
        return np.asarray((self.upper - self.lower) * density)

    def standard(self, value: Numbers) -> Numbers:
        """Return the number of a parameter."""
        return np.asarray(ndtri((value - self.lower) / (self.upper - self.lower)))


def values_at(
    priors: Mapping[str, Prior], x: Float[np.ndarray, "batch parameters"]
) -> Float[np.ndarray, "batch parameters"]:
    """Return parameters by standard normal numbers, in the order of `priors`."""
    return np.stack([law.value(x[:, k]) for k, law in enumerate(priors.values())], axis=1)


def slopes_at(
    priors: Mapping[str, Prior], x: Float[np.ndarray, "batch parameters"]
) -> Float[np.ndarray, "batch parameters"]:
    """Return the parameters' derivatives by standard normal numbers."""
    return np.stack([law.slope(x[:, k]) for k, law in enumerate(priors.values())], axis=1)


__all__ = ["LogNormal", "Normal", "Prior", "Uniform", "slopes_at", "values_at"]
