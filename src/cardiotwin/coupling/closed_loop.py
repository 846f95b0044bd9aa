"""Whole beats of one ventricle, or both, in the closed loop of the blood."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cardiotwin.circulation import Circulation, State
from cardiotwin.circulation.beats import REPEATS, Record
from cardiotwin.coupling.coronaries import Coronary
from cardiotwin.coupling.coronary_step import BedSteps, Perfused, regulated
from cardiotwin.coupling.join import CHAMBERS, Join
from cardiotwin.coupling.journal import Course, Journal
from cardiotwin.coupling.moment import Moment
from cardiotwin.errors import ConvergenceError
from cardiotwin.mechanics.dynamics import Dynamics
from cardiotwin.mechanics.muscle import CrossBridgeMuscle
from cardiotwin.mechanics.solved import Solved
from cardiotwin.units import ML, MMHG

CLOSE = 1e-6  # of a step: as near is the same time
SMALLEST = 1 / 16  # of the step asked for: a beat that needs less is stopped
PAGE = 50  # steps between two pages of the journal
SUCTION = -20 * MMHG  # Pa: a ventricle that sucks harder has lost its way


@dataclass(frozen=True, kw_only=True, eq=False)
class Beats:
    """Beats in the closed loop.

    Parameters
    ----------
    course
        Of the last beat, its first moment included.
    last
        The moment at its end.
    changes
        From each beat to the next, the largest change of a volume or pressure as a share.
    """

    course: Course
    last: Moment
    changes: tuple[float, ...]

    @property
    def record(self) -> Record:
        """Return the last beat's volumes, pressures and flows."""
        return self.course.record


