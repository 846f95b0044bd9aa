"""Kinetic models as a retrieval takes them: separable, their columns made by exact convolution.

The columns of well-mixed compartments are one family of one rate, whatever the model: it is
tabulated over the logarithm of the rate and kept in the few directions it spans, so a fit of
long curves costs what one of fifteen values costs. Other responses and delays are convolved anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from torch import Tensor

from cardiotwin.imaging.retrieval import Nonlinear, SeparableModel
from cardiotwin.imaging.retrieval.separable import Slopes
from cardiotwin.perfusion.kinetics.convolution import Input, convolve, delayed
from cardiotwin.perfusion.kinetics.models import FASTEST, SLOWEST, Column, Kinetics
from cardiotwin.perfusion.kinetics.responses import trapping, vascular, washout

N_TABLE = 500  # rates: the spline between them is exact to 1e-8
NEGLIGIBLE = 1e-6  # singular value, of the largest, of a direction that no curve needs
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


@dataclass(frozen=True, eq=False)
class Table:
    """Curves of well-mixed compartments by the logarithm of their rate, in few directions.

    Parameters
    ----------
    directions
        Orthonormal; they span the table, the input and its integral.
    pieces
        The cubic's coefficients in each interval, highest power first, of each direction and, as
        the last row, of what no curve has: 0.
    fixed
        The input and its integral in the same rows.
    """

    directions: Float[Tensor, "samples rank"]
    pieces: Float[Tensor, "4 rows intervals"]
    fixed: Float[Tensor, "rows 2"]

    @classmethod
    def of(cls, supply: Input) -> "Table":
        """Return the table of an input."""
        logs = torch.linspace(np.log(SLOWEST), np.log(FASTEST), N_TABLE, dtype=torch.float64)
        curves = convolve(supply, washout, rate=torch.exp(logs))
        fixed = torch.stack([convolve(supply, vascular), convolve(supply, trapping)], 1)
        fixed = fixed.reshape(len(curves), 2)
        every = torch.cat([curves, fixed], 1)
        scaled = every / every.norm(dim=0).clamp_min(1e-300)
        left, values, _ = torch.linalg.svd(scaled, full_matrices=False)
        directions = left[:, values > NEGLIGIBLE * values[0]]
        spline = CubicSpline(logs.numpy(), (directions.T @ curves).numpy(), axis=1)
        pieces = torch.from_numpy(np.moveaxis(spline.c, 2, 1))
        nothing = torch.nn.functional.pad
        return cls(
            directions,
            nothing(pieces, (0, 0, 0, 1)).contiguous(),
            nothing(directions.T @ fixed, (0, 0, 0, 1)),
        )

    def washout(self, log_rate: Float[Tensor, " voxels"]) -> tuple[Tensor, Tensor]:
        """Return a compartment's curve and its slope in the logarithm of the rate."""
        n = self.pieces.shape[2]
        step = (np.log(FASTEST) - np.log(SLOWEST)) / n
        place = (log_rate - np.log(SLOWEST)) / step
        piece = place.long().clamp(0, n - 1)
        x = (place - piece) * step
        a, b, c, d = self.pieces.index_select(2, piece).unbind()
        # Horner's scheme with its derivative, in as few passes over memory as it takes.
        square = torch.addcmul(b, a, x)
        slope = torch.addcmul(square, a, x)
        cube = torch.addcmul(c, square, x)
        return torch.addcmul(d, cube, x), torch.addcmul(cube, slope, x)


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
    """Return a model with its acquisition, tabulated where it may be.

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


__all__ = ["ConvolvedModel", "Table", "TabulatedModel", "separable"]
