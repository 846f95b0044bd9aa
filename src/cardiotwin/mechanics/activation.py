"""Active stress of contracting muscle."""

from dataclasses import dataclass
from typing import Any

from cardiotwin.errors import InputError
from cardiotwin.mechanics.material import Stretches


@dataclass(frozen=True, kw_only=True)
class Activation:
    """Tension along the fibre, and a share of it across.

    Parameters
    ----------
    cross_fibre
        Active stress across the fibre within the wall's plane, as a share of that along it.

    Notes
    -----
    Fibres disperse and sheets interact, so muscle shortens across its mean fibre too. A share of
    0.4: Walker et al. (2005), Am J Physiol Heart Circ Physiol 289:H692-H700. The second
    Piola-Kirchhoff stress T f0 x f0 of Land et al. (2015), problem 3, is the share 0.
    """

    cross_fibre: float = 0.4

    def __post_init__(self) -> None:
        """Refuse a share that is none."""
        if not 0 <= self.cross_fibre <= 1:
            msg = (
                f"Activation.cross_fibre must lie between 0 and 1, found {self.cross_fibre:g}. "
                "It is a share of the tension along the fibre."
            )
            raise InputError(msg)

    def energy(self, c: Stretches, tension: Any) -> Any:
        """Return the energy density, J/m^3, of an active tension, Pa."""
        return tension / 2 * ((c.ff - 1) + self.cross_fibre * (c.nn - 1))
