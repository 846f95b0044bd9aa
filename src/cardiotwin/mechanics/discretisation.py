"""How the equations of the wall are discretised."""

from dataclasses import dataclass, field

import numpy as np

from cardiotwin.errors import InputError
from cardiotwin.fem.settings import NewtonSettings

FORMS = ("mixed", "penalty")
COMPLEMENTS = ("mass", "selfp")
SOLVERS = ("direct", "iterative")


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
    linear_solver
        ``direct`` (MUMPS) or ``iterative`` (flexible GMRES, see `fem.iterative`).
    schur
        What stands for the mixed form's Schur complement in the iterative solver: ``mass``, the
        pressure's weighted mass matrix, or ``selfp``, B diag(K)^-1 B^T.
    """

    form: str = "mixed"
    bulk_modulus: float = float("inf")  # Pa
    newton: NewtonSettings = field(default_factory=NewtonSettings)
    linear_solver: str = "direct"
    schur: str = "mass"

    def __post_init__(self) -> None:
        """Refuse a form that is none, and a penalty without a finite bulk modulus."""
        if self.form not in FORMS:
            msg = (
                f"Discretisation.form must be {' or '.join(FORMS)}, found {self.form!r}. "
                "Mixed is the default, and exact where the wall keeps its volume."
            )
            raise InputError(msg)
        if self.linear_solver not in SOLVERS:
            msg = (
                f"Discretisation.linear_solver must be {' or '.join(SOLVERS)}, found "
                f"{self.linear_solver!r}. Direct is the default."
            )
            raise InputError(msg)
        if self.schur not in COMPLEMENTS:
            msg = (
                f"Discretisation.schur must be {' or '.join(COMPLEMENTS)}, found {self.schur!r}. "
                "Mass is the default."
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
