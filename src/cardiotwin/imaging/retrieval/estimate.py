"""The fit of some voxels: start from a grid, least squares, covariance and what becomes of it.

A separable model's grid of starts costs one matrix product: a start's misfit is what its
orthonormal basis leaves of the data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cardiotwin.imaging.retrieval.levenberg_marquardt import Minimum, bounds, minimise
from cardiotwin.imaging.retrieval.result import Status
from cardiotwin.imaging.retrieval.separable import TINY, SeparableModel, project

EDGE = 1e-3  # of the coordinate's range: an estimate this near to its end has run there
# Two answers are not told apart where their misfits differ by less than this, in units of the
# noise's variance: beyond it the odds are exp(9/2), 90 to 1.
AMBIGUOUS = 9.0
PART, START_PART = 4096, 1024  # voxels at once, so that what they need stays in the cache
SINGULAR = 1e-13  # reciprocal condition of the scaled normal matrix below which nothing is told


@dataclass(frozen=True, eq=False)
class Starts:
    """Orthonormal bases on a grid of the nonlinear parameters."""

    coordinates: Float[Tensor, "nonlinear grid"]
    directions: Float[Tensor, "linear_grid values"]  # in single precision: starts need no more

    @classmethod
    def of(cls, model: SeparableModel, acquisition: Mapping[str, Any]) -> "Starts":
        """Return a model's grid; the ends of its box are left out."""
        axes = []
        for item in model.nonlinear:
            low, high = item.box
            inner = torch.linspace(0, 1, item.n_grid + 2, dtype=torch.float64)[1:-1]
            axes.append(low + (high - low) * inner)
        grid = torch.cartesian_prod(*axes).reshape(-1, len(axes)).T.contiguous()
        basis = model.at(grid, acquisition)
        like = torch.zeros(len(basis[0]), grid.shape[1], dtype=torch.float64)
        directions = torch.cat(project(basis, like).directions, 1)
        return cls(grid, directions.T.float().contiguous())

    def best(
        self, data: Float[Tensor, "values voxels"], rival: tuple[Tensor, float] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return each voxel's best start, and how much of its sum of squares that explains.

        With a rival, a first coordinate for each voxel and a distance, only starts farther away
        than that count.
        """
        indices, values = [], []
        for first in range(0, data.shape[1], START_PART):
            part = data[:, first : first + START_PART].float()
            shares = (self.directions @ part).square_()
            explained = shares.reshape(-1, self.coordinates.shape[1], part.shape[1]).sum(0)
            if rival is not None:
                here = rival[0][first : first + START_PART]
                near = around(self.coordinates[0][:, None], here) < rival[1]
                explained = explained.masked_fill_(near, -1.0)
            most = explained.max(0)
            indices.append(most.indices)
            values.append(most.values)
        return self.coordinates[:, torch.cat(indices)], torch.cat(values)


def around(one: Tensor, other: Tensor) -> Tensor:
    """Return the distance of coordinates whose range is a circle of length 1."""
    away = (one - other).abs()
    return torch.minimum(away, 1 - away)


@dataclass(frozen=True, eq=False)
class Estimate:
    """Reported values of some voxels, with standard errors."""

    values: Float[Tensor, "reported voxels"]
    errors: Float[Tensor, "reported voxels"]
    status: Int[Tensor, " voxels"]
    spread: Float[Tensor, " voxels"]  # sd of the residual
    covariance: Float[Tensor, "voxels reported reported"] | None = None


def estimate(
    model: SeparableModel,
    data: Float[Tensor, "values voxels"],
    acquisition: Mapping[str, Any],
    starts: Starts,
    signs: Float[Tensor, "patterns values"],
    *,
    noise_sd: float | None,
) -> Estimate:
    """Return what is found of each voxel; values are not a number unless it is fitted."""
    values = torch.full((len(model.units), data.shape[1]), torch.nan, dtype=data.dtype)
    status = torch.full(data.shape[1:], int(Status.NO_SIGNAL))
    result = Estimate(values, values.clone(), status, values[0].clone())
    usable = torch.isfinite(data).all(0) & (data.abs().amax(0) > 0)
    if usable.any():
        signed, found = _least(model, data[:, usable], acquisition, starts, signs)
        found, margin = _against_rival(model, signed, found, acquisition, starts)
        for voxels in usable.nonzero()[:, 0].split(PART):
            here = (torch.cumsum(usable, 0) - 1)[voxels]
            part = Minimum(found.coordinates[:, here], found.misfit[here], found.converged[here])
            told = told_at(model, signed[:, here], part, acquisition, noise_sd=noise_sd)
            sd = told.spread if noise_sd is None else noise_sd
            told.status[margin[here] < AMBIGUOUS * sd**2] = int(Status.NOT_IDENTIFIED)
            result.values[:, voxels], result.errors[:, voxels] = told.values, told.errors
            result.status[voxels], result.spread[voxels] = told.status, told.spread
    refused = result.status != Status.FITTED
    result.values[:, refused], result.errors[:, refused] = torch.nan, torch.nan
    return result


def _least(
    model: SeparableModel,
    data: Tensor,
    acquisition: Mapping[str, Any],
    starts: Starts,
    signs: Tensor,
) -> tuple[Tensor, Minimum]:
    """Return the data with their best signs, and the minimum there.

    The two patterns that the grid likes best are followed to their minima.
    """
    found = [starts.best(data * pattern[:, None]) for pattern in signs]
    explained = torch.stack([each[1] for each in found])
    where = torch.stack([each[0] for each in found])
    liked = explained.topk(min(2, len(signs)), 0).indices.unbind()
    number = torch.arange(data.shape[1])
    signed = [data * signs[pattern].T for pattern in liked]
    minima = [
        minimise(model, values, where[pattern, :, number].T.contiguous(), acquisition)
        for values, pattern in zip(signed, liked, strict=True)
    ]
    if len(minima) == 1:
        return signed[0], minima[0]
    better = minima[0].misfit <= minima[1].misfit
    return torch.where(better, signed[0], signed[1]), _better(*minima)


def _better(first: Minimum, second: Minimum) -> Minimum:
    """Return the lower of two minima of each voxel."""
    better = first.misfit <= second.misfit
    return Minimum(
        torch.where(better, first.coordinates, second.coordinates),
        torch.where(better, first.misfit, second.misfit),
        torch.where(better, first.converged, second.converged),
    )


def _against_rival(
    model: SeparableModel,
    data: Tensor,
    found: Minimum,
    acquisition: Mapping[str, Any],
    starts: Starts,
) -> tuple[Minimum, Tensor]:
    """Return the lower of two minima that are two answers, and by how much it is lower."""
    none = torch.full_like(found.misfit, torch.inf)
    if not model.rival:
        return found, none
    start, _ = starts.best(data, (found.coordinates[0], model.rival))
    other = minimise(model, data, start, acquisition)
    apart = around(found.coordinates[0], other.coordinates[0]) > model.rival / 2
    margin = torch.where(apart, (found.misfit - other.misfit).abs(), none)
    return _better(found, other), margin


def told_at(
    model: SeparableModel,
    data: Float[Tensor, "values voxels"],
    found: Minimum,
    acquisition: Mapping[str, Any],
    *,
    noise_sd: float | None,
    n_values: int | None = None,
) -> Estimate:
    """Return values with standard errors: the bound at the estimate, by the delta method.

    `n_values` tells how many values were measured where the data are their projection.
    """
    basis, slopes = model.slopes(found.coordinates, acquisition)
    split = project(basis, data)
    columns = [column.expand(data.shape) for column in basis]
    columns = [split.explained(slope) for slope in slopes] + columns
    size = torch.stack([column.square().sum(0).sqrt().clamp_min(TINY) for column in columns])
    products = torch.stack([torch.stack([(a * b).sum(0) for b in columns]) for a in columns])
    normal = products / size / size[:, None]
    inverse, wrong = torch.linalg.inv_ex(normal.permute(2, 0, 1))
    told = torch.cat([found.coordinates, torch.stack(split.coefficients)])
    values, gradients = _reported(model, told)  # gradients: voxels x reported x parameters
    gradients = gradients / size.T[:, None]
    free = (len(data) if n_values is None else n_values) - model.n_parameters
    spread = torch.sqrt(found.misfit / max(free, 1))
    sd = spread if noise_sd is None else torch.full_like(spread, noise_sd)
    covariance = gradients @ inverse @ gradients.mT * sd[:, None, None] ** 2
    errors = covariance.diagonal(dim1=1, dim2=2).T.clamp_min(0).sqrt()
    singular = (wrong > 0) | (inverse.diagonal(dim1=1, dim2=2).amax(1) > 1 / SINGULAR)
    status = _status(model, found, values, singular)
    return Estimate(values, errors, status, spread, covariance)


def _reported(model: SeparableModel, told: Tensor) -> tuple[Tensor, Tensor]:
    """Return the reported values, and their derivatives with respect to what was fitted."""
    n_nonlinear = len(model.nonlinear)
    with torch.enable_grad():
        own = told.detach().clone().requires_grad_()
        coefficients = {f"c{j}": own[n_nonlinear + j] for j in range(model.n_linear)}
        reported = model.report(**model.parameters(own[:n_nonlinear].unbind()), **coefficients)
        gradients = [
            torch.autograd.grad(reported[name].sum(), own, retain_graph=True)[0].T
            for name in model.units
        ]
    values = torch.stack([reported[name].detach() for name in model.units])
    return values, torch.stack(gradients, 1)


def _status(model: SeparableModel, found: Minimum, values: Tensor, singular: Tensor) -> Tensor:
    low, high = bounds(model, values)
    edge = EDGE * (high - low)
    outside = ((found.coordinates < low + edge) | (found.coordinates > high - edge)).any(0)
    allowed = model.admissible(dict(zip(model.units, values, strict=True)))
    status = torch.full(values.shape[1:], int(Status.FITTED))
    status[~(allowed & torch.isfinite(values).all(0))] = int(Status.NOT_ADMISSIBLE)
    status[singular] = int(Status.NOT_IDENTIFIED)
    status[outside] = int(Status.AT_BOUND)
    status[~found.converged] = int(Status.NOT_CONVERGED)
    return status


__all__ = ["Estimate", "Starts", "estimate", "told_at"]
