"""Navier-Stokes on a moving mesh by incremental pressure correction, linear in both fields.

Each step solves one matrix for the components of a velocity that is not yet solenoidal, then the
pressure's change that leaves it so, walls held, and corrects it with a lumped mass. All terms
live on the mesh of the new time and advection is in its non-conservative form, so that a uniform
stream stays uniform under any motion of the mesh. Time: BDF2 with an extrapolated advecting
velocity. Space: P1-P1 with SUPG and PSPG. What resists the flow relative to the mesh (a valve that
is closed) stands in both problems, so that the pressure drops inside it and pushes nothing beside.

Guermond, Minev & Shen (2006), Comput Methods Appl Mech Eng 195:6011-6045 (rotational incremental
scheme); Tezduyar (1991), Adv Appl Mech 28:1-44 (SUPG/PSPG).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.haemodynamics.assembled import Matrix
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.cells import SIDES, LinearCells, Pairs, Vectors, rule
from cardiotwin.haemodynamics.correction import Correction
from cardiotwin.haemodynamics.domain import FluidDomain, Nodes
from cardiotwin.haemodynamics.krylov import PressureSolver, VelocitySolver
from cardiotwin.haemodynamics.stabilisation import intrinsic_time

Dofs = Float[np.ndarray, "dofs dim"]
Braked = float | Float[np.ndarray, " cells"]
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
        self._fixed = domain.dofs_of(*walls)
        self._open = domain.dofs_of(*openings) if openings else None
        n_dofs = len(domain.node_of_dof)
        self._u1, self._u2, self._w = (np.zeros((n_dofs, domain.dim)) for _ in range(3))
        self._p = np.zeros(n_dofs)
        self._backflow, self._resistive = backflow, resistive
        self._head = {name: domain.dofs_of(name) for name in openings}
        self._brake: Braked = 0.0  # 1/s
        self._steps, self._switched = 0, False
        self._cells = LinearCells(np.asarray(domain.scalar.dofmap.list).T, n_dofs)
        self._place()
        self._correction = Correction(domain, self._cells, self._fixed)
        corners = self._cells.corners
        pairs = np.broadcast_to(corners[:, None], (len(corners), *corners.shape))
        rows, columns = pairs.ravel(), pairs.swapaxes(0, 1).ravel()
        self._poisson = Matrix(domain, rows, columns)
        self._sides = domain.sides_of(*openings)
        ends = self._cells.corners_of(*self._sides)
        pairs = np.broadcast_to(ends[:, None], (len(ends), *ends.shape))
        rows = np.concatenate([rows, pairs.ravel()])
        columns = np.concatenate([columns, pairs.swapaxes(0, 1).ravel()])
        self._momentum = Matrix(domain, rows, columns)
        self._velocity_solver = VelocitySolver(domain, self._fixed, tolerance)
        self._pressure_solver = PressureSolver(domain, self._open, tolerance)

    @property
    def velocity(self) -> Nodes:
        """Return the velocity at the region's nodes, m/s."""
        return self.domain.to_nodes(self._u1.ravel())

    @property
    def pressure(self) -> Float[np.ndarray, " nodes"]:
        """Return the pressure at the region's nodes, Pa (of mean zero if nothing is open)."""
        return self.domain.to_nodes(self._p)[:, 0]

    @property
    def subscale(self) -> Float[np.ndarray, "cells dim"]:
        """Return the velocity by cell that stands for what the mesh does not resolve, m/s.

        -tau / rho times the pressure's slope less the mean of slopes near by: with it the last
        step's velocity has no sources (Codina 2002, Comput Methods Appl Mech Eng 191:4295-4321).
        """
        return self.domain.from_cells((-self._smooth * self._sharp(self._held)).T)

    def start(
        self, velocity: Nodes, pressure: Float[np.ndarray, " nodes"], earlier: Nodes | None = None
    ) -> None:
        """Begin with a velocity, m/s, a pressure, Pa, and the velocity one step earlier."""
        self._u1 = self._dofs(velocity)
        self._p = self.domain.to_dofs(pressure)
        self.time, self._steps = 0.0, 0
        if earlier is not None:
            self._u2 = self._dofs(earlier)
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
        domain = self.domain
        if points is not None:
            domain.move(points)
            self._place()
        if mesh_velocity is not None:
            self._w = self._dofs(mesh_velocity)
        if resistance is not None:
            assert self._resistive, "the flow was made resistive"  # noqa: S101 - a bug
            before, self._brake = self._brake, domain.to_cells(resistance) / self.fluid.density
            self._switched = not np.array_equal(before, self._brake)
        first = self._steps == 0
        if first:
            self._u2 = self._u1
        now, last, before = (rate / self.time_step for rate in (BDF1 if first else BDF2))
        self._rate = now
        history = last * self._u1 + before * self._u2
        carried = self._cells.at_corners(2 * self._u1 - self._u2 - self._w)
        predicted = self._predict(self._dofs(boundary_velocity), history, carried)
        self._u2, self._u1 = self._u1, self._corrected(predicted, carried, opening_pressure or {})
        self._steps, self.time = self._steps + 1, self.time + self.time_step
        if not np.isfinite(self._u1).all():
            msg = (
                f"The flow has no finite velocity after {self._steps} steps. "
                "Take a smaller time step, or longer valve ramps."
            )
            raise ConvergenceError(msg, ())

    def _dofs(self, values: Nodes) -> Dofs:
        return self.domain.to_dofs(values).reshape(-1, self.domain.dim)

    def _place(self) -> None:
        """Take the nodes' places."""
        cells = self._cells
        cells.place(self.domain.coordinates())
        self._mass = self.domain.shared(cells.spread(np.ones_like(cells.sizes)))

    @property
    def _calm(self) -> Braked:
        """Return what resistance leaves of a push, cell by cell.

        Momentum is scaled by it: else a node beside a cell that resists would feel the whole fall
        of the pressure inside.
        """
        return self._rate / (self._rate + self._brake)

    def _predict(self, given: Dofs, history: Dofs, carried: Vectors) -> Dofs:
        """Return the velocity under the last pressure."""
        values, load = self._momentum_of(history, carried)
        values = np.concatenate([values.ravel(), self._inflow(2 * self._u1 - self._u2 - self._w)])
        self._velocity_solver.prepare(self._momentum.filled(values))
        guess = 2 * self._u1 - self._u2
        return self.domain.updated(self._velocity_solver.solve(load, given, guess))

    def _momentum_of(self, history: Dofs, carried: Vectors) -> tuple[Pairs, Dofs]:
        """Return the momentum's matrix by cell, and its right-hand side."""
        cells, rho, mu = self._cells, self.fluid.density, self.fluid.viscosity
        calm, rate = self._calm, self._rate + self._brake
        fast = np.sqrt((2 / self.time_step) ** 2 + self._brake**2)
        known = rho * cells.at_corners(history)
        if self._resistive:
            known = known - rho * self._brake * cells.at_corners(self._w)
        slope = cells.slope(self._p)  # not by parts: an opening's traction is its pressure's then
        values = calm * mu * cells.sizes * cells.products
        pull = np.zeros_like(carried)
        for share, weights in cells.rule:
            swept = cells.swept(np.tensordot(weights, carried, (0, 1)))
            tau = intrinsic_time(swept, cells.fineness, mu / rho, fast)
            test, size = weights[:, None] + tau * swept, share * calm * cells.sizes
            values += (rho * size * test)[:, None] * (rate * weights[:, None] + swept)
            pull -= (size * (np.tensordot(weights, known, (0, 1)) + slope))[:, None] * test
        load = np.stack([cells.gathered(part) for part in pull], axis=1)
        return values, self.domain.shared(load)

    def _inflow(self, carried: Dofs) -> Float[np.ndarray, " values"]:
        """Return what is taken from the momentum that enters through openings, by pairs."""
        cells, (cell, opposite) = self._cells, self._sides
        area = -self.domain.dim * cells.sizes[cell] * cells.slopes[:, opposite, cell]
        at = carried[self._cells.corners_of(*self._sides)]
        values = np.zeros((len(at), *at.shape[:2]))
        for share, weights in rule(SIDES[self.domain.dim]):
            through = np.minimum((np.tensordot(weights, at, (0, 0)) * area.T).sum(axis=1), 0.0)
            taken = -self._backflow * self.fluid.density * share * through
            values += np.multiply.outer(np.outer(weights, weights), taken)
        return np.asarray(values.ravel())

    def _corrected(self, u: Dofs, carried: Vectors, heads: Mapping[str, float]) -> Dofs:
        """Return the velocity made solenoidal by a change of the pressure."""
        domain, cells, mass = self.domain, self._cells, self._mass
        rho, mu = self.fluid.density, self.fluid.viscosity
        sources = cells.spread(cells.divergence(cells.at_corners(u)))
        still = cells.swept(carried.mean(axis=1))
        fast = np.hypot(self._brake, 2 / self.time_step)
        smooth = intrinsic_time(still, cells.fineness, mu / rho, fast) / rho
        pushed = np.broadcast_to(1 / (rho * (self._rate + self._brake)), smooth.shape)
        matrix = self._poisson.filled(((pushed + smooth) * cells.sizes * cells.products).ravel())
        self._pressure_solver.prepare(matrix, changed=self._switched)
        before = self._p
        given = np.zeros_like(before)
        for name, value in heads.items():
            given[self._head[name]] = value - before[self._head[name]]
        rough = cells.gathered(smooth * cells.sizes * cells.swept(self._sharp(before)))
        load = domain.shared(-sources - rough)
        solve, correct = self._pressure_solver.solve, self._correction
        correct.place(mass, pushed, smooth)
        change = domain.updated(solve(load, given, correct.sources))
        self._smooth, self._held = smooth, before + change
        self._p = self._held + mu * load / mass
        if self._open is None:
            self._p -= self._mean()
        else:
            self._p[self._open] = (before + given)[self._open]
        self._p = domain.updated(self._p)
        return domain.updated(u - correct.pushes(change))

    def _sharp(self, pressure: Float[np.ndarray, " dofs"]) -> Float[np.ndarray, "dim cells"]:
        """Return the slope of a pressure less the mean of slopes near by, Pa/m."""
        cells, calm = self._cells, self._calm
        slope = cells.slope(pressure)
        steep = np.stack([cells.spread(calm * part) for part in slope], axis=1)
        near = self.domain.shared(steep) / self._mass[:, None]
        return np.asarray(slope - cells.at_corners(near).mean(axis=1) / calm)

    def _mean(self) -> float:
        """Return the pressure's mean over the region, Pa."""
        n = self.domain.n_owned
        both = np.array([self._mass[:n] @ self._p[:n], self._mass[:n].sum()])
        total = self.domain.comm.allreduce(both)
        return float(total[0] / total[1])


__all__ = ["Projection"]
