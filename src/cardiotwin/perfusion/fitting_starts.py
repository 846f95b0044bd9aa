"""Where the fit of a kinetic model begins: the valleys of its misfit on a grid.

What an orthonormal basis leaves of the data is a start's misfit, so a grid costs one product of
matrices. The coefficients of a kinetic model are flows and volumes, so only starts whose
coefficients are not negative count. Fast and slow exchange are two valleys that noise fills alike:
the deepest few are followed, since a grid is too coarse to tell which of them is deeper.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cardiotwin.imaging.retrieval import SeparableModel
from cardiotwin.imaging.retrieval.separable import project

GRID_PART = 2048  # starts convolved at once
PART = 512  # voxels at once, so that what they need stays in the cache
VALLEYS = 2  # followed at most
SHALLOW = 1.1  # times the misfit of the deepest: a valley that is not followed


@dataclass(frozen=True, eq=False)
class Grid:
    """Orthonormal bases on a grid of the nonlinear parameters, of one or two columns each.

    Parameters
    ----------
    coordinates
        Of the nonlinear parameters.
    shape
        Number of starts along each of them.
    ordered
        Whether the first parameter is larger than the second: of two rates, the faster one.
    directions
        Orthonormal, in single precision: starts need no more.
    lean
        How much of the second direction's share the first coefficient loses.
    """

    coordinates: Float[Tensor, "nonlinear grid"]
    shape: tuple[int, ...]
    ordered: Bool[Tensor, "grid 1"]
    directions: Float[Tensor, "linear grid values"]
    lean: Float[Tensor, "grid 1"]

    @classmethod
    def of(cls, model: SeparableModel, acquisition: Mapping[str, Any]) -> "Grid":
        """Return a model's grid."""
        axes = []
        for item in model.nonlinear:
            low, high = item.box
            axes.append(torch.linspace(low, high, item.n_grid + 2, dtype=torch.float64)[1:-1])
        grid = torch.cartesian_prod(*axes).reshape(-1, len(axes)).T.contiguous()
        names = [item.name for item in model.nonlinear]
        ordered = torch.ones_like(grid[0]) > 0
        if names[:2] == ["k_plus", "k_minus"]:
            ordered = grid[0] > grid[1]
        directions, leans = [], []
        for part in grid.split(GRID_PART, dim=1):
            basis = model.at(part, acquisition)
            like = torch.zeros(len(basis[0]), part.shape[1], dtype=torch.float64)
            found = project(basis, like).directions
            directions.append(torch.stack(found))
            lean = like[:1]
            if len(found) == 2:
                along, across = ((basis[1] * each).sum(0, keepdim=True) for each in found)
                lean = (along / across).expand_as(lean)
            leans.append(lean)
        every = torch.cat(directions, 2).movedim(1, 2).float().contiguous()
        shape = tuple(len(axis) for axis in axes)
        lean = torch.cat(leans, 1).T.float()
        return cls(grid, shape, ordered[:, None], every, lean.nan_to_num())

    def valleys(self, data: Float[Tensor, "values voxels"]) -> Int[Tensor, "valleys voxels"]:
        """Return where each voxel's deepest valleys lie, -1 where there are fewer.

        A voxel of which no start is physical has -1 throughout.
        """
        found = []
        for part in data.float().split(PART, dim=1):
            shares = self.directions @ part
            explained = shares.square().sum(0)
            allowed = shares[0] >= 0
            if len(shares) == 2:
                allowed = (shares[0] >= self.lean * shares[1]) & (shares[1] >= 0)
            explained = explained.masked_fill(~(allowed & self.ordered), -1.0)
            deep = explained.masked_fill(~self._is_peak(explained), -1.0)
            top = deep.topk(min(VALLEYS, len(deep)), 0)
            misfit = part.square().sum(0) - top.values
            shallow = (misfit > SHALLOW * misfit[:1]) | (top.values < 0)
            found.append(top.indices.masked_fill(shallow, -1))
        return torch.cat(found, 1)

    def deepest(self, data: Float[Tensor, "values voxels"]) -> Int[Tensor, " voxels"]:
        """Return each voxel's best start, whatever the signs of its coefficients."""
        parts = data.float().split(PART, dim=1)
        return torch.cat([(self.directions @ part).square().sum(0).argmax(0) for part in parts])

    def _is_peak(self, explained: Float[Tensor, "grid voxels"]) -> Bool[Tensor, "grid voxels"]:
        """Return where no neighbour along an axis of the grid explains more."""
        values = explained.reshape(*self.shape, -1)
        peak = torch.ones_like(values, dtype=torch.bool)
        for axis, n in enumerate(self.shape):
            low, high = values.narrow(axis, 0, n - 1), values.narrow(axis, 1, n - 1)
            peak.narrow(axis, 0, n - 1).logical_and_(low >= high)
            peak.narrow(axis, 1, n - 1).logical_and_(high > low)
        return peak.reshape(explained.shape)


__all__ = ["Grid"]
