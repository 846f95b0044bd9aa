"""Blood flow of a wall whose vessels are as wide as a factor says, cell by cell.

The factor changes everything from the artery to the last compartment.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy import sparse

from cardiotwin.errors import InputError
from cardiotwin.perfusion.darcy.bed import DENSITY, Bed
from cardiotwin.perfusion.darcy.factors import Factors
from cardiotwin.perfusion.darcy.feeding import Feeding
from cardiotwin.perfusion.darcy.many_walls import ManyWalls
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.steady import feeding_by_well, system_matrix

Cells = Float[np.ndarray, " cells"]
Draws = Float[np.ndarray, "draws cells"]

BATCH = 50  # draws that a processor's cache holds
ROUGH = 2e-2  # of an adjoint solution, what is left of its right-hand side


class FedWall:
    """Blood flow by cell, and of a map's values, as a function of the conductance's factor.

    Parameters
    ----------
    wall, bed, feeding
        The wall; its arteries must have no resistance of their own, which the factor includes.
    aortic_pressure
        Pa.
    """

    def __init__(
        self, wall: PorousWall, bed: Bed, feeding: Feeding, aortic_pressure: float
    ) -> None:
        narrow = [one.name for one in feeding.arteries if one.resistance or one.separation]
        if narrow or bed.n_compartments < 2:
            msg = (
                "A map is fitted with arteries without resistance and two compartments or more, "
                f"found {', '.join(narrow) or 'no such artery'} and {bed.n_compartments}. The "
                "factor of the conductance takes a stenosis in."
            )
            raise InputError(msg)
        self.wall, self.bed, self.feeding = wall, bed, feeding
        self.aortic_pressure = aortic_pressure
        self._stiffness = wall.permeabilities(bed)
        self._exchange = np.array(bed.exchange)[:, None]
        even = np.full(len(wall.mesh.cells), bed.venous_conductance)
        self._drain = wall.lumped(even)
        self._shares = wall.shares.tocsr().astype(np.float32)
        self._light = sparse.block_diag(self._stiffness, "csr", dtype=np.float32)

    def solve(self, factor: Cells) -> tuple[Factors, Float[np.ndarray, "compartments wells"]]:
        """Return the system's factors and the pressures, Pa."""
        fed = replace(self.feeding, conductance=self.feeding.conductance * factor)
        into = feeding_by_well(self.wall, fed).sum(axis=0)
        joints = self.wall.lumped(self._exchange * factor)
        factors = Factors(system_matrix(self._stiffness, joints, self._drain, feeding=into))
        given = np.zeros((self.bed.n_compartments, self.wall.n_wells))
        given[0] = into * self.aortic_pressure
        given[-1] += self._drain * self.bed.venous_pressure
        return factors, factors.solve(given.ravel()).reshape(given.shape)

    def mbf(self, factor: Cells) -> Cells:
        """Return the blood flow by cell, m^3/(s kg)."""
        factors, pressure = self.solve(factor)
        factors.destroy()
        return self._mbf(factor, pressure)

    def flows(self, factors: Draws) -> Draws:
        """Return the blood flow by cell, m^3/(s kg), of many factors, to about 1e-3."""
        found = np.empty_like(factors)
        for first in range(0, len(factors), BATCH):
            some = slice(first, first + BATCH)
            found[some] = self.flows_and_pull(factors[some])[0]
        return found

    def flows_and_pull(self, factors: Draws) -> tuple[Draws, Callable[[Draws], Draws]]:
        """Return the blood flow of a batch of factors, and what carries slopes by it to them.

        The latter takes derivatives of any function by the flow of each cell to those by the
        factor's logarithm, by one adjoint solution for each of the batch.
        """
        factor, shares = _single(factors.T), self._shares
        conductance = _single(self.feeding.conductance)[:, None]
        exchange = _single(self._exchange)[:, :, None]
        into = _spread(shares, conductance * factor)
        drain = _single(self._drain)
        walls = ManyWalls(self._light, exchange * _spread(shares, factor), drain, into)
        given = torch.zeros(self.bed.n_compartments, *into.shape)
        given[0] = into * self.aortic_pressure
        given[-1] += drain[:, None] * self.bed.venous_pressure
        pressure = walls.solve(given)
        lift = factor * exchange[-1] / (DENSITY * _single(self.wall.cell_volume)[:, None])
        mbf = lift * _spread(shares.T, pressure[-2] - pressure[-1])

        def pull(slopes: Draws) -> Draws:
            by_flow = _single(slopes.T)
            seen = torch.zeros_like(pressure)
            seen[-2] = _spread(shares, by_flow * lift)
            seen[-1] = -seen[-2]
            adjoint = walls.solve(seen, ROUGH)
            entered = adjoint[0] * (self.aortic_pressure - pressure[0])
            passed = exchange * (adjoint[:-1] - adjoint[1:]) * (pressure[:-1] - pressure[1:])
            by_factor = conductance * _spread(shares.T, entered)
            by_factor -= _spread(shares.T, passed.sum(dim=0))
            return _double(by_flow * mbf + factor * by_factor)

        return _double(mbf), pull

    def _mbf(self, factor: Cells, pressure: Float[np.ndarray, "compartments wells"]) -> Cells:
        fall = self.wall.to_cells(pressure[-2] - pressure[-1])
        return np.asarray(self._exchange[-1] * factor * fall / DENSITY)

    def values(self, factor: Cells, weights: Any) -> Float[np.ndarray, " values"]:
        """Return the map's values, m^3/(s kg)."""
        return np.asarray(weights @ self.mbf(factor))

    def linearise(
        self, factor: Cells, weights: Any
    ) -> tuple[Float[np.ndarray, " values"], Float[np.ndarray, "values cells"]]:
        """Return the map's values and their derivatives by the logarithm of each cell's factor.

        One adjoint solution for each value; the system is symmetric.
        """
        factors, pressure = self.solve(factor)
        shares, volume = self.wall.shares, self.wall.cell_volume
        mbf = self._mbf(factor, pressure)
        dense = np.asarray(weights.todense())
        lift = self._exchange[-1] * factor / DENSITY / volume
        seen = np.zeros((*pressure.shape, len(dense)))
        seen[-2] = shares @ (dense * lift).T
        seen[-1] = -seen[-2]
        columns = factors.solve_many(seen.reshape(pressure.size, -1))
        factors.destroy()
        adjoint = columns.reshape(seen.shape)
        entered = adjoint[0] * (self.aortic_pressure - pressure[0])[:, None]
        fall = (pressure[:-1] - pressure[1:])[:, :, None]
        passed = np.sum(self._exchange[:, :, None] * (adjoint[:-1] - adjoint[1:]) * fall, axis=0)
        by_factor = self.feeding.conductance * (shares.T @ entered).T - (shares.T @ passed).T
        return np.asarray(weights @ mbf), dense * mbf + factor * by_factor


def _single(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def _double(values: torch.Tensor) -> Draws:
    return np.asarray(values.numpy().T, dtype=np.float64)


def _spread(shares: Any, values: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(shares @ values.numpy())


__all__ = ["FedWall"]
