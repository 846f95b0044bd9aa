"""Newton's method with a direct solver, and load continuation that adapts its steps.

Deuflhard (2011), Newton Methods for Nonlinear Problems, sect. 3 (damping) and 5 (continuation).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to
from petsc4py import PETSc

import dolfinx.fem.petsc
import numpy as np
import ufl
from jaxtyping import Float, Integer

from cardiotwin.errors import ConvergenceError
from cardiotwin.fem.bordering import Border, Coupling, Dofs
from cardiotwin.fem.compilation import compile_form
from cardiotwin.fem.settings import NewtonSettings

SMALLEST = 0.02  # of the first step: a walk that needs less is stopped
WAYPOINT = 1e-4  # relative residual of states that only lead to others


class Equilibrium:
    """R(w) = 0 for one unknown function w, its tangent factorised by MUMPS.

    Parameters
    ----------
    residual
        Linear form R.
    unknown
        The function w that the tangent differentiates by; its values are the current iterate.
    measured
        The dofs whose corrections tell how far away the equilibrium is (the displacement).
    conditions
        Dirichlet conditions on w (constant in the iteration).
    couplings
        Terms of low rank, which a sparse tangent cannot hold: they enter the solutions by the
        formula of Sherman, Morrison and Woodbury.
    """

    def __init__(
        self,
        residual: ufl.Form,
        unknown: dolfinx.fem.Function[Any],
        measured: Integer[np.ndarray, " measured"],
        conditions: Sequence[dolfinx.fem.DirichletBC[Any]] = (),
        couplings: Sequence[Coupling] = (),
    ) -> None:
        self.unknown = unknown
        self.couplings = tuple(couplings)
        self._update: tuple[Any, Any] | None = None
        self._measured = measured
        self.conditions = tuple(conditions)
        self._residual = compile_form(residual)
        self._tangent = compile_form(ufl.derivative(residual, unknown))
        self._vector = dolfinx.fem.petsc.create_vector(unknown.function_space)
        self._matrix: Any = None
        self._solver: Any = None
        self.factorisations = 0

    def residual(self) -> Dofs:
        """Return R at the current iterate (zero where w is prescribed)."""
        array = self._vector.array_w
        array[:] = 0
        dolfinx.fem.assemble_vector(array, self._residual)
        for coupling in self.couplings:
            array += coupling.force()
        for condition in self.conditions:
            condition.set(array, self.unknown.x.array, 0.0)
        return np.array(array)

    def factorise(self) -> None:
        """Assemble and factorise the tangent at the current iterate."""
        if self._matrix is None:
            self._matrix = dolfinx.fem.petsc.create_matrix(self._tangent)
            self._solver = _direct_solver(self._matrix)
        self._matrix.zeroEntries()
        assemble: Any = dolfinx.fem.petsc.assemble_matrix
        assemble(self._matrix, self._tangent, bcs=list(self.conditions))
        self._matrix.assemble()
        self._solver.setUp()
        self.factorisations += 1
        self._update = None
        if self.couplings:
            factors = [coupling.factors() for coupling in self.couplings]
            B, C = (np.concatenate(parts, axis=1) for parts in zip(*factors, strict=True))
            Z = self._solve_columns(B)
            self._update = Z @ np.linalg.inv(np.eye(B.shape[1]) + C.T @ Z), C

    def solve_tangent(self, right_hand_side: Dofs) -> Dofs:
        """Return the solution with the tangent factorised last."""
        x = self._solve_sparse(right_hand_side)
        if self._update is not None:
            Z, C = self._update
            x -= Z @ (C.T @ x)
        return x

    def _solve_sparse(self, right_hand_side: Dofs) -> Dofs:
        b = self._matrix.createVecRight()
        x = self._matrix.createVecRight()
        b.array_w[:] = right_hand_side
        self._solver.solve(b, x)
        result = np.array(x.array_r)
        b.destroy()
        x.destroy()
        return result

    def _solve_columns(
        self, columns: Float[np.ndarray, "dofs rank"]
    ) -> Float[np.ndarray, "dofs rank"]:
        if columns.size == 0:
            return columns
        pc = self._solver.getPC()
        pc.setUp()
        array: Any = np.asfortranarray(columns)
        B = PETSc.Mat().createDense(columns.shape, array=array)
        X = B.duplicate()
        pc.getFactorMatrix().matSolve(B, X)
        result = np.array(X.getDenseArray())
        B.destroy()
        X.destroy()
        return result

    def solve(self, settings: NewtonSettings, border: Border | None = None) -> tuple[float, ...]:
        """Move the unknown (and the border's load) to equilibrium; return the residual norms.

        Raises
        ------
        ConvergenceError
            If it does not arrive; everything is put back to where it started.
        """
        start = self.state(border)
        norms = [self._norm(border)]
        target = max(settings.relative * norms[0], settings.absolute)
        while not norms[-1] <= target < np.inf:  # neither nan nor inf has arrived
            moved = False
            if len(norms) <= settings.iterations and np.isfinite(norms[-1]):
                self.factorise()
                moved = self._step(border, settings)
            if not moved:
                self.set_state(start, border)
                msg = (
                    f"Newton stopped after {len(norms) - 1} steps at residual {norms[-1]:.3g} "
                    f"(start {norms[0]:.3g}, tolerance {target:.3g}). "
                    "Apply the load in smaller steps, or start from a nearer state."
                )
                raise ConvergenceError(msg, norms)
            norms.append(self._norm(border))
        return tuple(norms)

    def state(self, border: Border | None) -> Dofs:
        """Return a copy of the unknown, with the border's load behind it."""
        tail = [] if border is None else [border.value]
        return np.concatenate([self.unknown.x.array, tail])

    def set_state(self, state: Dofs, border: Border | None) -> None:
        """Put back what `state` returned."""
        n_dofs = len(self.unknown.x.array)
        self.unknown.x.array[:] = state[:n_dofs]
        if border is not None:
            border.value = float(state[n_dofs])

    def _norm(self, border: Border | None) -> float:
        gap = 0.0 if border is None else border.gap()
        with np.errstate(over="ignore", invalid="ignore"):  # a lost iterate is not a warning
            return float(np.hypot(np.linalg.norm(self.residual()), gap))

    @np.errstate(over="ignore", invalid="ignore")  # a lost iterate is shortened, not warned of
    def _step(self, border: Border | None, settings: NewtonSettings) -> bool:
        """Take the longest step after which the next correction is smaller, if there is one.

        The natural monotonicity test (Deuflhard, eq. 3.30): both corrections are measured with the
        same factorised tangent, so the scaling of the residual does not matter.
        """
        before = self.state(border)
        correct = self._corrector(border)
        correction = correct()
        size = float(np.linalg.norm(correction[self._measured]))
        length = 1.0
        while length >= settings.shortest:
            self.set_state(before - length * correction, border)
            following = correct()
            if np.all(np.isfinite(following)):
                left = float(np.linalg.norm(following[self._measured]))
                if left <= (1 - length / 4) * size:
                    return True
                curved = following[self._measured] - (1 - length) * correction[self._measured]
                estimate = length**2 * size / (2 * float(np.linalg.norm(curved)))
                length = min(max(estimate, length / 10), length / 2)
            else:
                length /= 4
        return False

    def _corrector(self, border: Border | None) -> Callable[[], Dofs]:
        """Return what gives the correction at the current iterate with the tangent of this one."""
        if border is None:
            return lambda: self.solve_tangent(self.residual())
        gradient, along = border.gradient(), self.solve_tangent(border.column())
        slope = float(gradient @ along)

        def correct() -> Dofs:
            sparse = self.solve_tangent(self.residual())
            change = (float(gradient @ sparse) - border.gap()) / slope
            return np.concatenate([sparse - change * along, [change]])

        return correct


def _direct_solver(matrix: Any) -> Any:
    solver = PETSc.KSP().create(matrix.comm)
    solver.setOperators(matrix)
    solver.setType("preonly")
    pc = solver.getPC()
    pc.setType("lu")
    pc.setFactorSolverType("mumps")
    pc.setFactorSetUpSolverType()
    factor = pc.getFactorMatrix()
    factor.setMumpsIcntl(14, 60)  # room for pivoting, per cent
    return solver


def continue_to(
    equilibrium: Equilibrium,
    apply: Callable[[float], None],
    settings: NewtonSettings,
    *,
    border: Border | None = None,
    first_step: float = 0.25,
    past: tuple[float, Dofs] | None = None,
) -> int:
    """Walk the load from 0 (where the unknown is in equilibrium) to 1, and return the steps taken.

    `apply(s)` sets the load (and the target of the border, whose own load is sought). A step that
    fails is cut, one that is easy makes the next one larger; the start of each step is predicted
    along the secant of the last two states; `past` is one before the first, with its position
    (negative), where one is known. States on the way are solved to `WAYPOINT` only, the
    last one to the tolerance.

    Raises
    ------
    ConvergenceError
        If the step becomes smaller than `SMALLEST` times the first; it carries the last converged
        state, where the unknown and the load stand.
    """
    position, step, n_steps = 0.0, first_step, 0
    here = equilibrium.state(border)
    on_the_way = replace(settings, relative=max(settings.relative, WAYPOINT))
    while position < 1.0:
        target = min(1.0, position + step)
        apply(target)
        if past is not None:
            slope = (here - past[1]) / (position - past[0])
            equilibrium.set_state(here + (target - position) * slope, border)
        try:
            norms = equilibrium.solve(settings if target == 1.0 else on_the_way, border)
        except ConvergenceError as error:
            equilibrium.set_state(here, border)
            apply(position)
            step = (target - position) / 3
            if step < SMALLEST * first_step:
                msg = (
                    f"The load stopped at {100 * position:.1f} % of the way: {error} "
                    "Check the mesh, or ask for less load."
                )
                raise ConvergenceError(msg, error.residuals, here) from error
            continue
        past = (position, here)
        here = equilibrium.state(border)
        position = target
        n_steps += 1
        step *= 1.7 if len(norms) <= 5 else (1.1 if len(norms) <= 7 else 0.7)
        if 1.0 - position < 1.2 * step:
            step = 1.0 - position
    return n_steps
