"""Navier-Stokes on a moving mesh by incremental pressure correction, linear in both fields.

Each step solves one matrix for the components of a velocity that is not yet solenoidal, then a
Poisson problem for the pressure's change, and corrects the velocity with a lumped mass. All terms
live on the mesh of the new time and advection is in its non-conservative form, so that a uniform
stream stays uniform under any motion of the mesh. Time: BDF2 with an extrapolated advecting
velocity. Space: P1-P1 with SUPG and PSPG. What resists the flow relative to the mesh (a valve that
is closed) stands in both problems, so that the pressure drops inside it and pushes nothing beside.

Guermond, Minev & Shen (2006), Comput Methods Appl Mech Eng 195:6011-6045 (rotational incremental
scheme); Tezduyar (1991), Adv Appl Mech 28:1-44 (SUPG/PSPG).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
import ufl
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.fem.compilation import compile_form
from cardiotwin.haemodynamics.assembled import Matrix, Vector
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.domain import FluidDomain, Nodes
from cardiotwin.haemodynamics.krylov import PressureSolver, VelocitySolver
from cardiotwin.haemodynamics.stabilisation import intrinsic_time

BDF1 = (1.0, -1.0, 0.0)
BDF2 = (1.5, -2.0, 0.5)


class Projection:
    """The flow in a moving region, step by step.

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
        Parts through which fluid moves as it will, against a given pressure.
    backflow
        Share of the momentum that enters through an opening which is taken away there: 0 leaves
        it all, 1 takes what makes an outlet unstable when its flow turns round (Bazilevs et al.
        2009, Comput Methods Appl Mech Eng 198:3534-3550, use 0.2 to 1).
    tolerance
        Of the linear solvers, relative.
    resistive
        Whether cells may resist the flow (`step`).
    """

    def __init__(
        self,
        domain: FluidDomain,
        fluid: Fluid,
        time_step: float,
        *,
        walls: Sequence[str],
        openings: Sequence[str] = (),
        backflow: float = 0.5,
        tolerance: float = 1e-8,
        resistive: bool = False,
    ) -> None:
        if not time_step > 0:
            msg = f"time_step must be positive, found {time_step:g} s. A beat takes 200 to 1000."
            raise InputError(msg)
        strange = sorted({*walls, *openings} ^ set(domain.tags))
        if strange:
            msg = (
                f"Every part of the boundary is a wall or an opening, found {', '.join(strange)} "
                f"besides. The parts are {', '.join(domain.tags)}."
            )
            raise InputError(msg)
        self.domain, self.fluid, self.time_step = domain, fluid, time_step
        self.time = 0.0
        self._openings = tuple(openings)
        self._fixed = domain.dofs_of(*walls)
        self._open = domain.dofs_of(*openings) if openings else None
        names = ("u", "u1", "u2", "w", "advection", "history", "slope")
        self._fields = {name: dolfinx.fem.Function(domain.vector) for name in names}
        self._p, self._change = (dolfinx.fem.Function(domain.scalar) for _ in range(2))
        mesh = domain.mesh
        self._backflow: Any = dolfinx.fem.Constant(mesh, backflow)
        self._rate: Any = dolfinx.fem.Constant(mesh, BDF1[0] / time_step)
        self._head = {name: domain.dofs_of(name) for name in openings}
        self._brake = dolfinx.fem.Function(domain.constants) if resistive else None
        self._steps = 0
        self._assemble_with(*self._forms())
        self._velocity_solver = VelocitySolver(domain, self._fixed, tolerance)
        self._pressure_solver = PressureSolver(domain, self._open, tolerance)

    @property
    def velocity(self) -> Nodes:
        """Return the velocity at the region's nodes, m/s."""
        return self.domain.to_nodes(self._fields["u1"].x.array)

    @property
    def pressure(self) -> Float[np.ndarray, " nodes"]:
        """Return the pressure at the region's nodes, Pa (of mean zero if nothing is open)."""
        return self.domain.to_nodes(self._p.x.array)[:, 0]

    def start(
        self, velocity: Nodes, pressure: Float[np.ndarray, " nodes"], earlier: Nodes | None = None
    ) -> None:
        """Begin with a velocity, m/s, a pressure, Pa, and the velocity one step earlier."""
        self._fields["u1"].x.array[:] = self.domain.to_dofs(velocity)
        self._p.x.array[:] = self.domain.to_dofs(pressure)
        self.time, self._steps = 0.0, 0
        if earlier is not None:
            self._fields["u2"].x.array[:] = self.domain.to_dofs(earlier)
            self._steps = 1

    def step(
        self,
        boundary_velocity: Nodes,
        *,
        points: Nodes | None = None,
        mesh_velocity: Nodes | None = None,
        opening_pressure: Mapping[str, float] | None = None,
        resistance: Float[np.ndarray, " cells"] | None = None,
    ) -> None:
        """Go one step on.

        Parameters
        ----------
        boundary_velocity
            At the new time, m/s; only the nodes of walls count.
        points, mesh_velocity
            Where the nodes are at the new time, m, and how they move then, m/s; a mesh at rest
            needs neither.
        opening_pressure
            At the new time by opening, Pa; one not named keeps its own, zero at first.
        resistance
            Force on the fluid per volume and velocity relative to the mesh, kg/(m^3 s), by cell,
            from now on; only of a `resistive` flow.

        Raises
        ------
        ConvergenceError
            If a linear solver stops before its tolerance.
        """
        domain, fields = self.domain, self._fields
        if points is not None:
            domain.move(points)
        if mesh_velocity is not None:
            fields["w"].x.array[:] = domain.to_dofs(mesh_velocity)
        if resistance is not None:
            assert self._brake is not None, "the flow was made resistive"  # noqa: S101 - a bug
            self._brake.x.array[:] = domain.to_cells(resistance)
        first = self._steps == 0
        if first:
            fields["u2"].x.array[:] = fields["u1"].x.array
        now, last, before = (rate / self.time_step for rate in (BDF1 if first else BDF2))
        self._rate.value = now
        u1, u2 = fields["u1"].x.array, fields["u2"].x.array
        fields["history"].x.array[:] = last * u1 + before * u2
        fields["advection"].x.array[:] = 2 * u1 - u2 - fields["w"].x.array
        self._predict(domain.to_dofs(boundary_velocity))
        self._correct(opening_pressure or {})
        fields["u2"].x.array[:] = fields["u1"].x.array
        fields["u1"].x.array[:] = fields["u"].x.array
        self._steps += 1
        self.time += self.time_step
        if not np.isfinite(fields["u1"].x.array).all():
            msg = (
                f"The flow has no finite velocity after {self._steps} steps. "
                "Take a smaller time step, or longer valve ramps."
            )
            raise ConvergenceError(msg, ())

    def _predict(self, given: Float[np.ndarray, " dofs"]) -> None:
        """Solve for the velocity under the last pressure."""
        dim, u = self.domain.dim, self._fields["u"]
        matrix = self._momentum.assembled()
        load = self._momentum_load.assembled().reshape(-1, dim)
        guess = (2 * self._fields["u1"].x.array - self._fields["u2"].x.array).reshape(-1, dim)
        self._velocity_solver.prepare(matrix)
        found = self._velocity_solver.solve(load, given.reshape(-1, dim), guess)
        u.x.array[:] = found.ravel()
        u.x.scatter_forward()

    def _correct(self, heads: Mapping[str, float]) -> None:
        """Make the velocity solenoidal by a change of the pressure."""
        dim, u = self.domain.dim, self._fields["u"]
        mass = self._mass.assembled()
        divergence = self._divergence.assembled() / mass
        slope = self._slope.assembled().reshape(-1, dim) / mass[:, None]
        self._fields["slope"].x.array[:] = slope.ravel()
        self._pressure_solver.prepare(self._poisson.assembled())
        before = self._p.x.array.copy()
        given = np.zeros_like(before)
        for name, value in heads.items():
            given[self._head[name]] = value - before[self._head[name]]
        load = self._poisson_load.assembled()
        self._change.x.array[:] = self._pressure_solver.solve(load, given)
        self._change.x.scatter_forward()
        push = self._push.assembled().reshape(-1, dim) / mass[:, None]
        push[self._fixed] = 0
        u.x.array[:] -= push.ravel()
        self._p.x.array[:] += self._change.x.array - self.fluid.viscosity * divergence
        if self._open is None:
            self._p.x.array[:] -= self._mean(mass)
        else:
            self._p.x.array[self._open] = (before + given)[self._open]
        u.x.scatter_forward()
        self._p.x.scatter_forward()

    def _mean(self, mass: Float[np.ndarray, " dofs"]) -> float:
        """Return the pressure's mean over the region, Pa."""
        n, comm = self.domain.n_owned, self.domain.comm
        both = np.array([mass[:n] @ self._p.x.array[:n], mass[:n].sum()])
        total = comm.allreduce(both)
        return float(total[0] / total[1])

    def _forms(self) -> tuple[Any, ...]:
        """Return the forms in the order in which `_assemble_with` takes them."""
        domain, mesh = self.domain, self.domain.mesh
        u, a, history = (self._fields[name] for name in ("u", "advection", "history"))
        rho, mu = (
            dolfinx.fem.Constant(mesh, value)
            for value in (self.fluid.density, self.fluid.viscosity)
        )
        step = dolfinx.fem.Constant(mesh, self.time_step)
        trial, test = ufl.TrialFunction(domain.scalar), ufl.TestFunction(domain.scalar)
        tests = ufl.TestFunction(domain.vector)
        # One rule per form: FFCx 0.11 may take a form's second rule for all its terms.
        dx = ufl.dx(domain=mesh, metadata={"quadrature_degree": 2})
        dx1 = ufl.dx(domain=mesh, metadata={"quadrature_degree": 1})
        # Where cells resist, momentum is scaled by what they leave of a push, cell by cell: else
        # a node beside them would feel the whole fall of the pressure inside.
        brake: Any = 0.0  # 1/s
        calm, fast, smoothed = 1, 2 / step, self._fields["slope"]
        if self._brake is not None:
            brake = self._brake / rho
            calm, fast = self._rate / (self._rate + brake), ufl.sqrt(fast**2 + brake**2)
            smoothed = self._fields["slope"] / calm
        tau = intrinsic_time(a, mu / rho, fast, mesh)
        inertia = (self._rate + brake) * trial + ufl.dot(a, ufl.grad(trial))
        along = ufl.dot(a, ufl.grad(test))
        momentum = (
            calm * rho * inertia * test * dx
            + calm * mu * ufl.dot(ufl.grad(trial), ufl.grad(test)) * dx
            + calm * tau * rho * inertia * along * dx
        )
        slope = ufl.grad(self._p)  # not by parts: an opening's traction is its pressure's then
        pull = rho * (history - brake * self._fields["w"]) + slope
        load = -calm * ufl.dot(pull, tests + tau * ufl.dot(ufl.grad(tests), a)) * dx
        n = ufl.FacetNormal(mesh)
        for name in self._openings:
            ds = domain.boundary_measure(name)
            inwards = ufl.min_value(ufl.dot(a, n), 0.0)
            momentum += -self._backflow * rho * inwards * trial * test * ds
        pushed = 1 / (rho * (self._rate + brake))
        rough = slope - smoothed
        smooth = intrinsic_time(a, mu / rho, brake, mesh)
        poisson = (pushed + smooth / rho) * ufl.dot(ufl.grad(trial), ufl.grad(test)) * dx1
        source = -ufl.div(u) * test * dx1 - smooth / rho * ufl.dot(rough, ufl.grad(test)) * dx1
        push = pushed * ufl.dot(ufl.grad(self._change), tests) * dx1
        steepness = calm * ufl.dot(slope, tests) * dx1
        return (
            momentum,
            load,
            poisson,
            source,
            push,
            test * dx1,
            ufl.div(u) * test * dx1,
            steepness,
        )

    def _assemble_with(self, *forms: Any) -> None:
        momentum, load, poisson, source, push, mass, divergence, slope = map(compile_form, forms)
        self._momentum, self._poisson = Matrix(momentum), Matrix(poisson)
        self._momentum_load, self._poisson_load = Vector(load), Vector(source)
        self._push, self._mass, self._divergence = Vector(push), Vector(mass), Vector(divergence)
        self._slope = Vector(slope)


__all__ = ["Projection"]
