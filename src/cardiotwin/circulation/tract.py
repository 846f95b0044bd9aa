"""What a loop may have beside its eight stores: blood with inertia in valves, an aorta with waves.

Valves: Mynard, Davidson, Penny & Smolich (2012), Int J Num Meth Biomed Eng 28:626-641,
eq. 1-10. Aorta: a ladder of equal segments (Westerhof, Bosman, De Vries & Noordergraaf 1969,
J Biomech 2:121-143), here closed by a resistance before the windkessel of the small arteries,
the load of the tube models of Burattini & Campbell (1989), IEEE Trans Biomed Eng 36:805-811.
"""

import math
from dataclasses import dataclass, fields
from typing import Any

from cardiotwin.circulation.checks import check_positive
from cardiotwin.circulation.rates import Loop, across, outflows
from cardiotwin.errors import InputError
from cardiotwin.units import ML, MMHG

DENSITY = 1060.0  # kg/m^3 of blood
SWIFT = 400.0  # 1/s: leaflets move no faster
HELD = 300.0  # 1/s at which shut leaflets stop the blood between them
NARROW = 0.02  # of the orifice: the smallest by which a jet's pressure is reckoned
AORTIC = 1  # row of the aortic valve among the four


@dataclass(frozen=True, kw_only=True)
class InertialValve:
    """Leaflets that take time, round blood that has mass: it may flow back while they close.

    Parameters
    ----------
    area
        Effective, of the open orifice, m^2.
    length
        Of the blood accelerated in it, m.
    opening_rate, closing_rate
        Of the leaflets by the pressure across them, 1/(Pa s).
    bulge
        Volume by which shut leaflets give way to a pressure across them, m^3/Pa.

    Notes
    -----
    With the open share z, dp = rho Q|Q|/(2 A^2) + (rho l/A) dQ/dt at A = z area and
    dz/dt = (1 - z) K_open dp, or z K_close dp where dp < 0. Ours, for explicit steps: dp moves
    the leaflets at r tanh(K dp/r), r = 400/s. Ours, for the aorta's pressure before it opens and
    as it shuts: shut leaflets are a membrane, which the blood before them pushes out by
    dW/dt = (1 - z)^4 Q against W/bulge, damped at 300/s, and which is slack when they are open.
    """

    area: float
    length: float
    opening_rate: float
    closing_rate: float
    bulge: float = 0.005 * ML / MMHG

    def __post_init__(self) -> None:
        """Refuse a valve that is none."""
        for item in fields(self):
            check_positive(self, item.name)

    @property
    def law(self) -> str:
        """Return that the flow is a state of its own."""
        return "inertial"


