"""The flow through a beating ventricle whose wall moves as measured.

What the wall displaces goes through the windows: the mitral one while the cavity grows, the aortic
one while it shrinks, and where one takes over from the other (the volume rests there) both for the
length of a ramp. So volume and flow agree at every step, and pressure is known up to a constant:
what drives the flow are its differences. Measured motion tells no isovolumic phases apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mpi4py import MPI

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import MovingCavity
from cardiotwin.geometry.cavity.motion import area_vectors, flux, volume_rate
from cardiotwin.geometry.regions import cell_sizes
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.domain import FluidDomain, Nodes
from cardiotwin.haemodynamics.projection import Projection

VALVES = ("mitral", "aortic")
RAMP = 15e-3  # s
SHORTEST, LONGEST = 5e-3, 60e-3  # s, of a ramp
MOMENTS = 128  # of the beat at which the volume's extremes are looked for


@dataclass(frozen=True, kw_only=True)
class Valves:
    """When the two valves of a ventricle are open.

    Parameters
    ----------
    end_diastole, end_systole
        When the volume is largest and smallest, s.
    period
        s.
    ramp
        How long one valve takes over from the other, s.
    """

    end_diastole: float
    end_systole: float
    period: float
    ramp: float = RAMP

    def __post_init__(self) -> None:
        check_ramp(self.ramp)

    def systole(self, time: float) -> bool:
        """Return whether the volume falls from its maximum to its minimum."""
        length = (self.end_systole - self.end_diastole) % self.period
        return (time - self.end_diastole) % self.period < length

    def aortic(self, time: float) -> float:
        """Return the aortic valve's share of the flow: 0 closed, 1 open; the rest is mitral."""
        since_opening = (time - self.end_diastole + self.ramp / 2) % self.period
        since_closing = (time - self.end_systole + self.ramp / 2) % self.period
        systole = (self.end_systole - self.end_diastole) % self.period
        opened = _smooth(since_opening / self.ramp)
        return opened if since_opening < systole else 1 - _smooth(since_closing / self.ramp)


def _smooth(share: float) -> float:
    """Return 0 before 0, 1 after 1, and a cubic between whose ends are level."""
    x = min(max(share, 0.0), 1.0)
    return x * x * (3 - 2 * x)


def valve_times(cavity: MovingCavity, ramp: float = RAMP) -> Valves:
    """Return when a moving cavity's valves open, from its volume's extremes."""
    times = np.arange(MOMENTS) / MOMENTS * cavity.motion.period
    volumes = np.array([volume(cavity, float(t)) for t in times])
    step = cavity.motion.period / MOMENTS
    found = {}
    for name, at in (("end_diastole", volumes.argmax()), ("end_systole", volumes.argmin())):
        middle = float(times[at])
        root = brentq(lambda t: growth(cavity, t), middle - step, middle + step)
        found[name] = float(root) % cavity.motion.period
    return Valves(**found, period=cavity.motion.period, ramp=ramp)


def volume(cavity: MovingCavity, time: float) -> float:
    """Return the cavity's volume with its stubs, m^3."""
    return float(cell_sizes(cavity.motion.positions(time), cavity.region.cells).sum())


def growth(cavity: MovingCavity, time: float) -> float:
    """Return how fast the cavity grows, m^3/s."""
    motion = cavity.motion
    return volume_rate(motion.positions(time), cavity.region.cells, motion.velocity(time))


@dataclass(frozen=True, kw_only=True, eq=False)
class Moment:
    """The flow after a step.

    Parameters
    ----------
    time
        Since the first end-diastole, s.
    points, velocity, pressure
        At the region's nodes: m, m/s, Pa (of mean zero between windows).
    inflow
        Through the mitral valve, m^3/s, positive into the ventricle.
    outflow
        Through the aortic valve, m^3/s, positive out of it.
    imbalance
        What goes through the valves against what the wall displaces, m^3/s: zero but for
        rounding between windows, and for the linear solvers' tolerance between valves.
    resolved
        The same of the nodes' velocity alone, m^3/s, without `Projection.subscale`.
    """

    time: float
    points: Nodes
    velocity: Nodes
    pressure: Float[np.ndarray, " nodes"]
    inflow: float
    outflow: float
    imbalance: float
    resolved: float


