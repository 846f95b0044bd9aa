"""Laws with one exponential of a quadratic form of the strain (Fung)."""

from dataclasses import dataclass
from typing import Any

from cardiotwin.mechanics.material.law import Stretches, require_numbers


@dataclass(frozen=True, kw_only=True)
class Guccione:
    """Transversely isotropic Fung-type law.

    Parameters
    ----------
    c
        Stress, Pa.
    b_f, b_t, b_fs
        Exponents along the fibre, across it, and for shear with the fibre.
    isochoric
        Whether the strain is that of J^(-1/3) F (as most codes have it) or of F.

    Notes
    -----
    Guccione, McCulloch & Waldman (1991), J Biomech Eng 113:42-55; constants of Land et al.
    (2015), Proc R Soc A 471:20150641, problem 3.
    """

    c: float = 2000.0  # Pa
    b_f: float = 8.0
    b_t: float = 2.0
    b_fs: float = 4.0
    isochoric: bool = True

    def __post_init__(self) -> None:
        """Refuse coefficients that are not positive."""
        require_numbers(self)

    def energy(self, c: Stretches, xp: Any, scale: Any = 1.0, exponent: Any = 1.0) -> Any:
        """Return the energy density, J/m^3 (Land et al. 2015, eq. 2)."""
        E = _strain(c, isochoric=self.isochoric)
        q = self.b_f * E.ff**2 + self.b_t * (E.ss**2 + E.nn**2 + 2 * E.sn**2)
        q = q + 2 * self.b_fs * (E.fs**2 + E.fn**2)
        return scale * self.c / 2 * (xp.exp(exponent * q) - 1)


@dataclass(frozen=True, kw_only=True)
class Usyk:
    """Orthotropic Fung-type law.

    Parameters
    ----------
    c
        Stress, Pa.
    b_ff, b_ss, b_nn
        Exponents along fibre, sheet and normal.
    b_fs, b_fn, b_sn
        Exponents of the shears between them.
    isochoric
        Whether the strain is that of J^(-1/3) F or of F.

    Notes
    -----
    Usyk, Mazhari & McCulloch (2000), J Elasticity 61:143-164, of the dog. Usyk, LeGrice &
    McCulloch (2002), Comput Vis Sci 4:249-257, have 8, 6, 3, 12, 3, 3 instead.
    """

    c: float = 880.0  # Pa
    b_ff: float = 5.0
    b_ss: float = 6.0
    b_nn: float = 3.0
    b_fs: float = 10.0
    b_fn: float = 2.0
    b_sn: float = 2.0
    isochoric: bool = True

    def __post_init__(self) -> None:
        """Refuse coefficients that are not positive."""
        require_numbers(self)

    def energy(self, c: Stretches, xp: Any, scale: Any = 1.0, exponent: Any = 1.0) -> Any:
        """Return the energy density, J/m^3: c/2 (exp Q - 1)."""
        E = _strain(c, isochoric=self.isochoric)
        q = self.b_ff * E.ff**2 + self.b_ss * E.ss**2 + self.b_nn * E.nn**2
        q = q + 2 * (self.b_fs * E.fs**2 + self.b_fn * E.fn**2 + self.b_sn * E.sn**2)
        return scale * self.c / 2 * (xp.exp(exponent * q) - 1)


def _strain(c: Stretches, *, isochoric: bool) -> Stretches:
    """Return the components of E = (C - I)/2; J is kept."""
    if isochoric:
        c = c.isochoric()
    ff, ss, nn, fs, fn, sn, J = c
    return Stretches((ff - 1) / 2, (ss - 1) / 2, (nn - 1) / 2, fs / 2, fn / 2, sn / 2, J)
