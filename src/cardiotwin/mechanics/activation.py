"""Active stress of contracting muscle."""

from dataclasses import dataclass
from typing import Any

from cardiotwin.errors import InputError


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

    def stress(self, tension: Any) -> tuple[Any, Any, Any]:
        """Return the second Piola-Kirchhoff stress along fibre, sheet and normal, Pa."""
        return tension, 0, self.cross_fibre * tension
