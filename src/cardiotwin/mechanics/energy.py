"""What a moving body holds, takes in and gives away."""

from dataclasses import dataclass

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import ufl

from cardiotwin.fem.compilation import compile_form
from cardiotwin.mechanics.dynamics import Dynamics, Kinematics
from cardiotwin.mechanics.modes import ModalSprings
from cardiotwin.mechanics.solved import Placement


@dataclass(frozen=True, kw_only=True)
class Energy:
    """Energies and powers of a moment.

    Parameters
    ----------
    kinetic, stored
        Of the wall, and in the wall and its springs, J.
    load_power
        What pressures and muscle give, W.
    dissipated_power
        What viscosity and dampers take, W.
    """

    kinetic: float
    stored: float
    load_power: float
    dissipated_power: float


class EnergyBalance:
    """Energies of a body in motion.

    Parameters
    ----------
    dynamics
        Whose motion it is. Tension at the quadrature points counts as it stands: a moment is to
        be asked for before the next step is taken.
    """

    def __init__(self, dynamics: Dynamics) -> None:
        self._body = body = dynamics.body
        fields, equations = body.fields, body.equations
        u, pressure = fields.split(fields.unknown)
        speed = self._speed = dolfinx.fem.Function(fields.placements)
        self._modal_springs = [
            one for one in dynamics.problem.couplings if isinstance(one, ModalSprings)
        ]
        density, viscosity = dynamics.coefficients
        G = ufl.Identity(3) + ufl.grad(fields.given)
        moving = density / 2 * ufl.inner(speed, speed) * ufl.det(G) * equations.volume
        self._kinetic = compile_form(moving)
        self._muscle = compile_form(-equations.active_work(u, fields.given, speed))
        self._stored = compile_form(equations.stored(u, fields.given, pressure))
        self._dissipated = compile_form(
            equations.resistance(u, speed, fields.given, speed, viscosity)
        )

    def at(self, motion: Kinematics) -> Energy:
        """Return the energies and powers of a motion."""
        body = self._body
        body.put(motion.solved)
        self._speed.x.array[:] = motion.velocity
        given = sum(
            -getattr(motion.solved.loads, name) * self._speed_along(name, motion.velocity)
            for name in body.cavities
        )
        kinetic, stored, dissipated, muscle = (
            body.domain.mesh.comm.allreduce(float(dolfinx.fem.assemble_scalar(form).real))
            for form in (self._kinetic, self._stored, self._dissipated, self._muscle)
        )
        return Energy(
            kinetic=kinetic,
            stored=stored + sum(one.energy(motion.solved) for one in self._modal_springs),
            load_power=given + muscle,
            dissipated_power=dissipated,
        )

    def _speed_along(self, name: str, velocity: Placement) -> float:
        fields = self._body.fields
        force = self._body.per_load(name)[fields.displacement_dofs]
        return float(fields.placement_layout.dot(force, velocity))
