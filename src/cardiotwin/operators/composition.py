"""Operators one after another."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Inexact

from cardiotwin.operators.linear import LinearOperator


@dataclass(frozen=True)
class Chain:
    """The product of operators, written as in a formula: `Chain((P, F, S))` is x -> P F S x.

    Parameters
    ----------
    factors
        From the last to act to the first.
    """

    factors: tuple[LinearOperator, ...]

    def forward(self, x: Inexact[np.ndarray, "*domain"], /) -> Inexact[np.ndarray, "*range"]:
        """Return the product's effect on x."""
        for factor in reversed(self.factors):
            x = factor.forward(x)
        return x

    def adjoint(self, y: Inexact[np.ndarray, "*range"], /) -> Inexact[np.ndarray, "*domain"]:
        """Return the adjoint's effect on y."""
        for factor in self.factors:
            y = factor.adjoint(y)
        return y


__all__ = ["Chain"]
