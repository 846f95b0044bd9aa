"""Navier-Stokes on a moving mesh in one system per step: quadratic velocity, linear pressure.

Taylor-Hood elements need no stabilisation and one system no splitting, so what differs between
this scheme and `Projection` is the other one's error. It costs a factorisation per step: it is for
verification, and for small meshes. Time: BDF2 with an extrapolated advecting velocity, all terms
on the mesh of the new time.

Taylor & Hood (1973), Comput Fluids 1:73-100.
"""

from collections.abc import Callable, Sequence
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to
from petsc4py import PETSc

import basix.ufl
import dolfinx
import dolfinx.fem.petsc
import numpy as np
import ufl
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.fem.compilation import compile_form
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.domain import SHAPES, FluidDomain, Nodes
from cardiotwin.haemodynamics.projection import BDF1, BDF2

Field = Callable[[Float[np.ndarray, "points dim"]], Float[np.ndarray, "points dim"]]
DEGREE = 5  # of the advection: quadratic, linear slope, quadratic


class Monolithic:
    """The flow in a moving region, step by step, on one process.

    Parameters
    ----------
    domain
        The region, at its place at the start.
    fluid
        Density and viscosity.
    time_step
        s.
    walls
        Parts of the boundary whose velocity is given.
    openings
        Parts without traction.
    """

    def __init__(
        self,
        domain: FluidDomain,
        fluid: Fluid,
        time_step: float,
        *,
        walls: Sequence[str],
        openings: Sequence[str] = (),
    ) -> None:
        strange = sorted({*walls, *openings} ^ set(domain.tags))
        if strange:
            msg = (
                f"Every part of the boundary is a wall or an opening, found {', '.join(strange)} "
                f"besides. The parts are {', '.join(domain.tags)}."
            )
            raise InputError(msg)
        if domain.comm.size > 1:
            msg = (
                f"Monolithic runs on one process, found {domain.comm.size}. Use Projection, or "
                "give every process a region of its own."
            )
            raise InputError(msg)
        self.domain, self.fluid, self.time_step = domain, fluid, time_step
        mesh, shape = domain.mesh, SHAPES[domain.dim]
        quadratic: Any = basix.ufl.element("Lagrange", shape, 2, shape=(domain.dim,))
        linear: Any = basix.ufl.element("Lagrange", shape, 1)
        self._space = dolfinx.fem.functionspace(mesh, basix.ufl.mixed_element([quadratic, linear]))
        self._velocities, velocity_map = self._space.sub(0).collapse()
        self._pressures, pressure_map = self._space.sub(1).collapse()
        self._to_velocity, self._to_pressure = map(np.concatenate, (velocity_map, pressure_map))
        self._u1, self._u2, self._given = (
            dolfinx.fem.Function(self._velocities) for _ in range(3)
        )
        self._p = dolfinx.fem.Function(self._pressures)
        self._w = dolfinx.fem.Function(domain.vector)
        self._rates: list[Any] = [dolfinx.fem.Constant(mesh, rate / time_step) for rate in BDF1]
        self._steps = 0
        chosen = np.isin(domain.facets.values, [domain.tags[name] for name in walls])
        dofs: Any = dolfinx.fem.locate_dofs_topological(
            (self._space.sub(0), self._velocities),
            domain.dim - 1,
            domain.facets.indices[chosen],
        )
        self._conditions = [dolfinx.fem.dirichletbc(self._given, dofs, self._space.sub(0))]
        if not openings:  # the pressure's level is nothing's: one node of it is held
            level = dolfinx.fem.Function(self._pressures)
            node: Any = [
                np.array([self._to_pressure[0]], dtype=np.int32),
                np.zeros(1, dtype=np.int32),
            ]
            self._conditions.append(dolfinx.fem.dirichletbc(level, node, self._space.sub(1)))
        self._found = dolfinx.fem.Function(self._space)
        left, right = self._forms()
        self._left, self._right = compile_form(left), compile_form(right)
        self._residual = compile_form(ufl.action(left, self._found) - right)
        self._matrix: Any = dolfinx.fem.petsc.create_matrix(self._left)
        self._solver: Any = PETSc.KSP().create()
        self._solver.setType("preonly")
        self._solver.getPC().setType("lu")
        self._solver.getPC().setFactorSolverType("mumps")

    def start(
        self, velocity: Field, earlier: Field | None = None, earlier_points: Nodes | None = None
    ) -> None:
        """Begin with a velocity, m/s.

        Parameters
        ----------
        velocity
            By place.
        earlier, earlier_points
            The velocity one step earlier, and where the nodes were then if not here, m.
        """
        self._interpolate(self._u1, velocity)
        self._steps = 0
        if earlier is None:
            return
        here = self.domain.to_nodes(self.domain.coordinates().ravel())
        self.domain.move(here if earlier_points is None else earlier_points)
        self._interpolate(self._u2, earlier)
        self.domain.move(here)
        self._steps = 1

    def step(
        self,
        boundary_velocity: Field,
        *,
        points: Nodes | None = None,
        mesh_velocity: Nodes | None = None,
    ) -> None:
        """Go one step on; as `Projection.step`, but for a boundary velocity given by place.

        Raises
        ------
        ConvergenceError
            If the factors give no finite solution.
        """
        if points is not None:
            self.domain.move(points)
        if mesh_velocity is not None:
            self._w.x.array[:] = self.domain.to_dofs(mesh_velocity)
        self._interpolate(self._given, boundary_velocity)
        if self._steps == 0:
            self._u2.x.array[:] = self._u1.x.array
        for constant, rate in zip(self._rates, BDF2 if self._steps else BDF1, strict=True):
            constant.value = rate / self.time_step
        self._found.x.array[:] = found = self._solution()
        self._u2.x.array[:] = self._u1.x.array
        self._u1.x.array[:] = found[self._to_velocity]
        self._p.x.array[:] = found[self._to_pressure]
        self._steps += 1

    def force_on(self, wall: str) -> Float[np.ndarray, " dim"]:
        """Return the force of the fluid on a wall in the last step, N (N/m in a plane).

        It is the reaction: less the residual of the wall's own equations, inertia and all.
        """
        residual: Any = dolfinx.fem.petsc.assemble_vector(self._residual)
        facets = self.domain.facets
        chosen = facets.indices[facets.values == self.domain.tags[wall]]
        dim = self.domain.dim
        dofs = [
            dolfinx.fem.locate_dofs_topological(self._space.sub(0).sub(i), dim - 1, chosen)
            for i in range(dim)
        ]
        return -np.array([float(residual.array_r[each].sum()) for each in dofs])

    @property
    def velocity(self) -> Nodes:
        """Return the velocity at the region's nodes, m/s."""
        linear = dolfinx.fem.Function(self.domain.vector)
        linear.interpolate(self._u1)
        return self.domain.to_nodes(linear.x.array)

    @property
    def pressure(self) -> Float[np.ndarray, " nodes"]:
        """Return the pressure at the region's nodes, Pa (zero at one node if nothing is open)."""
        linear = dolfinx.fem.Function(self.domain.scalar)
        linear.interpolate(self._p)
        return self.domain.to_nodes(linear.x.array)[:, 0]

    def _interpolate(self, function: Any, field: Field) -> None:
        dim = self.domain.dim
        function.interpolate(lambda x: field(np.ascontiguousarray(x[:dim].T)).T)

    def _solution(self) -> Float[np.ndarray, " dofs"]:
        assemble: Any = dolfinx.fem.petsc.assemble_matrix
        self._matrix.zeroEntries()
        assemble(self._matrix, self._left, bcs=self._conditions)
        self._matrix.assemble()
        load: Any = dolfinx.fem.petsc.assemble_vector(self._right)
        dolfinx.fem.petsc.apply_lifting(load, [self._left], bcs=[self._conditions])
        dolfinx.fem.petsc.set_bc(load, self._conditions)
        self._solver.setOperators(self._matrix)
        x = self._matrix.createVecRight()
        self._solver.solve(load, x)
        found = np.array(x.array_r)
        if not np.isfinite(found).all():
            msg = (
                f"Step {self._steps + 1} of the flow has no finite solution. Take a smaller time "
                "step, or a mesh with better cells."
            )
            raise ConvergenceError(msg, ())
        return found

    def _forms(self) -> tuple[ufl.Form, ufl.Form]:
        """Return both sides of the step's equations."""
        u, p = ufl.TrialFunctions(self._space)
        v, q = ufl.TestFunctions(self._space)
        mesh = self.domain.mesh
        dx = ufl.dx(domain=mesh, metadata={"quadrature_degree": DEGREE})
        rho, mu = (
            dolfinx.fem.Constant(mesh, value)
            for value in (self.fluid.density, self.fluid.viscosity)
        )
        now, last, before = self._rates
        carried = 2 * self._u1 - self._u2 - self._w
        inertia = now * u + ufl.dot(ufl.grad(u), carried)
        left = (
            rho * ufl.dot(inertia, v)
            + mu * ufl.inner(ufl.grad(u), ufl.grad(v))
            - p * ufl.div(v)
            - q * ufl.div(u)
        ) * dx
        history = last * self._u1 + before * self._u2
        return left, -rho * ufl.dot(history, v) * dx


__all__ = ["Monolithic"]
