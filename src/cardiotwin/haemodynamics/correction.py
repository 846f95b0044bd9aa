"""What a change of the pressure does to the sources that a velocity is left with.

A step's Poisson problem lets fluid through everywhere; the velocity, whose push is a mean over the
cells of a node and which walls hold, cannot follow it all. Here is the map from the change to the
sources that really go: the push's own, and those that hold the pressure smooth (its slope less the
mean of slopes near by, of the whole pressure).
"""

import numpy as np
from jaxtyping import Float, Integer
from scipy.sparse import csr_matrix

from cardiotwin.haemodynamics.cells import LinearCells, PerCell
from cardiotwin.haemodynamics.domain import FluidDomain

Dofs = Float[np.ndarray, " dofs"]


class Correction:
    """The map, on a mesh that moves.

    Parameters
    ----------
    domain, cells
        The mesh.
    fixed
        Dofs whose velocity is given.
    """

    def __init__(
        self, domain: FluidDomain, cells: LinearCells, fixed: Integer[np.ndarray, " some"]
    ) -> None:
        self._domain, self._cells = domain, cells
        self._free = np.ones(cells.n_nodes)
        self._free[fixed] = 0
        width, n = len(cells.corners), cells.n_nodes
        rows = np.repeat(cells.corners, width, axis=0).ravel()
        columns = np.tile(cells.corners, (width, 1)).ravel()
        places, self._entry = np.unique(rows * np.intp(n) + columns, return_inverse=True)
        self._columns = (places % n).astype(np.int32)
        counts = np.bincount(places // n, minlength=n)
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)

    def place(self, mass: Dofs, pushed: PerCell, smooth: PerCell) -> None:
        """Take the mesh's place.

        Parameters
        ----------
        mass
            Of the nodes, m^3.
        pushed
            Velocity that a slope of the pressure makes in a step, m^3 s/kg, by cell.
        smooth
            tau / rho, m^3 s/kg.
        """
        cells, width = self._cells, len(self._cells.corners)
        self._mass = mass[:, None]
        share = cells.sizes / width
        blunt = smooth * share / pushed
        self._slopes = [self._filled(pushed * share * part[None]) for part in cells.slopes]
        self._sources = [self._filled(share * part[None]) for part in cells.slopes]
        self._near = [self._filled(blunt * part[:, None]) for part in cells.slopes]
        self._steep = self._filled(smooth * cells.sizes * cells.products)

    def pushes(self, change: Dofs) -> Float[np.ndarray, "dofs dim"]:
        """Return what a change of the pressure takes from the velocity, m/s."""
        return np.asarray(self._means(change) * self._free[:, None])

    def sources(self, change: Dofs) -> Dofs:
        """Return the sources, m^3/s, that a change of the pressure takes from the nodes."""
        means = self._means(change)
        left = self._steep @ change
        for k, (source, near) in enumerate(zip(self._sources, self._near, strict=True)):
            left -= source @ (self._free * means[:, k]) + near @ means[:, k]
        return np.asarray(self._domain.shared(left))

    def _means(self, change: Dofs) -> Float[np.ndarray, "dofs dim"]:
        parts = np.stack([slope @ change for slope in self._slopes], axis=1)
        return np.asarray(self._domain.shared(parts) / self._mass)

    def _filled(self, values: Float[np.ndarray, "..."]) -> csr_matrix:
        """Return the matrix whose entries are sums of cells' values by test and trial corner."""
        width, n_cells = self._cells.corners.shape
        whole = np.broadcast_to(values, (width, width, n_cells)).ravel()
        data = np.bincount(self._entry, whole, minlength=len(self._columns))
        n = self._cells.n_nodes
        return csr_matrix((data, self._columns, self._starts), shape=(n, n))


__all__ = ["Correction"]
