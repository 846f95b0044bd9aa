"""Solutions of one sparse system for many right-hand sides, by MUMPS."""

from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to
from petsc4py import PETSc

import numpy as np
from jaxtyping import Float


class Factors:
    """The factors of a sparse matrix (scipy's), kept.

    Parameters
    ----------
    matrix
        Square and regular.
    """

    def __init__(self, matrix: Any) -> None:
        rows = matrix.tocsr()
        parts = (rows.indptr.astype(np.int32), rows.indices.astype(np.int32), rows.data)
        self._matrix = PETSc.Mat().createAIJ(rows.shape, csr=parts, comm=PETSc.COMM_SELF)
        self._solver = PETSc.KSP().create(PETSc.COMM_SELF)
        self._solver.setOperators(self._matrix)
        self._solver.setType("preonly")
        pc = self._solver.getPC()
        pc.setType("lu")
        pc.setFactorSolverType("mumps")
        self._solver.setUp()
        self._b, self._x = self._matrix.createVecLeft(), self._matrix.createVecRight()

    def renew(self, matrix: Any) -> bool:
        """Factorise other values of the same pattern; return False, undone, if it is another."""
        rows = matrix.tocsr()
        pattern: tuple[Any, Any, Any] = self._matrix.getValuesCSR()
        indptr, indices, _ = pattern
        if not (np.array_equal(indptr, rows.indptr) and np.array_equal(indices, rows.indices)):
            return False
        self._matrix.setValuesCSR(indptr, indices, rows.data)
        self._matrix.assemble()
        self._solver.setUp()
        self._solver.getPC().setUp()
        return True

    def solve(self, right_hand_side: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Return the solution of A x = b."""
        self._b.array_w[:] = right_hand_side
        self._solver.solve(self._b, self._x)
        return np.array(self._x.array_r)

    def solve_many(self, columns: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "n m"]:
        """Return the solutions of A X = B, in one sweep."""
        given, found = (
            PETSc.Mat().createDense(columns.shape, comm=PETSc.COMM_SELF) for _ in range(2)
        )
        for one in (given, found):
            one.setUp()
        given.getDenseArray()[:] = columns
        given.assemble()
        self._solver.getPC().getFactorMatrix().matSolve(given, found)
        result = np.array(found.getDenseArray())
        for one in (given, found):
            one.destroy()
        return result

    def destroy(self) -> None:
        """Give the memory back."""
        for one in (self._solver, self._matrix, self._b, self._x):
            one.destroy()


__all__ = ["Factors"]
