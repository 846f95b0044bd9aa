"""Acquisitions that tell the most of chosen parameters, by gradients through the signal.

The bound of Cramer and Rao is differentiated with respect to flip angles, times, b-values or
encodings by autograd, and minimised in their box by L-BFGS-B from several starts. Criteria:
Chaloner & Verdinelli (1995), Statistical Science 10:273-304.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import minimize
from torch import Tensor

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.imaging.information.fisher import crlb, jacobian

type Tissue = Mapping[str, float]
type Signal = Callable[..., Tensor]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What of an acquisition may be chosen.

    Parameters
    ----------
    lowest, highest
        Of each value, in its SI unit.
    number
        Of values: images, or pulses.
    """

    lowest: float
    highest: float
    number: int

    def __post_init__(self) -> None:
        """Refuse a choice that is none."""
        if not (self.lowest < self.highest and self.number >= 1):
            msg = (
                f"A choice needs lowest < highest and a number of values, found {self.lowest:g}, "
                f"{self.highest:g} and {self.number}. What is fixed belongs into the signal."
            )
            raise InputError(msg)


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """The best acquisition that was found.

    Parameters
    ----------
    acquisition
        Values by name, rising, SI units.
    shares
        Of the measuring time, by image in the same order; equal unless they were to be chosen.
    variation
        Standard error over value of each parameter at the bound, for the noise given; the root
        mean square over tissues.
    criterion
        What was minimised.
    """

    acquisition: Mapping[str, Float[np.ndarray, " values"]]
    shares: Float[np.ndarray, " images"]
    variation: Mapping[str, float]
    criterion: float


