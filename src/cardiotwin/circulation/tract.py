"""How blood moves beside a loop's eight stores: in valves with inertia, in an aorta with waves.

Valves: Mynard, Davidson, Penny & Smolich (2012), Int J Num Meth Biomed Eng 28:626-641,
eq. 1-10. Aorta: a ladder of equal segments (Westerhof, Bosman, De Vries & Noordergraaf 1969,
J Biomech 2:121-143), here closed by a resistance before the windkessel of the small arteries,
the load of the tube models of Burattini & Campbell (1989), IEEE Trans Biomed Eng 36:805-811.
"""

from dataclasses import dataclass
from typing import Any

from cardiotwin.circulation.rates import Loop, across, outflows

DENSITY = 1060.0  # kg/m^3 of blood
SWIFT = 400.0  # 1/s: leaflets move no faster
HELD = 300.0  # 1/s at which shut leaflets stop the blood between them
NARROW = 0.02  # of the orifice: the smallest by which a jet's pressure is reckoned
AORTIC = 1  # row of the aortic valve among the four


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
    arm
        Compliance, inertance, termination; empty: there is none.
    """

    inertial: tuple[int, ...]
    segments: int
    valve: tuple[Any, ...]
    aorta: tuple[Any, ...]
    arm: tuple[Any, ...] = ()

    @property
    def stores(self) -> int:
        """Return the number of volumes: of the segments, and of the arm as the last one."""
        return self.segments + bool(self.arm)

    def parts(self, state: Any) -> tuple[Any, Any, Any, Any]:
        """Return volumes and flows of the stores, flows of the valves, and their leaflets'.

        Flows are those out of the segments, and into the arm. The last are openings, then
        bulges, m^3.
        """
        n, m = self.stores, len(self.inertial)
        return state[:n], state[n : 2 * n], state[2 * n : 2 * n + m], state[2 * n + m :]

    def filled(self, state: Any, at_valve: Any, xp: Any) -> tuple[Any, Any]:
        """Return pressures of the segments, Pa, and what fills them, m^3/s.

        `at_valve` is the flow of the aortic valve, (1, *batch).
        """
        n = self.segments
        volume, moving, _, _ = self.parts(state)
        compliance, viscosity = self.aorta[0], self.aorta[4]
        along, into = moving[:n], at_valve - moving[n:] if self.arm else at_valve
        filling = xp.concatenate((into, along[:-1])) - along
        return (volume[:n] + viscosity * filling) / compliance, filling

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
        n = self.segments
        volume, moving, own, leaflets = self.parts(state)
        rows, leaving = [], flow[AORTIC : AORTIC + 1]
        if n:
            pressure, filling = self.filled(state, leaving, xp)
            _, inertance, resistance, termination, *_ = self.aorta
            along = moving[:n]
            after = xp.concatenate((pressure[1:], beyond + termination * along[-1:]))
            faster = (pressure - after - resistance * along) / inertance
            rows, leaving = [filling, faster], along[-1:]
            if self.arm:
                compliance, inertance, termination = self.arm
                held = volume[n:] / compliance
                out = (held - beyond) / termination
                rows = [filling, moving[n:] - out, faster, (pressure[:1] - held) / inertance]
                leaving = leaving + out
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


__all__ = ["Tract", "rates", "valve_rates", "valves"]
