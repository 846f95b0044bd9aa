"""What a body bears, and how its material answers."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Loads:
    """What the body bears and how its material answers.

    Parameters
    ----------
    cavity_pressure
        Follower pressure in the left ventricle (on the pressurised facets), Pa.
    rv_pressure
        Follower pressure in the right ventricle, Pa; where the mesh has none, it acts nowhere.
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

    def towards(self, other: "Loads", share: float) -> "Loads":
        """Return the loads at a share of the straight way to `other`."""
        values = {
            name: (1 - share) * getattr(self, name) + share * getattr(other, name)
            for name in LOADS
        }
        return Loads(**values)


LOADS = (
    "cavity_pressure",
    "rv_pressure",
    "active_tension",
    "passive_scale",
    "passive_exponent",
)
LINEAR = ("cavity_pressure", "rv_pressure", "active_tension")
"""Loads in which the residual is linear."""
