"""Linear maps with adjoints: what an encoding, a projection or a sensitivity has in common."""

from cardiotwin.operators.composition import Chain
from cardiotwin.operators.linear import LinearOperator, NormalOperator, adjoint_error
from cardiotwin.operators.solving import operator_norm, solve_least_squares

__all__ = [
    "Chain",
    "LinearOperator",
    "NormalOperator",
    "adjoint_error",
    "operator_norm",
    "solve_least_squares",
]
