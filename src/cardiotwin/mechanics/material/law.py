"""What every passive law takes and gives, and what their parameters must be."""

import math
from dataclasses import fields
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

    def isochoric(self) -> "Stretches":
        """Return the components of J^(-2/3) C, which knows no change of volume; J is kept."""
        j = self.J ** (-2 / 3)
        ff, ss, nn, fs, fn, sn, J = self
        return Stretches(j * ff, j * ss, j * nn, j * fs, j * fn, j * sn, J)


@runtime_checkable
class Material(Protocol):
    """A hyperelastic law without its volumetric part."""

    def energy(self, c: Stretches, xp: Any, scale: Any = 1.0, exponent: Any = 1.0) -> Any:
        """Return the energy density, J/m^3, with the functions of `xp` (numpy, torch or ufl).

        `scale` multiplies the stresses' coefficients, `exponent` those inside the exponentials.
        """


def require_numbers(model: Any, may_vanish: tuple[str, ...] = ()) -> None:
    """Refuse a coefficient of a law that is not finite and positive (some may be zero)."""
    for field in fields(model):
        value = getattr(model, field.name)
        kind = type(field.default)
        if kind in (bool, str):
            if not isinstance(value, kind):
                msg = (
                    f"{type(model).__name__}.{field.name} takes a {kind.__name__}, "
                    f"found {value!r}. {field.default!r} is the default."
                )
                raise InputError(msg)
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            msg = f"{type(model).__name__}.{field.name} must be one number, found {value!r}."
            raise InputError(msg)
        vanishing = field.name in may_vanish
        if not (0 < value < math.inf or (vanishing and value == 0)):
            msg = (
                f"{type(model).__name__}.{field.name} must "
                f"be finite and {'not negative' if vanishing else 'positive'}, found {value:g}. "
                "Stresses are in Pa (cardiotwin.units has KPA), exponents have no unit."
            )
            raise InputError(msg)


def require_choice(model: Any, name: str, choices: tuple[str, ...]) -> None:
    """Refuse a word that names none of the choices."""
    value = getattr(model, name)
    if value not in choices:
        msg = (
            f"{type(model).__name__}.{name} is no choice of this law, found {value!r}. "
            f"Choose {', '.join(choices[:-1])} or {choices[-1]}."
        )
        raise InputError(msg)


def logarithm(x: Any, xp: Any) -> Any:
    """Return the natural logarithm, which ufl alone calls ln."""
    return xp.ln(x) if hasattr(xp, "ln") else xp.log(x)
