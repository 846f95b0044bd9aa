"""Kinetic models as a retrieval takes them: separable, their columns made by exact convolution.

The columns of well-mixed compartments are one family of one rate, whatever the model: it is
tabulated over the logarithm of the rate and kept in the few directions it spans, so a fit of
long curves costs what one of fifteen values costs. Other responses are convolved anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cardiotwin.imaging.retrieval import Nonlinear, SeparableModel
from cardiotwin.imaging.retrieval.separable import Slopes
from cardiotwin.perfusion.fitting_delay import DelayedModel, going_on
from cardiotwin.perfusion.fitting_table import Table
from cardiotwin.perfusion.kinetics.convolution import Input, delayed
from cardiotwin.perfusion.kinetics.models import Column, Kinetics
from cardiotwin.perfusion.kinetics.responses import trapping

DELAYS = 8  # starting values of a delay


@dataclass(frozen=True, kw_only=True)
class ConvolvedModel(SeparableModel):
    """A model whose basis is responses integrated twice and once, to be convolved.

    Parameters
    ----------
    kernel
        What turns the integrals into curves, of `Input.kernel`.
    """

    kernel: Tensor

    def at(self, coordinates: Tensor, acquisition: Mapping[str, Any]) -> list[Tensor]:
        """Return the curves, samples x voxels each."""
        return [self.kernel @ column for column in super().at(coordinates, acquisition)]

    def slopes(
        self, coordinates: Tensor, acquisition: Mapping[str, Any]
    ) -> tuple[list[Tensor], Slopes]:
        """Return the curves and their derivatives: the convolution is linear."""
        basis, slopes = super().slopes(coordinates, acquisition)
        return (
            [self.kernel @ column for column in basis],
            [
                [None if column is None else self.kernel @ column for column in columns]
                for columns in slopes
            ],
        )


@dataclass(frozen=True, kw_only=True)
class TabulatedModel(SeparableModel):
    """A model of well-mixed compartments; its curves are projected on a table's directions.

    A last value of each curve, 0, stands for all that no curve reaches.

    Parameters
    ----------
    table
        Of the input.
    columns
        Of the model.
    """

    table: Table
    columns: tuple[Column, ...]

    def at(self, coordinates: Tensor, acquisition: Mapping[str, Any]) -> list[Tensor]:
        """Return the curves, values x voxels each."""
        return self.slopes(coordinates, acquisition)[0]

    def slopes(
        self,
        coordinates: Tensor,
        acquisition: Mapping[str, Any],  # noqa: ARG002  # the table knows it
    ) -> tuple[list[Tensor], Slopes]:
        """Return the curves and their derivatives with respect to each coordinate."""
        names = [item.name for item in self.nonlinear]
        shape = (len(self.table.fixed), coordinates.shape[1])
        basis: list[Tensor] = []
        slopes: Slopes = [[None for _ in self.columns] for _ in names]
        for j, column in enumerate(self.columns):
            if column.exponential is None:
                still = self.table.fixed[:, int(column.response is trapping)]
                basis.append(still[:, None].expand(shape))
                continue
            k = names.index(column.exponential)
            curve, slopes[k][j] = self.table.washout(coordinates[k])
            basis.append(curve)
        return basis, slopes


def separable(
    chosen: Kinetics,
    supply: Input,
    table: Table | None,
    *,
    delay: tuple[float, float] | None,
    blood_per_plasma: float,
) -> tuple[SeparableModel, dict[str, Any]]:
    """Return a model with its acquisition, from a table where it may be.

    Parameters
    ----------
    delay
        Where the delay of each voxel is sought, s; None: there is none.
    blood_per_plasma
        What `fp`, 1/s, is multiplied with for `mbf`, m^3/(s kg).
    """
    late = () if delay is None else (_delay(*delay),)
    units = dict(chosen.units) | ({"delay": "s"} if late else {})
    units = {"mbf": "m^3/(s kg)"} | units if chosen.has_flow else units

    def report(**found: Tensor) -> dict[str, Tensor]:
        extra = {"delay": found.pop("delay")} if late else {}
        told = chosen.report(**found) | extra
        return {"mbf": blood_per_plasma * told["fp"]} | told if chosen.has_flow else told

    def admissible(found: Mapping[str, Tensor]) -> Tensor:
        lowest = {name: 0.0 for name, unit in chosen.units.items() if unit in ("1/s", "1")}
        if not chosen.nonlinear:  # linear: an estimate about 0 has no bias
            lowest = dict.fromkeys(lowest, -1.0)
        volumes = [name for name, unit in chosen.units.items() if unit == "1"]
        fits = [found[name] > low for name, low in lowest.items()]
        fits += [found[name] <= 1 for name in volumes]
        return torch.stack(fits).all(0)

    shared: dict[str, Any] = {
        "nonlinear": (*chosen.nonlinear, *late),
        "n_linear": len(chosen.columns),
        "report": report,
        "units": units,
        "admissible": admissible,
        "acquisition": ("elapsed",),
    }
    if table is not None and late:
        model = DelayedModel(
            basis=_nothing,
            table=table,
            supply=going_on(supply),
            columns=chosen.columns,
            n_samples=len(supply.time),
            **shared,
        )
        return model, {}
    if table is not None:
        return TabulatedModel(basis=_nothing, table=table, columns=chosen.columns, **shared), {}
    return _convolved(chosen, supply, shared, with_delay=bool(late))


def _convolved(
    chosen: Kinetics, supply: Input, shared: dict[str, Any], *, with_delay: bool
) -> tuple[SeparableModel, dict[str, Any]]:
    twice = len(supply.elapsed)
    orders = 1 if supply.plasma[0] == 0 else 2

    def basis(elapsed: Tensor, **given: Tensor) -> tuple[Tensor, ...]:
        parts = []
        for column in chosen.columns:
            names = dict(column.parameters) | ({"delay": "delay"} if with_delay else {})
            response = delayed(column.response) if with_delay else column.response
            halves = []
            for first, order in ((0, 2), (twice, 1))[:orders]:
                rows = slice(first, first + twice)
                own = {
                    inner: given[outer][rows] if len(given[outer]) > 1 else given[outer]
                    for inner, outer in names.items()
                }
                halves.append(response(elapsed[rows], order, **own))
            parts.append(torch.cat(halves))
        return tuple(parts)

    elapsed = supply.elapsed.repeat(orders)[:, None]
    kernel = supply.kernel[:, : orders * twice]
    return ConvolvedModel(basis=basis, kernel=kernel, **shared), {"elapsed": elapsed}


def _nothing(**_: Any) -> tuple[Tensor, ...]:
    msg = "a tabulated model takes its basis from the table"
    raise AssertionError(msg)


def _delay(lowest: float, highest: float) -> Nonlinear:
    return Nonlinear(
        name="delay", lowest=lowest, highest=highest, n_grid=DELAYS, logarithmic=False
    )


__all__ = ["ConvolvedModel", "TabulatedModel", "separable"]
