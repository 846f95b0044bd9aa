"""The closed loop: eight stores in a ring, each with one way out into the next.

la -(mitral)- lv -(aortic)- systemic arteries - systemic veins - ra -(tricuspid)- rv -(pulmonary)-
pulmonary arteries - pulmonary veins - la. Regazzoni et al. (2022), J Comput Phys 457:111083,
eq. 13-15; the ring is closed, so that what one store loses the next one has.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.circulation.arteries import Aorta, InertialValve
from cardiotwin.circulation.elements import Chamber, Elastance, Twitch, Valve, Vessel
from cardiotwin.circulation.rates import Loop, pressures, rates
from cardiotwin.circulation.state import State, Stores, refuse_negative
from cardiotwin.circulation.twitches import HillTwitch
from cardiotwin.circulation.valves import valve_constants, valve_slope
from cardiotwin.errors import InputError
from cardiotwin.units import ML, MMHG

Eight = Float[np.ndarray, "8"]
VALVES = np.array([0, 1, 4, 5])  # the ways out of la, lv, ra, rv
VESSELS = np.array([2, 3, 6, 7])


# The adult's state between two beats, at t = 0; that of the vessels are pressures and flows.
CHAMBER_VOLUMES = {"la": 87.183 * ML, "lv": 118.520 * ML, "ra": 86.833 * ML, "rv": 166.177 * ML}
VESSEL_PRESSURES = {
    "systemic_arteries": 87.675 * MMHG,
    "systemic_veins": 35.898 * MMHG,
    "pulmonary_arteries": 19.545 * MMHG,
    "pulmonary_veins": 15.004 * MMHG,
}
VESSEL_FLOWS = {
    "systemic_arteries": 71.104 * ML,
    "systemic_veins": 94.039 * ML,
    "pulmonary_arteries": 94.084 * ML,
    "pulmonary_veins": 473.279 * ML,
}
PERIOD = 0.8  # s
ATRIAL = Twitch(onset=0.9, contraction=0.17, relaxation=0.17)
VENTRICULAR = Twitch(onset=0.1, contraction=0.25, relaxation=0.4)
CONDUCTION = 0.2  # s from the atria's contraction to the ventricles'


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


LEFT_ATRIUM = _chamber(0.07, 0.18, 4.0, ATRIAL)
LEFT_VENTRICLE = _chamber(4.482, 0.17, 42.0, VENTRICULAR)
RIGHT_ATRIUM = _chamber(0.06, 0.07, 4.0, ATRIAL)
RIGHT_VENTRICLE = _chamber(0.2, 0.029, 16.0, VENTRICULAR)
VALVE = Valve(
    open_resistance=0.0075 * MMHG / ML,
    closed_resistance=75006.2 * MMHG / ML,
    width=MMHG / (100 * math.pi),
)
SYSTEMIC_ARTERIES = _vessel(0.733, 1.372, 5e-3)
SYSTEMIC_VEINS = _vessel(0.32, 11.363, 5e-4)
PULMONARY_ARTERIES = _vessel(0.046, 20.0, 5e-4)
PULMONARY_VEINS = _vessel(0.0015, 16.0, 5e-4)


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
    aorta
        A tube between its valve and the systemic arteries; by default none.
    systemic_arteries, systemic_veins, pulmonary_arteries, pulmonary_veins
        Vessels.

    Notes
    -----
    Constants of the public code `circulation` 0.4 (ComputationalPhysiology), which are those of
    Regazzoni et al. (2022) tuned to a healthy adult: the paper's pulmonary resistances (twice
    0.1625 mmHg s/mL, 5.4 Wood units) and unstressed volumes give a right ventricle of 43 mmHg.
    Its clock puts the ventricles' contraction at 0.1 s and, because the atria's onset of 0.9 s
    exceeds the period, theirs with it; `from_end_diastole` gives the heart's own order.
    """

    period: float = PERIOD
    left_atrium: Chamber = LEFT_ATRIUM
    left_ventricle: Chamber = LEFT_VENTRICLE
    right_atrium: Chamber = RIGHT_ATRIUM
    right_ventricle: Chamber = RIGHT_VENTRICLE
    mitral: Valve | InertialValve = VALVE
    aortic: Valve | InertialValve = VALVE
    tricuspid: Valve | InertialValve = VALVE
    pulmonary: Valve | InertialValve = VALVE
    aorta: Aorta | None = None
    systemic_arteries: Vessel = SYSTEMIC_ARTERIES
    systemic_veins: Vessel = SYSTEMIC_VEINS
    pulmonary_arteries: Vessel = PULMONARY_ARTERIES
    pulmonary_veins: Vessel = PULMONARY_VEINS

    def __post_init__(self) -> None:
        """Refuse a beat that ends before its contraction does."""
        twitches = [c.twitch for c in self._chambers if isinstance(c, Elastance)]
        cosines = [t for t in twitches if isinstance(t, Twitch)]
        longest = max((t.contraction + t.relaxation for t in cosines), default=0.0)
        if not longest < self.period < np.inf:
            msg = (
                f"Circulation.period must be longer than a twitch, {longest:g} s, found "
                f"{self.period:g} s. Shorten contraction and relaxation with it."
            )
            raise InputError(msg)
        fast = self.aorta and (self.aorta.viscosity or self.aorta.impedance)
        if fast and not isinstance(self.aortic, InertialValve):
            msg = (
                "An aorta with a viscosity or an impedance stands behind a valve "
                f"whose flow is a state, found one of law {self.aortic.law!r}. Give "
                "Circulation.aortic an InertialValve, or the aorta neither."
            )
            raise InputError(msg)

    @property
    def tract(self) -> bool:
        """Return whether it has an aorta or inertial valves: it is for `simulate` alone then."""
        valves = (self.mitral, self.aortic, self.tricuspid, self.pulmonary)
        return self.aorta is not None or any(isinstance(v, InertialValve) for v in valves)

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
    def ring(self) -> Loop:
        """Return valves and vessels as the right-hand side takes them."""
        four = (self.mitral, self.aortic, self.tricuspid, self.pulmonary)
        valves = [(number, v) for number, v in enumerate(four) if isinstance(v, Valve)]
        groups = []
        for law in dict.fromkeys(v.law for _, v in valves):
            which = [number for number, v in valves if v.law == law]
            numbers = [
                (v.open_resistance, v.closed_resistance, v.width)
                for _, v in valves
                if v.law == law
            ]
            shape = (3, 2, 2) if len(which) == 4 else (3, len(which))
            low, high, width = np.array(numbers).T.reshape(shape)
            groups.append((law, which, valve_constants(law, low, high, width, np)))
        resistance, _, inertance = self.vessels
        return Loop(
            valves=tuple(groups),
            drag=(resistance / inertance).reshape(2, 2),
            push=(1 / inertance).reshape(2, 2),
        )

    def laws(self, time: float) -> tuple[Eight, Eight]:
        """Return elastance, Pa/m^3, and unstressed volume, m^3, of each store."""
        E, V0 = np.empty(8), np.zeros(8)
        laws = [chamber.law(time, self.period) for chamber in self._chambers]
        E[VALVES], V0[VALVES] = np.transpose(laws)
        E[VESSELS] = 1 / self.vessels[1]
        return E, V0

    def valve_flows(self, difference: Float[np.ndarray, "4"]) -> tuple[Any, Any]:
        """Return the valves' flows, m^3/s, and their slopes by the pressures across, Pa."""
        slope = np.zeros(4)
        for law, which, constants in self.ring.valves:
            flat = tuple(value.ravel() for value in constants)
            slope[which] = valve_slope(law, difference[which], flat, np)
        flow = self.ring.valve_flows(difference.reshape(2, 2), np).ravel()
        known = [row for _, which, _ in self.ring.valves for row in which]
        return np.where(np.isin(np.arange(4), known), flow, 0.0), slope

    def rates(
        self, volume: Eight, vessel_flow: Float[np.ndarray, "4"], time: float
    ) -> tuple[Eight, Float[np.ndarray, "4"]]:
        """Return d(volume)/dt, m^3/s, and d(vessel flow)/dt, m^3/s^2: what `step` integrates."""
        pressure = pressures(volume, *self.laws(time))
        change, faster = rates(pressure, vessel_flow.reshape(2, 2), self.ring, np)
        return change, faster.ravel()

    def start(
        self,
        chamber_volume: Mapping[str, float] = CHAMBER_VOLUMES,
        vessel_pressure: Mapping[str, float] = VESSEL_PRESSURES,
        vessel_flow: Mapping[str, float] = VESSEL_FLOWS,
        *,
        outside: Mapping[str, float] | None = None,
        time: float = 0.0,
    ) -> State:
        """Return a state: volumes, m^3, of chambers, pressures, Pa, and flows, m^3/s, of vessels.

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
        outflow[VESSELS] = [vessel_flow[name] for name in compliances]
        state = State(
            time=time,
            volume=volume,
            pressure=Stores(*pressure.tolist()),
            outflow=Stores(*outflow.tolist()),
        )
        refuse_negative(state)
        return state


def from_end_diastole(circulation: Circulation, period: float | None = None) -> Circulation:
    """Return the loop whose ventricles contract at t = 0, their atria 0.2 s before.

    A `period`, s, shorter than the loop's shortens its twitches alike; in a longer one they last
    as they did and the heart rests.
    """
    period = circulation.period if period is None else period
    shortened = min(1.0, period / circulation.period)
    changed: dict[str, Any] = {}
    for name, onset in (("atrium", -CONDUCTION), ("ventricle", 0.0)):
        for side in ("left", "right"):
            chamber = getattr(circulation, f"{side}_{name}")
            if isinstance(chamber, Elastance):
                changed[f"{side}_{name}"] = replace(
                    chamber, twitch=_shortened(chamber.twitch, shortened, onset)
                )
    return replace(circulation, period=period, **changed)


def resistive(valve: Valve | InertialValve) -> Valve:
    """Return the valve, and refuse one whose flow is a state."""
    if isinstance(valve, InertialValve):
        msg = (
            "Only a resistive valve has an open resistance, found an InertialValve. Give a Valve."
        )
        raise InputError(msg)
    return valve


def _shortened(twitch: Twitch | HillTwitch, share: float, onset: float) -> Twitch | HillTwitch:
    if isinstance(twitch, HillTwitch):
        rise, fall = share * twitch.rise_time, share * twitch.fall_time
        return replace(twitch, onset=share * onset, rise_time=rise, fall_time=fall)
    rise, fall = share * twitch.contraction, share * twitch.relaxation
    return Twitch(onset=share * onset, contraction=rise, relaxation=fall)


def with_valves(circulation: Circulation, law: str, width: float) -> Circulation:
    """Return the loop whose valves open by another law, over a width, Pa."""
    names = ("mitral", "aortic", "tricuspid", "pulmonary")
    changed: dict[str, Any] = {
        name: replace(getattr(circulation, name), law=law, width=width) for name in names
    }
    return replace(circulation, **changed)
