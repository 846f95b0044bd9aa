"""The linear solvers of a step of flow: Krylov methods whose preconditioners are kept."""

from collections.abc import Callable
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to
from petsc4py import PETSc

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.errors import ConvergenceError
from cardiotwin.haemodynamics.domain import FluidDomain

MOST = 500  # iterations
KEPT = 25  # steps that a multigrid hierarchy is used for
WORSE = 2.0  # times the iterations of the first solution with it, which renews it sooner
COARSEST = {"mg_coarse_pc_type": "redundant", "mg_coarse_redundant_pc_type": "svd"}
PREFIX = "cardiotwin_flow_pressure_"
FLOOR = 1e-30  # a right-hand side smaller than this is none

RESTART = 60  # directions that GMRES keeps

Dofs = Float[np.ndarray, " dofs"]
Operator = Callable[[Dofs], Dofs]


class VelocitySolver:
    """Velocities with one matrix for all components: BiCGStab with the diagonal.

    Parameters
    ----------
    domain
        Of the nodes.
    fixed
        Dofs whose velocity is given.
    tolerance
        Of the residual, relative to the right-hand side.
    """

    def __init__(
        self, domain: FluidDomain, fixed: Integer[np.ndarray, " some"], tolerance: float
    ) -> None:
        self._domain = domain
        self._fixed = fixed
        self._own = fixed[fixed < domain.n_owned].astype(np.int32)
        self._solver: Any = PETSc.KSP().create(_comm(domain))
        self._solver.setType("bcgs")
        self._solver.getPC().setType("jacobi")
        self._solver.setInitialGuessNonzero(True)
        self._solver.setTolerances(rtol=tolerance, atol=FLOOR, max_it=MOST)

    def prepare(self, matrix: Any) -> None:
        """Take the matrix of the new time; rows of given velocities become the identity's."""
        matrix.zeroRowsLocal(self._own, diag=1.0)
        self._solver.setOperators(matrix)
        self._matrix = matrix

    def solve(
        self,
        load: Float[np.ndarray, "dofs dim"],
        given: Float[np.ndarray, "dofs dim"],
        guess: Float[np.ndarray, "dofs dim"],
    ) -> Float[np.ndarray, "dofs dim"]:
        """Return the velocity, m/s; ghosts keep the guess until they are updated."""
        load[self._fixed] = given[self._fixed]
        found = guess
        found[self._fixed] = given[self._fixed]
        n = self._domain.n_owned
        x, b = self._matrix.createVecs()
        for k in range(load.shape[1]):
            b.array_w[:] = load[:n, k]
            x.array_w[:] = found[:n, k]
            self._solver.solve(b, x)
            _check(self._solver, "velocity")
            found[:n, k] = x.array_r
        x.destroy()
        b.destroy()
        return found


class _Shell:
    """An operator that PETSc knows by what it does; where the solution is given, the identity."""

    def __init__(
        self, domain: FluidDomain, apply: Operator, given: Integer[np.ndarray, " some"] | None
    ) -> None:
        self._domain, self._apply, self._given = domain, apply, given

    def mult(self, _: Any, x: Any, y: Any) -> None:
        """Fill y."""
        n = self._domain.n_owned
        whole = np.zeros(len(self._domain.node_of_dof))
        whole[:n] = x.array_r
        if self._given is not None:
            whole[self._given] = 0
        found = self._apply(self._domain.updated(whole))[:n]
        if self._given is not None:
            found[self._given] = x.array_r[self._given]
        y.array_w[:] = found


