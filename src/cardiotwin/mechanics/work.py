"""The work that is done on a moving wall, step by step, and where it went.

Forces at a step's beginning and at its end, along the way between: for equilibria this is the work
to second order in the step, whatever scheme led from one to the other, so that what is missing in
the balance is the scheme's own: the inertia's work, which is not the kinetic energy's growth (of
`BackwardEuler`: what it takes from the motion, half the mass times the square of a step's jump in
velocity), and it is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
import ufl

from cardiotwin.fem.compilation import compile_form
from cardiotwin.mechanics.dynamics import Dynamics, Kinematics
from cardiotwin.mechanics.energy import EnergyBalance
from cardiotwin.mechanics.solved import Placement

MUSCLE, RESISTANCE, INERTIA = "muscle", "resistance", "inertia"


@dataclass(frozen=True, kw_only=True)
class Work:
    """What went in and out of a wall over a part of its motion, J.

    Parameters
    ----------
    by_pressure
        Work that each cavity's pressure did on the wall, by the pressure's name.
    by_muscle
        Work that the active tension did on the wall.
    dissipated
        What viscosity and dampers took.
    kinetic, stored
        By how much the wall's kinetic energy, and the energy in wall and springs, grew.
    scheme
        What the scheme took from the motion: the inertia's work less the kinetic energy's growth.
    turnover
        All that pressures and muscle gave in the steps in which they gave: the measure of `gap`.
    """

    by_pressure: Mapping[str, float]
    by_muscle: float
    dissipated: float
    kinetic: float
    stored: float
    scheme: float
    turnover: float

    @property
    def gap(self) -> float:
        """Return what came in and is neither held nor dissipated, J; zero but for the steps."""
        given = sum(self.by_pressure.values()) + self.by_muscle
        return given - self.dissipated - self.kinetic - self.stored

    @property
    def unexplained(self) -> float:
        """Return what of `gap` the scheme did not take, J; of the step's second order."""
        return self.gap - self.scheme


class WorkMeter:
    """What watches a motion from one moment on and adds up its work.

    Parameters
    ----------
    dynamics
        Whose motion it is.
    start
        Its first moment, at which the wall is asked at once: tension at the quadrature points
        counts as it stands, so each moment is to be shown before the next step is taken.
    """

    def __init__(self, dynamics: Dynamics, start: Kinematics) -> None:
        self._body = body = dynamics.body
        self._balance = EnergyBalance(dynamics)
        fields, equations = body.fields, body.equations
        u, _ = fields.split(fields.unknown)
        v = ufl.TestFunction(fields.placements)
        self._speed, self._acceleration = (
            dolfinx.fem.Function(fields.placements) for _ in range(2)
        )
        density, viscosity = dynamics.coefficients
        mass = density * ufl.det(ufl.Identity(3) + ufl.grad(fields.given))
        self._forms = {
            MUSCLE: compile_form(equations.active_work(u, fields.given, v)),
            RESISTANCE: compile_form(
                equations.resistance(u, self._speed, fields.given, v, viscosity)
            ),
            INERTIA: compile_form(mass * ufl.inner(self._acceleration, v) * equations.volume),
        }
        self._sums = dict.fromkeys((*body.cavities, *self._forms), 0.0)
        self._turnover = 0.0
        self._first = self._balance.at(start)
        self._last, self._forces = start, self._measured(start)

    def watch(self, motion: Kinematics) -> None:
        """Add the work of the way from the moment before."""
        body, forces = self._body, self._measured(motion)
        way = body.displacement(motion.solved) - body.displacement(self._last.solved)
        for name, before in self._forces.items():
            force = (before + forces[name]) / 2
            work = -float(body.fields.placement_layout.dot(force, way))
            self._sums[name] += work
            if name not in (RESISTANCE, INERTIA):
                self._turnover += max(work, 0.0)
        self._last, self._forces = motion, forces

    def read(self) -> Work:
        """Return what was done from the first moment to the last."""
        last = self._balance.at(self._last)
        kinetic = last.kinetic - self._first.kinetic
        return Work(
            by_pressure={name: self._sums[name] for name in self._body.cavities},
            by_muscle=self._sums[MUSCLE],
            dissipated=-self._sums[RESISTANCE],
            kinetic=kinetic,
            stored=last.stored - self._first.stored,
            scheme=-self._sums[INERTIA] - kinetic,
            turnover=self._turnover,
        )

    def _measured(self, motion: Kinematics) -> dict[str, Placement]:
        """Return the residual's parts at a moment."""
        body = self._body
        body.put(motion.solved)
        self._speed.x.array[:] = motion.velocity
        self._acceleration.x.array[:] = motion.acceleration
        dofs = body.fields.displacement_dofs
        loads = motion.solved.loads
        forces = {name: getattr(loads, name) * body.per_load(name)[dofs] for name in body.cavities}
        return forces | {name: self._vector(form) for name, form in self._forms.items()}

    def _vector(self, form: Any) -> Placement:
        layout = self._body.fields.placement_layout
        array = np.zeros(layout.n_local)
        dolfinx.fem.assemble_vector(array, form)
        return layout.assembled(array)


__all__ = ["Work", "WorkMeter"]