def variation(
    signal: Signal,
    tissue: Tissue,
    acquisition: Mapping[str, Any],
    *,
    noise_sd: float = 1.0,
    shares: Tensor | None = None,
    differentiable: bool = False,
) -> Float[Tensor, "parameters parameters"]:
    """Return the least covariance of the parameters over their values, at an acquisition.

    Parameters
    ----------
    signal
        Takes the tissue's parameters and the acquisition by name; one value per image.
    tissue
        Values of all parameters that are unknown.
    acquisition
        Tensors by name.
    noise_sd
        Of one image with an equal share of the measuring time.
    shares
        Of the measuring time; None: equal.
    differentiable
        Whether autograd shall see through it.
    """
    slope = jacobian(
        lambda **parameters: signal(**parameters, **acquisition),
        tissue,
        differentiable=differentiable,
    )
    if shares is not None:
        weight = torch.sqrt(shares * len(shares))
        slope = slope * weight.repeat(len(slope) // len(weight))[:, None]
    values = torch.tensor(list(tissue.values()), dtype=torch.float64)
    return crlb(slope * values, noise_sd)


def optimal_acquisition(
    signal: Signal,
    tissues: Sequence[Tissue],
    choices: Mapping[str, Choice],
    *,
    interest: Mapping[str, float],
    rng: np.random.Generator,
    criterion: Literal["A", "D"] = "A",
    share_time: bool = False,
    noise_sd: float = 1.0,
    n_starts: int = 8,
) -> Design:
    """Return the acquisition of the least uncertainty, on average over tissues.

    Parameters
    ----------
    signal
        Takes the tissue's parameters and the acquisition by name; one value per image.
    tissues
        Values of all parameters that are unknown, for each tissue.
    choices
        What may be chosen, by the signal's argument.
    interest
        Weights of the parameters that matter; the others are unknown all the same.
    rng
        Draws the starts.
    criterion
        "A": the weighted sum of squared relative standard errors; "D": the log of the determinant
        of the covariance of the parameters of interest, whose least is the most information.
    share_time
        Whether the images may have unequal shares of the measuring time.
    noise_sd
        Of one image with an equal share.
    n_starts
        Number of starts.

    Raises
    ------
    InputError
        If a parameter of interest is not the tissue's.
    ConvergenceError
        If no start led anywhere.
    """
    _check(tissues, interest)
    names = list(tissues[0])
    wanted = [names.index(name) for name in interest]
    weights = torch.tensor(list(interest.values()), dtype=torch.float64)
    n_images = max(choice.number for choice in choices.values())

    def covariances(unknown: Tensor, *, differentiable: bool) -> list[Tensor]:
        acquisition, shares = _unpack(unknown, choices, n_images if share_time else 0)
        return [
            variation(
                signal,
                tissue,
                acquisition,
                noise_sd=noise_sd,
                shares=shares,
                differentiable=differentiable,
            )
            for tissue in tissues
        ]

    def cost(vector: Float[np.ndarray, " unknowns"]) -> tuple[float, Any]:
        unknown = torch.tensor(vector, dtype=torch.float64, requires_grad=True)
        each = [
            _uncertainty(covariance[wanted][:, wanted], weights, criterion)
            for covariance in covariances(unknown, differentiable=True)
        ]
        value = torch.stack(each).mean()
        (slope,) = torch.autograd.grad(value, unknown)
        if not (torch.isfinite(value) and torch.isfinite(slope).all()):
            return np.inf, np.zeros_like(vector)
        return float(value.detach()), slope.numpy()

    best = _least(cost, _box(choices, n_images if share_time else 0), rng, n_starts)
    unknown = torch.tensor(best.x, dtype=torch.float64)
    acquisition, shares = _unpack(unknown, choices, n_images if share_time else 0)
    squares = torch.stack([c.diagonal() for c in covariances(unknown, differentiable=False)])
    relative = squares.mean(0).sqrt()
    order = np.argsort(next(iter(acquisition.values())).numpy())
    equal = np.full(n_images, 1 / n_images)
    return Design(
        acquisition={
            name: values.numpy()[order] if len(values) == len(order) else np.sort(values.numpy())
            for name, values in acquisition.items()
        },
        shares=equal if shares is None else shares.numpy()[order],
        variation=dict(zip(names, relative.tolist(), strict=True)),
        criterion=float(best.fun),
    )


def _uncertainty(
    covariance: Tensor, weights: Tensor, criterion: Literal["A", "D"]
) -> Float[Tensor, ""]:
    """Return a logarithm in both cases, so that steps are relative ones."""
    if criterion == "D":
        logdet: Tensor = torch.linalg.slogdet(covariance)[1]
        return logdet
    return torch.log((weights * covariance.diagonal()).sum())


def _unpack(
    unknown: Tensor, choices: Mapping[str, Choice], n_shares: int
) -> tuple[dict[str, Tensor], Tensor | None]:
    """Return the acquisition and the shares of what the search varies, all between 0 and 1."""
    acquisition, first = {}, 0
    for name, choice in choices.items():
        part = unknown[first : first + choice.number]
        acquisition[name] = choice.lowest + (choice.highest - choice.lowest) * part
        first += choice.number
    shares = unknown[first:] / unknown[first:].sum() if n_shares else None
    return acquisition, shares


def _box(choices: Mapping[str, Choice], n_shares: int) -> list[tuple[float, float]]:
    n_values = sum(choice.number for choice in choices.values())
    return [(0.0, 1.0)] * n_values + [(1e-3, 1.0)] * n_shares


def _least(
    cost: Callable[[Any], tuple[float, Any]],
    box: list[tuple[float, float]],
    rng: np.random.Generator,
    n_starts: int,
) -> Any:
    """Return the best of several searches."""
    found = [
        minimize(
            cost,
            rng.uniform(*np.transpose(box)),
            jac=True,
            method="L-BFGS-B",
            bounds=box,
            options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9},
        )
        for _ in range(n_starts)
    ]
    ended = [each for each in found if np.isfinite(each.fun)]
    if not ended:
        msg = (
            f"None of {n_starts} starts led to an acquisition that tells all parameters. "
            "Allow more images, a wider choice, or fewer unknowns."
        )
        raise ConvergenceError(msg, [float(each.fun) for each in found])
    return min(ended, key=lambda each: each.fun)


def _check(tissues: Sequence[Tissue], interest: Mapping[str, float]) -> None:
    strange = set(interest) - set(tissues[0]) if tissues else set(interest)
    if strange or not interest:
        known = ", ".join(tissues[0]) if tissues else "none"
        msg = (
            f"The parameters of interest must be the tissue's ({known}), found "
            f"{', '.join(interest) or 'none'}. Name those that the acquisition is for."
        )
        raise InputError(msg)


__all__ = ["Choice", "Design", "optimal_acquisition", "variation"]
