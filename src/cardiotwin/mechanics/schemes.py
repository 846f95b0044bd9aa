"""How a wall steps in time: the velocity and acceleration at the end of a step.

Both are affine in what is sought, v = a (u - u_n) + b v_n + c a_n; forces are taken at a share of
the way from the step's beginning to its end.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cardiotwin.errors import InputError

Weights = tuple[float, float, float]


@runtime_checkable
class Scheme(Protocol):
    """A one-step scheme."""

    @property
    def force_share(self) -> float:
        """Return where in the step forces are taken, 0 to 1."""

    @property
    def inertia_share(self) -> float:
        """Return where in the step the acceleration is taken, 0 to 1."""

    def velocity(self, dt: float) -> Weights:
        """Return the weights of (u - u_n), v_n and a_n in the velocity at the step's end."""

    def acceleration(self, dt: float) -> Weights:
        """Return the weights of (u - u_n), v_n and a_n in the acceleration at the step's end."""


@dataclass(frozen=True, kw_only=True)
class GeneralisedAlpha:
    """Second order, with damping of what the step cannot resolve.

    Parameters
    ----------
    alpha_m, alpha_f
        Shares of the step's beginning in inertia and in forces.

    Notes
    -----
    Chung & Hulbert (1993), J Appl Mech 60:371-375, with their gamma and beta; 0.2 and 0.4 are
    those of Arostica et al. (2025), CMAME 435:117485.
    """

    alpha_m: float = 0.2
    alpha_f: float = 0.4

    def __post_init__(self) -> None:
        """Refuse what is not stable (eq. 24), or grows at infinite frequency (eq. 20)."""
        if not -1 <= self.alpha_m <= self.alpha_f <= 0.5:
            msg = (
                "GeneralisedAlpha needs -1 <= alpha_m <= alpha_f <= 1/2, found "
                f"{self.alpha_m:g} and {self.alpha_f:g}. 0.2 and 0.4 are usual."
            )
            raise InputError(msg)

    @property
    def force_share(self) -> float:
        """Return 1 - alpha_f."""
        return 1 - self.alpha_f

    @property
    def inertia_share(self) -> float:
        """Return 1 - alpha_m."""
        return 1 - self.alpha_m

    @property
    def gamma(self) -> float:
        """Return Newmark's gamma (eq. 17)."""
        return 0.5 + self.alpha_f - self.alpha_m

    @property
    def beta(self) -> float:
        """Return Newmark's beta (eq. 20)."""
        return (self.gamma + 0.5) ** 2 / 4

    def velocity(self, dt: float) -> Weights:
        """Return the weights of Newmark's velocity."""
        ratio = self.gamma / self.beta
        return ratio / dt, 1 - ratio, dt * (1 - ratio / 2)

    def acceleration(self, dt: float) -> Weights:
        """Return the weights of Newmark's acceleration."""
        return 1 / (self.beta * dt**2), -1 / (self.beta * dt), 1 - 0.5 / self.beta


@dataclass(frozen=True, kw_only=True)
class BackwardEuler:
    """First order, with strong damping: for walls whose inertia hardly matters."""

    @property
    def force_share(self) -> float:
        """Return 1: at the step's end."""
        return 1.0

    @property
    def inertia_share(self) -> float:
        """Return 1: at the step's end."""
        return 1.0

    def velocity(self, dt: float) -> Weights:
        """Return the weights of the difference quotient."""
        return 1 / dt, 0.0, 0.0

    def acceleration(self, dt: float) -> Weights:
        """Return the weights of the velocity's difference quotient."""
        return 1 / dt**2, -1 / dt, 0.0
