"""One implicit step of the loop, with any of its chambers held outside.

The unknowns are the pressures of the inner stores. Each flow is a function of the pressure across
it, a vessel's with its inertia, so the Jacobian of the volumes' balance is diag(1/E) less a
symmetric, negative semi-definite matrix: Newton's method meets no singular system. Vessels beside
the ring that take and give by the pressures at the step's end enter the same system.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.circulation.loop import VALVES, VESSELS, Circulation, Eight
from cardiotwin.circulation.state import State, Stores, refuse_negative
from cardiotwin.errors import ConvergenceError, InputError

TOLERANCE = 1e-14  # of the whole blood: what a balance may miss
ITERATIONS = 40
HALVINGS = 12
TRAPEZOIDAL = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Beside:
    """Vessels beside the ring, over one step: what each store has of them, by the pressures.

    Parameters
    ----------
    flow
        Into each store at no pressure, m^3/s.
    slope
        What a pressure at the step's end adds, by store and the pressure's store, m^3/(s Pa).
    """

    flow: Eight
    slope: Float[np.ndarray, "8 8"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """A step's end.

    Parameters
    ----------
    state
        The state there.
    outside
        Names of the chambers whose pressures were given.
    slope
        d(volume)/d(pressure) of these chambers, m^3/Pa: symmetric without vessels beside.
    residuals
        Largest miss of a store's balance per iteration, m^3.
    """

    state: State
    outside: tuple[str, ...]
    slope: Float[np.ndarray, "outside outside"]
    residuals: tuple[float, ...]

    @property
    def outside_volume(self) -> Float[np.ndarray, " outside"]:
        """Return the volumes that the loop leaves to the chambers outside, m^3."""
        return np.array([getattr(self.state.volume, name) for name in self.outside])


def step(
    circulation: Circulation,
    state: State,
    dt: float,
    outside: Mapping[str, float] | None = None,
    *,
    implicitness: float = TRAPEZOIDAL,
    beside: Beside | None = None,
) -> Step:
    """Return the loop after `dt` seconds.

    Parameters
    ----------
    circulation, state, dt
        The loop, where it is, and how far it goes, s.
    outside
        Pressure at the step's end, Pa, of each chamber that is modelled elsewhere. Its volume
        follows from what flows in and out.
    implicitness
        Share of the flows at the step's end: 1/2 is the trapezoidal rule (second order), 1 is
        backward Euler's.
    beside
        Vessels that take from some stores and give to others over the whole step.

    Raises
    ------
    ConvergenceError
        If Newton's method stops, or an inner store is sucked empty; it carries the `state`.
    """
    outside = outside or {}
    balance = _Balance(circulation, state, dt, implicitness, outside=outside, beside=beside)
    pressure = np.array(state.pressure)
    pressure[balance.outer] = list(outside.values())
    residual = balance.residual(pressure)
    norms = [float(np.abs(residual).max(initial=0.0))]
    target = TOLERANCE * state.blood
    while not norms[-1] <= target:
        change = np.zeros(8)
        change[balance.inner] = np.linalg.solve(balance.jacobian(), residual)
        shorter = _shorten(balance, pressure, change, norms[-1])
        if shorter is None and norms[-1] <= 10 * target:  # as small as rounding lets it be
            balance.residual(pressure)
            break
        if shorter is None or len(norms) > ITERATIONS:
            msg = (
                f"The circulation's step of {dt:.3g} s from {state.time:.4f} s stopped after "
                f"{len(norms) - 1} iterations at a residual of {norms[-1]:.3g} m^3 (start "
                f"{norms[0]:.3g}). Take a smaller step, or look at the pressures given to it."
            )
            raise ConvergenceError(msg, norms, state)
        pressure, residual = shorter
        norms.append(float(np.abs(residual).max()))
    after = balance.state(pressure)
    refuse_negative(after, state, but=tuple(outside))
    return Step(state=after, outside=tuple(outside), slope=balance.slope(), residuals=tuple(norms))


def _shorten(
    balance: "_Balance", pressure: Eight, change: Eight, size: float
) -> tuple[Eight, Float[np.ndarray, " inner"]] | None:
    """Return the first of ever shorter steps that makes the residual smaller, if one does."""
    for halving in range(HALVINGS):
        trial = pressure - change / 2**halving
        residual = balance.residual(trial)
        if np.abs(residual).max() < size:
            return trial, residual
    return None


class _Balance:
    """The balance of the volumes over one step, as a function of the pressures at its end."""

    def __init__(
        self,
        circulation: Circulation,
        state: State,
        dt: float,
        implicitness: float,
        *,
        outside: Mapping[str, float],
        beside: Beside | None,
    ) -> None:
        if circulation.tract:
            msg = (
                "Implicit steps know resistive valves and the eight stores, found an aorta or an "
                "InertialValve. Use `simulate` or `limit_cycle`, or the loop without them."
            )
            raise InputError(msg)
        unknown = set(outside) - {"la", "lv", "ra", "rv"}
        if unknown:
            msg = (
                f"Only chambers can lie outside the circulation, found {sorted(unknown)}. "
                "Name any of la, lv, ra, rv."
            )
            raise InputError(msg)
        self._circulation = circulation
        self._time = state.time + dt
        self.outer = np.array([Stores._fields.index(name) for name in outside], dtype=int)
        self.inner = np.setdiff1d(np.arange(8), self.outer)
        self._elastance, self._unstressed = circulation.laws(self._time)
        self._start = np.array(state.volume)
        self._before = (1 - implicitness) * dt * _net(np.array(state.outflow))
        self._share = implicitness * dt
        self._given, self._taken = np.zeros(8), np.zeros((8, 8))
        if beside is not None:
            self._given, self._taken = dt * beside.flow, dt * beside.slope
        resistance, _, inertance = circulation.vessels
        pressure, flow = np.array(state.pressure), np.array(state.outflow)[VESSELS]
        across = (pressure - np.roll(pressure, -1))[VESSELS]
        pushed = inertance * flow + (1 - implicitness) * dt * (across - resistance * flow)
        held = inertance + self._share * resistance
        self._vessel_flow, self._vessel_slope = pushed / held, self._share / held

    def residual(self, pressure: Eight) -> Float[np.ndarray, " inner"]:
        """Return the miss of each inner store's balance, m^3."""
        across = pressure - np.roll(pressure, -1)
        self._outflow, self._flow_slope = np.empty(8), np.empty(8)
        self._outflow[VALVES], self._flow_slope[VALVES] = self._circulation.valve_flows(
            across[VALVES]
        )
        self._outflow[VESSELS] = self._vessel_flow + self._vessel_slope * across[VESSELS]
        self._flow_slope[VESSELS] = self._vessel_slope
        self._volume = self._start + self._before + self._share * _net(self._outflow)
        self._volume += self._given + self._taken @ pressure
        held = self._unstressed + pressure / self._elastance
        return np.asarray((held - self._volume)[self.inner])

    def _volume_slope(self) -> Float[np.ndarray, "8 8"]:
        """Return d(volume)/d(pressure) by the flows, m^3/Pa."""
        by_outflow = np.diag(self._flow_slope)
        out = by_outflow - np.roll(by_outflow, 1, axis=1)
        return np.asarray(self._share * (np.roll(out, 1, axis=0) - out) + self._taken)

    def jacobian(self) -> Float[np.ndarray, "inner inner"]:
        """Return the residual's derivative by the inner pressures."""
        inner = self.inner
        yields = np.diag(1 / self._elastance[inner])
        return np.asarray(yields - self._volume_slope()[np.ix_(inner, inner)])

    def slope(self) -> Float[np.ndarray, "outside outside"]:
        """Return d(outer volume)/d(outer pressure), the inner stores following."""
        if not len(self.outer):
            return np.zeros((0, 0))
        whole = self._volume_slope()
        inward = np.linalg.solve(self.jacobian(), whole[np.ix_(self.inner, self.outer)])
        through = whole[np.ix_(self.outer, self.inner)] @ inward
        return np.asarray(whole[np.ix_(self.outer, self.outer)] + through)

    def state(self, pressure: Eight) -> State:
        """Return the state at the step's end; its volumes are what has flowed, to rounding."""
        return State(
            time=self._time,
            volume=Stores(*self._volume.tolist()),
            pressure=Stores(*pressure.tolist()),
            outflow=Stores(*self._outflow.tolist()),
        )


def _net(outflow: Eight) -> Eight:
    return np.asarray(np.roll(outflow, 1) - outflow)
