"""Levenberg and Marquardt's method on the nonlinear parameters of many voxels at once.

Marquardt (1963), J SIAM 11:431-441, with a damping of its own for each voxel; voxels that are done
leave the batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cardiotwin.imaging.retrieval.separable import TINY, SeparableModel, project

ITERATIONS = 100
BETTER, WORSE = 0.2, 5.0  # what a good and a bad step make of the damping
# A step is good if it gains this part of what the slope promised: one that leaps over the valley
# to a little lower on its other side is accepted, but the next is shorter.
WORTH = 0.25
FIRST_DAMPING, LARGEST_DAMPING = 1e-3, 1e10
# Done where a step changes the misfit by less than this part of it (a thousandth of a standard
# error, squared), or the coordinates by less than rounding lets us see.
MISFIT, COORDINATE = 1e-7, 1e-9
# The first way is gone in single precision, to a thirtieth of a standard error.
ROUGH_MISFIT, ROUGH_COORDINATE, ROUGH_ITERATIONS = 1e-3, 1e-5, 20
LEAVING = 0.1  # share of the window that is done before it is cut


WINDOW = 8192  # voxels at once: their bases stay in the processor's cache


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where the iteration stopped."""

    coordinates: Float[Tensor, "nonlinear voxels"]
    misfit: Float[Tensor, " voxels"]
    converged: Bool[Tensor, " voxels"]


