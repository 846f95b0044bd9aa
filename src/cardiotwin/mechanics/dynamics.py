"""A body that moves: inertia, viscosity and dampers, one step in time after another."""

import math
from dataclasses import dataclass
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
import ufl
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.fem.bordering import Border
from cardiotwin.fem.newton import Equilibrium
from cardiotwin.fem.settings import NewtonSettings
from cardiotwin.geometry.shapes import INNER, jacobians
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.fields import Midway
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.schemes import GeneralisedAlpha, Scheme
from cardiotwin.mechanics.solved import Dofs, Placement, Solved

DENSITY = 1.06e3  # kg/m^3, of myocardium
STEPPING = NewtonSettings(relative=1e-6, absolute=1e-8, iterations=25, reuse=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Kinematics:
    """Where a body is, and how it moves.

    Parameters
    ----------
    time
        s.
    solved
        Placement and loads.
    velocity, acceleration
        Dofs of the displacement's rates, m/s and m/s^2.
    past
        Earlier times and unknowns, the last one first, from which the next step is predicted.
    """

    time: float
    solved: Solved
    velocity: Placement
    acceleration: Placement
    past: tuple[tuple[float, Dofs], ...] = ()

    def predicted(self, dt: float) -> Dofs:
        """Return the unknown at the next step's end, by the parabola through the last three."""
        nodes = [(self.time, self.solved.unknown), *self.past]
        result = np.zeros_like(self.solved.unknown)
        for i, (t, unknown) in enumerate(nodes):
            others = [s for j, (s, _) in enumerate(nodes) if j != i]
            share = math.prod((self.time + dt - other) / (t - other) for other in others)
            result += share * unknown
        return result


class Dynamics:
    """A body's motion from its unloaded placement.

    Parameters
    ----------
    body
        Whose weak form is joined by inertia and resistance.
    scheme
        How it steps.
    density
        Of the unloaded wall, kg/m^3; 0 for a wall without inertia.
    viscosity
        Of the wall, Pa s.
    newton
        Tolerances of a step.
    """

    def __init__(
        self,
        body: Body,
        *,
        scheme: Scheme | None = None,
        density: float = DENSITY,
        viscosity: float = 0.0,
        newton: NewtonSettings = STEPPING,
    ) -> None:
        for name, value in (("density", density), ("viscosity", viscosity)):
            if not 0 <= value < np.inf:
                msg = (
                    f"Dynamics.{name} must be finite and not negative, found {value:g}. "
                    "Give it in SI units."
                )
                raise InputError(msg)
        self.body = body
        self.scheme = scheme or GeneralisedAlpha()
        self.newton = newton
        self.density, self.viscosity = density, viscosity
        fields, mesh = body.fields, body.domain.mesh
        self._start = [dolfinx.fem.Function(fields.placements) for _ in range(3)]
        self._weights: list[list[Any]] = [
            [dolfinx.fem.Constant(mesh, 0.0) for _ in range(3)] for _ in range(2)
        ]
        self._midway = Midway(fields)
        self._midway.share = self.scheme.force_share
        u, pressure = fields.split(fields.unknown)
        test = fields.split(ufl.TestFunction(fields.space))
        shares = (self.scheme.force_share, self.scheme.inertia_share)
        forces, inertia = (dolfinx.fem.Constant(mesh, share) for share in shares)
        u_start, v_start, a_start = self._start
        self.placement = forces * u + (1 - forces) * u_start
        self.speed = forces * self._rate(u, 0) + (1 - forces) * v_start
        a = inertia * self._rate(u, 1) + (1 - inertia) * a_start
        self.coefficients = [dolfinx.fem.Constant(mesh, value) for value in (density, viscosity)]
        equations, given = body.equations, fields.given
        G = ufl.Identity(3) + ufl.grad(given)
        form = equations.residual(self.placement, given, pressure, test, volume_of=u)
        form += self.coefficients[0] * ufl.inner(a, test[0]) * ufl.det(G) * equations.volume
        form += equations.resistance(
            self.placement, self.speed, given, test[0], self.coefficients[1]
        )
        couplings = body.low_rank.couplings(follows=True, midway=self._midway)
        self.problem = Equilibrium(
            form,
            fields.unknown,
            fields.displacement_dofs,
            body.conditions,
            couplings,
            anchors=body.low_rank.anchors(),
            linear=body.linear,
        )
        lids = body.low_rank.lids(follows=True, midway=self._midway)
        self.unit_loads = body.unit_loads(self.placement, lids)

    def _rate(self, u: Any, order: int) -> Any:
        """Return the velocity (order 0) or acceleration (1) at the step's end."""
        u_start, v_start, a_start = self._start
        by_shift, by_velocity, by_acceleration = self._weights[order]
        return by_shift * (u - u_start) + by_velocity * v_start + by_acceleration * a_start

    def rest(self, solved: Solved, time: float = 0.0) -> Kinematics:
        """Return an equilibrium of the body as a motion that stands still, s."""
        still = np.zeros_like(solved.other)
        return Kinematics(time=time, solved=solved, velocity=still, acceleration=still)

    def step(
        self,
        start: Kinematics,
        loads: Loads,
        dt: float,
        *,
        acting: Loads | None = None,
        sought: "SoughtLoads | None" = None,
        border: Border | None = None,
    ) -> Kinematics:
        """Return the motion a step later, s, under the loads at the step's end.

        In between they act as on the straight way there, unless `acting` says how; loads that a
        `border` seeks are those of `sought`.

        Raises
        ------
        ConvergenceError
            If Newton does not arrive, or a cell turns inside out; it carries the last unknown.
        InputError
            If the step is not positive.
        """
        if not dt > 0:
            msg = f"A step must be positive, found {dt:g} s."
            raise InputError(msg)
        self._begin(start, dt)
        names = () if sought is None else sought.names
        share = self.scheme.force_share
        self.body.apply(acting or start.solved.loads.towards(loads, share), names)
        if sought is not None:
            sought.begin(start.solved.loads)
        fields = self.body.fields
        fields.unknown.x.array[:] = start.predicted(dt)
        try:
            self.problem.solve(self.newton, border, instead=start.solved.unknown)
            self._refuse_inverted()
        except ConvergenceError as error:
            fields.unknown.x.array[:] = start.solved.unknown
            when = f"{1e3 * start.time:.4g} ms, in a step of {1e3 * dt:.3g} ms"
            msg = f"The wall stopped at {when}: {error}"
            raise ConvergenceError(msg, error.residuals, start.solved.unknown) from error
        return self._end(start, sought.end(loads) if sought is not None else loads, dt)

    def _begin(self, start: Kinematics, dt: float) -> None:
        placement = self.body.displacement(start.solved)
        for function, values in zip(
            self._start, (placement, start.velocity, start.acceleration), strict=True
        ):
            function.x.array[:] = values
        self._midway.start = placement
        rates = (self.scheme.velocity(dt), self.scheme.acceleration(dt))
        for constants, weights in zip(self._weights, rates, strict=True):
            for constant, weight in zip(constants, weights, strict=True):
                constant.value = weight
        self.body.fields.given.x.array[:] = start.solved.other

    def _end(self, start: Kinematics, loads: Loads, dt: float) -> Kinematics:
        unknown = np.array(self.body.fields.unknown.x.array)
        shift = unknown[self.body.fields.displacement_dofs] - self.body.displacement(start.solved)
        rates = (self.scheme.velocity(dt), self.scheme.acceleration(dt))
        velocity, acceleration = (
            a * shift + b * start.velocity + c * start.acceleration for a, b, c in rates
        )
        return Kinematics(
            time=start.time + dt,
            solved=Solved(unknown=unknown, other=start.solved.other, loads=loads),
            velocity=velocity,
            acceleration=acceleration,
            past=((start.time, start.solved.unknown), *start.past)[:2],
        )

    def _refuse_inverted(self) -> None:
        volumes = np.linalg.det(jacobians(self.body.fields.unknown_nodes(), self.body.mesh, INNER))
        worst = int(np.argmin(volumes.min(axis=1)))
        smallest = float(volumes[worst].min())
        if not smallest > 0:
            ratio = smallest / float(np.abs(volumes[worst]).max())
            msg = (
                f"cell {worst} turned inside out, found a volume ratio of {ratio:.3g}. "
                "Take a smaller step, or a finer mesh there."
            )
            raise ConvergenceError(msg, ())


class SoughtLoads:
    """Loads at a step's end that are sought, as a border of `Dynamics.problem` sees them.

    Parameters
    ----------
    dynamics
        Whose step it is.
    names
        Loads in which the residual is linear.
    """

    def __init__(self, dynamics: Dynamics, names: tuple[str, ...]) -> None:
        self.names = names
        self._dynamics = dynamics
        self._share = dynamics.scheme.force_share
        self._constants = [dynamics.body.constants[name] for name in names]
        self._start = np.zeros(len(names))

    def begin(self, loads: Loads) -> None:
        """Begin a step with the loads at its beginning, which are the first guess of its end."""
        self._start = np.array([getattr(loads, name) for name in self.names])
        self.values = self._start

    @property
    def values(self) -> Float[np.ndarray, " loads"]:
        """Return the loads at the step's end."""
        acting = np.array([float(constant.value) for constant in self._constants])
        return np.asarray((acting - (1 - self._share) * self._start) / self._share)

    @values.setter
    def values(self, values: Float[np.ndarray, " loads"]) -> None:
        acting = self._share * values + (1 - self._share) * self._start
        for constant, value in zip(self._constants, acting, strict=True):
            constant.value = value

    def columns(self) -> Float[np.ndarray, "dofs loads"]:
        """Return the residual's derivatives by the loads at the step's end."""
        forces = [self._dynamics.unit_loads.force(name) for name in self.names]
        return self._share * np.stack(forces, axis=1)

    def end(self, loads: Loads) -> Loads:
        """Return the loads at the step's end with those that were found."""
        found = dict(zip(self.names, self.values.tolist(), strict=True))
        return Loads(**{**vars(loads), **found})
