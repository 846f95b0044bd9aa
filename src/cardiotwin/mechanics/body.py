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

from mpi4py import MPI

import numpy as np
import ufl
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.fem.continuation import continue_to
from cardiotwin.fem.domain import Domain, make_domain
from cardiotwin.fem.newton import Equilibrium
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.blocks import solver_of
from cardiotwin.mechanics.control import Control
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.equations import Axes, Equations, Muscle
from cardiotwin.mechanics.fields import Fields
from cardiotwin.mechanics.lid import Lid
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.low_rank import LowRank
from cardiotwin.mechanics.material import Material
from cardiotwin.mechanics.pointwise import PointwiseTension
from cardiotwin.mechanics.requirements import (
    require_borne,
    require_facets,
    require_finite,
    require_free,
)
from cardiotwin.mechanics.solved import Dofs, Placement, Solved
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.unit_loads import UnitLoads


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
        What holds it, or None where `clamped` or `free` does.
    activation
        Active stress.
    relative_tension
        The active tension's factor in each cell, 1 by default (a scar has 0).
    pointwise
        Whether there is an active tension of its own at every quadrature point (`tension`).
    pressurised
        The facets that bear the left cavity's pressure.
    clamped
        Facets whose displacement is zero.
    free
        Whether only the wall's mean place and attitude are kept (its rigid motions): closed
        cavities push nowhere, so that what keeps them bears nothing.
    lids
        Whether the base bears the pressure on the valves (never that of a clamped wall).
    discretisation
        Mixed or penalty.
    comm
        The processes that share the work; all are given the same (see `fem.layout`).
    """

    def __init__(
        self,
        mesh: TetMesh,
        axes: Axes,
        *,
        material: Material,
        springs: Springs | None,
        activation: Activation | None = None,
        relative_tension: Float[np.ndarray, " cells"] | None = None,
        pointwise: bool = False,
        pressurised: str = "lv_endocardium",
        clamped: tuple[str, ...] = (),
        free: bool = False,
        lids: bool = True,
        discretisation: Discretisation | None = None,
        comm: MPI.Intracomm = MPI.COMM_SELF,
    ) -> None:
        require_finite(mesh, axes, relative_tension)
        require_free(springs=springs, clamped=clamped, free=free)
        require_facets(mesh, {pressurised} - {"lv_endocardium"} | set(clamped))
        self.discretisation = discretisation or Discretisation()
        self.mesh = mesh
        self.domain: Domain = make_domain(mesh, comm)
        self.fields = Fields(self.domain, mesh, mixed=self.discretisation.form == "mixed")
        surfaces = {"cavity_pressure": pressurised, "rv_pressure": "rv_endocardium"}
        self.cavities = {name: part for name, part in surfaces.items() if part in mesh.facets}
        self.equations = Equations(
            self.domain,
            mesh,
            axes,
            material=material,
            springs=springs,
            muscle=Muscle(
                activation=activation or Activation(),
                relative_tension=relative_tension,
                pointwise=pointwise,
            ),
            cavities=self.cavities,
            lids=lids and (free or springs is not None),
            bulk_modulus=self.discretisation.bulk_modulus,
        )
        self.constants = self.equations.constants
        self.low_rank = LowRank(
            self.fields,
            mesh,
            self.constants,
            lids=self.equations.lids,
            base_warp=0.0 if springs is None else springs.base_warp,
            free=free,
        )
        self.conditions = self.fields.clamp(clamped)
        self.linear, by_potential = (
            solver_of(self.fields, self.conditions, self.discretisation, symmetric=symmetric)
            for symmetric in (False, self.equations.has_potential(clamped))
        )
        unknown, given = self.fields.unknown, self.fields.given
        u, pressure = self.fields.split(unknown)
        test = self.fields.split(ufl.TestFunction(self.fields.space))
        self.forms = (
            self.equations.residual(u, given, pressure, test),
            self.equations.residual(given, u, pressure, test),
        )
        self.forward, self.inverse = (
            Equilibrium(
                form,
                unknown,
                self.fields.displacement_dofs,
                self.conditions,
                self.low_rank.couplings(follows=form is self.forms[0]),
                anchors=self.low_rank.anchors(),
                linear=linear,
            )
            for form, linear in zip(self.forms, (by_potential, self.linear), strict=True)
        )
        self._unit_loads = self.unit_loads(u, self.low_rank.lids(follows=True))

    @property
    def tension(self) -> PointwiseTension:
        """Return the active tension at the quadrature points of a body built `pointwise`."""
        if self.equations.pointwise is None:
            msg = (
                "This body has one prescribed tension, found pointwise=False. "
                "Build it with Body(..., pointwise=True)."
            )
            raise InputError(msg)
        return self.equations.pointwise

    def unit_loads(self, u: Any, lids: Mapping[str, Lid]) -> UnitLoads:
        """Return what a unit of each load adds to the residual where the forces are taken at u."""
        v, _ = self.fields.split(ufl.TestFunction(self.fields.space))
        forms = {
            name: self.equations.per_load(name, u, self.fields.given, v)
            for name in (*self.cavities, "active_tension")
        }
        return UnitLoads(forms, lids, self.conditions, self.fields.layout)

    # ---- the two problems ----------------------------------------------------------------

    def rest(self, loads: Loads | None = None) -> Solved:
        """Return the imaged placement as an unloaded one: in equilibrium without load."""
        resting = replace(
            loads or Loads(), cavity_pressure=0.0, rv_pressure=0.0, active_tension=0.0
        )
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
        sought = () if control is None else (control.load,)
        if control is not None:
            control.start(getattr(start.loads, control.load))

        def apply(share: float) -> None:
            self.apply(start.loads.towards(loads, share), sought)
            self.fields.given.x.array[:] = (1 - share) * start.other + share * other
            if control is not None:
                control.towards(share)

        newton = self.discretisation.newton
        before = None
        if past is not None:
            tail = [] if control is None else [getattr(past[1].loads, control.load)]
            before = past[0], np.concatenate([past[1].unknown, tail])
        try:
            continue_to(problem, apply, newton, border=control, first_step=first_step, past=before)
        except ConvergenceError as error:
            led = "" if control is None else f", {control.load} sought"
            msg = f"{error} The way led from {start.loads} to {loads}{led}."
            raise ConvergenceError(msg, error.residuals, error.state) from error
        if control is not None:
            loads = replace(loads, **{control.load: float(control.values[0])})
        return Solved(
            unknown=np.array(self.fields.unknown.x.array), other=np.array(other), loads=loads
        )

    def put(self, solved: Solved) -> None:
        """Set unknown, given placement and loads to those of an equilibrium."""
        self.fields.unknown.x.array[:] = solved.unknown
        self.fields.given.x.array[:] = solved.other
        self.apply(solved.loads)

    def apply(self, loads: Loads, sought: tuple[str, ...] = ()) -> None:
        """Set the loads that the forms see, but those that are sought.

        Raises
        ------
        InputError
            If a pressure acts in a cavity that the mesh does not have.
        """
        require_borne(loads, self.cavities, self.mesh)
        for name, constant in self.constants.items():
            if name not in sought:
                constant.value = getattr(loads, name)

    def per_load(self, name: str) -> Dofs:
        """Return the forward residual's part of a unit of a load in which it is linear."""
        return self._unit_loads.force(name)

    def displacement(self, solved: Solved) -> Placement:
        """Return the dofs of the unknown displacement without the pressure."""
        return solved.unknown[self.fields.displacement_dofs]
