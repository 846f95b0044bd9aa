"""Linear systems with one matrix and many right-hand sides."""

from typing import Any, Protocol, runtime_checkable

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to
from petsc4py import PETSc

import numpy as np

from cardiotwin.fem.bordering import Columns, Dofs
from cardiotwin.fem.layout import Layout


@runtime_checkable
class LinearSolver(Protocol):
    """Solutions with one matrix, whose values change now and then."""

    def factorise(self) -> None:
        """Prepare solutions with the matrix as it is now."""

    def solve(self, right_hand_side: Dofs) -> Dofs:
        """Return the solution with the matrix prepared last."""

    def solve_columns(self, columns: Columns) -> Columns:
        """Return the solutions of several right-hand sides with the matrix prepared last."""


class DirectSolver:
    """Solutions by the factors of MUMPS.

    Parameters
    ----------
    matrix
        Whose values may change between factorisations.
    layout
        Of its rows.
    symmetric
        Whether the matrix equals its transpose: half of it is then factorised.
    """

    def __init__(self, matrix: Any, layout: Layout, *, symmetric: bool = False) -> None:
        self._matrix = matrix
        self._layout = layout
        self._solver = PETSc.KSP().create(matrix.comm)
        self._solver.setOperators(matrix)
        self._solver.setType("preonly")
        pc = self._solver.getPC()
        pc.setType("cholesky" if symmetric else "lu")
        matrix.setOption(PETSc.Mat.Option.SYMMETRIC, symmetric)
        pc.setFactorSolverType("mumps")
        pc.setFactorSetUpSolverType()
        pc.getFactorMatrix().setMumpsIcntl(14, 60)  # room for pivoting, per cent

    def factorise(self) -> None:
        """Factorise the matrix as it is now."""
        self._solver.setUp()
        self._solver.getPC().setUp()  # now, not with the first solution

    def solve(self, right_hand_side: Dofs) -> Dofs:
        """Return the solution with the matrix factorised last."""
        b, x = self._matrix.createVecRight(), self._matrix.createVecRight()
        b.array_w[:] = right_hand_side[: self._layout.n_owned]
        self._solver.solve(b, x)
        result = np.array(x.array_r)
        b.destroy()
        x.destroy()
        return self._layout.shared(result)

    def solve_columns(self, columns: Columns) -> Columns:
        """Return the solutions of several right-hand sides with the matrix factorised last."""
        n_columns = columns.shape[1]
        if n_columns == 0:
            return columns
        pc = self._solver.getPC()
        own: Any = np.asfortranarray(columns[: self._layout.n_owned])
        sizes: Any = ((len(own), None), (None, n_columns))
        B = PETSc.Mat().createDense(sizes, array=own, comm=self._matrix.comm)
        B.assemble()
        X = B.duplicate()
        pc.getFactorMatrix().matSolve(B, X)
        found = np.array(X.getDenseArray())
        B.destroy()
        X.destroy()
        if self._layout.comm.size == 1:
            return found
        return np.stack([self._layout.shared(column) for column in found.T], axis=1)
