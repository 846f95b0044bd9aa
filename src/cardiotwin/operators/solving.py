"""Norms and least squares of operators, by SciPy's Krylov solvers."""

import numpy as np
from jaxtyping import Inexact
from scipy.sparse import linalg

from cardiotwin.errors import ConvergenceError
from cardiotwin.operators.linear import LinearOperator, NormalOperator


def solve_least_squares(
    operator: LinearOperator,
    y: Inexact[np.ndarray, "*range"],
    *,
    damping: float = 0.0,
    start: Inexact[np.ndarray, "*domain"] | None = None,
    tolerance: float = 1e-6,
    iterations: int = 200,
) -> Inexact[np.ndarray, "*domain"]:
    """Return the x that minimises |A x - y|^2 + damping |x|^2, by conjugate gradients.

    The normal equations (A* A + damping) x = A* y are solved until their residual has fallen to
    `tolerance` of |A* y|.

    Raises
    ------
    ConvergenceError
        If it has not after `iterations` steps; `state` is the last x.
    """
    right = operator.adjoint(y)
    normal = _normal(operator, right, damping)
    guess = None if start is None else start.ravel()
    flat, left_over = linalg.cg(
        normal, right.ravel(), x0=guess, rtol=tolerance, atol=0.0, maxiter=iterations
    )
    x = np.asarray(flat).reshape(right.shape)
    if left_over:
        first = float(np.linalg.norm(right))
        last = float(np.linalg.norm(right.ravel() - normal @ flat))
        msg = (
            f"Conjugate gradients stopped after {iterations} steps at residual {last:.3g} "
            f"(start {first:.3g}, tolerance {tolerance:g}). Give a larger damping, found "
            f"{damping:g}, or more iterations."
        )
        raise ConvergenceError(msg, (first, last), state=x)
    return x


def operator_norm(
    operator: LinearOperator, start: Inexact[np.ndarray, "*domain"], *, tolerance: float = 1e-4
) -> float:
    """Return the largest singular value of A, by Lanczos iteration from an x (a random one)."""
    normal = _normal(operator, start, 0.0)
    largest = linalg.eigsh(normal, k=1, v0=start.ravel(), tol=tolerance, return_eigenvectors=False)
    return float(np.sqrt(largest[0]))


def _normal(
    operator: LinearOperator, like: Inexact[np.ndarray, "*domain"], damping: float
) -> linalg.LinearOperator:
    """Return A* A + damping on raveled arrays, as SciPy takes it."""

    def apply(flat: np.ndarray) -> np.ndarray:
        x = flat.reshape(like.shape)
        if isinstance(operator, NormalOperator):
            product = operator.normal(x)
        else:
            product = operator.adjoint(operator.forward(x))
        return product.ravel() + damping * flat if damping else product.ravel()

    return linalg.LinearOperator((like.size, like.size), matvec=apply, dtype=like.dtype)


__all__ = ["operator_norm", "solve_least_squares"]