class PressureSolver:
    """Problems near to Poisson's, whose matrices change little from step to step.

    GMRES for an operator that the matrix stands for, with the matrix's multigrid, which is kept.

    Parameters
    ----------
    domain
        Of the nodes.
    open_dofs
        Dofs where the solution is given; None where only its gradient matters.
    tolerance
        Of the residual, relative to the right-hand side.
    """

    def __init__(
        self,
        domain: FluidDomain,
        open_dofs: Integer[np.ndarray, " some"] | None,
        tolerance: float,
    ) -> None:
        self._domain = domain
        own = None if open_dofs is None else open_dofs[open_dofs < domain.n_owned]
        self._open = None if own is None else own.astype(np.int32)
        self._solver: Any = PETSc.KSP().create(_comm(domain))
        self._solver.setType("gmres")
        self._solver.setGMRESRestart(RESTART)
        side: Any = PETSc.PC.Side.RIGHT  # the norm is the residual's own
        self._solver.setPCSide(side)
        self._solver.getPC().setType("gamg")
        self._solver.getPC().setUseAmat(False)  # the matrix is the cheaper one to smooth with
        self._solver.setTolerances(rtol=tolerance, atol=FLOOR, max_it=MOST)
        # The coarsest problem is as singular as the finest.
        options: Any = PETSc.Options()
        self._solver.setOptionsPrefix(PREFIX)
        for name, value in COARSEST.items():
            options[PREFIX + name] = value
        self._solver.setFromOptions()
        self._null = PETSc.NullSpace().create(constant=True, comm=_comm(domain))
        self._used, self._first, self._last = 0, 0, 0

    def prepare(self, matrix: Any, *, changed: bool = False) -> None:
        """Take the matrix of the new time, and renew the hierarchy where it has grown old.

        `changed` says that the matrix is not near to the last one.
        """
        if self._open is None:
            matrix.setNullSpace(self._null)
        worn = changed or self._used >= KEPT or self._last > WORSE * max(self._first, 1)
        self._solver.getPC().setReusePreconditioner(self._used > 0 and not worn)
        self._matrix = matrix
        if worn or self._used == 0:
            self._used = 0

    def solve(self, load: Dofs, given: Dofs, operator: Operator) -> Dofs:
        """Return the solution, which takes given values where it is open.

        Ghosts are zero until they are updated. `operator` acts on dofs whose ghosts are updated.
        """
        n = self._domain.n_owned
        x, b = self._matrix.createVecs()
        b.array_w[:] = load[:n]
        self._pose(operator, given, b)
        self._solver.solve(b, x)
        if self._solver.getConvergedReason() <= 0 and self._used > 0:
            # The mesh has moved so far that the old hierarchy is no preconditioner any more.
            self._solver.getPC().setReusePreconditioner(False)
            self._matrix.stateIncrease()
            self._used = 0
            x.set(0)
            self._solver.solve(b, x)
        _check(self._solver, "pressure")
        self._last = self._solver.getIterationNumber()
        if self._used == 0:
            self._first = self._last
        self._used += 1
        found = np.zeros_like(load)
        found[:n] = x.array_r
        if self._open is not None:
            found[self._open] = given[self._open]
        x.destroy()
        b.destroy()
        return found

    def _pose(self, operator: Operator, given: Dofs, b: Any) -> None:
        """Take an operator in the matrix's place, and what given values do to the load."""
        sizes = self._matrix.getSizes()
        shell: Any = PETSc.Mat().create(_comm(self._domain))
        shell.setSizes(sizes)
        shell.setType("python")
        shell.setPythonContext(_Shell(self._domain, operator, self._open))
        shell.setUp()
        if self._open is None:
            shell.setNullSpace(self._null)
            self._null.remove(b)
        else:
            held = np.zeros_like(given)
            held[self._open] = given[self._open]
            left = operator(self._domain.updated(held))[: self._domain.n_owned]
            b.array_w[:] = b.array_r - left
            b.array_w[self._open] = 0
            self._matrix.zeroRowsColumnsLocal(self._open, 1.0)
        self._solver.setOperators(shell, self._matrix)


def _comm(domain: FluidDomain) -> Any:
    """Return the processes, whose type petsc4py and mpi4py know by different names."""
    return domain.comm


def _check(solver: Any, what: str) -> None:
    """Raise `ConvergenceError` unless the solver reached its tolerance."""
    if solver.getConvergedReason() <= 0:
        steps, residual = solver.getIterationNumber(), solver.getResidualNorm()
        msg = (
            f"The {what} of a step of flow was not found: {steps} iterations left a residual of "
            f"{residual:.3g}. Take a smaller time step, or a mesh with better cells."
        )
        raise ConvergenceError(msg, (residual,))


__all__ = ["PressureSolver", "VelocitySolver"]
