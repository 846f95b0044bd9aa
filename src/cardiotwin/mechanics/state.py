"""An equilibrium of the wall."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, kw_only=True)
class RightState:
    """The right ventricle's cavity in an equilibrium.

    Parameters
    ----------
    cavity_pressure
        Pa.
    cavity_volume
        m^3.
    """

    cavity_pressure: float
    cavity_volume: float


@dataclass(frozen=True, kw_only=True, eq=False)
class WallState:
    """Where the wall is, and what holds it there.

    Parameters
    ----------
    displacement
        From the imaged (end-diastolic) mesh's points, m, in the mesh's node order.
    cavity_pressure
        Of the LV, Pa.
    active_tension
        Along the fibre, Pa.
    cavity_volume, wall_volume
        Of the LV's cavity and of the whole wall, m^3.
    right
        The RV, where the wall is both ventricles'.
    """

    displacement: Float[np.ndarray, "nodes 3"]
    cavity_pressure: float
    active_tension: float
    cavity_volume: float
    wall_volume: float
    right: RightState | None = None
