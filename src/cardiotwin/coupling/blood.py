"""The blood of a measured cavity, driven by the circulation: pace, valves and pressures.

The frames of a cine are too far apart to show the phases in which both valves are shut; the
circulation has them. The measured systole is passed while the aortic valve is open and the
measured diastole while the mitral valve is, each evenly in time, so that waves and diastasis stay
what was measured; while both are shut the wall rests. So nothing is displaced then, both windows
are shut, and the blood inside runs on by itself. An incompressible flow whose wall moves as given
fixes what goes through the one open window, whatever the pressure outside; what the circulation's
pressures decide is when the valves open and the level: at the mitral window the blood has the
atrium's pressure less what its speed took (Bernoulli), at the aortic window the root's, and the
mean over the ventricle is the circulation's while both are shut.

Zingaro et al. (2022), arXiv:2110.02114, drive a left heart by a circulation in the same sense.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from cardiotwin.circulation import Record, Stores
from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import MovingCavity
from cardiotwin.geometry.cavity.paced import KNOTS, smoothed
from cardiotwin.geometry.regions import cell_sizes
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.heart import Moment, Valves, valve_times

LA, LV, ARTERIES = (Stores._fields.index(name) for name in ("la", "lv", "systemic_arteries"))
OPEN = 0.01  # of its largest flow, above which a valve is open
RAMP = 20e-3  # s, over which the wall comes from rest to its pace
Course = Float[np.ndarray, " moments"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Drive:
    """What the circulation gives the blood of one beat, at evenly spaced moments.

    Parameters
    ----------
    period
        s.
    atrium, ventricle, root
        Pressures, Pa.
    volume
        Of the ventricle, m^3.
    ejecting, filling
        Whether the aortic and the mitral valve are open.
    progress
        Through systole, from 0 to 1, and through diastole, from 1 to 2, each even in time while
        its valve is open; below 0 in the diastole that began a beat before, from -1.
    """

    period: float
    atrium: Course
    ventricle: Course
    root: Course
    volume: Course
    ejecting: Bool[np.ndarray, " moments"]
    filling: Bool[np.ndarray, " moments"]
    progress: Course

    def __post_init__(self) -> None:
        """Refuse a beat without both phases, each in one piece."""
        for name in ("ejecting", "filling"):
            starts = int((self.__dict__[name] & ~np.roll(self.__dict__[name], 1)).sum())
            if starts != 1:
                msg = (
                    f"The circulation's beat has one phase of {name}, found {starts}. "
                    "Settle the circulation first, or look at its valves."
                )
                raise InputError(msg)

    @property
    def rest_before_ejection(self) -> tuple[float, float]:
        """Return the middle of the isovolumic contraction and its length, s."""
        return _rest(self.filling, self.ejecting, self.period)

    @property
    def rest_before_filling(self) -> tuple[float, float]:
        """Return the middle of the isovolumic relaxation and its length, s."""
        return _rest(self.ejecting, self.filling, self.period)

    def at(self, name: str, time: float) -> float:
        """Return a pressure, Pa, or the volume, m^3, at a time since end-diastole, s."""
        return _at(getattr(self, name), time, self.period)


def drive_of(record: Record, impedance: float) -> Drive:
    """Return the drive of a beat's record, which begins at end-diastole.

    Parameters
    ----------
    record
        Of a beat that repeats.
    impedance
        Of the aorta's root, which stands in the valve's resistance there, Pa s/m^3.
    """
    period = float(record.time[-1] - record.time[0])
    times = record.time[0] + np.arange(KNOTS) * period / KNOTS

    def course(values: Float[np.ndarray, " rows"]) -> Course:
        return np.asarray(np.interp(times, record.time, values))

    inflow, outflow = course(record.outflow[:, LA]), course(record.outflow[:, LV])
    ejecting, filling = _phase(outflow), _phase(inflow)
    held = course(record.volume[:, LV])
    return Drive(
        period=period,
        atrium=course(record.pressure[:, LA]),
        ventricle=course(record.pressure[:, LV]),
        root=course(record.pressure[:, ARTERIES]) + impedance * outflow,
        volume=held,
        ejecting=ejecting,
        filling=filling & ~ejecting,
        progress=_progress(ejecting, filling & ~ejecting),
    )


def _phase(flow: Course) -> Bool[np.ndarray, " moments"]:
    """Return when a valve is open: all of the beat but the longest time without flow."""
    shut = flow <= OPEN * flow.max()
    if not shut.any():
        return np.asarray(~shut)
    first = _start(~shut)
    turned = np.roll(shut, -first)  # begins with flow
    spans = np.flatnonzero(np.diff(np.concatenate([[False], turned, [False]]))).reshape(-1, 2)
    low, high = spans[np.diff(spans, axis=1).argmax()]
    opened = np.ones(len(flow), dtype=bool)
    opened[low:high] = False
    return np.roll(opened, first)


def _start(on: Bool[np.ndarray, " moments"]) -> int:
    return int(np.argmax(on & ~np.roll(on, 1)))


def _progress(ejecting: np.ndarray, filling: np.ndarray) -> Course:
    """Return how far the beat has come: it rests while both valves are shut."""
    n, first = len(ejecting), _start(ejecting)
    order = (first + np.arange(n)) % n  # from the aortic valve's opening on
    turned = np.zeros(n)
    for phase, done in ((ejecting, 0.0), (filling, 1.0)):
        where = np.flatnonzero(phase[order])
        turned[where] = done + np.linspace(0, 1, len(where))
        turned[where[-1] + 1 :] = done + 1
    found = np.empty(n)
    found[order] = turned - np.where(order < first, 2.0, 0.0)
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class PacedCavity:
    """A measured cavity at the circulation's pace.

    Parameters
    ----------
    cavity
        Whose motion is paced.
    valves
        One takes over from the other in the middle of the phases in which both are shut.
    drive
        The circulation's beat.
    fluid
        The blood.
    """

    cavity: MovingCavity
    valves: Valves
    drive: Drive
    fluid: Fluid

    def open(self, time: float) -> tuple[float, float]:
        """Return how far the mitral and the aortic valve are open: 0 shut, 1 open."""
        mitral, aortic = self._weights
        return _at(mitral, time, self.drive.period), _at(aortic, time, self.drive.period)

    def pressure(self, time: float, moment: Moment) -> Float[np.ndarray, " nodes"]:
        """Return the pressure, Pa, at its level.

        Parameters
        ----------
        time
            Since the circulation's end-diastole, s.
        moment
            The flow then.
        """
        drive, means = self.drive, self.means(moment)
        mitral, aortic = self.open(time)
        level = 0.0
        for weight, given, name in (
            (mitral, "atrium", "mitral"),
            (aortic, "root", "aortic"),
            (1 - mitral - aortic, "ventricle", "ventricle"),
        ):
            level += weight * (drive.at(given, time) - means[name])
        return np.asarray(moment.pressure + level)

    def means(self, moment: Moment) -> Mapping[str, float]:
        """Return the mean of a moment's pressure over ventricle and windows, Pa.

        At the mitral window with rho |u|^2 / 2 of blood that comes in: what it had at rest.
        """
        region, p = self.cavity.region, moment.pressure
        cells = region.cells[: self.cavity.n_ventricle]
        sizes = cell_sizes(moment.points, cells)
        found = {"ventricle": float(sizes @ p[cells].mean(axis=1) / sizes.sum())}
        for name in ("mitral", "aortic"):
            weight = self.cavity.profile[name]
            found[name] = float(weight @ p / weight.sum())
        if moment.inflow > 0:
            weight = self.cavity.profile["mitral"]
            squares = (moment.velocity**2).sum(axis=1)
            found["mitral"] += float(self.fluid.density / 2 * weight @ squares / weight.sum())
        return found

    @cached_property
    def _weights(self) -> tuple[Course, Course]:
        n, period = len(self.drive.progress), self.drive.period
        even = np.arange(n) * period / n
        soft = [
            smoothed(even + phase, period, RAMP) - even
            for phase in (self.drive.filling.astype(float), self.drive.ejecting.astype(float))
        ]
        return soft[0], soft[1]


def pace(cavity: MovingCavity, drive: Drive, fluid: Fluid | None = None) -> PacedCavity:
    """Return a measured cavity that beats at the circulation's pace.

    Parameters
    ----------
    cavity
        With its measured motion.
    drive
        The circulation's beat.
    fluid
        The blood; None: `Fluid()`.

    Raises
    ------
    InputError
        If the two periods differ.
    """
    motion, period = cavity.motion, drive.period
    if abs(motion.period / period - 1) > 1e-6:
        msg = (
            f"The circulation's beat lasts {period:.4g} s and the cavity's {motion.period:.4g} s. "
            "Give the circulation the measured heart rate."
        )
        raise InputError(msg)
    own = valve_times(cavity)
    systole = (own.end_systole - own.end_diastole) % period
    ends = own.end_diastole + np.array([0, systole, period])
    before = drive.progress < 0
    met = np.interp(drive.progress + 2 * before, np.arange(3), ends)
    course = smoothed(met - period * before, period, RAMP)
    valves = Valves(
        end_diastole=drive.rest_before_ejection[0],
        end_systole=drive.rest_before_filling[0],
        period=period,
        ramp=own.ramp,
    )
    return PacedCavity(
        cavity=cavity.at_pace(course), valves=valves, drive=drive, fluid=fluid or Fluid()
    )


def _rest(before: np.ndarray, after: np.ndarray, period: float) -> tuple[float, float]:
    """Return the middle of the time between two phases, since end-diastole, and its length."""
    n = len(before)
    shut = _start(~before)
    length = (_start(after) - shut) % n
    return (shut + length / 2) % n / n * period, length / n * period


def _at(course: Course, time: float, period: float) -> float:
    times = np.arange(len(course)) * period / len(course)
    return float(np.interp(time, times, course, period=period))


def energy_resistance(drop: Course, flow: Float[np.ndarray, " moments"]) -> float:
    """Return the resistance that takes the same energy, Pa s/m^3: int dp Q dt / int Q^2 dt.

    Parameters
    ----------
    drop
        Of the pressure along a valve over a beat, Pa.
    flow
        Through it, m^3/s.
    """
    return float(drop @ flow / (flow @ flow))


__all__ = ["Drive", "PacedCavity", "drive_of", "energy_resistance", "pace"]
