"""What is believed of a territory with an edge before a map is seen.

Where a smooth field is above a level, the vessels conduct a share of what they would; another
smooth field varies all of them. Both fields are Matern's (`prior`), written in the wall's own
modes, so that their range is a parameter. Iglesias, Lu & Stuart (2016), Interfaces Free Bound
18:181-217; Dunlop, Iglesias & Stuart (2017), Stat Comput 27:1555-1584.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import eigh

from cardiotwin.errors import InputError
from cardiotwin.perfusion.darcy.porous import PorousWall

Draws = Float[np.ndarray, "draws parameters"]
Cells = Float[np.ndarray, "draws cells"]

N_NUMBERS = 7
RANGE, RANGE_SPREAD = 0.04, 0.5  # m, and of its logarithm
VARIED, VARIED_SPREAD = 0.15, 0.7  # of the healthy vessels' logarithm
LEVEL, LEVEL_SPREAD = 1.0, 1.0  # of the field's own sd: a sixth of the wall is above 1
LEAST = 0.02  # of the conductance, that a territory keeps
NOTHING = 1e-3  # of a cell: no territory
DEEP = 12.0  # edges from an edge: smaller numbers than follow are slow
FARTHEST = 3.0  # of the spreads: no range is longer or shorter


@dataclass(frozen=True, kw_only=True, eq=False)
class EdgedTerritory:
    """A prior of the conductance's factor, in parameters that are standard normal.

    The first seven are: level, share that is left, ranges of the two fields, sd of the healthy
    vessels, and how much of each field's variance changes its sign through the wall.

    Parameters
    ----------
    even, odd
        Modes of the wall's Laplacian by cell, of mean square 1: as they are, and times the depth.
    eigenvalues
        Theirs, 1/m^2.
    edge, healthy
        How many modes the edge's field has and that of the healthy vessels, even and odd.
    cell_size
        The edge's width, m.
    """

    even: Float[np.ndarray, "cells modes"]
    odd: Float[np.ndarray, "cells modes"]
    eigenvalues: Float[np.ndarray, " modes"]
    edge: tuple[int, int]
    healthy: tuple[int, int]
    cell_size: float

    @property
    def n_parameters(self) -> int:
        """Return how many there are."""
        return N_NUMBERS + sum(self.edge) + sum(self.healthy)

    def factors(self, x: Draws) -> Cells:
        """Return the conductance's factor of each draw, by cell."""
        return np.exp(self.logarithms_and_pull(x)[0])

    def logarithms_and_pull(self, x: Draws) -> tuple[Cells, Callable[[Cells], Draws]]:
        """Return the factors' logarithms, and what carries slopes by them to the parameters."""
        parameters = _single(x.T).requires_grad_()
        healthy, inside, left = self._parts(parameters)
        logarithm = healthy + torch.log1p((left - 1) * inside)

        def pull(slopes: Cells) -> Draws:
            (found,) = torch.autograd.grad(logarithm, parameters, _single(slopes.T))
            return _double(found)

        return _double(logarithm.detach()), pull

    def territory(self, x: Draws) -> tuple[Cells, Float[np.ndarray, " draws"]]:
        """Return the share of each cell that is in the territory, and what conducts there."""
        _, inside, left = self._parts(_single(x.T))
        return _double(torch.where(inside < NOTHING, 0.0, inside)), _double(left)

    def _parts(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the healthy vessels' logarithm, the territory's share, and what is left there."""
        level = LEVEL + LEVEL_SPREAD * x[0]
        left = LEAST + (1 - LEAST) * torch.special.ndtr(x[1])
        edge_range, healthy_range = RANGE * torch.exp(RANGE_SPREAD * _bounded(x[2:4]))
        varied = VARIED * torch.exp(VARIED_SPREAD * _bounded(x[4]))
        edge_turned, healthy_turned = torch.special.ndtr(_bounded(x[5:7]))
        counts = [N_NUMBERS, *self.edge, *self.healthy]
        _, even_edge, odd_edge, even_healthy, odd_healthy = torch.split(x, counts)
        above = self._field(even_edge, odd_edge, edge_range, edge_turned) - level
        steep = (2 * edge_range / self.cell_size * above).clamp(-DEEP, DEEP)
        healthy = self._field(even_healthy, odd_healthy, healthy_range, healthy_turned)
        return varied * healthy, torch.sigmoid(steep), left

    def _field(
        self, even: torch.Tensor, odd: torch.Tensor, length: torch.Tensor, turned: torch.Tensor
    ) -> torch.Tensor:
        parts = []
        for modes, white, share in ((self.even, even, 1 - turned), (self.odd, odd, turned)):
            n = len(white)
            size = 1 / ((2 / length) ** 2 + _single(self.eigenvalues[:n])[:, None])
            size = size * torch.sqrt(share / torch.sum(size**2, dim=0))
            parts.append(_single(modes[:, :n]) @ (size * white))
        return parts[0] + parts[1]


def _bounded(x: torch.Tensor) -> torch.Tensor:
    return torch.clamp(x, -FARTHEST, FARTHEST)


def _single(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def _double(values: torch.Tensor) -> np.ndarray:
    return np.asarray(values.numpy().T, dtype=np.float64)


def edged_territory(
    wall: PorousWall, edge: tuple[int, int] = (70, 12), healthy: tuple[int, int] = (20, 4)
) -> EdgedTerritory:
    """Return the prior of a wall, its fields of so many modes even and odd through the wall.

    Raises
    ------
    InputError
        If the wall has fewer wells than modes are asked for.
    """
    counts = (*edge, *healthy)
    if not 1 <= min(counts) <= max(counts) <= wall.n_wells:
        msg = (
            f"A field needs from 1 to {wall.n_wells} modes on this wall, found "
            f"{', '.join(map(str, counts))}. Take fewer, or a finer mesh."
        )
        raise InputError(msg)
    mass = wall.well_volume
    root = np.sqrt(mass)
    scaled = np.asarray(wall.laplacian().todense()) / root[:, None] / root
    eigenvalues, vectors = eigh(scaled, subset_by_index=[0, max(counts) - 1])
    modes = vectors / root[:, None] * np.sqrt(mass.sum())
    depth = wall.mesh.point_fields["transmural"][wall.nodes]
    through = np.sqrt(3) * (2 * depth[:, None] - 1)  # of mean square 1, as the modes
    return EdgedTerritory(
        even=wall.to_cells(modes.T).T,
        odd=wall.to_cells((through * modes).T).T,
        eigenvalues=np.maximum(eigenvalues, 0.0),
        edge=edge,
        healthy=healthy,
        cell_size=float(wall.cell_volume.mean() ** (1 / 3)),
    )


__all__ = ["EdgedTerritory", "edged_territory"]
