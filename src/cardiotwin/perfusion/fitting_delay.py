"""Models of well-mixed compartments that the tracer reaches after a delay of each voxel's own.

Between two samples of the input a compartment's curve is known from its value at the first: it
decays, and what flows in is linear (Flouri et al. 2016, MRM 76:998-1006, appendix). So a delayed
curve follows exactly from the one without delay, which is tabulated, and so do its derivatives.
Concentrations in mol/m^3 (1 mM), times in s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cardiotwin.imaging.retrieval import SeparableModel
from cardiotwin.imaging.retrieval.separable import Slopes
from cardiotwin.perfusion.fitting_table import Table
from cardiotwin.perfusion.kinetics.convolution import Input
from cardiotwin.perfusion.kinetics.models import Column
from cardiotwin.perfusion.kinetics.responses import trapping, washout


@dataclass(frozen=True, eq=False)
class _Moment:
    """Where in the input each sample of each voxel is.

    Parameters
    ----------
    at
        Number of the input's sample before it.
    since
        Time since then, s.
    begun
        1 where the input has begun, 0 before.
    plasma, slope
        The input at that sample, mol/m^3, and its slope behind it, mol/(m^3 s).
    """

    at: Int[Tensor, "samples voxels"]
    since: Float[Tensor, "#samples voxels"]
    begun: Float[Tensor, "samples voxels"]
    plasma: Float[Tensor, "samples voxels"]
    slope: Float[Tensor, "samples voxels"]

    @property
    def now(self) -> Float[Tensor, "samples voxels"]:
        """Return the input."""
        return torch.addcmul(self.plasma, self.slope, self.since)


@dataclass(frozen=True, kw_only=True)
class DelayedModel(SeparableModel):
    """A model of well-mixed compartments behind a delay, its last nonlinear parameter.

    Parameters
    ----------
    table, supply
        Curves without delay, and what flows in.
    columns
        Of the model.
    n_samples
        Of the curves; the input may go on after them (see `going_on`).
    """

    table: Table
    supply: Input
    n_samples: int
    columns: tuple[Column, ...]

    def at(self, coordinates: Tensor, acquisition: Mapping[str, Any]) -> list[Tensor]:
        """Return the curves, samples x voxels each."""
        return self.slopes(coordinates, acquisition)[0]

    def slopes(
        self,
        coordinates: Tensor,
        acquisition: Mapping[str, Any],  # noqa: ARG002  # the input knows it
    ) -> tuple[list[Tensor], Slopes]:
        """Return the curves and their derivatives with respect to each coordinate."""
        names = [item.name for item in self.nonlinear]
        given = self.parameters(coordinates.unbind())
        late = self.nonlinear[-1]
        moment = self._moment(given[late.name])
        basis: list[Tensor] = []
        slopes: Slopes = [[None for _ in self.columns] for _ in names]
        for j, column in enumerate(self.columns):
            if column.exponential is not None:
                k = names.index(column.exponential)
                curve, slopes[k][j], later = self._washout(coordinates[k], moment)
            else:
                curve, later = self._still(column, moment)
            basis.append(curve)
            slopes[-1][j] = later * (late.highest - late.lowest)  # its coordinate is a share
        return basis, slopes

    def _moment(self, delay: Float[Tensor, " voxels"]) -> _Moment:
        time, plasma = self.supply.time, self.supply.plasma
        steep = plasma.diff() / time.diff()
        steep = torch.cat([steep, steep[-1:]])  # as it was, behind the last sample
        if self.supply.even:  # all samples of a voxel are as far from the input's
            step = time[1] - time[0]
            whole = torch.ceil(delay / step)
            at = torch.arange(self.n_samples)[:, None] - whole.long()
            since = (whole * step - delay)[None]
        else:
            when = time[: self.n_samples, None] - delay
            at = torch.bucketize(when, time, right=True) - 1
            since = (when - time[at.clamp_min(0)]).clamp_min(0.0)
        begun = (at >= 0).to(since)
        at = at.clamp_min(0)
        return _Moment(at, since, begun, plasma[at] * begun, steep[at] * begun)

    def _washout(
        self, log_rate: Float[Tensor, " voxels"], moment: _Moment
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return a compartment's curve, and its slopes by the rate's logarithm and the delay."""
        directions = self.table.directions
        known = [directions @ rows[:-1] for rows in self.table.washout(log_rate)]
        before, slope = (rows.gather(0, moment.at) for rows in known)
        rate = torch.exp(log_rate)
        kept = torch.exp(-rate * moment.since)
        once, twice = (washout(moment.since, order, rate) for order in (1, 2))
        curve = before * kept + moment.plasma * once + moment.slope * twice
        faster = moment.since * kept - once  # rate times the derivative of `once` by it
        by_rate = (slope - rate * moment.since * before) * kept
        by_rate += moment.plasma * faster - moment.slope * (twice + faster / rate)
        curve, by_rate = curve * moment.begun, by_rate * moment.begun
        return curve, by_rate, rate * curve - moment.now

    def _still(self, column: Column, moment: _Moment) -> tuple[Tensor, Tensor]:
        """Return the input or its integral, and the slope by the delay."""
        if column.response is not trapping:
            return moment.now, -moment.slope
        time, plasma = self.supply.time, self.supply.plasma
        held = torch.cumulative_trapezoid(plasma, time)
        held = torch.cat([held.new_zeros(1), held])[moment.at] * moment.begun
        held += moment.plasma * moment.since + moment.slope * moment.since**2 / 2
        return held, -moment.now


def going_on(supply: Input) -> Input:
    """Return an even input that goes on as it ended, to what a response may precede it by."""
    ahead = len(supply.elapsed) - len(supply.time) if supply.even else 0
    if not ahead:
        return supply
    later = torch.arange(1, ahead + 1) * (supply.time[-1] - supply.time[-2])
    slope = (supply.plasma[-1] - supply.plasma[-2]) / (supply.time[-1] - supply.time[-2])
    time = torch.cat([supply.time, supply.time[-1] + later])
    return Input(time, torch.cat([supply.plasma, supply.plasma[-1] + slope * later]))


__all__ = ["DelayedModel", "going_on"]
