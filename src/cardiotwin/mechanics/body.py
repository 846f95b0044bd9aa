"""Equilibrium of a hyperelastic body between two placements of its imaged mesh.

The integrals run over the imaged mesh (coordinates m). Two displacement fields from there give
the body's present placement x = m + u and its unloaded placement X = m + U, so that
F = (I + grad u) (I + grad U)^-1. One weak form then serves two problems: given U it is the usual
one for u; given u = 0 it is the inverse one for the unloaded shape U (Govindjee & Mihalic 1996,
CMAME 136:47-57). Both meet in the same discrete equations: loading what was unloaded returns the
image to the solver's tolerance.
"""

from collections.abc import Mapping
from dataclasses import replace

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
import ufl
from jaxtyping import Float

from cardiotwin.fem.bordering import Coupling
from cardiotwin.fem.compilation import compile_form, evaluate
from cardiotwin.fem.domain import (
    QUADRATURE,
    Domain,
    make_domain,
    quadrature_rule,
)
from cardiotwin.fem.newton import Equilibrium, continue_to
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.control import Control
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.equations import Axes, Equations
from cardiotwin.mechanics.fields import Fields
from cardiotwin.mechanics.flat_base import FlatBase
from cardiotwin.mechanics.lid import Lid
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import Material
from cardiotwin.mechanics.solved import Dofs, Placement, Solved
from cardiotwin.mechanics.springs import Springs


