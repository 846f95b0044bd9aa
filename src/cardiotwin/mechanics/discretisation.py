"""How the equations of the wall are discretised."""

from dataclasses import dataclass, field

import numpy as np

from cardiotwin.errors import InputError
from cardiotwin.fem.settings import NewtonSettings

FORMS = ("mixed", "penalty")


@dataclass(frozen=True, kw_only=True)
class Discretisation:
    """How incompressibility is met.

    Parameters
    ----------
    form
        ``mixed`` (quadratic displacement, linear pressure) or ``penalty``.
    bulk_modulus
        Pa; infinite for a mixed form that is fully incompressible.
    newton
        Tolerances.
    """

    form: str = "mixed"
    bulk_modulus: float = float("inf")  # Pa
    newton: NewtonSettings = field(default_factory=NewtonSettings)

    def __post_init__(self) -> None:
        """Refuse a form that is none, and a penalty without a finite bulk modulus."""
        if self.form not in FORMS:
            msg = (
                f"Discretisation.form must be {' or '.join(FORMS)}, found {self.form!r}. "
                "Mixed is the default, and exact where the wall keeps its volume."
            )
            raise InputError(msg)
        finite = np.isfinite(self.bulk_modulus)
        if not self.bulk_modulus > 0 or (self.form == "penalty" and not finite):
            msg = (
                f"The bulk modulus of the {self.form} form must be positive"
                f"{' and finite' if self.form == 'penalty' else ''}, found "
                f"{self.bulk_modulus:g} Pa. 3.5e5 Pa is usual for a penalty."
            )
            raise InputError(msg)
