"""Models that are linear in some of their parameters, and the projection that removes these.

For fixed nonlinear parameters the best linear ones are a least-squares solution, so the fit is one
of the nonlinear parameters alone: Golub & Pereyra (1973), SIAM J. Numerical Analysis 10:413-432,
with the Jacobian of Kaufman (1975), BIT 15:49-57. Voxels lie along the last dimension, so that
sums over the few images run over whole rows.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

type Basis = Callable[..., tuple[Tensor, ...]]
type Slopes = list[list[Tensor | None]]
type Derivatives = Callable[..., tuple[tuple[Tensor | None, ...], ...]]
type Report = Callable[..., dict[str, Tensor]]


@dataclass(frozen=True, kw_only=True)
class Nonlinear:
    """A parameter in which the signal is not linear.

    Parameters
    ----------
    name
        As the basis takes it.
    lowest, highest
        Where it is sought, in its SI unit; a fit that ends there is no fit.
    n_grid
        Number of starting values, evenly spaced in the coordinate.
    logarithmic
        Whether it is positive and sought by its logarithm, or by its share of the range.
    """

    name: str
    lowest: float
    highest: float
    n_grid: int
    logarithmic: bool = True

    @property
    def box(self) -> tuple[float, float]:
        """Return the lowest and highest coordinate."""
        if self.logarithmic:
            return math.log(self.lowest), math.log(self.highest)
        return 0.0, 1.0

    def value(self, coordinate: Tensor) -> Tensor:
        """Return the parameter at a coordinate."""
        if self.logarithmic:
            return torch.exp(coordinate)
        return self.lowest + (self.highest - self.lowest) * coordinate

    def scale(self, value: Tensor) -> Tensor | float:
        """Return the derivative of the parameter with respect to its coordinate, at a value."""
        return value if self.logarithmic else self.highest - self.lowest


@dataclass(frozen=True, kw_only=True)
class SeparableModel:
    """A signal sum_j c_j phi_j(p; acquisition) with real coefficients.

    Parameters
    ----------
    nonlinear
        The parameters p.
    n_linear
        Number of coefficients.
    basis
        Takes the nonlinear parameters by name, of shapes (1, voxels) or (images, voxels), and the
        acquisition, of shape (images, 1); returns one (images, voxels) per coefficient. An image's
        values may depend on its own parameters only.
    report
        Takes the nonlinear parameters and the coefficients c0, c1, ... by name, each of one value
        per voxel; returns what the user asked for.
    units
        Of the reported values.
    admissible
        Takes the reported values; says where physics allows them.
    acquisition
        Names of the acquisition's arguments that have one value per image.
    settings
        Names of its other arguments.
    rival
        Distance in the first nonlinear parameter, in shares of its range, beyond which another
        minimum is another answer, and not told apart unless its misfit is; 0: none is.
    complex_signal
        Whether the signal is complex; its coefficients are real all the same.
    derivatives
        Takes the columns and what `basis` takes; returns for each nonlinear parameter the
        derivative of each column of a real signal with respect to it, None where there is none.
        Without it the columns are differentiated by autograd, at three times the cost.
    """

    nonlinear: tuple[Nonlinear, ...]
    n_linear: int
    basis: Basis
    report: Report
    units: Mapping[str, str]
    admissible: Callable[[Mapping[str, Tensor]], Tensor]
    acquisition: tuple[str, ...]
    settings: tuple[str, ...] = ()
    rival: float = 0.0
    complex_signal: bool = False
    derivatives: Derivatives | None = None

    @property
    def n_parameters(self) -> int:
        """Return the number of parameters, linear ones included."""
        return len(self.nonlinear) + self.n_linear

    def at(
        self, coordinates: Float[Tensor, "nonlinear voxels"], acquisition: Mapping[str, Any]
    ) -> list[Tensor]:
        """Return the basis, values x voxels each, at coordinates of the nonlinear parameters."""
        basis = self.basis(**self.parameters(coordinates[:, None].unbind()), **acquisition)
        return [_real_rows(column) for column in basis]

    def slopes(
        self, coordinates: Float[Tensor, "nonlinear voxels"], acquisition: Mapping[str, Any]
    ) -> tuple[list[Tensor], Slopes]:
        """Return the basis, and its derivative with respect to each coordinate.

        By autograd, each image gets parameters of its own, so one backward pass serves all.
        """
        if self.derivatives is not None:
            return self._known_slopes(coordinates, acquisition)
        n_images = len(acquisition[self.acquisition[0]])
        own = [
            row.detach().expand(n_images, -1).clone().requires_grad_()
            for row in coordinates.unbind()
        ]
        with torch.enable_grad():
            basis = self.basis(**self.parameters(own), **acquisition)
            columns = [[_gradients(part, own) for part in _parts(column)] for column in basis]
        slopes: Slopes = [
            [torch.cat([part[k] for part in parts]) for parts in columns] for k in range(len(own))
        ]
        return [_real_rows(column.detach()) for column in basis], slopes

    def _known_slopes(
        self, coordinates: Float[Tensor, "nonlinear voxels"], acquisition: Mapping[str, Any]
    ) -> tuple[list[Tensor], Slopes]:
        assert self.derivatives is not None  # noqa: S101 - the caller has looked
        given = self.parameters(coordinates[:, None].unbind())
        scales = [item.scale(given[item.name]) for item in self.nonlinear]
        basis = self.basis(**given, **acquisition)
        known = self.derivatives(basis, **given, **acquisition)
        slopes: Slopes = [
            [None if column is None else scale * column for column in columns]
            for scale, columns in zip(scales, known, strict=True)
        ]
        return list(basis), slopes

    def parameters(self, coordinates: Iterable[Tensor]) -> dict[str, Tensor]:
        """Return the nonlinear parameters by name, from their coordinates."""
        pairs = zip(self.nonlinear, coordinates, strict=True)
        return {item.name: item.value(coordinate) for item, coordinate in pairs}


def _parts(column: Tensor) -> tuple[Tensor, ...]:
    return (column.real, column.imag) if column.is_complex() else (column,)


def _real_rows(column: Tensor) -> Tensor:
    return torch.cat(_parts(column)) if column.is_complex() else column


def _gradients(values: Tensor, of: list[Tensor]) -> list[Tensor]:
    if not values.requires_grad:  # a column that does not depend on the parameters
        return [torch.zeros_like(each) for each in of]
    ones = torch.ones_like(values)
    found = torch.autograd.grad(values, of, ones, retain_graph=True, materialize_grads=True)
    return list(found)


@dataclass(frozen=True, eq=False)
class Projection:
    """Data split by a basis into what it explains and what it leaves, values x voxels each."""

    directions: list[Tensor]  # orthonormal
    coefficients: list[Tensor]  # one row of voxels each
    residual: Float[Tensor, "values voxels"]

    def outside(self, vectors: Tensor) -> Tensor:
        """Return vectors without their components along the basis."""
        for direction in self.directions:
            vectors = vectors - (vectors * direction).sum(0) * direction
        return vectors

    def explained(self, columns: list[Tensor | None]) -> Tensor:
        """Return the columns weighted by the coefficients; None stands for a column of zeros."""
        pairs = zip(columns, self.coefficients, strict=True)
        shares = [column * c for column, c in pairs if column is not None]
        return sum(shares[1:], start=shares[0]) if shares else torch.zeros_like(self.residual)


def project(
    basis: list[Tensor], data: Float[Tensor, "values voxels"], *, rounds: int = 2
) -> Projection:
    """Return the least-squares fit of data by a basis: Gram-Schmidt, each column `rounds` times.

    Twice is enough for double precision (Giraud et al. 2005); once does for a first way.
    """
    directions: list[Tensor] = []
    triangle: list[list[Tensor]] = []
    for column in basis:
        left, above = column, [torch.zeros_like(column[0]) for _ in directions]
        for _ in range(rounds if directions else 0):
            for row, direction in enumerate(directions):
                share = (left * direction).sum(0)
                left, above[row] = left - share * direction, above[row] + share
        size = (left * left).sum(0).sqrt()
        directions.append((left / size.clamp_min(TINY)).expand(data.shape))
        triangle.append([*above, size])
    residual, shares = data, []
    for direction in directions:
        share = (residual * direction).sum(0)
        residual = residual - share * direction
        shares.append(share)
    coefficients: list[Tensor] = []
    for j in reversed(range(len(directions))):
        left = shares[j]
        for k, coefficient in enumerate(reversed(coefficients), start=j + 1):
            left = left - triangle[k][j] * coefficient
        coefficients.append(left / triangle[j][j])
    return Projection(directions, coefficients[::-1], residual)


TINY = 1e-300  # what no square of a signal falls below, so that zero divides by it

__all__ = ["TINY", "Nonlinear", "Projection", "SeparableModel", "project"]
