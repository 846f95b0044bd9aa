"""Maximum a posteriori by Gauss-Newton, and the normal approximation around it.

Nocedal & Wright (2006), Numerical Optimization, sect. 10.3; MacKay (2003), Information Theory,
Inference, and Learning Algorithms, ch. 27 (Laplace's method).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

from cardiotwin.errors import ConvergenceError

Vector = Float[np.ndarray, " _"]
Linearised = Callable[[Vector], tuple[Vector, Float[np.ndarray, "_ _"]]]
_FAR = 1e3  # standardised residual of a state the solver cannot reach: the step is taken back


@dataclass(frozen=True, kw_only=True, eq=False)
class Mode:
    """The most probable parameters.

    Parameters
    ----------
    values
        Parameters at the mode, in the fit's own scale.
    residuals
        Standardised residuals there, the priors' among them.
    jacobian
        Their derivative.
    evaluations
        How often the model was run.
    at_bound
        Which parameters ended on a bound.
    """

    values: Float[np.ndarray, " parameters"]
    residuals: Float[np.ndarray, " residuals"]
    jacobian: Float[np.ndarray, "residuals parameters"]
    evaluations: int
    at_bound: tuple[bool, ...]

    @property
    def covariance(self) -> Float[np.ndarray, "parameters parameters"]:
        """Return the inverse of the Gauss-Newton Hessian: Laplace's approximation."""
        return np.asarray(np.linalg.inv(self.jacobian.T @ self.jacobian))


def find_mode(
    linearised: Linearised,
    start: Vector,
    *,
    lower: Vector,
    upper: Vector,
    tolerance: float = 1e-3,
) -> Mode:
    """Return the minimum of the sum of squared standardised residuals.

    `linearised` gives residuals and their derivative. A trial that does not converge counts as
    far away, so that the trust region shrinks instead of the fit ending. `tolerance` is the
    relative change of parameters at which the iteration has arrived.

    Raises
    ------
    ConvergenceError
        If the model fails at the start, or no minimum is found.
    """
    count = 0
    slopes: dict[bytes, Float[np.ndarray, "_ _"]] = {}

    def residuals(x: Vector) -> Vector:
        nonlocal count
        count += 1
        try:
            found, slopes[x.tobytes()] = linearised(x)
        except ConvergenceError:
            if count == 1:
                raise
            return np.full(n_residuals, _FAR)
        return found

    first, slopes[start.tobytes()] = linearised(start)
    n_residuals = len(first)
    fit = least_squares(
        residuals,
        start,
        jac=lambda x: slopes[x.tobytes()],
        bounds=(lower, upper),
        xtol=tolerance,
        ftol=1e-7,
        gtol=1e-6,
        max_nfev=25,
    )
    if fit.status < 0 or np.max(np.abs(fit.fun)) >= _FAR:
        msg = (
            f"The fit found no minimum in {count} model runs (last residual "
            f"{np.linalg.norm(fit.fun):.3g}). Check the measured volumes and pressures, or widen "
            "the priors."
        )
        raise ConvergenceError(msg, [float(np.linalg.norm(fit.fun))], fit.x)
    return Mode(
        values=fit.x,
        residuals=fit.fun,
        jacobian=fit.jac,
        evaluations=count,
        at_bound=tuple(bool(side) for side in fit.active_mask),
    )
