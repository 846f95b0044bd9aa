"""Whole beats: their record, and the limit cycle in which they repeat."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardiotwin.circulation.loop import VALVES, VESSELS, Circulation
from cardiotwin.circulation.state import State, Stores
from cardiotwin.circulation.stepping import TRAPEZOIDAL, step
from cardiotwin.errors import ConvergenceError

REPEATS = 0.005  # largest change from beat to beat that counts as none
MEMORY = 6  # beats that Anderson's acceleration looks back on


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """A beat by rows of time, its first state included.

    Parameters
    ----------
    time
        s.
    volume, pressure, outflow
        Of each store, m^3, Pa and m^3/s.
    """

    time: Float[np.ndarray, " rows"]
    volume: Float[np.ndarray, "rows 8"]
    pressure: Float[np.ndarray, "rows 8"]
    outflow: Float[np.ndarray, "rows 8"]

    @classmethod
    def of(cls, states: Sequence[State]) -> "Record":
        """Return the record of states in order of time."""
        return cls(
            time=np.array([state.time for state in states]),
            volume=np.array([state.volume for state in states]),
            pressure=np.array([state.pressure for state in states]),
            outflow=np.array([state.outflow for state in states]),
        )

    def state(self, row: int) -> State:
        """Return the state of a row."""
        volume, pressure, outflow = (
            Stores(*rows[row].tolist()) for rows in (self.volume, self.pressure, self.outflow)
        )
        return State(time=float(self.time[row]), volume=volume, pressure=pressure, outflow=outflow)

    def change(self, before: "Record") -> float:
        """Return the largest difference from another beat, as a share.

        That of a volume or a pressure at one phase, of the largest which this store has.
        """
        phase, earlier = self.time - self.time[0], before.time - before.time[0]
        shares = []
        for name in ("volume", "pressure"):
            here, there = getattr(self, name), getattr(before, name)
            for store in range(8):
                moved = here[:, store] - np.interp(phase, earlier, there[:, store])
                shares.append(np.abs(moved).max() / np.abs(here[:, store]).max())
        return float(max(shares))


@dataclass(frozen=True, kw_only=True, eq=False)
class LimitCycle:
    """A beat that repeats.

    Parameters
    ----------
    record
        The last beat.
    state
        Its last state, one period before the next.
    beats
        How many were run.
    changes
        From each beat to the next, as shares.
    """

    record: Record
    state: State
    beats: int
    changes: tuple[float, ...]


def beat(
    circulation: Circulation, state: State, n_steps: int, *, implicitness: float = TRAPEZOIDAL
) -> tuple[State, ...]:
    """Return the states of one beat of `n_steps` equal steps, the first one included."""
    states = [state]
    dt = circulation.period / n_steps
    for _ in range(n_steps):
        states.append(step(circulation, states[-1], dt, implicitness=implicitness).state)
    return tuple(states)


def settle(
    circulation: Circulation,
    start: State,
    n_steps: int = 500,
    *,
    tolerance: float = REPEATS,
    beats: int = 100,
    accelerate: bool = True,
    implicitness: float = TRAPEZOIDAL,
) -> LimitCycle:
    """Return the beat that changes by less than `tolerance` to the next.

    The beat map is accelerated by Anderson's method (Walker & Ni 2011, SIAM J. Num.
    Anal. 49:1715-1735), whose mixtures of beats keep the blood.

    Raises
    ------
    ConvergenceError
        If `beats` do not suffice; it carries the last state and the changes.
    """
    state, changes = start, list[float]()
    mixer = Mixer()
    for number in range(1, beats + 1):
        states = beat(circulation, state, n_steps, implicitness=implicitness)
        end = states[-1]
        latest = Record.of(states)
        changes.append(change_over_beat(latest, states[0], end))
        if changes[-1] < tolerance:
            return LimitCycle(record=latest, state=end, beats=number, changes=tuple(changes))
        state = end
        if accelerate:
            mixed = mixer.mix(as_vector(states[0]), as_vector(end))
            state = from_vector(circulation, end, mixed)
    msg = (
        f"The beats do not repeat: after {beats} the last changed by {100 * changes[-1]:.2g} % "
        f"(asked for {100 * tolerance:.2g} %). Allow more beats, or start nearer."
    )
    raise ConvergenceError(msg, changes, state)


def change_over_beat(record: Record, start: State, end: State) -> float:
    """Return the largest change of a volume or a pressure over the beat, as a share."""
    volume = np.abs(np.subtract(end.volume, start.volume)) / record.volume.max(axis=0)
    pressure = np.abs(np.subtract(end.pressure, start.pressure)) / record.pressure.max(axis=0)
    return float(max(volume.max(), pressure.max()))


def as_vector(state: State) -> Float[np.ndarray, "12"]:
    """Return the stores' volumes, m^3, and the vessels' flows, m^3/s: what a beat begins with."""
    return np.concatenate([state.volume, np.array(state.outflow)[VESSELS]])


def from_vector(circulation: Circulation, like: State, vector: Float[np.ndarray, "12"]) -> State:
    """Return the state of mixed volumes and vessels' flows; as it was where a store is empty."""
    E, V0 = circulation.laws(like.time)
    pressure = E * (vector[:8] - V0)
    if not np.all(pressure > 0):
        return like
    across = pressure - np.roll(pressure, -1)
    outflow = np.array(like.outflow)
    outflow[VALVES] = circulation.valve_flows(across[VALVES])[0]
    outflow[VESSELS] = vector[8:]
    return replace(
        like,
        volume=Stores(*vector[:8].tolist()),
        pressure=Stores(*pressure.tolist()),
        outflow=Stores(*outflow.tolist()),
    )


class Mixer:
    """Anderson's acceleration of a fixed-point map, by its last starts and ends."""

    def __init__(self, memory: int = MEMORY) -> None:
        self._memory = memory
        self._starts: list[Float[np.ndarray, " n"]] = []
        self._ends: list[Float[np.ndarray, " n"]] = []

    def mix(
        self, start: Float[np.ndarray, " n"], end: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """Return the next start: the affine mixture of ends whose residual is smallest."""
        self._starts = [*self._starts, start][-self._memory :]
        self._ends = [*self._ends, end][-self._memory :]
        residuals = np.array(self._ends) - np.array(self._starts)
        if len(residuals) == 1:
            return end
        steps, moves = np.diff(residuals, axis=0), np.diff(self._ends, axis=0)
        scale = 1 / np.maximum(np.abs(end), 1e-12)
        weights = np.linalg.lstsq((steps * scale).T, residuals[-1] * scale, rcond=1e-6)[0]
        return np.asarray(end - weights @ moves)
