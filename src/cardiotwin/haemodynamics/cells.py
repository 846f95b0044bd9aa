"""Integrals of linear elements over all cells at once, on a mesh whose nodes move.

Arrays have the cells last, so that each operation runs over all of them. A process sums over its
own cells; what several processes share of a node's sum is added up by `FluidDomain.shared`.
"""

import basix
import numpy as np
from jaxtyping import Float, Integer
from scipy.sparse import csr_matrix

from cardiotwin.geometry.regions import linear_functions

Corners = Float[np.ndarray, "corners cells"]
Vectors = Float[np.ndarray, "dim corners cells"]
Pairs = Float[np.ndarray, "corners corners cells"]
PerCell = Float[np.ndarray, " cells"]
CELLS = {2: basix.CellType.triangle, 3: basix.CellType.tetrahedron}
SIDES = {2: basix.CellType.interval, 3: basix.CellType.triangle}


def rule(kind: basix.CellType) -> list[tuple[float, Float[np.ndarray, " corners"]]]:
    """Return a rule that is exact for squares: shares of the cell, and corners' weights."""
    points, weights = map(np.asarray, basix.make_quadrature(kind, 2))
    corners = np.column_stack([1 - points.sum(axis=1), points])
    return list(zip((weights / weights.sum()).tolist(), corners, strict=True))


class LinearCells:
    """Linear elements on simplices.

    Parameters
    ----------
    corners
        Nodes of each cell, the cells last.
    n_nodes
        All of the process.
    """

    def __init__(self, corners: Integer[np.ndarray, "corners cells"], n_nodes: int) -> None:
        self.corners, self.n_nodes = np.ascontiguousarray(corners, dtype=np.intp), n_nodes
        width, n_cells = corners.shape
        self.rule = rule(CELLS[width - 1])
        places = (corners.ravel(), np.tile(np.arange(n_cells), width))
        ones = np.ones(corners.size)
        self._to_nodes = csr_matrix((ones, places), shape=(n_nodes, n_cells))

    def place(self, points: Float[np.ndarray, "nodes dim"]) -> None:
        """Put the nodes in their places, m: sizes, slopes and their products follow.

        `fineness` is G : G of `stabilisation.intrinsic_time`, 1/m^4.
        """
        self.sizes, self.slopes = linear_functions(points, self.corners.T)
        width = len(self.corners)
        self.products: Pairs = np.empty((width, width, len(self.sizes)))
        for k in range(width):
            for m in range(k, width):
                product = (self.slopes[:, k] * self.slopes[:, m]).sum(axis=0)
                self.products[k, m] = self.products[m, k] = product
        self.fineness: PerCell = (self.products[1:, 1:] ** 2).sum(axis=(0, 1))

    def at_corners(self, field: Float[np.ndarray, "nodes dim"]) -> Vectors:
        """Return a field's values at the cells' corners."""
        return np.asarray(np.take(np.ascontiguousarray(field.T), self.corners, axis=1))

    def corners_of(
        self, cell: Integer[np.ndarray, " sides"], opposite: Integer[np.ndarray, " sides"]
    ) -> Integer[np.ndarray, "corners sides"]:
        """Return the nodes of cells' sides, each told by its cell and the corner it lacks."""
        own = self.corners[:, cell]
        kept = np.arange(len(own))[:, None] != opposite
        return np.asarray(own.T[kept.T].reshape(-1, len(own) - 1).T)

    def slope(self, values: Float[np.ndarray, " nodes"]) -> Float[np.ndarray, "dim cells"]:
        """Return the slope of a scalar."""
        return np.asarray(np.einsum("iac,ac->ic", self.slopes, values[self.corners]))

    def divergence(self, corners: Vectors) -> PerCell:
        """Return the sources of a vector field, 1/s for a velocity."""
        return np.asarray(np.einsum("iac,iac->c", self.slopes, corners))

    def spread(self, density: PerCell) -> Float[np.ndarray, " nodes"]:
        """Return the integrals of a function that is constant on each cell, against the nodes'."""
        return np.asarray(self._to_nodes @ (density * self.sizes)) / len(self.corners)

    def gathered(self, parts: Corners) -> Float[np.ndarray, " nodes"]:
        """Return the nodes' sums of what each cell gives its corners."""
        return np.bincount(self.corners.ravel(), parts.ravel(), minlength=self.n_nodes)

    def swept(self, velocity: Float[np.ndarray, "dim cells"]) -> Corners:
        """Return velocity . slope of each corner's function, 1/s."""
        return np.asarray(np.einsum("iac,ic->ac", self.slopes, velocity))


__all__ = ["SIDES", "LinearCells", "rule"]
