"""What a linear velocity lacks to be without sources in every cell.

A stabilised scheme keeps mass node by node; in single cells its velocity has a divergence, which
swells or shrinks a cloud of particles and drives some into the wall. Here the least fluxes through
the cells' sides are found that take the divergence away (none through the boundary), and each
cell's field of Raviart & Thomas (1977, Lect Notes Math 606:292-315) carries them inside it. The
sum's normal component is continuous, so volume is kept exactly along exact paths.
"""

import numpy as np
from jaxtyping import Float, Integer
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

from cardiotwin.haemodynamics.domain import Nodes

Cells = Integer[np.ndarray, "cells 4"]
Fluxes = Float[np.ndarray, "cells 4"]


class FluxBalance:
    """The fluxes that balance every cell of a mesh.

    Parameters
    ----------
    points
        Where the nodes are when the sides are weighed, m; later they may move.
    cells
        Four nodes per tetrahedron.
    across
        The cell across the side opposite to each corner, negative where there is none.
    """

    def __init__(
        self, points: Nodes, cells: Cells, across: Integer[np.ndarray, "cells 4"]
    ) -> None:
        self._cells, self._across = cells, across
        middle = points[cells].mean(axis=1)
        apart = np.linalg.norm(middle[:, None] - middle[across], axis=2)
        areas = np.linalg.norm(side_vectors(points, cells), axis=2)
        self._weight = np.where(across < 0, 0.0, areas) / np.where(across < 0, 1.0, apart)
        n, whole = len(cells), np.arange(len(cells))
        rows, sides = np.nonzero(across >= 0)
        values = np.concatenate([-self._weight[rows, sides], self._weight.sum(axis=1)])
        places = np.concatenate([rows, whole]), np.concatenate([across[rows, sides], whole])
        matrix = coo_array((values, places), (n, n)).tocsc()
        self._factors = splu(matrix[1:, 1:].tocsc())  # the first cell is held

    def fluxes(self, points: Nodes, velocity: Nodes) -> Fluxes:
        """Return what has to leave each cell besides through the side opposite to a corner, m^3/s.

        Parameters
        ----------
        points, velocity
            Of the nodes now, m and m/s.
        """
        spilt = -np.einsum("cki,cki->c", side_vectors(points, self._cells), velocity[self._cells])
        spilt = spilt / 3  # the divergence times the volume
        level = np.concatenate([[0.0], self._factors.solve((spilt.mean() - spilt)[1:])])
        return np.asarray(self._weight * (level[:, None] - level[self._across]))


def side_vectors(points: Nodes, cells: Cells) -> Float[np.ndarray, "cells 4 3"]:
    """Return the area times the outward normal of the side opposite to each corner, m^2."""
    corners = points[cells]
    a, b, c = (corners[:, 1:] - corners[:, :1]).transpose(1, 0, 2)
    sides = np.stack([np.cross(c, b), np.cross(a, c), np.cross(b, a)], axis=1) / 2
    return np.concatenate([-sides.sum(axis=1, keepdims=True), sides], axis=1)


def carried(
    corners: Float[np.ndarray, "particles 4 3"],
    fluxes: Float[np.ndarray, "particles 4"],
    shares: Float[np.ndarray, "particles 4"],
) -> Float[np.ndarray, "particles 3"]:
    """Return the velocity of fluxes through the sides of a cell, m/s, at shares of its corners."""
    a, b, c = (corners[:, 1:] - corners[:, :1]).transpose(1, 0, 2)
    thrice = np.einsum("pi,pi->p", a, np.cross(b, c)) / 2  # the volume
    places = np.einsum("pk,pki->pi", shares, corners)
    moved = fluxes.sum(axis=1)[:, None] * places - np.einsum("pk,pki->pi", fluxes, corners)
    return np.asarray(moved / thrice[:, None])


__all__ = ["FluxBalance", "carried", "side_vectors"]
