"""Several kinetic models on one stack: which the data ask for, and what they cannot tell apart.

Models are compared by Akaike's criterion for small samples: Hurvich & Tsai (1989), Biometrika
76:297-307; Burnham & Anderson (2002), Model Selection and Multimodel Inference, ch. 2, weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from cardiotwin.errors import InputError
from cardiotwin.perfusion.fitting_result import KineticFit

ENTANGLED = 0.95  # correlation beyond which one estimate is a function of the other
VAGUE = 0.5  # relative standard error beyond which a value is not told


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """What each voxel's best model says of flow.

    Parameters
    ----------
    models
        Their names, in the order of `best`.
    best
        Number of each voxel's model, -1 where none tells the flow.
    weights
        Akaike's, models x voxels: how likely each model is the best of these for the voxel.
    mbf, standard_error
        Of the best model, m^3/(s kg); the error is widened for residuals that are not white, as
        those of an autoregression of first order.
    between_models
        Standard deviation of the flow between the models, by weight, m^3/(s kg).
    """

    models: tuple[str, ...]
    best: Int[np.ndarray, "*voxels"]
    weights: Float[np.ndarray, "..."]
    mbf: Float[np.ndarray, "*voxels"]
    standard_error: Float[np.ndarray, "*voxels"]
    between_models: Float[np.ndarray, "*voxels"]


def choose_model(fits: Mapping[str, KineticFit]) -> Choice:
    """Return each voxel's best model and its flow.

    Raises
    ------
    InputError
        If a model does not tell flow from permeability.
    """
    for name, fit in fits.items():
        if "mbf" not in fit.units:
            msg = f"The model {name} does not tell flow. Compare models that do, such as 2cxm."
            raise InputError(msg)
    flows = np.stack([fit.values["mbf"] for fit in fits.values()])
    errors = np.stack([widened(fit, "mbf") for fit in fits.values()])
    criteria = np.stack([fit.aicc for fit in fits.values()])
    criteria = np.where(np.isfinite(flows), criteria, np.inf)
    none = np.isinf(criteria).all(0)
    lowest = np.where(none, 0.0, criteria.min(0))
    weights = np.exp(-(criteria - lowest) / 2)
    weights = np.where(none, np.nan, weights / np.where(none, 1, weights.sum(0)))
    best = np.where(none, -1, criteria.argmin(0))
    picked = np.maximum(best, 0)[None]
    every = np.where(np.isfinite(flows), flows, 0.0)
    mean = (weights * every).sum(0)
    return Choice(
        models=tuple(fits),
        best=best,
        weights=weights,
        mbf=np.where(none, np.nan, np.take_along_axis(flows, picked, 0)[0]),
        standard_error=np.where(none, np.nan, np.take_along_axis(errors, picked, 0)[0]),
        between_models=np.sqrt((weights * (every - mean) ** 2).sum(0)),
    )


def widened(fit: KineticFit, name: str) -> Float[np.ndarray, "*voxels"]:
    """Return standard errors for residuals whose neighbours correlate.

    n samples of an autoregression of first order with correlation r tell what n (1 - r)/(1 + r)
    independent ones tell: Bartlett (1946), Suppl J R Stat Soc 8:27-41.
    """
    r = np.clip(fit.residual_correlation, 0.0, 0.95)
    return np.asarray(fit.standard_errors[name] * np.sqrt((1 + r) / (1 - r)))


def flow_untold(fit: KineticFit) -> Bool[np.ndarray, "*voxels"]:
    """Return where a flow was found but is vague: its own error says that it is not told."""
    with np.errstate(invalid="ignore"):
        clear = widened(fit, "mbf") < VAGUE * fit.values["mbf"]
    return np.asarray(fit.told & ~clear)


def permeability_untold(fit: KineticFit) -> Bool[np.ndarray, "*voxels"]:
    """Return where flow is told but not permeability: vague, or a function of the flow."""
    ps, error = fit.values["ps"], widened(fit, "ps")
    with np.errstate(invalid="ignore"):
        clear = (error < VAGUE * ps) & (np.abs(fit.correlation("fp", "ps")) < ENTANGLED)
    return np.asarray(fit.told & ~clear)


__all__ = ["Choice", "choose_model", "flow_untold", "permeability_untold", "widened"]