def check_steps(steps: int) -> None:
    """Refuse a beat of few steps."""
    if steps < 50:
        msg = f"A beat takes at least 50 steps, found {steps}. 200 to 1000 resolve the valves."
        raise InputError(msg)


def check_ramp(ramp: float) -> None:
    """Refuse valves that open in no time, s, or for longer than they are open."""
    if not SHORTEST <= ramp <= LONGEST:
        msg = (
            f"Valves take {SHORTEST * 1e3:g} to {LONGEST * 1e3:g} ms to open, found a ramp of "
            f"{ramp * 1e3:.3g} ms. Give it in seconds; 0.015 is usual."
        )
        raise InputError(msg)


class HeartFlow:
    """The flow in a moving cavity, from rest at the volume's maximum.

    Parameters
    ----------
    cavity
        Whose motion drives the blood.
    fluid
        The blood.
    steps
        Per beat.
    ramp
        How long one valve takes over from the other, s.
    valves
        When they are open; None: from the volume's extremes.
    tolerance
        Of the linear solvers, relative.
    comm
        The processes that share the mesh; each is given all of the answer.
    """

    def __init__(
        self,
        cavity: MovingCavity,
        fluid: Fluid,
        *,
        steps: int,
        ramp: float = RAMP,
        valves: Valves | None = None,
        tolerance: float = 1e-6,
        comm: MPI.Intracomm = MPI.COMM_SELF,
    ) -> None:
        check_steps(steps)
        self.cavity = cavity
        self.valves = valves or valve_times(cavity, ramp)
        self.time_step = cavity.motion.period / steps
        self.start = self.valves.end_diastole
        domain = FluidDomain(cavity.region, comm)
        domain.move(cavity.motion.positions(self.start))
        self.flow = Projection(
            domain, fluid, self.time_step, walls=tuple(cavity.region.facets), tolerance=tolerance
        )

    def run(self, n_steps: int) -> Iterator[Moment]:
        """Yield the moments of as many further steps.

        Raises
        ------
        ConvergenceError
            If a step has no solution.
        """
        for _ in range(n_steps):
            time = self.start + self.flow.time + self.time_step
            points, wall, given, grown = self.boundary(time)
            self.flow.step(given, points=points, mesh_velocity=wall)
            yield self._moment(points, wall, grown)

    def boundary(self, time: float) -> tuple[Nodes, Nodes, Nodes, float]:
        """Return what drives the blood at a time.

        The nodes' places, m; the wall's velocity, m/s; with what it displaces through the windows
        besides, m/s; and how fast the cavity grows, m^3/s.
        """
        cavity = self.cavity
        points, wall = cavity.motion.positions(time), cavity.motion.velocity(time)
        grown = volume_rate(points, cavity.region.cells, wall)
        aortic = self.valves.aortic(time)
        given = wall.copy()
        for name, share in (("mitral", 1 - aortic), ("aortic", aortic)):
            triangles = cavity.region.facets[name]
            normal = area_vectors(points, triangles).sum(axis=0)
            normal /= np.linalg.norm(normal)
            jet = cavity.profile[name][:, None] * normal
            given -= share * grown / flux(points, triangles, jet) * jet
        return points, wall, given, grown

    def _moment(self, points: Nodes, wall: Nodes, grown: float) -> Moment:
        facets, velocity = self.cavity.region.facets, self.flow.velocity
        relative = velocity - wall
        through = {name: flux(points, facets[name], relative) for name in VALVES}
        imbalance = sum(through.values()) + grown
        return Moment(
            time=self.flow.time,
            points=points,
            velocity=velocity,
            pressure=self.flow.pressure,
            inflow=-through["mitral"],
            outflow=through["aortic"],
            imbalance=imbalance,
            resolved=imbalance,
        )


__all__ = [
    "HeartFlow",
    "Moment",
    "Valves",
    "check_ramp",
    "check_steps",
    "growth",
    "valve_times",
    "volume",
]
