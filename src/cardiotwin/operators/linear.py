"""The protocol of a linear operator and the test that every one must pass."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Inexact


@runtime_checkable
class LinearOperator(Protocol):
    """A linear map A, given by what it does and by what its adjoint does."""

    def forward(self, x: Inexact[np.ndarray, "*domain"], /) -> Inexact[np.ndarray, "*range"]:
        """Return A x."""

    def adjoint(self, y: Inexact[np.ndarray, "*range"], /) -> Inexact[np.ndarray, "*domain"]:
        """Return A* y."""


@runtime_checkable
class NormalOperator(LinearOperator, Protocol):
    """A linear map that has a shorter way to A* A than one after the other."""

    def normal(self, x: Inexact[np.ndarray, "*domain"], /) -> Inexact[np.ndarray, "*domain"]:
        """Return A* A x."""


def adjoint_error(
    operator: LinearOperator,
    x: Inexact[np.ndarray, "*domain"],
    y: Inexact[np.ndarray, "*range"],
) -> float:
    """Return |<A x, y> - <x, A* y>| over |A x| |y|, which is nought for a true adjoint."""
    forth = operator.forward(x)
    difference = np.vdot(y, forth) - np.vdot(operator.adjoint(y), x)
    return float(abs(difference) / (np.linalg.norm(forth) * np.linalg.norm(y)))


__all__ = ["LinearOperator", "NormalOperator", "adjoint_error"]
