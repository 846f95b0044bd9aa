"""What a body bears, and how its material answers."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Loads:
    """What the body bears and how its material answers.

    Parameters
    ----------
    cavity_pressure
        Follower pressure on the pressurised facets, Pa.
    active_tension
        Second Piola-Kirchhoff stress along the fibre, Pa.
    passive_scale, passive_exponent
        Factors of the law's stresses and exponents.
    """

    cavity_pressure: float = 0.0
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


LOADS = ("cavity_pressure", "active_tension", "passive_scale", "passive_exponent")
