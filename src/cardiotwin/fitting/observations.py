"""What was measured of a heart, by whatever means, with its noise and the model's own error."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError

ASSUMED = "assumed"  # the acquisition of what nobody measured: it is part of what is believed
SMALLEST = 1e-12  # of the largest eigenvalue: below it a covariance is singular


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """Numbers of one acquisition: operator @ prediction + error.

    Parameters
    ----------
    name
        Of the measurement, e.g. ``cuff``.
    observable
        What of the twin it is of, e.g. ``end_systolic_pressure``.
    acquisition
        By which it was taken, e.g. ``cine``; `ASSUMED` for what a population says.
    value
        SI.
    covariance
        Of the measurement's noise, SI.
    unit
        SI.
    source
        Where value and noise come from.
    model_error
        Covariance of what a model of this kind misses: the reduced model's error against the full
        one, and what is known of the full one's. None: nothing is known of it.
    operator
        Rows that the measurement takes from the prediction; None: all, each by itself.
    """

    name: str
    observable: str
    acquisition: str
    value: Float[np.ndarray, " n"]
    covariance: Float[np.ndarray, "n n"]
    unit: str
    source: str
    model_error: Float[np.ndarray, "n n"] | None = None
    operator: Float[np.ndarray, "n predicted"] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no number, and a noise that is none."""
        if not np.isfinite(self.value).all():
            msg = (
                f"The measurement {self.name} has {int((~np.isfinite(self.value)).sum())} values "
                "that are no numbers. Leave out what was not measured."
            )
            raise InputError(msg)
        for what, matrix in (("noise", self.covariance), ("model error", self.model_error)):
            if matrix is None:
                continue
            sizes = np.linalg.eigvalsh(matrix) if np.isfinite(matrix).all() else np.array([np.nan])
            least = SMALLEST * sizes.max() if what == "noise" else -SMALLEST * sizes.max()
            if not (sizes.max() > 0 or what == "model error") or not sizes.min() >= least:
                sd = np.sqrt(np.maximum(np.diag(matrix), 0)).min()
                msg = (
                    f"The {what} of {self.name} must be a covariance above zero, found a smallest "
                    f"eigenvalue {sizes.min():.3g} and a standard deviation {sd:.3g} "
                    f"{self.unit}. No instrument is exact: give its standard deviation."
                )
                raise InputError(msg)

    @cached_property
    def root(self) -> Float[np.ndarray, "n n"]:
        """Return what makes the error white: inverse Cholesky factor of all covariance."""
        whole = self.covariance if self.model_error is None else self.covariance + self.model_error
        scale = np.sqrt(np.diag(whole))
        return np.asarray(
            np.linalg.inv(np.linalg.cholesky(whole / np.outer(scale, scale))) / scale
        )

    @property
    def sd(self) -> Float[np.ndarray, " n"]:
        """Return each value's standard deviation, the model's error included, SI."""
        whole = self.covariance if self.model_error is None else self.covariance + self.model_error
        return np.asarray(np.sqrt(np.diag(whole)))

    def taken(self, predicted: Float[np.ndarray, "batch predicted"]) -> np.ndarray:
        """Return what the measurement would be of a prediction, (batch, n)."""
        return predicted if self.operator is None else predicted @ self.operator.T

    def residual(self, predicted: Float[np.ndarray, "batch predicted"]) -> np.ndarray:
        """Return white residuals, prediction less measurement, (batch, n)."""
        return np.asarray((self.taken(predicted) - self.value) @ self.root.T)

    def slope(self, slopes: Float[np.ndarray, "batch predicted parameters"]) -> np.ndarray:
        """Return the residuals' derivative by what the prediction is differentiated by."""
        rows = self.root if self.operator is None else self.root @ self.operator
        return np.asarray(rows @ slopes)


def scalar(
    name: str,
    observable: str,
    acquisition: str,
    value: float,
    sd: float,
    *,
    unit: str,
    source: str,
    model_sd: float = 0.0,
) -> Measurement:
    """Return a measurement of one number."""
    if not (np.isfinite(sd) and sd > 0):
        msg = (
            f"The standard deviation of {name} must be positive and finite, found {sd:g} {unit}. "
            "No instrument is exact: give what it repeats to."
        )
        raise InputError(msg)
    return Measurement(
        name=name,
        observable=observable,
        acquisition=acquisition,
        value=np.array([value], dtype=float),
        covariance=np.array([[sd**2]]),
        unit=unit,
        source=source,
        model_error=np.array([[model_sd**2]]) if model_sd else None,
    )


__all__ = ["ASSUMED", "Measurement", "scalar"]
