"""The curve that a tissue's parameters make of an arterial input: batched, with gradients."""

import torch
from jaxtyping import Float
from torch import Tensor

from cardiotwin.errors import InputError
from cardiotwin.perfusion.kinetics.convolution import Input, convolve, delayed
from cardiotwin.perfusion.kinetics.models import kinetics

BLOOD_IN_TISSUE = 1050.0  # kg/m^3, of myocardium


def plasma(aif: Tensor, haematocrit: float) -> Tensor:
    """Return the concentration in plasma, of that in whole blood: the agent enters no cell."""
    if not 0 <= haematocrit < 1:
        msg = (
            f"haematocrit must be at least 0 and below 1, found {haematocrit:g}. Give a fraction."
        )
        raise InputError(msg)
    return aif / (1 - haematocrit)


def tissue_curve(
    model: str,
    time: Float[Tensor, " samples"],
    aif: Float[Tensor, " samples"],
    *,
    haematocrit: float,
    delay: Tensor | float = 0.0,
    **parameters: Tensor | float,
) -> Float[Tensor, "samples ..."]:
    """Return the concentration in tissue, mol/m^3, at the samples of the input.

    Parameters
    ----------
    model
        Name in `KINETICS`.
    time
        Increasing, s.
    aif
        Concentration in arterial whole blood, mol/m^3, linear between the samples.
    delay
        From where the input was measured to the tissue, s, not negative.
    parameters
        Of the model, as its `units` name them, numbers or one tensor of voxels each.
    """
    chosen = kinetics(model)
    unlike = set(chosen.units).symmetric_difference(parameters)
    if unlike:
        msg = (
            f"The model {model} takes {', '.join(chosen.units)}, found "
            f"{', '.join(parameters) or 'nothing'}. Set right {', '.join(sorted(unlike))}."
        )
        raise InputError(msg)
    given = {name: torch.as_tensor(value).to(aif) for name, value in parameters.items()}
    late = torch.as_tensor(delay).to(aif)
    if (late < 0).any():
        msg = f"delay must not be negative, found {float(late.min()):g} s. Give the input earlier."
        raise InputError(msg)
    supply = Input(time, plasma(aif, haematocrit))
    found = chosen.prepare(**given)
    total = torch.zeros((), dtype=aif.dtype)
    for j, column in enumerate(chosen.columns):
        shapes = {inner: found[outer] for inner, outer in column.parameters.items()}
        part = convolve(supply, delayed(column.response), delay=late, **shapes)
        total = total + found[f"c{j}"] * part
    return total


__all__ = ["BLOOD_IN_TISSUE", "plasma", "tissue_curve"]