@dataclass(frozen=True, eq=False)
class _Window:
    """The voxels at work, along the last dimension of each tensor: where each is, and heads to."""

    voxel: Tensor
    data: Tensor
    here: Tensor
    trial: Tensor
    misfit: Tensor  # here; infinite before the first evaluation
    normal: Tensor  # nonlinear x nonlinear x voxels, here
    gradient: Tensor
    damping: Tensor
    evaluations: Tensor
    done: Tensor

    @classmethod
    def of(cls, voxel: Tensor, data: Tensor, start: Tensor) -> "_Window":
        """Return voxels that have not been evaluated yet; their first trial is their start."""
        here, part = start[:, voxel], data[:, voxel]
        size, count = here.shape
        return cls(
            voxel=voxel,
            data=part,
            here=here,
            trial=here,
            misfit=torch.full((count,), torch.inf, dtype=data.dtype),
            normal=torch.zeros(size, size, count, dtype=data.dtype),
            gradient=torch.zeros_like(here),
            damping=torch.full((count,), FIRST_DAMPING, dtype=data.dtype),
            evaluations=torch.zeros(count, dtype=torch.int64),
            done=torch.zeros(count, dtype=torch.bool),
        )

    def only(self, kept: Tensor) -> "_Window":
        """Return some of the voxels."""
        return _Window(*(getattr(self, item.name)[..., kept] for item in fields(self)))

    def with_more(self, other: "_Window") -> "_Window":
        """Return the voxels of both."""
        names = [item.name for item in fields(self)]
        return _Window(*(torch.cat([getattr(self, n), getattr(other, n)], -1) for n in names))


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When a voxel is done: the step's share of the misfit, its size, the steps at most.

    With `positive` it may not go where a linear coefficient is negative.
    """

    misfit: float = MISFIT
    coordinate: float = COORDINATE
    iterations: int = ITERATIONS
    positive: bool = False


ROUGH = Rules(misfit=ROUGH_MISFIT, coordinate=ROUGH_COORDINATE, iterations=ROUGH_ITERATIONS)


def minimise(
    model: SeparableModel,
    data: Float[Tensor, "values voxels"],
    start: Float[Tensor, "nonlinear voxels"],
    acquisition: Mapping[str, Any],
    *,
    iterations: int = ITERATIONS,
    positive: bool = False,
) -> Minimum:
    """Return the nonlinear parameters of the least sum of squares, from a start in their box.

    With `positive`, no step may lead to where a linear coefficient is negative. A model that
    knows its derivatives goes most of the way in single precision; every voxel ends in double.
    """
    if model.derivatives is not None:
        single = {name: _single(value) for name, value in acquisition.items()}
        rough = _minimise(
            model, data.float(), start.float(), single, replace(ROUGH, positive=positive)
        ).coordinates
        low, high = bounds(model, data)
        start = torch.clamp(rough.double(), low, high)
    return _minimise(
        model, data, start, acquisition, Rules(iterations=iterations, positive=positive)
    )


def _single(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) else value


def _minimise(
    model: SeparableModel,
    data: Float[Tensor, "values voxels"],
    start: Float[Tensor, "nonlinear voxels"],
    acquisition: Mapping[str, Any],
    rules: Rules,
) -> Minimum:
    """Return where the iteration stops.

    Voxels that are done make room for others, so that the window stays full to the last.
    """
    low, high = bounds(model, data)
    found = Minimum(
        start.clone(), torch.full_like(data[0], torch.inf), torch.zeros_like(data[0]) > 0
    )
    queue = list(torch.arange(data.shape[1]).split(WINDOW // 2))[::-1]
    window = _Window.of(queue.pop(), data, start)
    while len(window.voxel):
        window, done = _step(model, window, acquisition, rules)
        window = replace(window, done=window.done | done)
        spent = (window.damping > LARGEST_DAMPING) | (window.evaluations >= rules.iterations)
        ended = window.done | spent
        count = int(ended.sum())
        if count > LEAVING * len(ended) or (count and not queue):
            voxel = window.voxel[ended]
            found.coordinates[:, voxel] = window.here[:, ended]
            found.misfit[voxel], found.converged[voxel] = (
                window.misfit[ended],
                window.done[ended],
            )
            window = window.only(~ended)
        window = replace(window, trial=_next(window, low, high))
        if queue and len(window.voxel) < WINDOW // 2:
            window = window.with_more(_Window.of(queue.pop(), data, start))
    return found


def _step(
    model: SeparableModel, window: _Window, acquisition: Mapping[str, Any], rules: Rules
) -> tuple[_Window, Tensor]:
    """Return the window after its trials, accepted or not, and which voxels are done."""
    normal, gradient, misfit, least = _linearise(model, window.data, window.trial, acquisition)
    if rules.positive:
        misfit = misfit.masked_fill(least < 0, torch.inf)
    first, accepted = torch.isinf(window.misfit), misfit <= window.misfit
    moved = window.trial - window.here
    slope = (moved * window.gradient).sum(0).abs()
    small = (slope <= rules.misfit * window.misfit) | (moved.abs().amax(0) <= rules.coordinate)
    gained = window.misfit - misfit > WORTH * slope
    changed = torch.where(accepted & gained, BETTER, WORSE).masked_fill_(first & accepted, 1.0)
    damping = window.damping * changed
    # A small step tells nothing where the damping, not the misfit, made it small.
    done = ~first & small & (accepted | (damping > 1.0))
    after = replace(
        window,
        here=torch.where(accepted, window.trial, window.here),
        misfit=torch.where(accepted, misfit, window.misfit),
        normal=torch.where(accepted, normal, window.normal),
        gradient=torch.where(accepted, gradient, window.gradient),
        damping=damping,
        evaluations=window.evaluations + 1,
    )
    return after, done


def _next(window: _Window, low: Tensor, high: Tensor) -> Tensor:
    """Return where to try next: the damped step, within the box."""
    size = len(window.here)
    matrix = [
        [window.normal[i, j] * (1 + window.damping if i == j else 1.0) for j in range(size)]
        for i in range(size)
    ]
    step = torch.stack(solve(matrix, list(window.gradient.unbind())))
    return torch.clamp(window.here + torch.nan_to_num(step), low, high)


def bounds(model: SeparableModel, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lowest and highest coordinates of the nonlinear parameters, as columns."""
    boxes = like.new_tensor([item.box for item in model.nonlinear]).reshape(-1, 2)
    return boxes[:, :1], boxes[:, 1:]


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
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return normal matrix, gradient towards the minimum, misfit and smallest coefficient."""
    basis, slopes = model.slopes(coordinates, acquisition)
    split = project(basis, data, rounds=1 if data.dtype == torch.float32 else 2)
    columns = [split.outside(split.explained(slope)) for slope in slopes]
    products = [(a * b).sum(0) for i, a in enumerate(columns) for b in columns[: i + 1]]
    size = len(columns)
    normal = [
        [products[max(i, j) * (max(i, j) + 1) // 2 + min(i, j)] for j in range(size)]
        for i in range(size)
    ]
    gradient = torch.stack([(column * split.residual).sum(0) for column in columns])
    stacked = torch.stack([torch.stack(row) for row in normal])
    least = torch.stack(torch.broadcast_tensors(*split.coefficients)).amin(0)
    return stacked, gradient, split.residual.square().sum(0), least


__all__ = ["Minimum", "bounds", "minimise", "solve"]
