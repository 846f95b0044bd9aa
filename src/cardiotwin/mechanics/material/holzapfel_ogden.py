"""The structural law of Holzapfel & Ogden: a matrix, fibres, sheets, and their shear."""

from dataclasses import dataclass
from typing import Any

from cardiotwin.errors import InputError
from cardiotwin.mechanics.material.law import (
    Stretches,
    logarithm,
    require_choice,
    require_numbers,
)

_DISPERSIONS = ("kappa_f", "kappa_s")


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
    kappa_f, kappa_s
        Dispersion of fibres and sheets, from 0 (aligned) to 1/3 (isotropic).
    switch
        How fibres cease to bear compression: ``ramp``, ``logistic`` or ``none`` (they bear it).
    ramp
        Width w of the strain I4 - 1 over which fibres become taut, of the ramp.
    steepness
        k of the logistic switch.
    split
        Which terms are isochoric: the ``matrix``, ``all`` or ``none``.

    Notes
    -----
    Holzapfel & Ogden (2009), Phil Trans R Soc A 367:3445-3475, eq. 5.38; constants of a healthy
    volunteer, Gao et al. (2015), J Eng Math 95:231-248. I1 is isochoric, I4 and I8 are not
    (Arostica et al. 2025, CMAME 435:117485), unless `split` says otherwise; an I1 that is not
    comes with -a ln J, without which the law had a stress at rest.

    Dispersed fibres have the strain x = kappa I1 + (1 - 3 kappa) I4 - 1 (Gasser, Ogden & Holzapfel
    2006, J R Soc Interface 3:15-35; of the myocardium Eriksson, Prassl, Plank & Holzapfel 2013,
    Int J Num Meth Biomed Eng 29:1267-1284). The ramp puts e = (x + sqrt(x^2 + w^2)) / 2 for x,
    less the stress that this leaves at rest: the energy stays convex in x. The logistic switch
    1 / (1 + exp(-k x)) before the energy (Arostica et al. 2025) is not convex (a static wall may
    buckle over its hump), and a hard switch has no stiffness at rest.
    """

    a: float = 180.0  # Pa
    b: float = 2.60
    a_f: float = 3340.0  # Pa
    b_f: float = 2.73
    a_s: float = 690.0  # Pa
    b_s: float = 1.11
    a_fs: float = 310.0  # Pa
    b_fs: float = 2.58
    kappa_f: float = 0.0
    kappa_s: float = 0.0
    switch: str = "ramp"
    ramp: float = 0.01
    steepness: float = 100.0
    split: str = "matrix"

    def __post_init__(self) -> None:
        """Refuse what is no coefficient, no dispersion or no choice."""
        require_numbers(self, may_vanish=("a_f", "a_s", "a_fs", *_DISPERSIONS))
        require_choice(self, "switch", ("ramp", "logistic", "none"))
        require_choice(self, "split", ("matrix", "all", "none"))
        for name in _DISPERSIONS:
            if getattr(self, name) > 1 / 3:
                msg = (
                    f"HolzapfelOgden.{name} must lie between 0 and 1/3, found "
                    f"{getattr(self, name):g}. 0 is aligned fibres, 1/3 is no direction at all."
                )
                raise InputError(msg)

    def energy(self, c: Stretches, xp: Any, scale: Any = 1.0, exponent: Any = 1.0) -> Any:
        """Return the energy density, J/m^3 (eq. 5.38)."""
        matrix = c if self.split == "none" else c.isochoric()
        fibres = matrix if self.split == "all" else c
        b, b_f, b_s, b_fs = (exponent * value for value in (self.b, self.b_f, self.b_s, self.b_fs))
        total = self.a / (2 * b) * (xp.exp(b * (_first(matrix) - 3)) - 1)
        if self.split == "none":
            total = total - self.a * logarithm(c.J, xp)
        total = total + self.a_fs / (2 * b_fs) * (xp.exp(b_fs * fibres.fs**2) - 1)
        for stress, slope, kappa, I4 in (
            (self.a_f, b_f, self.kappa_f, fibres.ff),
            (self.a_s, b_s, self.kappa_s, fibres.ss),
        ):
            x = kappa * _first(fibres) + (1 - 3 * kappa) * I4 - 1
            total = total + self._fibre_energy(x, stress, slope, xp)
        return scale * total

    def _fibre_energy(self, x: Any, stress: Any, slope: Any, xp: Any) -> Any:
        """Return the energy of fibres of strain x, without stress at x = 0."""
        if self.switch == "ramp":
            taut = (x + xp.sqrt(x**2 + self.ramp**2)) / 2
            rest = self.ramp / 2
            stretched = stress / (2 * slope) * (xp.exp(slope * (taut**2 - rest**2)) - 1)
            return stretched - stress * rest / 2 * x
        stretched = stress / (2 * slope) * (xp.exp(slope * x**2) - 1)
        if self.switch == "logistic":
            return (1 + xp.tanh(self.steepness * x / 2)) / 2 * stretched
        return stretched


def _first(c: Stretches) -> Any:
    return c.ff + c.ss + c.nn
