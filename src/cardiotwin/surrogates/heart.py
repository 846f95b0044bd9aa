"""One heart's reduced wall with what it was trained on: equilibria for parameters, with gradients.

A reduced answer outside of what was sampled looks as good as one inside, so it is refused.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.mechanics.parameter_range import ParameterRange
from cardiotwin.surrogates.reduced_wall import ReducedWall
from cardiotwin.surrogates.training import Basis
from cardiotwin.units import ML

Tensor = torch.Tensor
FARTHEST = 0.3  # of the coefficients' typical norm: a tangent is followed no farther
STAGES = 8  # of the way from a known state, where Newton's method does not find the end at once


@dataclass(frozen=True, kw_only=True, eq=False)
class Equilibria:
    """Reduced equilibria of a batch; differentiable where the parameters are.

    Parameters
    ----------
    state
        Coefficients of displacement and pressure.
    values
        Parameters, SI, the pressure among them.
    volume
        Of the cavity, m^3.
    """

    state: Float[torch.Tensor, "batch n"]
    values: Float[torch.Tensor, "batch parameters"]
    volume: Float[torch.Tensor, " batch"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ReducedHeart:
    """A heart in few unknowns.

    Parameters
    ----------
    wall
        Its equations.
    basis
        Its modes.
    span
        The range in which it was trained.
    values, states
        Parameters and coefficients of the training states.
    n_quadrature
        Points of the full model's rule.
    """

    wall: ReducedWall
    basis: Basis
    span: ParameterRange
    values: Float[torch.Tensor, "known parameters"]
    states: Float[torch.Tensor, "known n"]
    n_quadrature: int

    def equilibria(
        self, values: Float[torch.Tensor, "batch parameters"], *, confined: bool = True
    ) -> Equilibria:
        """Return the equilibria at given pressures (and all other parameters), SI.

        Unless `confined`, a state outside of what was sampled is returned all the same.

        Raises
        ------
        InputError
            If parameters, or the volume that is found, lie outside of what was sampled.
        ConvergenceError
            If an equilibrium is not found.
        """
        if confined:
            self._refuse(values)
        fixed = values.detach()
        near = self.nearest(fixed)
        state, _, reached = self.wall.solve(fixed, self._start(fixed, near))
        for number in (~reached).nonzero()[:, 0].tolist():
            state[number] = self._walked(fixed[number], int(near[number]))
        state = self.differentiable(state, values)
        found = Equilibria(state=state, values=values, volume=self.wall.cavity_volume(state))
        if confined:
            self._refuse(values, found.volume)
        return found

    def nearest(self, values: Float[torch.Tensor, "batch parameters"]) -> Tensor:
        """Return the numbers of the training states with the nearest parameters."""
        size = torch.as_tensor(np.ptp(self.values.numpy(), axis=0)).clamp(min=1e-12)
        far = torch.cdist(values / size, self.values / size)
        return far.argmin(1)

    def differentiable(
        self,
        state: Float[torch.Tensor, "batch n"],
        values: Float[torch.Tensor, "batch parameters"],
    ) -> Float[torch.Tensor, "batch n"]:
        """Return the equilibria with their derivatives, by the implicit function theorem.

        d(state) = -K^-1 dR: one Newton step whose residual alone is differentiated.
        """
        if not (torch.is_grad_enabled() and values.requires_grad):
            return state
        with torch.no_grad():
            tangent = self.wall.assembled(state, values.detach())[1]
        residual = self.wall.residual(state, values)
        step: Tensor = torch.linalg.solve(tangent, residual[..., None])[..., 0]
        return state - step

    def displacement(
        self, state: Float[torch.Tensor, "batch n"]
    ) -> Float[torch.Tensor, "batch nodes 3"]:
        """Return the wall's displacement from its unloaded placement, m."""
        modes = torch.as_tensor(self.basis.displacement)
        moved: Tensor = torch.tensordot(state[:, : len(modes)], modes, 1)
        return moved

    def pressure(
        self, state: Float[torch.Tensor, "batch n"]
    ) -> Float[torch.Tensor, "batch nodes"]:
        """Return the pressure that keeps the wall's volume, Pa, at the corners of cells."""
        modes = torch.as_tensor(self.basis.pressure)
        return state[:, len(self.basis.displacement) :] @ modes

    def _start(self, values: Tensor, near: Tensor) -> Tensor:
        """Return the nearest training states, moved along their tangents to the parameters."""
        state = self.states[near]
        residual, tangent = self.wall.assembled(state, values)
        ahead, _ = torch.linalg.solve_ex(tangent, residual)
        length = ahead[:, : self.wall.n_modes].norm(dim=1)
        share = (FARTHEST * self.wall.parameters.reach / length).clamp(max=1.0)
        share = torch.where(torch.isfinite(share), share, torch.zeros_like(share))
        return state - share[:, None] * torch.nan_to_num(ahead)

    def _walked(self, values: Tensor, near: int) -> Tensor:
        state, begin = self.states[near][None], self.values[near]
        for stage in range(1, STAGES + 1):
            here = begin + stage / STAGES * (values - begin)
            state, _, reached = self.wall.solve(here[None], state)
            if not bool(reached.all()):
                msg = (
                    "The reduced wall finds no equilibrium at "
                    f"{dict(zip(self.span.names, here.tolist(), strict=True))}. Solve the full "
                    "model there, or train nearer."
                )
                raise ConvergenceError(msg, [])
        return state[0]

    def _refuse(self, values: Tensor, volumes: Tensor | None = None) -> None:
        for number, row in enumerate(values.detach().numpy()):
            volume = None if volumes is None else float(volumes[number].detach())
            out = self.span.outside(row, volume)
            if out:
                told = dict(zip(self.span.names, row.tolist(), strict=True))
                told["cavity_volume"] = np.nan if volume is None else volume
                found = ", ".join(f"{name} {told[name]:.4g}" for name in out)
                msg = (
                    f"State {number} lies outside of what the reduced heart was trained in, found "
                    f"{found} (SI; volumes {self.span.least_volume / ML:.4g} to "
                    f"{self.span.largest_volume / ML:.4g} mL). Train it in a larger range."
                )
                raise InputError(msg)


__all__ = ["Equilibria", "ReducedHeart"]