@dataclass(frozen=True, kw_only=True)
class Aorta:
    """A ladder of equal segments between the aortic valve and the systemic arteries.

    Parameters
    ----------
    compliance
        Of the whole, m^3/Pa.
    inertance
        Of the whole, Pa s^2/m^3.
    resistance
        Of the whole, Pa s/m^3.
    termination
        Resistance at its end, Pa s/m^3: where it is sqrt(inertance/compliance), a fast wave is
        not reflected.
    viscosity
        Of the wall, s: p = (V + viscosity dV/dt)/C; of 0, the wall is elastic.
    impedance
        In series at its inlet, Pa s/m^3: what a jump of the flow meets at once, for which a
        ladder of few segments is too slow.
    segments
        How many.
    """

    compliance: float
    inertance: float
    resistance: float
    termination: float
    viscosity: float = 0.0
    impedance: float = 0.0
    segments: int = 3

    def __post_init__(self) -> None:
        """Refuse an aorta that is none."""
        for name in ("compliance", "inertance", "resistance", "termination"):
            check_positive(self, name)
        for name in ("viscosity", "impedance"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                msg = (
                    f"Aorta.{name} must be finite and not negative, found {value:g}. Give it in "
                    "s or Pa s/m^3, or 0."
                )
                raise InputError(msg)
        if self.segments < 1 or self.segments != int(self.segments):
            msg = f"An aorta has one segment or more, found {self.segments}. Give 1 to 10."
            raise InputError(msg)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tract:
    """The numbers of aorta and inertial valves; arrays are (row, *batch).

    Parameters
    ----------
    inertial
        Rows of the inertial valves among the four.
    segments
        Of the aorta; 0: there is none.
    valve
        Area, length, opening and closing rate of the inertial valves.
    aorta
        Compliance, inertance, resistance of one segment, termination, viscosity, impedance.
    """

    inertial: tuple[int, ...]
    segments: int
    valve: tuple[Any, ...]
    aorta: tuple[Any, ...]

    @property
    def size(self) -> int:
        """Return the number of states."""
        return 2 * self.segments + 3 * len(self.inertial)

    def parts(self, state: Any) -> tuple[Any, Any, Any, Any]:
        """Return volumes and flows of the segments, flows of the valves, and their leaflets'.

        The last are openings, then bulges, m^3.
        """
        n, m = self.segments, len(self.inertial)
        return state[:n], state[n : 2 * n], state[2 * n : 2 * n + m], state[2 * n + m :]

    def filled(self, state: Any, at_valve: Any, xp: Any) -> tuple[Any, Any]:
        """Return pressures of the segments, Pa, and what fills them, m^3/s.

        `at_valve` is the flow of the aortic valve, (1, *batch).
        """
        volume, moving, _, _ = self.parts(state)
        compliance, viscosity = self.aorta[0], self.aorta[4]
        filling = xp.concatenate((at_valve, moving[:-1])) - moving
        return (volume + viscosity * filling) / compliance, filling

    def root(self, state: Any, at_valve: Any, xp: Any) -> Any:
        """Return the pressure behind the aortic valve, Pa, at its flow, (1, *batch)."""
        return self.filled(state, at_valve, xp)[0][:1] + self.aorta[5] * at_valve

    def valve_falls(self, fall: Any, pressure: Any, state: Any, xp: Any) -> Any:
        """Return the pressures across the four valves, the aorta standing after its own.

        `fall` is that of the ring, (4, *batch), `pressure` that of its stores. Where the aorta
        has a viscous wall or an impedance, its valve is inertial.
        """
        if not self.segments:
            return fall
        _, _, flow, _ = self.parts(state)
        if AORTIC in self.inertial:
            row = self.inertial.index(AORTIC)
            behind = self.root(state, flow[row : row + 1], xp)
        else:
            behind = state[:1] / self.aorta[0]
        return xp.concatenate((fall[:1], pressure[1:2] - behind, fall[2:]))

    def with_states(self, flow: Any, state: Any, xp: Any) -> Any:
        """Return the flows of the four valves with those that are states, (4, *batch)."""
        if not self.inertial:
            return flow
        own = self.parts(state)[2]
        rows = [flow[row : row + 1] for row in range(4)]
        for place, row in enumerate(self.inertial):
            rows[row] = own[place : place + 1]
        return xp.concatenate(rows)

    def rates(self, fall: Any, flow: Any, beyond: Any, state: Any, xp: Any) -> tuple[Any, Any]:
        """Return d(state)/dt, and the flow out of the aorta (or of its valve), m^3/s.

        `fall` and `flow` are those of the four valves, `beyond` the pressure of the systemic
        arteries, (1, *batch).
        """
        _, moving, own, leaflets = self.parts(state)
        rows, leaving = [], flow[AORTIC : AORTIC + 1]
        if self.segments:
            pressure, filling = self.filled(state, leaving, xp)
            _, inertance, resistance, termination, *_ = self.aorta
            after = xp.concatenate((pressure[1:], beyond + termination * moving[-1:]))
            rows += [filling, (pressure - after - resistance * moving) / inertance]
            leaving = moving[-1:]
        if self.inertial:
            at = fall[list(self.inertial)]
            rows += list(valve_rates(at, own, leaflets, self.valve, xp))
        return xp.concatenate(rows), leaving


def valve_rates(
    fall: Any, flow: Any, leaflets: Any, valve: tuple[Any, ...], xp: Any
) -> tuple[Any, Any, Any]:
    """Return d/dt of flow, m^3/s^2, opening, 1/s, and bulge, m^3/s, at a fall of pressure, Pa."""
    area, length, opens, closes, bulge = valve
    opening, pushed = leaflets[: len(flow)], leaflets[len(flow) :]
    wide = xp.clip(opening, 0.0, 1.0)
    shut = 1 - wide
    closed = shut**4
    jet = abs(flow) * flow / (2 * length * area * (wide + NARROW * shut)) * (1 - closed)
    held = area / (DENSITY * length) * closed * (fall - pushed / bulge) - HELD * closed * flow
    faster = area * wide / (DENSITY * length) * fall - jet + held
    forwards = (fall + abs(fall)) / 2
    opened = shut * xp.tanh(opens * forwards / SWIFT)
    shutting = wide * xp.tanh(closes * (fall - forwards) / SWIFT)
    moved = closed * flow - HELD * (1 - closed) * pushed
    return faster, SWIFT * (opened + shutting), moved


def rates(  # noqa: PLR0917  # as `rates.rates`, with what is beside the ring
    pressure: Any, flow: Any, state: Any, loop: Loop, tract: Tract, xp: Any
) -> tuple[Any, Any, Any]:
    """Return d(volume)/dt of the eight stores, d(flow)/dt of the vessels, d(state)/dt."""
    at_valves, at_vessels = across(pressure, xp)
    fall, at_valve = valves(pressure, at_valves, state, loop, tract, xp)
    change, leaving = tract.rates(fall, at_valve, pressure[2:3], state, xp)
    out = outflows(at_valve.reshape(at_valves.shape), flow, xp)
    into = xp.concatenate((out[-1:], out[:1], leaving, out[2:-1]))
    return into - out, loop.push * at_vessels - loop.drag * flow, change


def valves(  # noqa: PLR0917
    pressure: Any, at_valves: Any, state: Any, loop: Loop, tract: Tract, xp: Any
) -> tuple[Any, Any]:
    """Return falls of pressure, Pa, and flows, m^3/s, of the four valves, (4, *batch)."""
    ring = at_valves.reshape(4, *at_valves.shape[2:])
    fall = tract.valve_falls(ring, pressure, state, xp)
    flow = loop.valve_flows(fall.reshape(at_valves.shape), xp).reshape(ring.shape)
    return fall, tract.with_states(flow, state, xp)


def aortic_valve() -> InertialValve:
    """Return the adult's aortic valve (Mynard et al. 2012, table III)."""
    return InertialValve(area=4.9e-4, length=0.01, opening_rate=0.12, closing_rate=0.12)


def mitral_valve() -> InertialValve:
    """Return the adult's mitral valve (Mynard et al. 2012, table III)."""
    return InertialValve(area=5.1e-4, length=0.02, opening_rate=0.3, closing_rate=0.4)


def aorta(compliance: float = 1.0 * ML / MMHG) -> Aorta:
    """Return an aorta of a compliance, m^3/Pa, and a characteristic impedance of 0.045 mmHg s/mL.

    Impedance: Nichols & O'Rourke (2011), McDonald's Blood Flow in Arteries, ch. 12.
    """
    impedance = 0.045 * MMHG / ML
    return Aorta(
        compliance=compliance,
        inertance=impedance**2 * compliance,
        resistance=0.1 * impedance,
        termination=impedance,
        viscosity=0.005,
        impedance=impedance,
    )


__all__ = ["Aorta", "InertialValve", "Tract", "aorta", "aortic_valve", "mitral_valve", "rates"]
