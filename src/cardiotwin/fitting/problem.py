"""Measurements and beliefs as white residuals of a batch of hearts.

Every prior is N(0, 1) on the scale on which it is sampled, every measurement's error is white:
-log p = (|r(x)|^2 + |x|^2) / 2 + constant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.fitting.observations import Measurement
from cardiotwin.fitting.priors import Prior, slopes_at, values_at

type Batch = Float[np.ndarray, "batch parameters"]
type Predicted = Mapping[str, Float[np.ndarray, "batch _"]]
type Slopes = Mapping[str, Float[np.ndarray, "batch _ parameters"]]


@runtime_checkable
class Model(Protocol):
    """A heart by its parameters, in a batch: what a posterior asks of a twin."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parameters."""

    @property
    def units(self) -> Mapping[str, str]:
        """Return each parameter's SI unit."""

    @property
    def bounds(self) -> Mapping[str, tuple[float, float]]:
        """Return in which range each parameter may lie, SI; what is not named is free."""

    def predict(self, values: Batch) -> Predicted:
        """Return each observable, SI; rows of NaN where the model has no answer."""

    def linearised(self, values: Batch) -> tuple[Predicted, Slopes]:
        """Return each observable and its derivative by the parameters, SI."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """The posterior's density.

    Parameters
    ----------
    model
        The twin.
    measurements
        What is missing is absent.
    priors
        By the model's parameters, all of them.
    """

    model: Model
    measurements: Sequence[Measurement]
    priors: Mapping[str, Prior]

    def __post_init__(self) -> None:
        """Refuse beliefs of other parameters, and two measurements of one name."""
        wanted, given = set(self.model.names), set(self.priors)
        if wanted != given:
            msg = (
                f"The priors must be of {', '.join(self.model.names)}; missing are "
                f"{sorted(wanted - given)}, found besides {sorted(given - wanted)}."
            )
            raise InputError(msg)
        names = [each.name for each in self.measurements]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            msg = f"Measurements need names of their own, found {', '.join(twice)} twice."
            raise InputError(msg)

    @property
    def laws(self) -> dict[str, Prior]:
        """Return the priors in the order of the parameters."""
        return {name: self.priors[name] for name in self.model.names}

    @property
    def n(self) -> int:
        """Return the number of parameters."""
        return len(self.model.names)

    def box(self) -> tuple[Float[np.ndarray, " parameters"], Float[np.ndarray, " parameters"]]:
        """Return the least and the largest standard numbers."""
        low, high = np.full(self.n, -np.inf), np.full(self.n, np.inf)
        with np.errstate(all="ignore"):
            for k, (name, law) in enumerate(self.laws.items()):
                ends = self.model.bounds.get(name)
                if ends is None:
                    continue
                found = [float(law.standard(np.array(end))) for end in ends]
                low[k] = found[0] if np.isfinite(found[0]) else -np.inf
                high[k] = found[1] if np.isfinite(found[1]) else np.inf
        return low, high

    def values(self, x: Batch) -> Batch:
        """Return the parameters, SI."""
        return values_at(self.laws, x)

    def _told(self, predicted: Predicted, batch: int) -> Float[np.ndarray, "batch residuals"]:
        rows = [each.residual(self._of(predicted, each)) for each in self.measurements]
        return np.concatenate([np.zeros((batch, 0)), *rows], axis=1)

    @staticmethod
    def _of[Found](predicted: Mapping[str, Found], each: Measurement) -> Found:
        if each.observable not in predicted:
            msg = (
                f"The measurement {each.name} is of {each.observable}, found a model of "
                f"{', '.join(predicted)}. Leave it out, or give a model that predicts it."
            )
            raise InputError(msg)
        return predicted[each.observable]

    def residuals(self, x: Batch) -> Float[np.ndarray, "batch residuals"]:
        """Return the measurements' white residuals; NaN where the model has no answer."""
        return self._told(self.model.predict(self.values(x)), len(x))

    def linearised(
        self, x: Batch
    ) -> tuple[
        Float[np.ndarray, "batch residuals"], Float[np.ndarray, "batch residuals parameters"]
    ]:
        """Return the residuals and their derivative by the standard numbers."""
        predicted, slopes = self.model.linearised(self.values(x))
        rows = [each.slope(self._of(slopes, each)) for each in self.measurements]
        whole = np.concatenate([np.zeros((len(x), 0, self.n)), *rows], axis=1)
        return self._told(predicted, len(x)), whole * slopes_at(self.laws, x)[:, None]

    def rows(self) -> dict[str, slice]:
        """Return which residuals are each measurement's."""
        found, begin = {}, 0
        for each in self.measurements:
            found[each.name] = slice(begin, begin + len(each.value))
            begin += len(each.value)
        return found


def cost_of(residuals: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return -log p of each heart but for a constant; infinite where the model has no answer."""
    with np.errstate(over="ignore"):
        cost = (np.sum(residuals**2, axis=1) + np.sum(x**2, axis=1)) / 2
    return np.asarray(np.where(np.isfinite(cost), cost, np.inf))


__all__ = ["Model", "Problem", "cost_of"]
