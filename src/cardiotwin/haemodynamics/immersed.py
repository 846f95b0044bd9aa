"""Valves as resistive surfaces immersed in the blood.

A closed leaflet holds the blood by a force per volume, (R / eps) delta_eps(phi) (u - u_leaflet),
in a layer of half thickness eps on both sides of its surface phi = 0, where
delta_eps = (1 + cos(pi phi / eps)) / (2 eps). Across it the pressure falls by R / eps times what
leaks through. Here the leaflet moves with the mesh.

Fedele, Faggiano, Dede' & Quarteroni (2017), Biomech Model Mechanobiol 16:1779-1803.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError

THICKEST = 5e-3  # m: a thicker layer fills the stub that it closes


@dataclass(frozen=True, kw_only=True)
class ResistiveSurface:
    """How a closed leaflet resists.

    Parameters
    ----------
    resistance
        R, kg/(m s).
    half_thickness
        eps, m; at least 1.5 edges of the cells across it.
    """

    resistance: float = 1e4
    half_thickness: float = 3e-3

    def __post_init__(self) -> None:
        """Refuse a surface that holds nothing, or fills the vessel."""
        if not 0 < self.resistance < np.inf:
            msg = (
                "ResistiveSurface.resistance must be positive and finite, found "
                f"{self.resistance:g} kg/(m s). Valves have some 1e4."
            )
            raise InputError(msg)
        if not 0 < self.half_thickness <= THICKEST:
            msg = (
                f"ResistiveSurface.half_thickness is up to {THICKEST * 1e3:g} mm, found "
                f"{self.half_thickness * 1e3:g} mm. Give it in metres."
            )
            raise InputError(msg)

    @property
    def per_speed(self) -> float:
        """Return the fall of the pressure per speed of what leaks, R / eps, Pa s/m."""
        return self.resistance / self.half_thickness

    def density(self, distance: Float[np.ndarray, "*some"]) -> Float[np.ndarray, "*some"]:
        """Return the force per volume and speed, kg/(m^3 s), at distances from the surface, m."""
        eps = self.half_thickness
        bell = (1 + np.cos(np.pi * distance / eps)) / (2 * eps)
        return np.asarray(np.where(np.abs(distance) < eps, self.per_speed * bell, 0.0))

    def passed(self, distance: Float[np.ndarray, "*some"]) -> Float[np.ndarray, "*some"]:
        """Return the share of the force that lies before a distance from the surface, m."""
        share = np.clip(distance / self.half_thickness, -1, 1)
        return np.asarray((1 + share + np.sin(np.pi * share) / np.pi) / 2)


__all__ = ["ResistiveSurface"]
