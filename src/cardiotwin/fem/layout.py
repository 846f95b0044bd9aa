"""Which degrees of freedom a process owns, and what processes tell each other of them.

Every array of dofs in this package is local: the process's own dofs first, then its ghosts, which
are another's and hold the owner's values. Sums over dofs count each once, at its owner.
"""

from typing import Any

from mpi4py import MPI

import dolfinx
import numpy as np
from jaxtyping import Float, Integer


class Layout:
    """The dofs of a function space, spread over the processes of its mesh.

    On one process every method is numpy's own.

    Parameters
    ----------
    space
        The function space.
    """

    def __init__(self, space: dolfinx.fem.FunctionSpace[Any]) -> None:
        index_map, block = space.dofmap.index_map, space.dofmap.index_map_bs
        self.comm: MPI.Intracomm = space.mesh.comm
        self.n_owned: int = index_map.size_local * block
        self.n_local: int = (index_map.size_local + index_map.num_ghosts) * block
        self.n_global: int = index_map.size_global * block
        self._vector = None if self.comm.size == 1 else dolfinx.la.vector(index_map, block)

    def owned(self, dofs: Integer[np.ndarray, " some"]) -> Integer[np.ndarray, " own"]:
        """Return those of some dofs that are this process's own."""
        return dofs[dofs < self.n_owned]

    def assembled(self, array: Float[np.ndarray, " local"]) -> Float[np.ndarray, " local"]:
        """Return what every process has added to a dof, at its owner and in its ghosts."""
        if self._vector is None:
            return array
        self._vector.array[:] = array
        self._vector.scatter_reverse(dolfinx.la.InsertMode.add)
        self._vector.scatter_forward()
        return np.array(self._vector.array)

    def shared(self, own: Float[np.ndarray, " own"]) -> Float[np.ndarray, " local"]:
        """Return the values of the process's own dofs, with its ghosts' from their owners."""
        if self._vector is None:
            return own
        self._vector.array[: self.n_owned] = own
        self._vector.scatter_forward()
        return np.array(self._vector.array)

    def dot(self, a: Float[np.ndarray, "local ..."], b: Float[np.ndarray, "local ..."]) -> Any:
        """Return a^T b over all dofs: a number of two vectors, an array of columns."""
        if self._vector is None:
            return a.T @ b
        return self.comm.allreduce(a[: self.n_owned].T @ b[: self.n_owned])

    def norm(
        self,
        array: Float[np.ndarray, " _"],
        among: Integer[np.ndarray, " some"] | None = None,
    ) -> float:
        """Return the Euclidean norm over all dofs, or over some (as `owned` has them)."""
        own = array[: self.n_owned] if among is None else array[among]
        part = float(np.linalg.norm(own))
        return part if self._vector is None else float(np.sqrt(self.comm.allreduce(part * part)))

    def finite(self, array: Float[np.ndarray, " _"]) -> bool:
        """Return whether no process holds anything but numbers."""
        here = bool(np.all(np.isfinite(array)))
        return here if self._vector is None else self.comm.allreduce(here, op=MPI.LAND)
