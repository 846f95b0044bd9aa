"""Blood as a Newtonian fluid."""

from dataclasses import dataclass, fields

from cardiotwin.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Fluid:
    """An incompressible Newtonian fluid; the defaults are blood in large vessels and the heart.

    Parameters
    ----------
    density
        kg/m^3.
    viscosity
        Dynamic viscosity, Pa s.

    Notes
    -----
    Zingaro et al. (2022), arXiv:2110.02114: 1060 kg/m^3 and 3.5 mPa s (from memory); at the shear
    rates of a ventricle blood is Newtonian to good approximation.
    """

    density: float = 1060.0
    viscosity: float = 3.5e-3

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                msg = (
                    f"Fluid.{field.name} must be positive, found {value:g}. "
                    "Give it in SI units: blood has 1060 kg/m^3 and 0.0035 Pa s."
                )
                raise InputError(msg)


__all__ = ["Fluid"]
