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

NOTHING = 1e-4  # of a law: a range with less is another parameter's

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


@dataclass(frozen=True, kw_only=True)
class Within:
    """A law that is cut off at the ends of a range, in which alone a model holds.

    Parameters
    ----------
    law
        Without ends.
    lower, upper
        In the parameter's unit.
    """

    law: Prior
    lower: float
    upper: float

    def __post_init__(self) -> None:
        """Refuse a range that holds next to nothing of the law."""
        if not (self.lower < self.upper and self.share > NOTHING):
            msg = (
                f"A prior must reach into its range, found {self.lower:g} to {self.upper:g} with "
                f"{self.share:.2g} of it ({self.law.source}). Widen the range."
            )
            raise InputError(msg)

    @property
    def share(self) -> float:
        """Return how much of the law lies within the range."""
        low, high = self._ends()
        return float(1 - ndtr(low) - ndtr(-high))

    @property
    def source(self) -> str:
        """Where its numbers come from."""
        return f"{self.law.source}, within {self.lower:.4g} to {self.upper:.4g}"

    def _ends(self) -> tuple[float, float]:
        with np.errstate(all="ignore"):
            ends = [float(self.law.standard(np.array(end))) for end in (self.lower, self.upper)]
        return (
            ends[0] if np.isfinite(ends[0]) else -np.inf,
            ends[1] if np.isfinite(ends[1]) else np.inf,
        )

    def _inner(self, x: Numbers) -> Numbers:
        """Return the uncut law's standard numbers, from the nearer tail for the digits' sake."""
        low, high = self._ends()
        from_below = ndtri(ndtr(low) + self.share * ndtr(x))
        from_above = -ndtri(ndtr(-high) + self.share * ndtr(-x))
        inner = np.where(np.asarray(x) < 0, from_below, from_above)
        return np.asarray(np.clip(inner, low, high))

    def value(self, x: Numbers) -> Numbers:
        """Return the parameter by a standard normal number."""
        return np.asarray(self.law.value(self._inner(x)))

    def slope(self, x: Numbers) -> Numbers:
        """Return the derivative of `value`."""
        inner = self._inner(x)
        return np.asarray(self.law.slope(inner) * self.share * np.exp((inner**2 - x**2) / 2))

    def standard(self, value: Numbers) -> Numbers:
        """Return the number of a parameter."""
        low, high = self._ends()
        inner = self.law.standard(value)
        below = (ndtr(inner) - ndtr(low)) / self.share
        above = (ndtr(-inner) - ndtr(-high)) / self.share
        return np.asarray(np.where(below < above, ndtri(below), -ndtri(above)))


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


__all__ = ["LogNormal", "Normal", "Prior", "Uniform", "Within", "slopes_at", "values_at"]