class ClosedLoop:
    """Finite-element ventricles in place of the loop's own.

    Parameters
    ----------
    dynamics
        The wall's motion; `BackwardEuler` suits, and a wall without inertia is quasi-static.
    circulation
        The loop, whose left ventricle (and right, where the wall has one) is not used.
    muscle
        Active tension along the fibre, Pa, by the time in the beat, s (zero at its beginning), or
        cross-bridges of the same `dynamics`.
    arteries
        The left and the right coronary one, from the aorta through the muscle to the right atrium;
        none by default. Their layers widen or narrow from beat to beat until they have their
        demand.
    implicitness
        Of the loop's steps; 1 is backward Euler's.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        circulation: Circulation,
        muscle: Callable[[float], float] | CrossBridgeMuscle,
        *,
        arteries: Sequence[Coronary] = (),
        implicitness: float = 1.0,
    ) -> None:
        self.dynamics = dynamics
        self.arteries = tuple(arteries)
        self.circulation = circulation
        self.muscle = muscle
        self._join = Join(dynamics, circulation, implicitness=implicitness)

    @property
    def chambers(self) -> tuple[str, ...]:
        """Return the names of the ventricles that are the wall's."""
        return self._join.chambers

    def begin(self, image: Solved, loop: State, perfused: Perfused | None = None) -> Moment:
        """Return wall and loop at end-diastole; the ventricles' blood and pressure are the wall's.

        `image` is an equilibrium of the wall over its unloaded placement. Coronary beds are at
        rest, where they are not given.
        """
        body = self.dynamics.body
        body.put(image)
        volumes = dict(zip(self._join.chambers, self._join.volumes().tolist(), strict=True))
        pressures = {
            CHAMBERS[name]: getattr(image.loads, name) for name in self._join.sought.names
        }
        loop = replace(
            loop,
            volume=loop.volume._replace(**volumes),
            pressure=loop.pressure._replace(**pressures),
        )
        muscle = self.muscle
        if perfused is None and self.arteries:
            perfused = Perfused.rest(self.arteries, loop.pressure.systemic_arteries)
        return Moment(
            wall=self.dynamics.rest(image, loop.time),
            loop=loop,
            perfused=perfused,
            bridges=muscle.rest(image, 0.0) if isinstance(muscle, CrossBridgeMuscle) else None,
        )

    def step(self, start: Moment, dt: float) -> Moment:
        """Return wall and loop a step later, s.

        Raises
        ------
        ConvergenceError
            If the wall or the loop finds no answer, or a ventricle sucks as none does.
        """
        time = start.time + dt
        loads, muscle = start.wall.solved.loads, self.muscle
        phase = time % self.circulation.period
        if not isinstance(muscle, CrossBridgeMuscle):
            loads = replace(loads, active_tension=muscle(phase))
        elif start.bridges is not None:
            muscle.prepare(start.bridges, phase, dt)
        beds = None
        if start.perfused is not None:
            beds = BedSteps.of(self.arteries, start.perfused.beds, start.perfused.tones, dt)
        self._join.begin(start.loop, dt, None if beds is None else beds.beside)
        wall = self.dynamics.step(
            start.wall, loads, dt, sought=self._join.sought, border=self._join
        )
        loop = self._join.answer().state
        for name in self._join.chambers:
            pressure, volume = getattr(loop.pressure, name), getattr(loop.volume, name)
            if not (pressure >= SUCTION and volume > 0):  # nor are they, where not a number
                msg = (
                    f"The pressure in the {name} falls to {pressure / MMHG:.3g} mmHg at "
                    f"{time:.4f} s, with {volume / ML:.4g} mL in it. Let the tension fall more "
                    "slowly, or give more blood."
                )
                raise ConvergenceError(msg, (), start.wall.solved.unknown)
        bridges = start.bridges
        if bridges is not None and isinstance(muscle, CrossBridgeMuscle):
            bridges = muscle.after(bridges, wall.solved, phase, dt)
        perfused = None if beds is None else beds.end(loop.pressure)
        return Moment(wall=wall, loop=loop, bridges=bridges, perfused=perfused)

    def march(
        self, start: Moment, end: float, dt: float, *, begin: float | None = None
    ) -> Iterator[Moment]:
        """Yield the moments after `start` until `end`, s, in steps of at most `dt`.

        A step that fails is made in halves, which grow again until they meet the whole steps since
        `begin` (`start`'s time by default): beats in which other steps failed are told at the same
        phases.

        Raises
        ------
        ConvergenceError
            If a step must be smaller than `SMALLEST` times `dt`; it names time and residual.
        """
        here, first = start, start.time if begin is None else begin
        while here.time < end - CLOSE * dt:
            whole = first + dt * (math.floor((here.time - first) / dt + CLOSE) + 1)
            for moment in self._towards(here, min(whole, end), dt):
                yield moment
                here = moment

    def _towards(self, start: Moment, end: float, dt: float) -> Iterator[Moment]:
        """Yield the moments after `start` until `end`, s: one, or more where that step fails."""
        here, size = start, end - start.time
        while here.time < end - CLOSE * dt:
            length = min(size, end - here.time)
            try:
                here = self.step(here, length)
            except ConvergenceError:
                size = length / 2
                if size < SMALLEST * dt:
                    raise
                continue
            size *= 2
            yield here

    def beats(
        self,
        start: Moment,
        dt: float,
        *,
        tolerance: float = REPEATS,
        most: int = 10,
        journal: Journal | None = None,
        watch: Callable[[Moment], None] | None = None,
        tell: Callable[[int, float], None] | None = None,
    ) -> Beats:
        """Return beats that follow each other until one repeats to `tolerance`.

        With a `journal` the run goes on where an earlier one with the same `start` was stopped, to
        the same bits. `watch` sees every moment, `tell` each beat's number and change.

        Raises
        ------
        ConvergenceError
            If `most` do not suffice, or a step fails.
        """
        period = self.circulation.period
        kept = None if journal is None else journal.read(self.dynamics.body.fields)
        course, here = kept or (Course().grown(start), start)
        changes: list[float] = []
        before: Record | None = None
        for number in range(1, most + 1):
            begin = start.time + (number - 1) * period
            for moment in self._journalled(here, begin + period, dt, course, journal):
                course, here = course.grown(moment), moment
                if watch is not None:
                    watch(moment)
            latest = course.between(begin, begin + period)
            record = latest.record
            here, turned = self._answered(latest, here)
            if before is not None:
                changes.append(max(record.change(before), turned))
                if tell is not None:
                    tell(number, changes[-1])
                if changes[-1] < tolerance:
                    return Beats(course=latest, last=here, changes=tuple(changes))
            before = record
        msg = (
            f"The beats do not repeat: after {most} the last changed by {100 * changes[-1]:.2g} % "
            f"(asked for {100 * tolerance:.2g} %). Allow more beats, or start nearer."
        )
        raise ConvergenceError(msg, changes, here.wall.solved.unknown)

    def _answered(self, beat: Course, end: Moment) -> tuple[Moment, float]:
        """Return a beat's end with the coronary tones that answer to its flows, and their change.

        What a journal has gone on to beyond the beat has them already.
        """
        if end.perfused is None:
            return end, 0.0
        had = beat.perfused[-1].tones
        tones = regulated(self.arteries, beat.layers(), had)
        shares = [np.abs(new / old - 1).max() for new, old in zip(tones, had, strict=True)]
        if end.time <= beat.states[-1].time:
            end = replace(end, perfused=replace(end.perfused, tones=tones))
        return end, float(max(shares))

    def _journalled(
        self, start: Moment, end: float, dt: float, course: Course, journal: Journal | None
    ) -> Iterator[Moment]:
        """Yield the moments until `end`, where a beat does.

        A page of the journal ends with each `PAGE` of them, at a whole step: what is halved after
        it does not depend on what was before.
        """
        begin = end - self.circulation.period
        if journal is None:
            yield from self.march(start, end, dt, begin=begin)
            return
        page = course if len(course.states) == 1 else Course()
        here = start
        for here in self.march(start, end, dt, begin=begin):
            page = page.grown(here)
            yield here
            if (
                len(page.states) >= PAGE
                and abs(math.remainder(here.time - begin, dt)) < CLOSE * dt
            ):
                self._turn(journal, page, here)
                page = Course()
        if page.states:
            self._turn(journal, page, here)

    def _turn(self, journal: Journal, page: Course, here: Moment) -> None:
        """Write a page; who goes on from it has no tangent, so this run drops its own."""
        journal.write(page, here, self.dynamics.body.fields)
        self.dynamics.problem.forget()
