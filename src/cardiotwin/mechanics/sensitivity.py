"""How a body's placements change with its loads, by the implicit function theorem."""

from collections.abc import Mapping
from dataclasses import replace

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
import ufl

from cardiotwin.fem.compilation import compile_form
from cardiotwin.fem.newton import Equilibrium
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.loads import LINEAR, Loads
from cardiotwin.mechanics.solved import Dofs, Placement, Solved


class Sensitivity:
    """Derivatives of a body's two problems.

    Parameters
    ----------
    body
        Whose placements they are.
    """

    def __init__(self, body: Body) -> None:
        self._body = body
        self._direction = dolfinx.fem.Function(body.fields.placements)
        self._along_given = compile_form(
            ufl.derivative(body.forms[0], body.fields.given, self._direction)
        )

    def unloading(self, solved: Solved, names: tuple[str, ...]) -> Mapping[str, Placement]:
        """Return d(unloaded displacement)/d(load) of an unloaded placement."""
        changes = self._changes(self._body.inverse, solved, names, {})
        dofs = self._body.fields.displacement_dofs
        return {name: change[dofs] for name, change in changes.items()}

    def loading(
        self, solved: Solved, names: tuple[str, ...], reference: Mapping[str, Placement]
    ) -> Mapping[str, Dofs]:
        """Return d(unknown)/d(parameter): through the loads, and through the unloaded placement.

        `names` are the loads that act on this state; `reference` holds how the unloaded placement
        changes with each parameter (which may not be one of `names`).
        """
        return self._changes(self._body.forward, solved, names, reference)

    def _changes(
        self,
        problem: Equilibrium,
        solved: Solved,
        names: tuple[str, ...],
        reference: Mapping[str, Placement],
    ) -> dict[str, Dofs]:
        self._body.put(solved)
        problem.factorise()
        changes = {}
        for name in dict.fromkeys((*names, *reference)):
            force = np.zeros_like(solved.unknown)
            if name in names:
                force += self._load_derivative(problem, solved.loads, name)
            if name in reference:
                self._direction.x.array[:] = reference[name]
                part = np.zeros_like(force)
                dolfinx.fem.assemble_vector(part, self._along_given)
                force += problem.layout.assembled(part) + sum(
                    c.along_given(reference[name]) for c in problem.couplings
                )
            for condition in problem.conditions:
                condition.set(force, None, 0.0)
            changes[name] = -problem.solve_tangent(force)
        return changes

    def _load_derivative(self, problem: Equilibrium, loads: Loads, name: str) -> Dofs:
        """Return dR/d(load) by central differences of the residual (exact for linear loads)."""
        value = getattr(loads, name)
        step = 1e-5 * max(abs(value), 1e3 if name in LINEAR else 1.0)
        sides = []
        for signed in (step, -step):
            self._body.apply(replace(loads, **{name: value + signed}))
            sides.append(problem.residual())
        self._body.apply(loads)
        return np.asarray((sides[0] - sides[1]) / (2 * step))
