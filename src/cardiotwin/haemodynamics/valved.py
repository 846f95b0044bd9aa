"""The flow through a beating ventricle whose valves are resistive surfaces across their stubs.

The wall moves as measured, the pressures in the atrium and in the aorta are given at the stubs'
ends. While both valves are shut (`isovolumic`) the wall rests: blood that nothing lets out does
not tell its pressure, the muscle does, and it takes the ventricle's pressure from where the last
phase left it to that beyond the valve which opens next. A valve that is shut carries the pressure
across it as a leaflet does, at no flow; what changes within a step leaks through its resistance.
It opens when the pressure is equal on both sides, and no wider than the flow needs at a small
drop, and shuts while the flow comes to rest.

Fedele, Faggiano, Dede' & Quarteroni (2017), Biomech Model Mechanobiol 16:1779-1803; Zingaro et al.
(2022), arXiv:2110.02114.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.cavity import MovingCavity
from cardiotwin.geometry.regions import linear_functions
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.domain import FluidDomain, Nodes
from cardiotwin.haemodynamics.heart import VALVES, Moment, check_steps, valve_times
from cardiotwin.haemodynamics.isovolumic import CONTRACTION, RELAXATION, Phases, resting
from cardiotwin.haemodynamics.leaflets import Leaflets, stub_of
from cardiotwin.haemodynamics.projection import Projection

SLOWEST = 4  # steps at least in which a valve moves: its resistance changes by decades
BACKFLOW = 1.0  # of the openings' stabilisation: a jet comes in through each

Pressure = Callable[[float], float]


class ValvedFlow:
    """The flow in a moving cavity between an atrium and an aorta, from rest and filled.

    Parameters
    ----------
    cavity
        Whose motion drives the blood.
    fluid
        The blood.
    steps
        Per beat.
    atrium, aorta
        Pressures at a time since the mitral valve began to shut, Pa.
    leaflets
        How the valves resist, open and shut; over four steps at least.
    contraction, relaxation
        How long both valves are shut before and after ejection, s.
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
        contraction: float = CONTRACTION,
        relaxation: float = RELAXATION,
        tolerance: float = 1e-6,
    ) -> None:
        check_steps(steps)
        told = leaflets or Leaflets()
        self.valves = valve_times(cavity, told.ramp)
        self.time_step = cavity.motion.period / steps
        self.leaflets = replace(told, ramp=max(told.ramp, SLOWEST * self.time_step))
        self.phases = Phases(valves=self.valves, contraction=contraction, relaxation=relaxation)
        self.cavity = cavity = resting(cavity, self.phases)
        self.start = self.phases.filled
        self._outside = {"mitral": atrium, "aortic": aorta}
        self._before = dict.fromkeys(VALVES, atrium(0.0))  # at the stubs' roots, a step ago
        self._level = atrium(0.0)  # of the ventricle when both valves shut
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
            moment = self._step(points, wall, grown, given)
            yield moment

    def _step(self, points: Nodes, wall: Nodes, grown: float, given: dict[str, float]) -> Moment:
        since = self.flow.time + self.time_step
        met = self._met(self.start + since, given)
        self._yield(grown, met, self.phases.opened(self.start + since))
        self.flow.step(
            wall,
            points=points,
            mesh_velocity=wall,
            opening_pressure=met,
            resistance=self._held(),
        )
        carried = {name: met[name] - given[name] for name in VALVES}
        moment = self._moment(points, wall, grown, carried)
        self._before = {
            name: float(moment.pressure[stub.root].mean()) for name, stub in self._stubs.items()
        }
        self._move_leaflets(moment, given)
        return moment

    def _met(self, time: float, given: dict[str, float]) -> dict[str, float]:
        """Return the pressures that the blood meets at the stubs' ends, Pa.

        Beyond a valve that is shut: that outside, and what the leaflet carries.
        """
        share, ahead = self.phases.isovolumic(time)
        if ahead is None:
            self._level = float(np.mean(list(self._before.values())))
            opened = self.phases.opened(time)
            return {name: given[name] if name == opened else self._before[name] for name in VALVES}
        until = self._outside[ahead](self.phases.next_opening(time) - self.start)
        return dict.fromkeys(VALVES, self._level + share * (until - self._level))

    def _growth(self, points: Nodes, wall: Nodes) -> float:
        """Return how fast the cavity grows between its wall and its meters, m^3/s."""
        cells = self.cavity.region.cells
        sizes, slopes = linear_functions(points, cells)
        spread = np.einsum("iac,cai->c", slopes, wall[cells])
        return float(sizes * spread @ self._inside[cells].mean(axis=1))

    def _yield(self, grown: float, met: dict[str, float], name: str | None) -> None:
        """Open the phase's valve as far as the wall's flow needs that the other does not take.

        The ventricle's pressure is the one at which this valve yields; from there on the flow
        through the other valve is told by its resistance.
        """
        if name is None:
            return
        other, sign = ("mitral", -1) if name == "aortic" else ("aortic", 1)
        leaflets, shares = self.leaflets, self.open
        resistance = leaflets.resistance(shares[other])
        if resistance == 0:
            return
        level = met[name] - sign * leaflets.give
        per_flow = leaflets.surface.per_speed * resistance / self._stubs[other].area
        rest = sign * grown + sign * (level - met[other]) / per_flow
        shares[name] = max(shares[name], leaflets.yielded(rest, self._stubs[name].area))

    def _held(self) -> Float[np.ndarray, " cells"]:
        held = np.zeros(len(self.cavity.region.cells))
        for name, stub in self._stubs.items():
            held[stub.cells] = self.leaflets.resistance(self.open[name]) * stub.held
        return held

    def _move_leaflets(self, moment: Moment, given: dict[str, float]) -> None:
        time = self.start + moment.time
        opened = self.phases.opened(time)
        if opened is not None and self.phases.left(time) < self.leaflets.ramp:
            opened = None  # it shuts while the wall comes to rest
        for name, forward, sign in (("mitral", moment.inflow, -1), ("aortic", moment.outflow, 1)):
            self.open[name] = self.leaflets.moved(
                self.open[name],
                its_phase=name == opened,
                forward=forward,
                drop=sign * (self._before[name] - given[name]),
                time_step=self.time_step,
            )

    def _moment(
        self, points: Nodes, wall: Nodes, grown: float, carried: dict[str, float]
    ) -> Moment:
        """Return the flow after the step; beyond a leaflet the pressure is what it leaves."""
        cells, velocity = self.cavity.region.cells, self.flow.velocity
        relative = velocity - wall
        fine = self.flow.subscale
        out = {n: stub.outflow(points, cells, relative, fine) for n, stub in self._stubs.items()}
        coarse = [stub.outflow(points, cells, relative, 0 * fine) for stub in self._stubs.values()]
        pressure = self.flow.pressure.copy()
        for name, stub in self._stubs.items():
            pressure[stub.nodes] -= carried[name] * stub.beyond
        return Moment(
            time=self.flow.time,
            points=points,
            velocity=velocity,
            pressure=pressure,
            inflow=-out["mitral"],
            outflow=out["aortic"],
            imbalance=sum(out.values()) + grown,
            resolved=sum(coarse) + grown,
        )


__all__ = ["ValvedFlow"]
