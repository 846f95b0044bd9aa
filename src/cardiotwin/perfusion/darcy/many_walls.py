"""Pressures in one wall for many conductances at once, by conjugate gradients side by side.

Hestenes & Stiefel (1952), J Res Natl Bur Stand 49:409-436, preconditioned by the compartments of
each well: the exchange between them outweighs the flow to the next well.
"""

from typing import Any

import torch
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError

CLOSE = 3e-3  # of the right-hand side's norm, what is left of it
ITERATIONS = 400

Pressures = Float[torch.Tensor, "compartments wells draws"]
Joints = Float[torch.Tensor, "joints wells draws"]


class ManyWalls:
    """The balances of `steady.system_matrix` for many sets of conductances, in single precision.

    Parameters
    ----------
    stiffness
        Of all compartments, m^3/(Pa s), sparse and block by block; the same for all draws.
    joints, drain, feeding
        What joins the wells from compartment to compartment, to the veins and to the arteries,
        m^3/(Pa s); the drain is the same for all draws.
    """

    def __init__(
        self,
        stiffness: Any,
        joints: Joints,
        drain: Float[torch.Tensor, " wells"],
        feeding: Float[torch.Tensor, "wells draws"],
    ) -> None:
        self._stiffness, self._joints = stiffness, joints
        own = torch.zeros(len(joints) + 1, *feeding.shape)
        own[:-1] += joints
        own[1:] += joints
        own[0] += feeding
        own[-1] += drain[:, None]
        self._own = own
        self._alone = self._factors(own)
        beside = torch.from_numpy(stiffness.diagonal()).reshape(*own.shape[:2], 1)
        self._among = self._factors(own + beside)

    def forward(self, pressure: Pressures) -> Pressures:
        """Return what leaves each well, m^3/s."""
        wells = pressure.reshape(-1, pressure.shape[-1]).numpy()
        result = torch.from_numpy(self._stiffness @ wells).reshape(pressure.shape)
        result.addcmul_(self._own, pressure)
        result[:-1].addcmul_(self._joints, pressure[1:], value=-1)
        result[1:].addcmul_(self._joints, pressure[:-1], value=-1)
        return result

    def adjoint(self, pressure: Pressures) -> Pressures:
        """Return the same: the system is symmetric."""
        return self.forward(pressure)

    def solve(self, given: Pressures, close: float = CLOSE) -> Pressures:
        """Return the pressures, Pa, of what enters each well, m^3/s.

        Raises
        ------
        ConvergenceError
            If the slowest of them is not found; it carries the worst residuals.
        """
        tiny = torch.finfo(given.dtype).tiny
        scale = _dot(given, _swept(given, *self._among)).clamp(min=tiny)
        pressure = _swept(given, *self._alone)
        left = given - self.forward(pressure)
        turned = _swept(left, *self._among)
        direction, size = turned.clone(), _dot(left, turned)
        worst: list[float] = []
        for _ in range(ITERATIONS):
            worst.append(float((size / scale).max().sqrt()))
            if worst[-1] <= close:
                return pressure
            leaving = self.forward(direction)
            step = size / _dot(direction, leaving).clamp(min=tiny)
            pressure.addcmul_(direction, step)
            left.addcmul_(leaving, step, value=-1)
            turned = _swept(left, *self._among)
            size, before = _dot(left, turned), size
            torch.addcmul(turned, direction, size / before.clamp(min=tiny), out=direction)
        msg = (
            f"Conjugate gradients stopped after {ITERATIONS} steps at a residual of "
            f"{worst[-1]:.3g} (start {worst[0]:.3g}). Look at the conductances: they may not "
            "reach over many powers of ten."
        )
        raise ConvergenceError(msg, tuple(worst), pressure.numpy())

    def _factors(self, own: Pressures) -> tuple[Pressures, Joints]:
        """Return the factors of each well's block: inverse pivots, and shares handed down."""
        pivots, shares = own.clone(), torch.empty_like(self._joints)
        for i, joint in enumerate(self._joints):
            torch.div(joint, pivots[i], out=shares[i])
            pivots[i + 1].addcmul_(joint, shares[i], value=-1)
        return pivots.reciprocal_(), shares


def _swept(given: Pressures, inverse: Pressures, shares: Joints) -> Pressures:
    """Return the solution of each well's own block."""
    result = given.clone()
    for i, share in enumerate(shares):
        result[i + 1].addcmul_(share, result[i])
    result *= inverse
    for i in reversed(range(len(shares))):
        result[i].addcmul_(shares[i], result[i + 1])
    return result


def _dot(one: Pressures, other: Pressures) -> Float[torch.Tensor, " draws"]:
    return (one * other).sum(dim=(0, 1))


__all__ = ["ManyWalls"]