class Body:
    """The two problems of one imaged mesh.

    Parameters
    ----------
    mesh
        The imaged wall.
    axes
        Fibre, sheet and normal per cell and point of the rule of degree `QUADRATURE`, in the
        imaged placement; as material lines they are carried back to the unloaded one.
    material
        Passive law.
    springs
        What holds it, or None where `clamped` does.
    activation
        Active stress.
    pressurised
        The facets that bear the cavity's pressure.
    clamped
        Facets whose displacement is zero.
    discretisation
        Mixed or penalty.
    """

    def __init__(
        self,
        mesh: TetMesh,
        axes: Axes,
        *,
        material: Material,
        springs: Springs | None,
        activation: Activation | None = None,
        pressurised: str = "lv_endocardium",
        clamped: tuple[str, ...] = (),
        discretisation: Discretisation | None = None,
    ) -> None:
        self.discretisation = discretisation or Discretisation()
        self.mesh = mesh
        self.domain: Domain = make_domain(mesh)
        self.fields = Fields(self.domain, mesh, mixed=self.discretisation.form == "mixed")
        self.equations = Equations(
            self.domain,
            mesh,
            axes,
            material=material,
            springs=springs,
            activation=activation or Activation(),
            pressurised=pressurised,
            bulk_modulus=self.discretisation.bulk_modulus,
        )
        self.constants = self.equations.constants
        unknown, given = self.fields.unknown, self.fields.given
        u, pressure = self.fields.split(unknown)
        test = self.fields.split(ufl.TestFunction(self.fields.space))
        forms = (
            self.equations.residual(u, given, pressure, test),
            self.equations.residual(given, u, pressure, test),
        )
        self.forward, self.inverse = (
            Equilibrium(
                form,
                unknown,
                self.fields.displacement_dofs,
                self.fields.clamp(clamped),
                [] if springs is None else self._couplings(springs, follows=form is forms[0]),
            )
            for form in forms
        )
        self._direction = dolfinx.fem.Function(self.fields.placements)
        self._along_given = compile_form(ufl.derivative(forms[0], given, self._direction))

    def _couplings(self, springs: Springs, *, follows: bool) -> list[Coupling]:
        lid = Lid(self.fields, self.mesh, self.constants["cavity_pressure"], follows=follows)
        if springs.base_warp == 0:
            return [lid]
        return [lid, FlatBase(self.fields, self.mesh, springs.base_warp, follows=follows)]

    # ---- the two problems ----------------------------------------------------------------

    def rest(self, loads: Loads | None = None) -> Solved:
        """Return the imaged placement as an unloaded one: in equilibrium without load."""
        resting = replace(loads or Loads(), cavity_pressure=0.0, active_tension=0.0)
        return Solved(
            unknown=np.zeros_like(self.fields.unknown.x.array),
            other=np.zeros_like(self.fields.given.x.array),
            loads=resting,
        )

    def unload(self, start: Solved, loads: Loads, first_step: float = 0.25) -> Solved:
        """Return the unloaded placement from which `loads` lead to the imaged one.

        `start` is the solution of the same inverse problem under other loads (`rest` is one).
        """
        return self._walk(self.inverse, start, loads, start.other, first_step=first_step)

    def load(
        self,
        start: Solved,
        loads: Loads,
        reference: Placement | None = None,
        first_step: float = 0.25,
    ) -> Solved:
        """Return the present placement under `loads`.

        `start` is an equilibrium under other loads; the unloaded placement walks from its own to
        `reference` (dofs; None keeps it) at the same time.
        """
        other = start.other if reference is None else reference
        return self._walk(self.forward, start, loads, other, first_step=first_step)

    def load_to(
        self,
        start: Solved,
        loads: Loads,
        control: Control,
        reference: Placement | None = None,
        *,
        first_step: float = 0.25,
        past: tuple[float, Solved] | None = None,
    ) -> Solved:
        """Return the placement in which a measure has its target; the control's load is found.

        The measure walks from its value at `start` to the target while the other loads walk to
        `loads`. A wall under given pressure may snap; led by its volume it does not.
        `past` is a placement before `start` with its share of the way (negative), to predict by.
        """
        other = start.other if reference is None else reference
        return self._walk(
            self.forward, start, loads, other, first_step=first_step, control=control, past=past
        )

    def _walk(
        self,
        problem: Equilibrium,
        start: Solved,
        loads: Loads,
        other: Placement,
        *,
        first_step: float,
        control: Control | None = None,
        past: tuple[float, Solved] | None = None,
    ) -> Solved:
        self.fields.unknown.x.array[:] = start.unknown
        if control is not None:
            control.start(getattr(start.loads, control.load))

        def apply(share: float) -> None:
            self._apply(start.loads.towards(loads, share), control)
            self.fields.given.x.array[:] = (1 - share) * start.other + share * other
            if control is not None:
                control.towards(share)

        newton = self.discretisation.newton
        before = None
        if past is not None:
            tail = [] if control is None else [getattr(past[1].loads, control.load)]
            before = past[0], np.concatenate([past[1].unknown, tail])
        continue_to(problem, apply, newton, border=control, first_step=first_step, past=before)
        if control is not None:
            loads = replace(loads, **{control.load: control.value})
        return Solved(
            unknown=np.array(self.fields.unknown.x.array), other=np.array(other), loads=loads
        )

    def _apply(self, loads: Loads, control: Control | None = None) -> None:
        for name, constant in self.constants.items():
            if control is None or name != control.load:
                constant.value = getattr(loads, name)

    def displacement(self, solved: Solved) -> Placement:
        """Return the dofs of the unknown displacement without the pressure."""
        return solved.unknown[self.fields.displacement_dofs]

    def fibre_stress(self, solved: Solved) -> Float[np.ndarray, " cells"]:
        """Return each cell's mean Cauchy stress along the fibre, Pa, in the mesh's cell order."""
        self.fields.unknown.x.array[:] = solved.unknown
        self.fields.given.x.array[:] = solved.other
        self._apply(solved.loads)
        u, pressure = self.fields.split(self.fields.unknown)
        G = ufl.Identity(3) + ufl.grad(self.fields.given)
        present = ufl.Identity(3) + ufl.grad(u)
        F = present * ufl.inv(G)
        cauchy = self.equations.pk1(u, self.fields.given, pressure) * F.T / ufl.det(F)
        f = present * self.equations.fibre
        along = ufl.dot(f, cauchy * f) / ufl.dot(f, f)
        points, weights = quadrature_rule(QUADRATURE)
        values = evaluate(along, points, self.domain.mesh)
        result = np.empty(len(values))
        result[self.domain.cells] = values @ weights / weights.sum()
        return result

    # ---- derivatives ---------------------------------------------------------------------

    def unloading_sensitivity(
        self, solved: Solved, names: tuple[str, ...]
    ) -> Mapping[str, Placement]:
        """Return d(unloaded displacement)/d(load) by the implicit function theorem."""
        changes = self._sensitivity(self.inverse, solved, names, {})
        return {name: change[self.fields.displacement_dofs] for name, change in changes.items()}

    def loading_sensitivity(
        self, solved: Solved, names: tuple[str, ...], reference: Mapping[str, Placement]
    ) -> Mapping[str, Dofs]:
        """Return d(unknown)/d(parameter): through the loads, and through the unloaded placement.

        `names` are the loads that act on this state; `reference` holds how the unloaded placement
        changes with each parameter (which may not be one of `names`).
        """
        return self._sensitivity(self.forward, solved, names, reference)

    def _sensitivity(
        self,
        problem: Equilibrium,
        solved: Solved,
        names: tuple[str, ...],
        reference: Mapping[str, Placement],
    ) -> dict[str, Dofs]:
        self.fields.unknown.x.array[:] = solved.unknown
        self.fields.given.x.array[:] = solved.other
        self._apply(solved.loads)
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
                force += part + sum(c.along_given(reference[name]) for c in problem.couplings)
            for condition in problem.conditions:
                condition.set(force, None, 0.0)
            changes[name] = -problem.solve_tangent(force)
        return changes

    def _load_derivative(self, problem: Equilibrium, loads: Loads, name: str) -> Dofs:
        """Return dR/d(load) by central differences of the residual (exact for linear loads)."""
        value = getattr(loads, name)
        step = 1e-5 * max(abs(value), {"cavity_pressure": 1e3, "active_tension": 1e4}.get(name, 1))
        sides = []
        for signed in (step, -step):
            self._apply(replace(loads, **{name: value + signed}))
            sides.append(problem.residual())
        self._apply(loads)
        return np.asarray((sides[0] - sides[1]) / (2 * step))
