"""Matrices that cells fill again and again, each process its share."""

from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to
from petsc4py import PETSc

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.haemodynamics.domain import FluidDomain


class Matrix:
    """A matrix over the nodes whose entries are summed from a list of fixed places.

    Parameters
    ----------
    domain
        Of the nodes.
    rows, columns
        The process's dofs of each value.
    """

    def __init__(
        self,
        domain: FluidDomain,
        rows: Integer[np.ndarray, " values"],
        columns: Integer[np.ndarray, " values"],
    ) -> None:
        index_map = domain.scalar.dofmap.index_map
        sizes = (domain.n_owned, index_map.size_global)
        own = np.arange(len(domain.node_of_dof), dtype=np.int32)
        numbers = index_map.local_to_global(own).astype(PETSc.IntType)
        comm: Any = domain.comm
        places = PETSc.LGMap().create(numbers, comm=comm)
        self._matrix: Any = PETSc.Mat().create(comm)
        self._matrix.setType("aij")
        self._matrix.setSizes((sizes, sizes))
        self._matrix.setLGMap(places, places)
        where: list[Any] = [part.astype(PETSc.IntType) for part in (rows, columns)]
        self._matrix.setPreallocationCOOLocal(*where)
        keep: Any = PETSc.Mat.Option.KEEP_NONZERO_PATTERN
        self._matrix.setOption(keep, True)  # noqa: FBT003

    def filled(self, values: Float[np.ndarray, " values"]) -> Any:
        """Return the matrix with these values."""
        self._matrix.setValuesCOO(np.ascontiguousarray(values))
        return self._matrix


__all__ = ["Matrix"]
