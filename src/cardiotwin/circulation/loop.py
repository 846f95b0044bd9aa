"""The closed loop: eight stores in a ring, each with one way out into the next.

la -(mitral)- lv -(aortic)- systemic arteries - systemic veins - ra -(tricuspid)- rv -(pulmonary)-
pulmonary arteries - pulmonary veins - la. Regazzoni et al. (2022), J Comput Phys 457:111083,
eq. 13-15; the ring is closed, so that what one store loses the next one has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.circulation.elements import Chamber, Elastance, Twitch, Valve, Vessel
from cardiotwin.circulation.state import State, Stores, refuse_negative
from cardiotwin.errors import InputError
from cardiotwin.units import ML, MMHG

Eight = Float[np.ndarray, "8"]
VALVES = np.array([0, 1, 4, 5])  # the ways out of la, lv, ra, rv
VESSELS = np.array([2, 3, 6, 7])


# Regazzoni et al. (2022), initial conditions; those of the vessels are pressures.
CHAMBER_VOLUMES = {"la": 65 * ML, "lv": 120 * ML, "ra": 65 * ML, "rv": 145 * ML}
VESSEL_PRESSURES = {
    "systemic_arteries": 80 * MMHG,
    "systemic_veins": 30 * MMHG,
    "pulmonary_arteries": 35 * MMHG,
    "pulmonary_veins": 24 * MMHG,
}
ATRIAL = Twitch(onset=-0.2, contraction=0.17, relaxation=0.17)
VENTRICULAR = Twitch(onset=0.0, contraction=0.34, relaxation=0.17)


def _chamber(active: float, passive: float, unstressed: float, twitch: Twitch) -> Elastance:
    """Return a chamber of elastances, mmHg/mL, and an unstressed volume, mL."""
    return Elastance(
        active=active * MMHG / ML,
        passive=passive * MMHG / ML,
        unstressed_volume=unstressed * ML,
        twitch=twitch,
    )


def _vessel(resistance: float, compliance: float, inertance: float) -> Vessel:
    """Return a vessel of a resistance, mmHg s/mL, a compliance, mL/mmHg, and an inertance."""
    return Vessel(
        resistance=resistance * MMHG / ML,
        compliance=compliance * ML / MMHG,
        inertance=inertance * MMHG / ML,
    )


LEFT_ATRIUM = _chamber(0.07, 0.09, 4.0, ATRIAL)
LEFT_VENTRICLE = _chamber(2.75, 0.08, 5.0, VENTRICULAR)
RIGHT_ATRIUM = _chamber(0.06, 0.07, 4.0, ATRIAL)
RIGHT_VENTRICLE = _chamber(0.55, 0.05, 10.0, VENTRICULAR)
VALVE = Valve(
    open_resistance=0.0075 * MMHG / ML,
    closed_resistance=75006.2 * MMHG / ML,
    width=0.05 * MMHG,
)
SYSTEMIC_ARTERIES = _vessel(0.8, 1.2, 5e-3)
SYSTEMIC_VEINS = _vessel(0.26, 60.0, 5e-4)
PULMONARY_ARTERIES = _vessel(0.1625, 10.0, 5e-4)
PULMONARY_VEINS = _vessel(0.1625, 16.0, 5e-4)


@dataclass(frozen=True, kw_only=True)
class Circulation:
    """Four chambers, four valves, four vessels; by default those of a healthy adult.

    Parameters
    ----------
    period
        Duration of a heart beat, s.
    left_atrium, left_ventricle, right_atrium, right_ventricle
        Chambers; a ventricle may be replaced by one outside (see `step`).
    mitral, aortic, tricuspid, pulmonary
        Valves.
    systemic_arteries, systemic_veins, pulmonary_arteries, pulmonary_veins
        Vessels.

    Notes
    -----
    Constants of Regazzoni et al. (2022), compared with those of the public code
    `ComputationalPhysiology/circulation` (whose first versions have 60 mL/mmHg for the systemic
    veins, as here; later ones 130). The atria contract 0.2 s before the ventricles, which is the
    paper's onset of 0.8 s at a period of 1 s. The valves' width is our own.
    """

    period: float = 1.0  # s
    left_atrium: Chamber = LEFT_ATRIUM
    left_ventricle: Chamber = LEFT_VENTRICLE
    right_atrium: Chamber = RIGHT_ATRIUM
    right_ventricle: Chamber = RIGHT_VENTRICLE
    mitral: Valve = VALVE
    aortic: Valve = VALVE
    tricuspid: Valve = VALVE
    pulmonary: Valve = VALVE
    systemic_arteries: Vessel = SYSTEMIC_ARTERIES
    systemic_veins: Vessel = SYSTEMIC_VEINS
    pulmonary_arteries: Vessel = PULMONARY_ARTERIES
    pulmonary_veins: Vessel = PULMONARY_VEINS

    def __post_init__(self) -> None:
        """Refuse a beat that ends before its contraction does."""
        twitches = [c.twitch for c in self._chambers if isinstance(c, Elastance)]
        longest = max((t.contraction + t.relaxation for t in twitches), default=0.0)
        if not longest < self.period < np.inf:
            msg = (
                f"Circulation.period must be longer than a twitch, {longest:g} s, found "
                f"{self.period:g} s. Shorten contraction and relaxation with it."
            )
            raise InputError(msg)

    @property
    def _chambers(self) -> tuple[Chamber, ...]:
        return self.left_atrium, self.left_ventricle, self.right_atrium, self.right_ventricle

    @cached_property
    def vessels(self) -> Float[np.ndarray, "3 4"]:
        """Return resistance, compliance and inertance of the vessels in the ring's order."""
        vessels = (
            self.systemic_arteries,
            self.systemic_veins,
            self.pulmonary_arteries,
            self.pulmonary_veins,
        )
        return np.array([(v.resistance, v.compliance, v.inertance) for v in vessels]).T

    @cached_property
    def _valves(self) -> Float[np.ndarray, "3 4"]:
        valves = (self.mitral, self.aortic, self.tricuspid, self.pulmonary)
        return np.array(
            [(1 / v.open_resistance, 1 / v.closed_resistance, v.width) for v in valves]
        ).T

    def laws(self, time: float) -> tuple[Eight, Eight]:
        """Return elastance, Pa/m^3, and unstressed volume, m^3, of each store."""
        E, V0 = np.empty(8), np.zeros(8)
        laws = [chamber.law(time, self.period) for chamber in self._chambers]
        E[VALVES], V0[VALVES] = np.transpose(laws)
        E[VESSELS] = 1 / self.vessels[1]
        return E, V0

    def valve_flows(self, difference: Any, xp: Any = np) -> tuple[Any, Any]:
        """Return the valves' flows, m^3/s, and their slopes by the pressures across, Pa."""
        forwards, backwards, width = self._valves
        x = difference / width
        softplus = (x + abs(x)) / 2 + xp.log1p(xp.exp(-abs(x)))
        sigmoid = (1 + xp.tanh(x / 2)) / 2
        flow = backwards * difference + (forwards - backwards) * width * softplus
        return flow, backwards + (forwards - backwards) * sigmoid

    def rates(self, volume: Eight, vessel_flow: Float[np.ndarray, "4"], time: float) -> Any:
        """Return d(volume)/dt, m^3/s, and d(vessel flow)/dt, m^3/s^2: what `step` integrates."""
        E, V0 = self.laws(time)
        pressure = E * (volume - V0)
        across = pressure - np.roll(pressure, -1)
        outflow = np.empty(8)
        outflow[VALVES] = self.valve_flows(across[VALVES])[0]
        outflow[VESSELS] = vessel_flow
        resistance, _, inertance = self.vessels
        change = (across[VESSELS] - resistance * vessel_flow) / inertance
        return np.roll(outflow, 1) - outflow, change

    def start(
        self,
        chamber_volume: Mapping[str, float] = CHAMBER_VOLUMES,
        vessel_pressure: Mapping[str, float] = VESSEL_PRESSURES,
        *,
        outside: Mapping[str, float] | None = None,
        time: float = 0.0,
    ) -> State:
        """Return a state with its vessels' blood at rest.

        `outside` holds the pressures, Pa, of chambers whose law is not this circulation's.
        """
        E, V0 = self.laws(time)
        compliances = dict(zip(np.array(Stores._fields)[VESSELS], self.vessels[1], strict=True))
        stored = {name: vessel_pressure[name] * C for name, C in compliances.items()}
        volume = Stores(**chamber_volume, **stored)
        pressure = E * (np.array(volume) - V0)
        for name, value in (outside or {}).items():
            pressure[Stores._fields.index(name)] = value
        across = pressure - np.roll(pressure, -1)
        outflow = np.zeros(8)
        outflow[VALVES] = self.valve_flows(across[VALVES])[0]
        state = State(
            time=time,
            volume=volume,
            pressure=Stores(*pressure.tolist()),
            outflow=Stores(*outflow.tolist()),
        )
        refuse_negative(state)
        return state
