"""Levenberg and Marquardt's method on the nonlinear parameters of many voxels at once.

Marquardt (1963), J SIAM 11:431-441, with a damping of its own for each voxel; voxels that are done
leave the batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cardiotwin.imaging.retrieval.separable import TINY, SeparableModel, project

ITERATIONS = 100
BETTER, WORSE = 0.2, 5.0  # what an accepted and a refused step make of the damping
FIRST_DAMPING, LARGEST_DAMPING = 1e-3, 1e10
# Done where a step changes the misfit by less than this part of it (a thousandth of a standard
# error, squared), or the coordinates by less than rounding lets us see.
MISFIT, COORDINATE = 1e-7, 1e-9


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where the iteration stopped."""

    coordinates: Float[Tensor, "nonlinear voxels"]
    misfit: Float[Tensor, " voxels"]
    converged: Bool[Tensor, " voxels"]


def minimise(
    model: SeparableModel,
    data: Float[Tensor, "values voxels"],
    start: Float[Tensor, "nonlinear voxels"],
    acquisition: Mapping[str, Any],
) -> Minimum:
    """Return the nonlinear parameters of the least sum of squares, from a start in their box."""
    low, high = bounds(model, data)
    best, converged = start.clone(), torch.zeros(data.shape[1], dtype=torch.bool)
    misfit = torch.full_like(data[0], torch.inf)
    damping = torch.full_like(data[0], FIRST_DAMPING)
    active = torch.arange(data.shape[1])
    seen = data
    for _ in range(ITERATIONS):
        here, damped = best[:, active], damping[active]
        normal, gradient, now = _linearise(model, seen, here, acquisition)
        step = solve(
            [
                [x * (1 + damped) if i == j else x for j, x in enumerate(row)]
                for i, row in enumerate(normal)
            ],
            gradient,
        )
        there = torch.clamp(here + torch.nan_to_num(torch.stack(step)), low, high)
        moved = there - here
        then = project(model.at(there, acquisition), seen).residual.square().sum(0)
        accepted = then <= now
        best[:, active] = torch.where(accepted, there, here)
        misfit[active] = torch.where(accepted, then, now)
        damped = damped * torch.where(accepted, BETTER, WORSE)
        damping[active] = damped
        slope = sum((m * g for m, g in zip(moved, gradient, strict=True)), torch.zeros_like(now))
        small = (slope.abs() <= MISFIT * now) | (moved.abs().amax(0) <= COORDINATE)
        # A small step tells nothing where the damping, not the misfit, made it small.
        done = small & (accepted | (damped > 1.0))
        converged[active] = done
        left = ~(done | (damped > LARGEST_DAMPING))
        if not left.all():
            active, seen = active[left], seen[:, left]
        if len(active) == 0:
            break
    return Minimum(best, misfit, converged)


def bounds(model: SeparableModel, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lowest and highest coordinates of the nonlinear parameters, as columns."""
    low, high = zip(*(item.box for item in model.nonlinear), strict=True)
    return like.new_tensor(low)[:, None], like.new_tensor(high)[:, None]


def solve(matrix: list[list[Tensor]], right: list[Tensor]) -> list[Tensor]:
    """Return the solutions of small positive definite systems, one per voxel, by elimination."""
    rows, right = [list(row) for row in matrix], list(right)
    size = len(rows)
    for i in range(size):
        pivot = rows[i][i].clamp_min(TINY)
        for k in range(i + 1, size):
            factor = rows[k][i] / pivot
            rows[k] = [a - factor * b for a, b in zip(rows[k], rows[i], strict=True)]
            right[k] = right[k] - factor * right[i]
    found: list[Tensor] = [torch.empty(0)] * size
    for i in reversed(range(size)):
        known = sum(
            (rows[i][k] * found[k] for k in range(i + 1, size)), torch.zeros_like(right[i])
        )
        found[i] = (right[i] - known) / rows[i][i].clamp_min(TINY)
    return found


def _linearise(
    model: SeparableModel, data: Tensor, coordinates: Tensor, acquisition: Mapping[str, Any]
) -> tuple[list[list[Tensor]], list[Tensor], Tensor]:
    """Return the normal matrix, the gradient towards the minimum and the misfit."""
    basis, slopes = model.slopes(coordinates, acquisition)
    split = project(basis, data)
    columns = [split.outside(split.explained(slope)) for slope in slopes]
    normal = [[(a * b).sum(0) for b in columns] for a in columns]
    gradient = [(column * split.residual).sum(0) for column in columns]
    return normal, gradient, split.residual.square().sum(0)


__all__ = ["Minimum", "bounds", "minimise", "solve"]
