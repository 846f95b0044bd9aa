"""One input and one model, ready for the curves of many voxels."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cardiotwin.imaging.retrieval import SeparableModel, Status
from cardiotwin.imaging.retrieval.estimate import EDGE, told_at
from cardiotwin.imaging.retrieval.levenberg_marquardt import Minimum, bounds, minimise
from cardiotwin.imaging.retrieval.separable import project
from cardiotwin.perfusion.fitting_delay import going_on
from cardiotwin.perfusion.fitting_models import TabulatedModel, separable
from cardiotwin.perfusion.fitting_starts import Grid
from cardiotwin.perfusion.fitting_table import Table
from cardiotwin.perfusion.kinetics.convolution import Input
from cardiotwin.perfusion.kinetics.models import Kinetics
from cardiotwin.perfusion.kinetics.tissue import plasma

ITERATIONS, ANEW = 300, 100  # of tabulated curves: a valley is long; of curves convolved anew
AT_ONCE = 4_000_000  # values of a curve's responses in memory


@dataclass(frozen=True, eq=False)
class Found:
    """What a fit found of each voxel; not a number where it is not fitted, but for `raw`."""

    values: Float[Tensor, "reported voxels"]
    errors: Float[Tensor, "reported voxels"]
    raw: Float[Tensor, "reported voxels"]
    raw_errors: Float[Tensor, "reported voxels"]
    status: Int[Tensor, " voxels"]
    misfit: Float[Tensor, " voxels"]
    weights: Float[Tensor, "rank voxels"]
    correlations: Float[Tensor, "voxels reported reported"]
    units: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Problem:
    """A model with its input.

    Parameters
    ----------
    model, acquisition
        As a retrieval takes them.
    starts
        Where its iterations may begin; None of a linear model.
    directions
        What the model's values are coefficients of.
    settings
        The input, table, delay and blood per plasma that another model shares.
    """

    model: SeparableModel
    acquisition: Mapping[str, Any]
    starts: Grid | None
    directions: Float[Tensor, "samples rank"]
    settings: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        chosen: Kinetics,
        time: Float[Tensor, " samples"],
        aif: Float[Tensor, " samples"],
        *,
        haematocrit: float,
        density: float,
        delay: tuple[float, float] | None,
    ) -> "Problem":
        """Return the problem of a model and an input in whole blood."""
        early = 0.0 if delay is None else max(-delay[0], 0.0)
        supply = Input(time, plasma(aif, haematocrit), early)
        known = going_on(supply)
        settings = {
            "supply": supply,
            "table": Table.of(Input(known.time, known.plasma)),
            "delay": delay,
            "blood_per_plasma": 1 / ((1 - haematocrit) * density),
        }
        return cls._of(chosen, settings)

    def become(self, chosen: Kinetics) -> "Problem":
        """Return the problem of another model with the same input."""
        return self._of(chosen, self.settings)

    @classmethod
    def _of(cls, chosen: Kinetics, settings: Mapping[str, Any]) -> "Problem":
        mixed = all(column.exponential or not column.parameters for column in chosen.columns)
        given = dict(settings) | ({} if mixed else {"table": None})
        model, acquisition = separable(chosen, **given)
        if isinstance(model, TabulatedModel):
            directions = model.table.directions
        else:
            directions = torch.eye(len(settings["supply"].time), dtype=torch.float64)
        starts = Grid.of(model, acquisition) if model.nonlinear else None
        return cls(model, acquisition, starts, directions, settings)

    @property
    def units(self) -> dict[str, str]:
        """Return the unit of each reported parameter."""
        return dict(self.model.units)

    @property
    def is_tabulated(self) -> bool:
        """Return whether the model's curves come from a table."""
        return isinstance(self.model, TabulatedModel)

    def rows(self, data: Float[Tensor, "samples voxels"]) -> Float[Tensor, "values voxels"]:
        """Return the data in the model's directions, and below what lies outside of these."""
        if not self.is_tabulated:
            return data
        inside = self.directions.T @ data
        outside = (data - self.directions @ inside).norm(dim=0)
        return torch.cat([inside, outside[None]])

    def fit(self, data: Float[Tensor, "samples voxels"], *, noise_sd: float | None) -> Found:
        """Return what is found of curves that are finite."""
        lags = len(self.acquisition.get("elapsed", self.directions))
        parts = data.split(max(AT_ONCE // lags, 64), dim=1)
        found = [self._fit(part, noise_sd) for part in parts]
        first = {"status": 0, "misfit": 0, "correlations": 0}
        together = {
            item.name: torch.cat([getattr(p, item.name) for p in found], first.get(item.name, 1))
            for item in fields(Found)
            if item.name != "units"
        }
        return Found(**together, units=self.units)

    def _fit(self, data: Tensor, noise_sd: float | None) -> Found:
        rows = self.rows(data)
        least = self._least(rows)
        told = told_at(
            self.model, rows, least, self.acquisition, noise_sd=noise_sd, n_values=len(data)
        )
        split = project(self.model.at(least.coordinates, self.acquisition), rows)
        weights = (rows - split.residual)[: self.directions.shape[1]]
        values, errors = told.values.clone(), told.errors.clone()
        refused = told.status != Status.FITTED
        values[:, refused], errors[:, refused] = torch.nan, torch.nan
        covariance = told.covariance
        assert covariance is not None  # noqa: S101  # told_at always gives it
        sd = covariance.diagonal(dim1=1, dim2=2).clamp_min(1e-300).sqrt()
        correlations = covariance / sd[:, :, None] / sd[:, None]
        correlations[refused] = torch.nan
        return Found(
            values, errors, told.values, told.errors, told.status, least.misfit, weights,
            correlations, self.units,
        )  # fmt: skip

    def _least(self, rows: Tensor) -> Minimum:
        if self.starts is None:
            nothing = rows.new_zeros(0, rows.shape[1])
            split = project(self.model.at(nothing, self.acquisition), rows)
            misfit = split.residual.square().sum(0)
            return Minimum(nothing, misfit, torch.isfinite(misfit))
        grid, valleys = self.starts.coordinates, self.starts.valleys(rows)
        best = self._minimise(rows, grid[:, valleys[0].clamp_min(0)], positive=True)
        rank = self._rank(rows, best)
        trials = [(valley, torch.nonzero(valley >= 0)[:, 0], True) for valley in valleys[1:]]
        unphysical = torch.nonzero(valleys[0] < 0)[:, 0]
        rank[unphysical] = torch.inf
        if len(unphysical):
            deepest = valleys[0].clone()
            deepest[unphysical] = self.starts.deepest(rows[:, unphysical])
            trials.append((deepest, unphysical, False))
        for valley, other, positive in trials:
            start = grid[:, valley[other]]
            found = self._minimise(rows[:, other], start, positive=positive)
            theirs = self._rank(rows[:, other], found)
            better = theirs < rank[other]
            where = other[better]
            rank[where] = theirs[better]
            best.coordinates[:, where] = found.coordinates[:, better]
            best.misfit[where] = found.misfit[better]
            best.converged[where] = found.converged[better]
        return best

    def _minimise(self, rows: Tensor, start: Tensor, *, positive: bool) -> Minimum:
        n = ITERATIONS if self.is_tabulated else ANEW
        return minimise(self.model, rows, start, self.acquisition, iterations=n, positive=positive)

    def _rank(self, rows: Tensor, found: Minimum) -> Tensor:
        """Return the misfit of a minimum inside the box; more than any of those of another."""
        low, high = bounds(self.model, rows)
        near = EDGE * (high - low)
        coordinates = found.coordinates
        inside = ((coordinates > low + near) & (coordinates < high - near)).all(0)
        more = rows.square().sum(0) + found.misfit
        return torch.where(inside, found.misfit, more)


def residual_correlation(
    problem: Problem, data: Float[Tensor, "samples voxels"], found: Found
) -> Float[Tensor, " voxels"]:
    """Return the correlation of each voxel's neighbouring residuals."""
    left = data - problem.directions @ found.weights
    left = left - left.mean(0)
    return (left[1:] * left[:-1]).sum(0) / left.square().sum(0).clamp_min(1e-300)


__all__ = ["Found", "Problem", "residual_correlation"]
