"""Passive laws of the myocardium, as energies of the Cauchy-Green components in fibre axes."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Protocol, runtime_checkable

from cardiotwin.errors import InputError


class Stretches(NamedTuple):
    """Components of C = F^T F along fibre (f), sheet (s) and normal (n), and J = det F."""

    ff: Any
    ss: Any
    nn: Any
    fs: Any
    fn: Any
    sn: Any
    J: Any


@runtime_checkable
class Material(Protocol):
    """A hyperelastic law without its volumetric part."""

    def energy(self, c: Stretches, xp: Any, scale: Any = 1.0, exponent: Any = 1.0) -> Any:
        """Return the energy density, J/m^3, with the functions of `xp` (numpy, torch or ufl).

        `scale` multiplies the stresses' coefficients, `exponent` those inside the exponentials.
        """


def _require_positive(model: Any, names: Iterable[str]) -> None:
    for name in names:
        value = getattr(model, name)
        if not 0 < value < math.inf:
            msg = (
                f"{type(model).__name__}.{name} must be positive and finite, found {value:g}. "
                "Stresses are in Pa (cardiotwin.units has KPA), exponents have no unit."
            )
            raise InputError(msg)


@dataclass(frozen=True, kw_only=True)
class HolzapfelOgden:
    """Orthotropic exponential law of the myocardium.

    Parameters
    ----------
    a, b
        Matrix: stress, Pa, and exponent.
    a_f, b_f
        Fibre direction.
    a_s, b_s
        Sheet direction.
    a_fs, b_fs
        Fibre-sheet shear.
    ramp
        Width w of the strain I4 - 1 over which fibres, which bear tension only, become taut.

    Notes
    -----
    Holzapfel & Ogden (2009), Phil Trans R Soc A 367:3445-3475, eq. 5.38 and table 1 (pig); I1 is
    isochoric, I4 and I8 are not (Arostica et al. 2025, CMAME 435:117485). The strain x = I4 - 1
    of a fibre enters as e = (x + sqrt(x^2 + w^2)) / 2, and the stress that this leaves at rest
    is taken away: the energy stays convex in x. A logistic factor before the energy is not (a
    static wall buckles over its hump), and a hard switch has no stiffness at rest.
    """

    a: float = 180.0  # Pa
    b: float = 2.60
    a_f: float = 3340.0  # Pa
    b_f: float = 2.73
    a_s: float = 690.0  # Pa
    b_s: float = 1.11
    a_fs: float = 310.0  # Pa
    b_fs: float = 2.58
    ramp: float = 0.01

    def __post_init__(self) -> None:
        """Refuse coefficients that are not positive."""
        _require_positive(self, (field.name for field in fields(self)))

    def energy(self, c: Stretches, xp: Any, scale: Any = 1.0, exponent: Any = 1.0) -> Any:
        """Return the energy density, J/m^3 (eq. 5.38)."""
        I1 = (c.ff + c.ss + c.nn) * c.J ** (-2 / 3)
        b, b_f, b_s, b_fs = (exponent * value for value in (self.b, self.b_f, self.b_s, self.b_fs))
        matrix = self.a / (2 * b) * (xp.exp(b * (I1 - 3)) - 1)
        shear = self.a_fs / (2 * b_fs) * (xp.exp(b_fs * c.fs**2) - 1)
        total = matrix + shear
        for stress, slope, I4 in ((self.a_f, b_f, c.ff), (self.a_s, b_s, c.ss)):
            total = total + self._fibre_energy(I4 - 1, stress, slope, xp)
        return scale * total

    def _fibre_energy(self, x: Any, stress: Any, slope: Any, xp: Any) -> Any:
        """Return the energy of fibres of strain x that bear tension, without stress at x = 0."""
        taut = (x + xp.sqrt(x**2 + self.ramp**2)) / 2
        rest = self.ramp / 2
        at_rest = xp.exp(slope * rest**2)
        stretched = stress / (2 * slope) * (xp.exp(slope * taut**2) - at_rest)
        return stretched - stress * rest / 2 * at_rest * x


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
        _require_positive(self, ("c", "b_f", "b_t", "b_fs"))

    def energy(self, c: Stretches, xp: Any, scale: Any = 1.0, exponent: Any = 1.0) -> Any:
        """Return the energy density, J/m^3 (Land et al. 2015, eq. 2)."""
        j = c.J ** (-2 / 3) if self.isochoric else 1.0
        along = (j * c.ff - 1) / 2
        across = ((j * c.ss - 1) / 2) ** 2 + ((j * c.nn - 1) / 2) ** 2 + (j * c.sn) ** 2 / 2
        shear = ((j * c.fs) ** 2 + (j * c.fn) ** 2) / 2
        q = exponent * (self.b_f * along**2 + self.b_t * across + self.b_fs * shear)
        return scale * self.c / 2 * (xp.exp(q) - 1)
