"""Chambers, valves and vessels of the circulation, each by its own law.

Regazzoni et al. (2022), J Comput Phys 457:111083, sect. 2.3; the elastance's course in time is
that of Blanco & Feijoo (2010), Mecanica Computacional 29:5887-5911.
"""

import math
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from cardiotwin.circulation.checks import check_positive, refuse_endless
from cardiotwin.circulation.twitches import HillTwitch, refuse_few, spline_weights
from cardiotwin.circulation.valves import LAWS
from cardiotwin.errors import InputError


def activation(since: Any, durations: tuple[Any, Any], period: Any, xp: Any) -> Any:
    """Return the activation, 0 to 1, at a time `since` its onset; `durations` of rise and fall.

    It rises as (1 - cos)/2 and falls as (1 + cos)/2.
    """
    contraction, relaxation = durations
    phase = since - period * xp.floor(since / period)
    risen = xp.clip(phase / contraction, 0.0, 1.0)
    fallen = xp.clip((phase - contraction) / relaxation, 0.0, 1.0)
    return xp.sin(math.pi / 2 * (risen + fallen)) ** 2


@dataclass(frozen=True, kw_only=True)
class Twitch:
    """When muscle contracts: up and down along half a cosine each, then rest.

    Parameters
    ----------
    onset
        Where it begins, s after end-diastole (the atria's lies before: negative).
    contraction, relaxation
        Durations of the rise and of the fall, s.
    """

    onset: float = 0.0  # s
    contraction: float = 0.34  # s
    relaxation: float = 0.17  # s

    def __post_init__(self) -> None:
        """Refuse durations that are none."""
        refuse_endless(self, "onset")
        for name in ("contraction", "relaxation"):
            check_positive(self, name)

    def activation(self, time: Any, period: float, xp: Any = np) -> Any:
        """Return the activation, 0 at rest to 1 at the end of the contraction."""
        return activation(time - self.onset, (self.contraction, self.relaxation), period, xp)


@runtime_checkable
class Chamber(Protocol):
    """A chamber whose pressure is linear in its volume at each time: p = E (V - V0)."""

    def law(self, time: float, period: float) -> tuple[float, float]:
        """Return the elastance E, Pa/m^3, and the unstressed volume V0, m^3."""


@dataclass(frozen=True, kw_only=True)
class Elastance:
    """A chamber that stiffens while it contracts.

    Parameters
    ----------
    passive
        Elastance at rest, Pa/m^3.
    active
        What a full contraction adds, Pa/m^3.
    unstressed_volume
        Volume without pressure, m^3.
    twitch
        When it contracts.
    shape
        Logarithms by which the elastance differs from the twitch's, coefficients of a periodic
        cubic spline whose equal knots begin at t = 0; none: it does not.
    """

    passive: float
    active: float
    unstressed_volume: float
    twitch: Twitch | HillTwitch
    shape: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a chamber without stiffness."""
        for name in ("passive", "active", "unstressed_volume"):
            check_positive(self, name)
        refuse_few(self.shape)

    def law(self, time: float, period: float) -> tuple[float, float]:
        """Return the elastance, Pa/m^3, and the unstressed volume, m^3."""
        share = float(self.twitch.activation(time, period))
        elastance = self.passive + self.active * share
        if self.shape:
            weights = spline_weights(np.asarray(time / period % 1), len(self.shape), np)
            elastance *= float(np.exp(weights @ np.array(self.shape)))
        return elastance, self.unstressed_volume


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordedChamber:
    """A chamber linearised about a recorded beat: p = p(t) + E(t) (V - V(t)), periodic in time.

    Parameters
    ----------
    time
        Within one period, rising, s.
    elastance
        dp/dV of the recorded chamber, Pa/m^3.
    unstressed_volume
        V(t) - p(t)/E(t), m^3; it may be negative.
    """

    time: Float[np.ndarray, " steps"]
    elastance: Float[np.ndarray, " steps"]
    unstressed_volume: Float[np.ndarray, " steps"]

    def law(self, time: float, period: float) -> tuple[float, float]:
        """Return the elastance, Pa/m^3, and the unstressed volume, m^3."""
        E = float(np.interp(time, self.time, self.elastance, period=period))
        return E, float(np.interp(time, self.time, self.unstressed_volume, period=period))


@dataclass(frozen=True, kw_only=True)
class Valve:
    """A resistance that is low forwards and high backwards.

    Parameters
    ----------
    open_resistance, closed_resistance
        Pa s/m^3.
    width
        Pressure over which it opens, Pa; 0 of a sharp valve.
    law
        How it opens: `valve_flow` has the formulae.

    Notes
    -----
    A valve has no state: it cannot chatter.
    """

    open_resistance: float
    closed_resistance: float
    width: float
    law: Literal["sharp", "arctangent", "tanh", "softplus"] = "arctangent"

    def __post_init__(self) -> None:
        """Refuse a valve that does not close, and a width that its law has not."""
        for name in ("open_resistance", "closed_resistance"):
            check_positive(self, name)
        if self.law not in LAWS:
            msg = f"Valve.law must be one of {', '.join(LAWS)}, found {self.law!r}. Name one."
            raise InputError(msg)
        if self.law != "sharp":
            check_positive(self, "width")
        elif self.width != 0:
            msg = (
                f"A sharp valve has no width, found Valve.width of {self.width:g} Pa. "
                "Give 0, or another law."
            )
            raise InputError(msg)
        if not self.closed_resistance > self.open_resistance:
            msg = (
                "Valve.closed_resistance must be larger than open_resistance, found "
                f"{self.closed_resistance:g} and {self.open_resistance:g} Pa s/m^3. "
                "Give a leaking valve a smaller closed_resistance, not one below the open one."
            )
            raise InputError(msg)


@dataclass(frozen=True, kw_only=True)
class Vessel:
    """A compliant store and the way out of it: C dp/dt = Q_in - Q, L dQ/dt = p - p_next - R Q.

    Parameters
    ----------
    resistance
        Pa s/m^3.
    compliance
        m^3/Pa.
    inertance
        Pa s^2/m^3.
    """

    resistance: float
    compliance: float
    inertance: float

    def __post_init__(self) -> None:
        """Refuse a vessel that is none."""
        for field in fields(self):
            check_positive(self, field.name)
