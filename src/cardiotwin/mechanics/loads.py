"""What a body bears, and how its material answers."""

import math
from dataclasses import dataclass

from cardiotwin.errors import InputError
from cardiotwin.units import KPA


@dataclass(frozen=True, kw_only=True)
class Loads:
    """What the body bears and how its material answers.

    Parameters
    ----------
    cavity_pressure
        Follower pressure in the left ventricle (on the pressurised facets), Pa.
    rv_pressure
        Follower pressure in the right ventricle, Pa.
    active_tension
        Second Piola-Kirchhoff stress along the fibre, Pa.
    passive_scale, passive_exponent
        Factors of the law's stresses and exponents.
    """

    cavity_pressure: float = 0.0
    rv_pressure: float = 0.0
    active_tension: float = 0.0
    passive_scale: float = 1.0
    passive_exponent: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no number, where it comes in."""
        for name in LOADS:
            value = getattr(self, name)
            if not math.isfinite(value):
                msg = f"Loads.{name} must be a finite number, found {value}. Give it in SI units."
                raise InputError(msg)

    def towards(self, other: "Loads", share: float) -> "Loads":
        """Return the loads at a share of the straight way to `other`."""
        values = {
            name: (1 - share) * getattr(self, name) + share * getattr(other, name)
            for name in LOADS
        }
        return Loads(**values)

    def __str__(self) -> str:
        """Name the loads that act, in kPa, and the material's factors where they are not 1."""
        acting = {name: getattr(self, name) for name in LINEAR if getattr(self, name)}
        told = [f"{name} {value / KPA:.4g} kPa" for name, value in acting.items()]
        factors = {name: getattr(self, name) for name in LOADS if name not in LINEAR}
        told += [f"{name} {value:.4g}" for name, value in factors.items() if value != 1]
        return ", ".join(told) or "no load"


LOADS = (
    "cavity_pressure",
    "rv_pressure",
    "active_tension",
    "passive_scale",
    "passive_exponent",
)
LINEAR = ("cavity_pressure", "rv_pressure", "active_tension")
"""Loads in which the residual is linear."""
PRESSURES = ("cavity_pressure", "rv_pressure")
