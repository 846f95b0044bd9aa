"""Blocks of an open network: vessels, valves, chambers, Windkessels, coronaries, sources.

Each says which residuals vanish, in terms of the pressures and flows of its wires, of its own
unknowns, and of their rates. Menon et al. (2025), svZeroDSolver, J Open Source Softw; coronary
bed: Kim et al. (2010), Ann Biomed Eng 38:3195-3209. Any consistent units.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from cardiotwin.circulation.valves import valve_constants, valve_flow


@dataclass(frozen=True, kw_only=True, eq=False)
class Ends:
    """What a block's residuals are made of; wires' values in the order of the wires.

    Parameters
    ----------
    p_in, q_in, p_out, q_out
        Pressures and flows of the wires into and out of the block.
    own
        Its own unknowns.
    rate
        The same of their time derivatives, None in these themselves.
    """

    p_in: Any
    q_in: Any
    p_out: Any
    q_out: Any
    own: Any
    rate: "Ends | None" = None

    @property
    def dot(self) -> "Ends":
        """Return the time derivatives."""
        assert self.rate is not None  # noqa: S101  # who asks has them
        return self.rate


@runtime_checkable
class Block(Protocol):
    """A part of a network."""

    @property
    def n_own(self) -> int:
        """Return the number of its own unknowns."""

    def residuals(self, at: Ends, time: float) -> list[Any]:
        """Return what vanishes: one for each wire it ends, and one for each own unknown."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A flow, or a pressure, given in time."""

    value: Callable[[float], float]
    kind: str  # "flow" or "pressure"
    n_own: int = 0

    def residuals(self, at: Ends, time: float) -> list[Any]:
        """Return the difference from what is given; a source has one wire out."""
        given = at.q_out[0] if self.kind == "flow" else at.p_out[0]
        return [given - self.value(time)]


@dataclass(frozen=True, kw_only=True)
class Tube:
    """A vessel: p_in - p_out = (R + S|Q|) Q + L dQ_out/dt; the compliance lies behind R."""

    resistance: float
    compliance: float = 0.0
    inertance: float = 0.0
    stenosis: float = 0.0
    n_own: int = 0

    def residuals(self, at: Ends, time: float) -> list[Any]:  # noqa: ARG002
        """Return the balances of momentum and of volume."""
        q, dot = at.q_in[0], at.dot
        size = np.sqrt(q * q)
        fall = (self.resistance + self.stenosis * size) * q
        stored = dot.p_in[0] - (self.resistance + 2 * self.stenosis * size) * dot.q_in[0]
        return [
            at.p_in[0] - at.p_out[0] - fall - self.inertance * dot.q_out[0],
            q - at.q_out[0] - self.compliance * stored,
        ]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A valve by one of the laws of `valve_flow`."""

    law: str
    low: float
    high: float
    width: float
    n_own: int = 0

    def residuals(self, at: Ends, time: float) -> list[Any]:  # noqa: ARG002
        """Return the miss of the law, and of the flow in and out."""
        constants = valve_constants(self.law, self.low, self.high, self.width, np)
        flow = valve_flow(self.law, at.p_in[0] - at.p_out[0], constants, np)
        return [flow - at.q_in[0], at.q_in[0] - at.q_out[0]]


@dataclass(frozen=True, kw_only=True)
class ElasticChamber:
    """A chamber of elastance E(t), with inertance at its outlet: p_in = E (V - V0(t))."""

    elastance: Callable[[float], float]
    unstressed: Callable[[float], float]
    inertance: float = 0.0
    n_own: int = 1

    def residuals(self, at: Ends, time: float) -> list[Any]:
        """Return the elastance's law and the balances of momentum and of volume."""
        volume = at.own[0]
        return [
            at.p_in[0] - self.elastance(time) * (volume - self.unstressed(time)),
            at.p_in[0] - at.p_out[0] - self.inertance * at.dot.q_out[0],
            at.q_in[0] - at.q_out[0] - at.dot.own[0],
        ]


@dataclass(frozen=True, kw_only=True)
class Resistor:
    """An outlet of a resistance to a pressure beyond."""

    resistance: float
    beyond: float = 0.0
    n_own: int = 0

    def residuals(self, at: Ends, time: float) -> list[Any]:  # noqa: ARG002
        """Return the miss of Ohm's law."""
        return [at.p_in[0] - self.resistance * at.q_in[0] - self.beyond]


@dataclass(frozen=True, kw_only=True)
class Windkessel:
    """An outlet of three elements: a proximal resistance, a compliance, a distal resistance."""

    proximal: float
    distal: float
    compliance: float
    beyond: float = 0.0
    n_own: int = 1

    def residuals(self, at: Ends, time: float) -> list[Any]:  # noqa: ARG002
        """Return the balances at the inlet and at the compliance, whose pressure is its own."""
        stored = at.own[0]
        leaving = (stored - self.beyond) / self.distal
        return [
            at.p_in[0] - stored - self.proximal * at.q_in[0],
            at.q_in[0] - leaving - self.compliance * at.dot.own[0],
        ]


@dataclass(frozen=True, kw_only=True)
class CoronaryBed:
    """A coronary bed squeezed by the muscle: arteries, vessels within the wall, veins.

    Parameters
    ----------
    arterial, venous
        Resistances.
    micro
        Resistance of the small arteries, in time.
    arterial_compliance, wall_compliance
        Of the arteries, and of the vessels within the wall.
    squeeze
        Pressure of the muscle around these, in time.
    beyond
        Venous pressure.
    """

    arterial: float
    micro: Callable[[float], float]
    venous: float
    arterial_compliance: float
    wall_compliance: float
    squeeze: Callable[[float], float]
    beyond: float = 0.0
    n_own: int = 1

    def residuals(self, at: Ends, time: float) -> list[Any]:
        """Return the fall to, and the balance of, the vessels within the wall: their volume."""
        volume, filling = at.own[0], at.dot.own[0]
        artery = at.p_in[0] - self.arterial * at.q_in[0]
        within = volume / self.wall_compliance + self.squeeze(time)
        leaving = (within - self.beyond) / self.venous
        charging = at.dot.p_in[0] - self.arterial * at.dot.q_in[0]
        return [
            artery - within - self.micro(time) * (filling + leaving),
            at.q_in[0] - self.arterial_compliance * charging - filling - leaving,
        ]


@dataclass(frozen=True, kw_only=True)
class Junction:
    """Where wires meet: one pressure, no volume."""

    n_own: int = 0

    def residuals(self, at: Ends, time: float) -> list[Any]:  # noqa: ARG002
        """Return the differences of pressures and the balance of flows."""
        pressures = [*at.p_in, *at.p_out]
        balance = sum(at.q_in) - sum(at.q_out)
        return [*(one - pressures[0] for one in pressures[1:]), balance]


__all__ = [
    "Block",
    "CoronaryBed",
    "ElasticChamber",
    "Ends",
    "Gate",
    "Junction",
    "Resistor",
    "Source",
    "Tube",
    "Windkessel",
]
