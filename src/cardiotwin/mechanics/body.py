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
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import basix
import basix.ufl
import dolfinx
import numpy as np
import ufl
from jaxtyping import Float

from cardiotwin.fem.compilation import compile_form, evaluate
from cardiotwin.fem.domain import (
    QUADRATURE,
    Domain,
    NodalField,
    make_domain,
    quadrature_rule,
)
from cardiotwin.fem.newton import Coupling, Equilibrium, continue_to
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.control import Control
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.equations import Axes, Equations
from cardiotwin.mechanics.lid import Lid
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import Material
from cardiotwin.mechanics.solved import Dofs, Nodes, Placement, Solved
from cardiotwin.mechanics.springs import Springs

PRESSURE_UNIT = 1e5  # Pa: the unknown pressure is scaled so that rows and columns have one size


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
        vector = basix.ufl.element("Lagrange", "tetrahedron", 2, shape=(3,))
        if self.discretisation.form == "mixed":
            pressure = basix.ufl.element("Lagrange", "tetrahedron", 1)
            mixed = basix.ufl.mixed_element([vector, pressure])
            self.space = dolfinx.fem.functionspace(self.domain.mesh, mixed)
            self.placements, part = self.space.sub(0).collapse()
            self.displacement_dofs = np.ravel(part)
        else:
            self.space = self.placements = dolfinx.fem.functionspace(self.domain.mesh, vector)
            self.displacement_dofs = np.arange(self.space.dofmap.index_map.size_local * 3)
        self.nodal = NodalField(self.domain, self.placements)
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
        conditions = self._clamp(clamped)
        self._unknown = dolfinx.fem.Function(self.space)
        self._given = dolfinx.fem.Function(self.placements)
        self._direction = dolfinx.fem.Function(self.placements)
        u, pressure_field = self.split(self._unknown)
        test = self.split(ufl.TestFunction(self.space))
        forward = self.equations.residual(u, self._given, pressure_field, test)
        inverse = self.equations.residual(self._given, u, pressure_field, test)
        lids: list[Coupling | None] = [None, None]
        if springs is not None:
            placed = (self._unknown, self._given)
            lids = [
                Lid(self, mesh, function, follows=function is self._unknown) for function in placed
            ]
        self.forward = Equilibrium(
            forward, self._unknown, self.displacement_dofs, conditions, lids[0]
        )
        self.inverse = Equilibrium(
            inverse, self._unknown, self.displacement_dofs, conditions, lids[1]
        )
        self._along_reference = compile_form(ufl.derivative(forward, self._given, self._direction))

    def present_nodes(self) -> Nodes:
        """Return the nodes where the forward problem's unknown has them now, m."""
        moved = self._unknown.x.array[self.displacement_dofs]
        nodes: Nodes = self.mesh.points + self.nodal.to_nodes(moved)
        return nodes

    @property
    def unknown_dofs(self) -> Dofs:
        """Return the unknown's current dofs."""
        return np.asarray(self._unknown.x.array)

    def split(self, function: Any) -> tuple[Any, Any]:
        """Return displacement and pressure (Pa; None in the penalty form) of a function."""
        if self.discretisation.form == "mixed":
            u, p = ufl.split(function)
            return u, PRESSURE_UNIT * p
        return function, None

    def _clamp(self, names: tuple[str, ...]) -> list[dolfinx.fem.DirichletBC[Any]]:
        conditions = []
        mixed = self.discretisation.form == "mixed"
        for name in names:
            facets = self.domain.facets.find(self.domain.tags[name])
            zero = dolfinx.fem.Function(self.placements)
            if mixed:
                spaces = (self.space.sub(0), self.placements)
                dofs = dolfinx.fem.locate_dofs_topological(spaces, 2, facets)
                conditions.append(dolfinx.fem.dirichletbc(zero, dofs, self.space.sub(0)))
            else:
                dofs = dolfinx.fem.locate_dofs_topological(self.space, 2, facets)
                conditions.append(dolfinx.fem.dirichletbc(zero, dofs))
        return conditions

    # ---- the two problems ----------------------------------------------------------------

    def rest(self, loads: Loads | None = None) -> Solved:
        """Return the imaged placement as an unloaded one: in equilibrium without load."""
        resting = replace(loads or Loads(), cavity_pressure=0.0, active_tension=0.0)
        return Solved(
            unknown=np.zeros_like(self._unknown.x.array),
            other=np.zeros_like(self._given.x.array),
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
        first_step: float = 0.25,
    ) -> Solved:
        """Return the placement in which a measure has its target; the control's load is found.

        The measure walks from its value at `start` to the target while the other loads walk to
        `loads`. A wall under given pressure may snap; led by its volume it does not.
        """
        other = start.other if reference is None else reference
        return self._walk(
            self.forward, start, loads, other, first_step=first_step, control=control
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
    ) -> Solved:
        self._unknown.x.array[:] = start.unknown
        if control is not None:
            control.start(getattr(start.loads, control.load))

        def apply(share: float) -> None:
            self._apply(start.loads.towards(loads, share), control)
            self._given.x.array[:] = (1 - share) * start.other + share * other
            if control is not None:
                control.towards(share)

        newton = self.discretisation.newton
        continue_to(problem, apply, newton, border=control, first_step=first_step)
        if control is not None:
            loads = replace(loads, **{control.load: control.value})
        return Solved(unknown=np.array(self._unknown.x.array), other=np.array(other), loads=loads)

    def _apply(self, loads: Loads, control: Control | None = None) -> None:
        for name, constant in self.constants.items():
            if control is None or name != control.load:
                constant.value = getattr(loads, name)

    def displacement(self, solved: Solved) -> Placement:
        """Return the dofs of the unknown displacement without the pressure."""
        return solved.unknown[self.displacement_dofs]

    def fibre_stress(self, solved: Solved) -> Float[np.ndarray, " cells"]:
        """Return each cell's mean Cauchy stress along the fibre, Pa, in the mesh's cell order."""
        self._unknown.x.array[:] = solved.unknown
        self._given.x.array[:] = solved.other
        self._apply(solved.loads)
        u, pressure = self.split(self._unknown)
        G = ufl.Identity(3) + ufl.grad(self._given)
        present = ufl.Identity(3) + ufl.grad(u)
        F = present * ufl.inv(G)
        cauchy = self.equations.pk1(u, self._given, pressure) * F.T / ufl.det(F)
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
        return {name: change[self.displacement_dofs] for name, change in changes.items()}

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
        self._unknown.x.array[:] = solved.unknown
        self._given.x.array[:] = solved.other
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
                dolfinx.fem.assemble_vector(part, self._along_reference)
                force += part
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
