"""Newton's method with a tangent that is factorised.

Deuflhard (2011), Newton Methods for Nonlinear Problems, sect. 2.1 (a tangent that is kept) and 3
(damping).
"""

from collections.abc import Callable, Sequence
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx.fem.petsc
import numpy as np
import ufl
from jaxtyping import Integer

from cardiotwin.errors import ConvergenceError
from cardiotwin.fem.anchors import Anchors, update
from cardiotwin.fem.bordering import Border, Columns, Coupling, Dofs, Elimination, Errors, prepare
from cardiotwin.fem.compilation import compile_form
from cardiotwin.fem.layout import Layout
from cardiotwin.fem.linear import DirectSolver, LinearSolver
from cardiotwin.fem.secants import Secants
from cardiotwin.fem.settings import NewtonSettings

ROUNDING = 1e-14  # of the unknown: a correction below it says nothing
CONTRACTION = 0.8  # of the correction: a kept tangent that reduces it less has served its time
RISE = 10.0  # of the residual: more in a step with a kept tangent is no step


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
    anchors
        What keeps a sparse tangent regular that has the couplings alone to hold it.
    linear
        What solves with the sparse tangent.
    """

    def __init__(
        self,
        residual: ufl.Form,
        unknown: dolfinx.fem.Function[Any],
        measured: Integer[np.ndarray, " measured"],
        conditions: Sequence[dolfinx.fem.DirichletBC[Any]] = (),
        couplings: Sequence[Coupling] = (),
        *,
        anchors: Anchors | None = None,
        linear: Callable[[Any, Layout], LinearSolver] = DirectSolver,
    ) -> None:
        self.unknown = unknown
        self._linear = linear
        self.couplings = tuple(couplings)
        self._anchors = anchors
        self._update: tuple[Columns, Columns] | None = None
        self._eliminated: Elimination | None = None
        self.layout = Layout(unknown.function_space)
        self._measured = self.layout.owned(measured)
        self.conditions = tuple(conditions)
        self._residual = compile_form(residual)
        self._tangent = compile_form(ufl.derivative(residual, unknown))
        self._matrix: Any = None
        self._solver: LinearSolver | None = None
        self.factorisations = 0

    def residual(self) -> Dofs:
        """Return R at the current iterate (zero where w is prescribed)."""
        prepare(self.couplings)
        array = np.zeros(self.layout.n_local)
        dolfinx.fem.assemble_vector(array, self._residual)
        array = self.layout.assembled(array)
        for coupling in self.couplings:
            array += coupling.force()
        for condition in self.conditions:
            condition.set(array, self.unknown.x.array, 0.0)
        return array

    def factorise(self) -> None:
        """Assemble and factorise the tangent at the current iterate."""
        if self._solver is None:
            self._matrix = dolfinx.fem.petsc.create_matrix(self._tangent)
            self._solver = self._linear(self._matrix, self.layout)
        prepare(self.couplings)
        self._matrix.zeroEntries()
        assemble: Any = dolfinx.fem.petsc.assemble_matrix
        assemble(self._matrix, self._tangent, bcs=list(self.conditions))
        self._matrix.assemble()
        factors = [coupling.factors() for coupling in self.couplings]
        if self._anchors is not None:
            factors.append(self._anchors.hold(self._matrix, self.layout))
        self._solver.factorise()
        self.factorisations += 1
        self._eliminated = None
        self._update = update(factors, self._solver.solve_columns, self.layout)

    def forget(self) -> None:
        """Factorise anew at the next iterate, whatever `NewtonSettings.reuse` says."""
        self._eliminated = None

    @property
    def linear(self) -> LinearSolver:
        """Return what solves with the sparse tangent, prepared by `factorise`."""
        assert self._solver is not None  # noqa: S101 - `factorise` comes first
        return self._solver

    def solve_tangent(self, right_hand_side: Dofs) -> Dofs:
        """Return the solution with the tangent factorised last."""
        x = self.linear.solve(right_hand_side)
        if self._update is not None:
            Z, C = self._update
            x -= Z @ self.layout.dot(C, x)
            # Where the sparse tangent is nearly singular, rounding would part ghosts from owners.
            x = self.layout.shared(x[: self.layout.n_owned])
        return x

    def solve_columns(self, columns: Columns) -> Columns:
        """Return the solutions of several right-hand sides with the tangent factorised last."""
        X = self.linear.solve_columns(columns)
        if self._update is not None:
            Z, C = self._update
            X -= Z @ self.layout.dot(C, X)
        return X

    def solve(
        self,
        settings: NewtonSettings,
        border: Border | None = None,
        *,
        instead: Dofs | None = None,
    ) -> tuple[float, ...]:
        """Move the unknown (and the border's loads) to equilibrium; return the residual norms.

        It begins at the unknown's values, or at those of `instead` where these are nearer to
        equilibrium: a prediction may be a wild one, and the tolerance is relative to the start.

        Raises
        ------
        ConvergenceError
            If it does not arrive; everything is put back to where it started.
        """
        start = self.state(border)
        try:
            return self._iterate(settings, border, self._begin(border, instead))
        except ConvergenceError:
            self.set_state(start, border)
            self._eliminated = None
            raise

    def _begin(self, border: Border | None, instead: Dofs | None) -> Errors:
        """Return the errors at the unknown, or at `instead` where they are smaller (it stays)."""
        here = self._evaluate(border)
        if instead is None:
            return here
        before = np.array(self.unknown.x.array)
        self.unknown.x.array[:] = instead
        there = self._evaluate(border)
        if there.norm < here.norm or not np.isfinite(here.norm):
            return there
        self.unknown.x.array[:] = before
        return here

    def _iterate(
        self, settings: NewtonSettings, border: Border | None, here: Errors
    ) -> tuple[float, ...]:
        norms = [here.norm]
        target = max(settings.relative * norms[0], settings.absolute)
        most = self.factorisations + settings.iterations
        while not norms[-1] <= target < np.inf:  # neither nan nor inf has arrived
            if settings.reuse and np.isfinite(norms[-1]):
                here = self._follow(border, here, target, norms)
                if norms[-1] <= target:
                    break
            following = None
            if self.factorisations < most and np.isfinite(norms[-1]):
                self.factorise()
                self._eliminate(border)
                following = self._step(border, here, settings)
            if following is None:
                msg = (
                    f"Newton stopped after {len(norms) - 1} steps at residual {norms[-1]:.3g} "
                    f"(start {norms[0]:.3g}, tolerance {target:.3g}). "
                    "Apply the load in smaller steps, or start from a nearer state."
                )
                raise ConvergenceError(msg, norms)
            here = following
            norms.append(here.norm)
        return tuple(norms)

    def state(self, border: Border | None) -> Dofs:
        """Return a copy of the unknown, with the border's loads behind it."""
        unknown = np.array(self.unknown.x.array)
        return unknown if border is None else np.concatenate([unknown, border.values])

    def set_state(self, state: Dofs, border: Border | None) -> None:
        """Put back what `state` returned."""
        n_dofs = len(self.unknown.x.array)
        self.unknown.x.array[:] = state[:n_dofs]
        self.unknown.x.scatter_forward()
        if border is not None:
            border.values = state[n_dofs:]

    @np.errstate(over="ignore", invalid="ignore")  # a lost iterate is not a warning
    def _evaluate(self, border: Border | None) -> Errors:
        gaps = np.zeros(0) if border is None else border.gaps()
        residual = self.residual()
        norm = np.hypot(self.layout.norm(residual), np.linalg.norm(gaps))
        return Errors(residual, gaps, float(norm))

    @np.errstate(over="ignore", invalid="ignore")
    def _follow(
        self, border: Border | None, here: Errors, target: float, norms: list[float]
    ) -> Errors:
        """Return where steps with the tangent factorised last lead; `norms` grows with them.

        They end at the residual `target`, or where the next correction is not smaller (Deuflhard's
        monotonicity test): a new tangent is due there.
        """
        if self._eliminated is None or self._eliminated.border is not border:
            return here
        secants, size = Secants(self._dot), np.inf
        while norms[-1] > target:
            step = secants.improved(-self._correction(here))
            left = np.inf if step is None else self.layout.norm(step, self._measured)
            if step is None or not left <= CONTRACTION * size:
                break
            before = self.state(border)
            self.set_state(before + step, border)
            there = self._evaluate(border)
            if not there.norm <= RISE * here.norm:
                self.set_state(before, border)
                break
            secants.add(step)
            here, size = there, left
            norms.append(here.norm)
        return here

    def _dot(self, one: Dofs, other: Dofs) -> float:
        """Return the scalar product of two corrections of the unknown, without the border's."""
        n_dofs = self.layout.n_local
        return float(self.layout.dot(one[:n_dofs], other[:n_dofs]))

    @np.errstate(over="ignore", invalid="ignore")  # a lost iterate is shortened, not warned of
    def _step(
        self, border: Border | None, here: Errors, settings: NewtonSettings
    ) -> Errors | None:
        """Take the longest step after which the next correction is smaller, if there is one.

        The natural monotonicity test (Deuflhard, eq. 3.30): both corrections are measured with the
        same factorised tangent, so the scaling of the residual does not matter.
        """
        before = self.state(border)
        correction = self._correction(here)
        size = self.layout.norm(correction, self._measured)
        rounding = ROUNDING * self.layout.norm(before, self._measured)
        length = 1.0
        while length >= settings.shortest:
            self.set_state(before - length * correction, border)
            there = self._evaluate(border)
            following = self._correction(there)
            if self.layout.finite(following):
                left = self.layout.norm(following, self._measured)
                if left <= max((1 - length / 4) * size, rounding):
                    return there
                curved = following - (1 - length) * correction
                estimate = length**2 * size / (2 * self.layout.norm(curved, self._measured))
                length = min(max(estimate, length / 10), length / 2)
            else:
                length /= 4
        return None

    def _eliminate(self, border: Border | None) -> None:
        """Prepare the solutions of the bordered system with the tangent factorised last."""
        if border is None:
            self._eliminated = Elimination(None)
            return
        gradients, along = border.gradients(), self.solve_columns(border.columns())
        slopes = self.layout.dot(gradients, along) - border.own()
        self._eliminated = Elimination(border, gradients, along, np.linalg.inv(slopes))

    def _correction(self, errors: Errors) -> Dofs:
        """Return what leads to equilibrium from an iterate with these errors, to first order."""
        sparse = self.solve_tangent(errors.residual)
        eliminated = self._eliminated
        if eliminated is None or eliminated.border is None:
            return sparse
        change = eliminated.inverse @ (self.layout.dot(eliminated.gradients, sparse) - errors.gaps)
        return np.concatenate([sparse - eliminated.along @ change, change])
