"""The flow through a beating ventricle whose valves are resistive surfaces across their stubs.

The wall moves as measured and the pressures in the atrium and in the aorta are given at the stubs'
ends. The volume's extremes tell systole from diastole; within each, pressure decides. Where both
valves are shut the wall's motion changes the ventricle's pressure until it is beyond the one
outside: that valve yields, and is open after a ramp. What then runs back carries the other one
shut.

Fedele, Faggiano, Dede' & Quarteroni (2017), Biomech Model Mechanobiol 16:1779-1803; Zingaro et al.
(2022), arXiv:2110.02114.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import MovingCavity
from cardiotwin.geometry.cavity.paced import KNOTS, PacedMotion, smoothed
from cardiotwin.geometry.regions import linear_functions
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.domain import FluidDomain, Nodes
from cardiotwin.haemodynamics.heart import RAMP, VALVES, Moment, Valves, check_steps, valve_times
from cardiotwin.haemodynamics.leaflets import Leaflets, stub_of
from cardiotwin.haemodynamics.projection import Projection

LONGEST = 60e-3  # s, of a rest
BACKFLOW = 1.0  # of the openings' stabilisation: a jet comes in through each

Pressure = Callable[[float], float]


def check_rest(rest: float) -> None:
    """Refuse a wall that rests, s, for longer than valves take."""
    if not 0 <= rest <= LONGEST:
        msg = (
            f"The wall rests for 0 to {LONGEST * 1e3:g} ms while valves change, found "
            f"{rest * 1e3:.3g} ms. Give it in seconds."
        )
        raise InputError(msg)


def resting(cavity: MovingCavity, valves: Valves, rest: float) -> MovingCavity:
    """Return the cavity whose wall rests from each of its volume's extremes on.

    A cine's frames are too far apart to show that both valves are shut for a while. The wall
    slows down over the length of a ramp before, comes to its pace over as long after, and passes
    what was measured between the extremes the faster.

    Parameters
    ----------
    cavity
        As measured.
    valves
        When its volume is largest and smallest.
    rest
        s; 0 leaves the cavity as it is.

    Raises
    ------
    InputError
        If a heart does not rest so long.
    """
    check_rest(rest)
    if rest == 0:
        return cavity
    period, half = valves.period, valves.ramp / 2
    systole = (valves.end_systole - valves.end_diastole) % period
    moments = np.array([-half, rest + half, systole - half, systole + rest + half, period - half])
    met = np.array([0.0, 0.0, systole, systole, period])
    since = (np.arange(KNOTS) * period / KNOTS - valves.end_diastole + half) % period - half
    turns = np.arange(KNOTS) * period / KNOTS - valves.end_diastole - since  # whole periods
    course = np.interp(since, moments, met) + turns + valves.end_diastole
    paced = PacedMotion(shapes=cavity.motion, course=smoothed(course, period, valves.ramp))
    return replace(cavity, motion=paced)


class ValvedFlow:
    """The flow in a moving cavity between an atrium and an aorta, from rest at end-diastole.

    Parameters
    ----------
    cavity
        Whose motion drives the blood.
    fluid
        The blood.
    steps
        Per beat.
    atrium, aorta
        Pressures at a time since end-diastole, Pa.
    leaflets
        How the valves resist, open and shut.
    rest
        How long the wall rests from the volume's extremes on while the valves change, s; assumed.
    tolerance
        Of the linear solvers, relative.
    """

    def __init__(
        self,
        cavity: MovingCavity,
        fluid: Fluid,
        *,
        steps: int,
        atrium: Pressure,
        aorta: Pressure,
        leaflets: Leaflets | None = None,
        rest: float = RAMP,
        tolerance: float = 1e-6,
    ) -> None:
        check_steps(steps)
        self.leaflets = leaflets or Leaflets()
        self.valves = valve_times(cavity, self.leaflets.ramp)
        self.cavity = cavity = resting(cavity, self.valves, rest)
        self.time_step = cavity.motion.period / steps
        self.start = self.valves.end_diastole
        self._outside = {"mitral": atrium, "aortic": aorta}
        self._stubs = {n: stub_of(cavity, n, self.leaflets.surface) for n in VALVES}
        self.open = {"mitral": 1.0, "aortic": 0.0}
        domain = FluidDomain(cavity.region)
        points = cavity.motion.positions(self.start)
        domain.move(points)
        walls = tuple(name for name in cavity.region.facets if name not in VALVES)
        self.flow = Projection(
            domain,
            fluid,
            self.time_step,
            walls=walls,
            openings=VALVES,
            backflow=BACKFLOW,
            tolerance=tolerance,
            resistive=True,
        )
        self.flow.start(np.zeros_like(points), np.full(len(points), atrium(0.0)))
        self._inside = np.ones(len(points))
        for name in VALVES:
            self._inside[cavity.stubs[name][1:]] = 0

    def run(self, n_steps: int) -> Iterator[Moment]:
        """Yield the moments of as many further steps; pressures are absolute.

        Raises
        ------
        ConvergenceError
            If a step has no solution.
        """
        cavity, flow = self.cavity, self.flow
        for _ in range(n_steps):
            since = flow.time + self.time_step
            points, wall = (
                each(self.start + since)
                for each in (cavity.motion.positions, cavity.motion.velocity)
            )
            given = {name: course(since) for name, course in self._outside.items()}
            grown = self._growth(points, wall)
            self._yield(grown, given, systole=self.valves.systole(self.start + since))
            flow.step(
                wall,
                points=points,
                mesh_velocity=wall,
                opening_pressure=given,
                resistance=self._held(),
            )
            moment = self._moment(points, wall, grown)
            self._move_leaflets(moment, given)
            yield moment

    def _growth(self, points: Nodes, wall: Nodes) -> float:
        """Return how fast the cavity grows between its wall and its meters, m^3/s."""
        cells = self.cavity.region.cells
        sizes, slopes = linear_functions(points, cells)
        spread = np.einsum("iac,cai->c", slopes, wall[cells])
        return float(sizes * spread @ self._inside[cells].mean(axis=1))

    def _yield(self, grown: float, given: dict[str, float], *, systole: bool) -> None:
        """Open the phase's valve as far as the wall's flow needs that the other does not take.

        The ventricle's pressure is the one at which this valve yields; from there on the flow
        through the other valve is told by its resistance.
        """
        name, other, sign = ("aortic", "mitral", -1) if systole else ("mitral", "aortic", 1)
        leaflets, shares = self.leaflets, self.open
        resistance = leaflets.resistance(shares[other])
        if resistance == 0:
            return
        level = given[name] - sign * leaflets.give
        per_flow = leaflets.surface.per_speed * resistance / self._stubs[other].area
        rest = sign * grown + sign * (level - given[other]) / per_flow
        shares[name] = max(shares[name], leaflets.yielded(rest, self._stubs[name].area))

    def _held(self) -> Float[np.ndarray, " cells"]:
        held = np.zeros(len(self.cavity.region.cells))
        for name, stub in self._stubs.items():
            held[stub.cells] = self.leaflets.resistance(self.open[name]) * stub.held
        return held

    def _move_leaflets(self, moment: Moment, given: dict[str, float]) -> None:
        systole = self.valves.systole(self.start + moment.time)
        for name, forward, sign in (("mitral", moment.inflow, -1), ("aortic", moment.outflow, 1)):
            before = float(moment.pressure[self._stubs[name].root].mean())
            self.open[name] = self.leaflets.moved(
                self.open[name],
                its_phase=systole == (name == "aortic"),
                forward=forward,
                drop=sign * (before - given[name]),
                time_step=self.time_step,
            )

    def _moment(self, points: Nodes, wall: Nodes, grown: float) -> Moment:
        cells, velocity = self.cavity.region.cells, self.flow.velocity
        relative = velocity - wall
        fine = self.flow.subscale
        out = {n: stub.outflow(points, cells, relative, fine) for n, stub in self._stubs.items()}
        coarse = [stub.outflow(points, cells, relative, 0 * fine) for stub in self._stubs.values()]
        return Moment(
            time=self.flow.time,
            points=points,
            velocity=velocity,
            pressure=self.flow.pressure,
            inflow=-out["mitral"],
            outflow=out["aortic"],
            imbalance=sum(out.values()) + grown,
            resolved=sum(coarse) + grown,
        )


__all__ = ["ValvedFlow", "check_rest"]
