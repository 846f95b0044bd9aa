"""The neo-Hookean law: the least that a soft solid can be."""

from dataclasses import dataclass
from typing import Any

from cardiotwin.mechanics.material.law import Stretches, logarithm, require_numbers


@dataclass(frozen=True, kw_only=True)
class NeoHookean:
    """Isotropic law that is linear in the first invariant.

    Parameters
    ----------
    mu
        Shear modulus, Pa.
    isochoric
        Whether the invariant is that of J^(-1/3) F or of F, then less mu ln J (no stress at rest).

    Notes
    -----
    Holzapfel (2000), Nonlinear Solid Mechanics, eqs. 6.129 and 6.148. The modulus is that at rest
    of the isotropic wall of Land et al. (2015), Proc R Soc A 471:20150641, problem 2. The law has
    no exponent, so one that a twin fits keeps its prior.
    """

    mu: float = 5000.0  # Pa
    isochoric: bool = True

    def __post_init__(self) -> None:
        """Refuse a modulus that is not positive."""
        require_numbers(self)

    def energy(self, c: Stretches, xp: Any, scale: Any = 1.0, exponent: Any = 1.0) -> Any:  # noqa: ARG002
        """Return the energy density, J/m^3: mu/2 (I1 - 3)."""
        if self.isochoric:
            c = c.isochoric()
        total = self.mu / 2 * (c.ff + c.ss + c.nn - 3)
        if not self.isochoric:
            total = total - self.mu * logarithm(c.J, xp)
        return scale * total
