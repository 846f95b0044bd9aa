"""From signals to tissue: each voxel's parameters with their standard errors.

The standard errors are the Cramer-Rao bound at the estimate, with the noise that the caller states
or the residual shows (Kay 1993, Fundamentals of Statistical Signal Processing, ch. 3).
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Inexact
from torch import Tensor

from cardiotwin.errors import InputError
from cardiotwin.imaging.retrieval.estimate import Starts, estimate
from cardiotwin.imaging.retrieval.models import MODELS
from cardiotwin.imaging.retrieval.phase import ENCODED, motion_from_phase
from cardiotwin.imaging.retrieval.result import Retrieval
from cardiotwin.imaging.retrieval.separable import SeparableModel


def fit(
    model: str | SeparableModel,
    signal: Inexact[np.ndarray, "*voxels images"],
    *,
    polarity: Literal["known", "unknown"] = "known",
    noise_sd: float | None = None,
    **acquisition: Any,
) -> Retrieval:
    """Return the parameters of each voxel with standard errors.

    Parameters
    ----------
    model
        Name in `MODELS`, or a model.
    signal
        Images along the last dimension.
    polarity
        "unknown" for magnitudes after an inversion: the signs are sought with the fit.
    noise_sd
        Standard deviation of the noise of one image, in the signal's unit (of its real part where
        it is complex); None: from the residual.
    acquisition
        What the model's signal takes by name, one value per image: `inversion_time`, `echo_time`,
        `b_values`, ..., in SI units; `field_strength`, T, and `encoding` where a model has them.

    Raises
    ------
    InputError
        If the acquisition does not belong to the model, or to the signal.
    """
    if isinstance(model, str) and model in ENCODED:
        return motion_from_phase(model, signal, noise_sd=noise_sd, **acquisition)
    chosen = model if isinstance(model, SeparableModel) else _named(model, acquisition)
    given = _checked(chosen, signal, acquisition)
    shape, images = signal.shape[:-1], signal.shape[-1]
    data = torch.from_numpy(np.ascontiguousarray(signal.reshape(-1, images)))
    if chosen.complex_signal:
        data = torch.cat([data.real, data.imag], 1)
    elif data.is_complex():
        msg = (
            "This model takes real signals, found complex ones. "
            "Give the magnitude, or the part in phase with the last image."
        )
        raise InputError(msg)
    _refuse_too_few(chosen, data.shape[1], noise_sd)
    signs = _signs(chosen, given) if polarity == "unknown" else torch.ones(1, data.shape[1])
    starts = Starts.of(chosen, given)
    rows = data.double().T.contiguous()
    found = estimate(chosen, rows, given, starts, signs.double(), noise_sd=noise_sd)
    values, errors = found.values.numpy(), found.errors.numpy()
    return Retrieval(
        values={name: values[i].reshape(shape) for i, name in enumerate(chosen.units)},
        standard_errors={name: errors[i].reshape(shape) for i, name in enumerate(chosen.units)},
        units=chosen.units,
        status=found.status.numpy().reshape(shape),
        residual_sd=found.spread.numpy().reshape(shape),
    )


def _named(name: str, acquisition: Mapping[str, Any]) -> SeparableModel:
    if name not in MODELS:
        known = ", ".join((*MODELS, *ENCODED))
        msg = f"There is no model {name!r} to retrieve. The models are {known}."
        raise InputError(msg)
    found = MODELS[name]
    return found if isinstance(found, SeparableModel) else found(acquisition)


def _checked(
    model: SeparableModel, signal: np.ndarray, acquisition: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the acquisition as tensors; refuse what is missing, unknown or of another length."""
    needed = (*model.acquisition, *model.settings)
    unlike = set(needed).symmetric_difference(acquisition)
    if unlike:
        msg = (
            f"The model takes {', '.join(needed)}, found {', '.join(acquisition) or 'nothing'}. "
            f"Set right {', '.join(sorted(unlike))}."
        )
        raise InputError(msg)
    given = {name: acquisition[name] for name in model.settings}
    for name in model.acquisition:
        values = np.asarray(acquisition[name], dtype=float)
        wrong = np.isnan(values).any() or (values < 0).any()
        if values.shape != signal.shape[-1:] or wrong:
            msg = (
                f"{name} must have one value, not negative, for each of the {signal.shape[-1]} "
                f"images, found {acquisition[name]}. Take it from the series' headers."
            )
            raise InputError(msg)
        different = sorted({float(value) for value in values})
        if len(different) < len(model.nonlinear) + 1:
            msg = (
                f"{name} has {len(different)} different values {different}, too few to tell the "
                "parameters. Give each image its own, or take a simpler model."
            )
            raise InputError(msg)
        given[name] = torch.from_numpy(values)[:, None]
    return given


def _refuse_too_few(model: SeparableModel, n_values: int, noise_sd: float | None) -> None:
    needed = model.n_parameters + (noise_sd is None)
    if n_values < needed:
        msg = (
            f"A fit of {model.n_parameters} parameters needs {needed} values, found {n_values}. "
            "Give more images, a simpler model, or noise_sd where the noise is known."
        )
        raise InputError(msg)


def _signs(model: SeparableModel, acquisition: Mapping[str, Tensor]) -> Tensor:
    """Return the patterns of signs: the images of the shortest times are negative."""
    if model.complex_signal or model.acquisition != ("inversion_time",):
        msg = 'polarity="unknown" is for images after an inversion. Leave it out.'
        raise InputError(msg)
    order = torch.argsort(acquisition["inversion_time"][:, 0])
    signs = torch.ones(len(order) + 1, len(order))
    for count in range(1, len(order) + 1):
        signs[count, order[:count]] = -1.0
    return signs


__all__ = ["fit"]
