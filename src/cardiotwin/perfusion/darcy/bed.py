"""The vessels within the wall: compartments in a row, from small arteries to small veins."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError

DENSITY = 1050.0  # kg/m^3, of muscle


@dataclass(frozen=True, kw_only=True)
class Compartment:
    """Vessels of one generation, as a porous body that fills the wall.

    Parameters
    ----------
    name
        In results.
    permeability_along, permeability_across
        Of the spatial tensor, along the fibres and at a right angle to them, m^2/(Pa s).
    volume_fraction
        Blood volume by wall volume.
    compliance
        Blood volume that a pressure across the vessels' wall stores, by wall volume, 1/Pa.
    """

    name: str
    permeability_along: float
    permeability_across: float
    volume_fraction: float
    compliance: float

    def __post_init__(self) -> None:
        """Refuse a compartment without blood or ways for it."""
        names = ("permeability_along", "permeability_across", "volume_fraction", "compliance")
        _positive(self, names)
        if self.volume_fraction >= 1:
            msg = (
                f"Compartment.volume_fraction must be below 1, found {self.volume_fraction:g} "
                f"for {self.name}. All blood of the wall is about a seventh of it."
            )
            raise InputError(msg)


@dataclass(frozen=True, kw_only=True)
class Bed:
    """Compartments in a row, and what joins them.

    Parameters
    ----------
    compartments
        From the arteries to the veins; one is enough.
    arterial_conductance
        By wall volume, from the arteries' ends to the first compartment, 1/(Pa s).
    exchange
        Conductance by wall volume from each compartment to the next, 1/(Pa s).
    venous_conductance
        That from the last one to the veins, 1/(Pa s).
    venous_pressure
        Pa.
    """

    compartments: tuple[Compartment, ...]
    arterial_conductance: float
    exchange: tuple[float, ...]
    venous_conductance: float
    venous_pressure: float

    def __post_init__(self) -> None:
        """Refuse a row with gaps, or one that does not conduct."""
        n = len(self.compartments)
        if n == 0 or len(self.exchange) != n - 1:
            msg = (
                f"Bed.exchange joins each compartment to the next, found {len(self.exchange)} "
                f"conductances for {n} compartments. Give one less than compartments."
            )
            raise InputError(msg)
        for number, value in enumerate(self.exchange):
            if not 0 < value < np.inf:
                msg = (
                    f"Bed.exchange must be positive and finite, found {value:g} 1/(Pa s) behind "
                    f"{self.compartments[number].name}. Make it small where little flows."
                )
                raise InputError(msg)
        _positive(self, ("arterial_conductance", "venous_conductance"))

    @property
    def n_compartments(self) -> int:
        """Return how many there are."""
        return len(self.compartments)

    @property
    def volume_fraction(self) -> float:
        """Return the blood of all compartments by wall volume."""
        return sum(one.volume_fraction for one in self.compartments)


def three_compartments() -> Bed:
    """Return arterioles, capillaries and venules at rest.

    The conductances let 1 mL/min/mL (0.95 mL/min/g) fall by 3.4, 3, 3 and 1 kPa from an aorta at
    90 mmHg to veins at 12 mmHg. Permeabilities are of the size of published models;
    volume fractions (an eighth of the wall together) and compliances (0.03 mL/mmHg/100 mL) are
    of the size that is recalled of Spaan (1985), Circ Res 56:293-309, not read again; less of
    them lies in the venules, where much more would draw blood back from the veins.
    """
    return Bed(
        compartments=(
            Compartment(
                name="arterioles",
                permeability_along=1e-9,
                permeability_across=1e-9,
                volume_fraction=0.025,
                compliance=0.5e-6,
            ),
            Compartment(
                name="capillaries",
                permeability_along=5e-10,
                permeability_across=2.5e-10,
                volume_fraction=0.045,
                compliance=1.5e-6,
            ),
            Compartment(
                name="venules",
                permeability_along=1e-9,
                permeability_across=1e-9,
                volume_fraction=0.055,
                compliance=0.5e-6,
            ),
        ),
        arterial_conductance=1 / 60 / 3400,
        exchange=(1 / 60 / 3000, 1 / 60 / 3000),
        venous_conductance=1 / 60 / 1000,
        venous_pressure=1600.0,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Conductances:
    """What joins the compartments, cell by cell, 1/(Pa s).

    Parameters
    ----------
    exchange
        From each compartment to the next.
    venous
        From the last one to the veins.
    """

    exchange: Float[np.ndarray, "joints cells"]
    venous: Float[np.ndarray, " cells"]

    def __post_init__(self) -> None:
        """Refuse conductances that are none, with the cell."""
        for name in ("exchange", "venous"):
            values = np.atleast_2d(getattr(self, name))
            bad = ~((values > 0) & np.isfinite(values))
            if bad.any():
                joint, cell = (int(k[0]) for k in np.nonzero(bad))
                msg = (
                    f"Conductances.{name} must be positive and finite, found "
                    f"{values[joint, cell]:g} 1/(Pa s) in cell {cell} ({bad.sum()} such values). "
                    "Make it small where nothing flows."
                )
                raise InputError(msg)


def even_conductances(bed: Bed, n_cells: int) -> Conductances:
    """Return the bed's conductances in every cell."""
    exchange = np.tile(np.array(bed.exchange).reshape(-1, 1), (1, n_cells))
    return Conductances(exchange=exchange, venous=np.full(n_cells, bed.venous_conductance))


def _positive(model: Any, names: Iterable[str]) -> None:
    for name in names:
        value = getattr(model, name)
        if not 0 < value < np.inf:
            msg = (
                f"{type(model).__name__}.{name} must be positive and finite, found {value:g}. "
                "Give it in SI units."
            )
            raise InputError(msg)


__all__ = [
    "DENSITY",
    "Bed",
    "Compartment",
    "Conductances",
    "even_conductances",
    "three_compartments",
]
