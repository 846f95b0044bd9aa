"""What a sparse tangent cannot hold: terms of low rank, and a load that is sought."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

Dofs = Float[np.ndarray, " dofs"]


@runtime_checkable
class Border(Protocol):
    """One more equation and one more unknown: a load that is sought, a measure that is given."""

    value: float
    """The load, which the residual sees."""

    def gap(self) -> float:
        """Return the measure's distance from its target at the current iterate."""

    def gradient(self) -> Dofs:
        """Return the gap's derivative by the unknown function."""

    def column(self) -> Dofs:
        """Return the residual's derivative by the load."""


@runtime_checkable
class Coupling(Protocol):
    """A few scalars of the whole state that load many dofs: a term B a(w) of the residual."""

    def force(self) -> Dofs:
        """Return the term at the current iterate."""

    def factors(self) -> tuple[Float[np.ndarray, "dofs rank"], Float[np.ndarray, "dofs rank"]]:
        """Return B and C of its derivative B C^T at the current iterate."""

    def along_given(self, change: Dofs) -> Dofs:
        """Return the term's derivative along a change of what is given beside w.

        The problem that has its loads alone for parameters is never asked.
        """
