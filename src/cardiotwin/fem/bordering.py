"""What a sparse tangent cannot hold: terms of low rank, and loads that are sought.

Loads, measures and ranks are the same on every process; dofs are local (see `layout`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

Dofs = Float[np.ndarray, " dofs"]
Columns = Float[np.ndarray, "dofs loads"]


@runtime_checkable
class Border(Protocol):
    """A few more equations and as many more unknowns: loads that are sought, measures given."""

    values: Float[np.ndarray, " loads"]
    """The loads, which the residual sees."""

    def gaps(self) -> Float[np.ndarray, " loads"]:
        """Return the measures' distances from their targets at the current iterate."""

    def gradients(self) -> Columns:
        """Return the gaps' derivatives by the unknown function."""

    def columns(self) -> Columns:
        """Return the residual's derivatives by the loads."""

    def own(self) -> Float[np.ndarray, "loads loads"]:
        """Return the gaps' derivatives by the loads where the unknown function stays."""


@dataclass(frozen=True, eq=False)
class Errors:
    """Residual and gaps at an iterate."""

    residual: Dofs
    gaps: Float[np.ndarray, " loads"]
    norm: float


@dataclass(frozen=True, eq=False)
class Elimination:
    """How a border's loads follow from the solutions of the sparse tangent."""

    border: Border | None
    gradients: Columns = field(default_factory=lambda: np.zeros((0, 0)))
    along: Columns = field(default_factory=lambda: np.zeros((0, 0)))
    inverse: Float[np.ndarray, "loads loads"] = field(default_factory=lambda: np.zeros((0, 0)))


@runtime_checkable
class Coupling(Protocol):
    """A few scalars of the whole state that load many dofs: a term B a(w) of the residual."""

    def prepare(self) -> None:
        """Show the weak form what it sees of those scalars at the current iterate."""

    def force(self) -> Dofs:
        """Return the term at the current iterate."""

    def factors(self) -> tuple[Float[np.ndarray, "dofs rank"], Float[np.ndarray, "dofs rank"]]:
        """Return B and C of its derivative B C^T at the current iterate."""

    def along_given(self, change: Dofs) -> Dofs:
        """Return the term's derivative along a change of what is given beside w.

        The problem that has its loads alone for parameters is never asked.
        """


def prepare(couplings: Sequence[Coupling]) -> None:
    """Show the weak form what it sees of all couplings' scalars at the current iterate."""
    for coupling in couplings:
        coupling.prepare()
