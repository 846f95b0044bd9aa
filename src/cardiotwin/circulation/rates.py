"""The loop's one right-hand side, read by numpy and by torch.

Regazzoni et al. (2022), J Comput Phys 457:111083, eq. 13-15. The ring has two halves, left and
right, of four stores each: two chambers, whose ways out are valves, and two vessels, whose flows
have inertia. Rows come first, batches last; rolling and splitting them costs little backwards.
"""

from dataclasses import dataclass
from typing import Any

from cardiotwin.circulation.valves import valve_flow


@dataclass(frozen=True, kw_only=True, eq=False)
class Loop:
    """What does not change with time; arrays are (half, one of two, *batch).

    Parameters
    ----------
    valves
        Each law, the places of its valves among the four where there are several laws, and its
        constants, (half, one of two) of one law, (valve,) of several. A valve that none names
        has its flow as a state: its row here means nothing.
    drag, push
        Of the vessels: resistance over inertance, 1/s, and one over inertance, m^3/(Pa s^2).
    """

    valves: tuple[tuple[str, Any, tuple[Any, ...]], ...]
    drag: Any
    push: Any

    def valve_flows(self, difference: Any, xp: Any) -> Any:
        """Return the flows of the valves, m^3/s, at the pressures across them, Pa."""
        if len(self.valves) == 1 and len(self.valves[0][1]) == 4:
            law, _, constants = self.valves[0]
            return valve_flow(law, difference, constants, xp)
        flat = difference.reshape(4, *difference.shape[2:])
        rows = [flat[:1]] * 4
        for law, which, constants in self.valves:
            flow = valve_flow(law, flat[which], constants, xp)
            for place, row in enumerate(which):
                rows[row] = flow[place : place + 1]
        return xp.concatenate(rows).reshape(difference.shape)


def pressures(volume: Any, elastance: Any, unstressed: Any) -> Any:
    """Return the pressure, Pa, of stores with p = E (V - V0)."""
    return elastance * (volume - unstressed)


def across(pressure: Any, xp: Any) -> Any:
    """Return how much the pressure falls from each store to the next, Pa: at valves, vessels."""
    fall = pressure - xp.roll(pressure, -1, 0)
    return xp.split(fall.reshape(2, 4, *fall.shape[1:]), 2, 1)


def outflows(valve: Any, vessel: Any, xp: Any) -> Any:
    """Return the flows out of the eight stores from those of valves and of vessels."""
    out = xp.concatenate((valve, vessel), 1)
    return out.reshape(8, *out.shape[2:])


def rates(pressure: Any, flow: Any, loop: Loop, xp: Any) -> tuple[Any, Any]:
    """Return d(volume)/dt of the stores, m^3/s, and d(flow)/dt of the vessels, m^3/s^2."""
    at_valves, at_vessels = across(pressure, xp)
    out = outflows(loop.valve_flows(at_valves, xp), flow, xp)
    return xp.roll(out, 1, 0) - out, loop.push * at_vessels - loop.drag * flow


__all__ = ["Loop", "across", "outflows", "pressures", "rates"]
