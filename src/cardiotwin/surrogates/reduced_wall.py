"""A wall's equilibria in few unknowns: Galerkin's method on the full model's own weak form.

Displacements are U + sum a_k phi_k over the unloaded placement, the pressure that keeps the wall's
volume is sum c_j psi_j. Constant active tension, springs, the follower pressure and the cavity's
volume are polynomials in the coefficients, exact without points; the passive law and the wall's
volume are taken at few points with weights (`cubature`).
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer

from cardiotwin.mechanics.material import Material, Stretches
from cardiotwin.surrogates.parameters import PRESSURE, Given, Parameters
from cardiotwin.surrogates.points import Points
from cardiotwin.surrogates.strain import geometric_slopes, strain_of, strain_slopes
from cardiotwin.surrogates.whole import RIGID, Whole

Tensor = torch.Tensor
ITERATIONS = 40
TOLERANCE = 1e-6  # of the last step, as a share of the coefficients' typical norm
LONGEST = 0.5  # step, the same


@dataclass(frozen=True, kw_only=True, eq=False)
class ReducedWall:
    """A reduced wall; K displacement modes, P pressure modes, M points, S segments.

    Parameters
    ----------
    parameters
        How a vector of parameters is read.
    material
        Passive law.
    points
        Where law and volume are taken.
    active
        Symmetric forms of a unit tension in each segment, J/Pa.
    springs
        Stiffness of base, pericardium and what is no parameter, N/m.
    volume
        Of the cavity (`polynomials.cavity_volume_cubic`). A unit pressure takes its derivative
        from the residual.
    whole
        Balance of shifts and turns, whose equations stand in the first six rows.
    yielding
        Of the pressure, 1/Pa: what keeps a pressure mode from which no displacement mode
        follows from being undetermined.
    """

    parameters: Parameters
    material: Material
    points: Points
    active: Float[torch.Tensor, "S N N"]
    springs: Float[torch.Tensor, "3 K K"]
    volume: Float[torch.Tensor, "N N N"]
    whole: Whole
    yielding: float

    @property
    def n_modes(self) -> int:
        """Return the number of displacement modes."""
        return len(self.volume) - 1

    def _point_energy(self, strain: Tensor, law: Tensor, pressure: Tensor, ring: Tensor) -> Tensor:
        """Return the energy density, J/m^3, of E in Voigt's order (shears doubled)."""
        xx, yy, zz, xy, xz, yz = strain.unbind(-1)
        ff, ss, nn = 1 + 2 * xx, 1 + 2 * yy, 1 + 2 * zz
        det = ff * (ss * nn - yz**2) - xy * (xy * nn - yz * xz) + xz * (xy * yz - ss * xz)
        c = Stretches(ff=ff, ss=ss, nn=nn, fs=xy, fn=xz, sn=yz, J=torch.sqrt(det))
        stored = self.material.energy(c, torch, law[..., 0], law[..., 1])
        stored = stored + ring / 2 * ((ff + ss + nn) * c.J ** (-2 / 3) - 3)
        total: Tensor = stored + pressure * (c.J - 1)
        return total

    def _stress(self, strain: Tensor, *args: Tensor) -> tuple[Tensor, Tensor]:
        """Return S and its derivative by E at the points, Voigt's order, Pa."""
        with torch.enable_grad():
            # One copy for each row of the derivative: one way back in the place of six.
            at = strain.detach().expand(6, *strain.shape).clone().requires_grad_()
            energy = self._point_energy(at, *args)
            (S,) = torch.autograd.grad(energy.sum(), at, create_graph=True)
            (D,) = torch.autograd.grad(S.diagonal(dim1=0, dim2=-1).sum(), at)
        return S[0].detach(), D.movedim(0, -2)

    def assembled(
        self, state: Float[torch.Tensor, "batch n"], values: Float[torch.Tensor, "batch m"]
    ) -> tuple[Float[torch.Tensor, "batch n"], Float[torch.Tensor, "batch n n"]]:
        """Return residual and tangent."""
        K, points, given = self.n_modes, self.points, self.parameters.read(values)
        a, c, whole = self._split(state)
        F = self._deformation(whole)
        law = torch.stack((given.scale, given.exponent), -1)[:, None]
        strain = strain_of(F)
        stress, stiffness = self._stress(
            strain, law, c @ points.pressure.T, points.ring.expand(strain.shape[:2])
        )
        w = points.weights[:, None]
        L, modes = strain_slopes(F), points.gradients[:, :, 1:]
        slopes = L.mT @ (w[..., None] * stiffness) @ L + geometric_slopes(w * stress)
        tangent = modes.reshape(-1, K).T @ (slopes @ modes).flatten(1, 2)
        volume = torch.linalg.det(F)
        cofactor = volume[..., None, None] * torch.linalg.inv(F).mT
        growth = (w * cofactor.flatten(2))[..., None, :] @ modes
        border = points.pressure.T @ growth[:, :, 0]
        exact, exact_slopes = self._exact(given, a, whole)
        force = (w * stress)[..., None, :] @ L
        force = force.flatten(1) @ modes.reshape(-1, K) + exact
        gap = ((volume - 1) * points.weights) @ points.pressure - self.yielding * c
        whole_force, whole_slopes = self.whole.of_springs(given.springs, whole)
        force = torch.cat((whole_force, force[:, RIGID:]), 1)
        tangent = torch.cat((whole_slopes, (tangent + exact_slopes)[:, RIGID:]), 1)
        right = border.mT.clone()
        right[:, :RIGID] = 0
        kept = -self.yielding * torch.eye(c.shape[1], dtype=c.dtype).expand(len(c), -1, -1)
        above = torch.cat((tangent, right), 2)
        below = torch.cat((border, kept), 2)
        return torch.cat((force, gap), 1), torch.cat((above, below), 1)

    def residual(
        self, state: Float[torch.Tensor, "batch n"], values: Float[torch.Tensor, "batch m"]
    ) -> Float[torch.Tensor, "batch n"]:
        """Return the residual at fixed states, differentiable by the parameters."""
        points, given = self.points, self.parameters.read(values)
        a, c, whole = self._split(state.detach())
        F = self._deformation(whole)
        law = torch.stack((given.scale, given.exponent), -1)[:, None]
        with torch.enable_grad():
            strain = strain_of(F).requires_grad_()
            energy = self._point_energy(
                strain, law, c @ points.pressure.T, points.ring.expand(strain.shape[:2])
            )
            graph = torch.is_grad_enabled() and values.requires_grad
            (S,) = torch.autograd.grad(energy.sum(), strain, create_graph=graph)
        force = (points.weights[:, None] * S)[..., None, :] @ strain_slopes(F)
        force = force.flatten(1) @ points.gradients[:, :, 1:].reshape(-1, self.n_modes)
        gap = (torch.linalg.det(F) - 1) * points.weights @ points.pressure - self.yielding * c
        force = force + self._exact(given, a, whole)[0]
        rigid = self.whole.of_springs(given.springs, whole)[0]
        return torch.cat((rigid, force[:, RIGID:], gap), 1)

    def _split(self, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return coefficients of displacement, of pressure, and of the placement."""
        a = state[:, : self.n_modes]
        return a, state[:, self.n_modes :], torch.cat((torch.ones_like(a[:, :1]), a), 1)

    def _deformation(self, whole: Tensor) -> Tensor:
        """Return F at the points, with the unloaded fibre axes to its right."""
        flat = self.points.gradients.reshape(-1, whole.shape[1])
        return (whole @ flat.T).reshape(len(whole), -1, 3, 3)

    def _exact(self, given: Given, a: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
        """Return the part of residual and tangent that needs no points."""
        n = whole.shape[1]
        active = (given.tension @ self.active.flatten(1)).reshape(-1, n, n)[:, 1:]
        springs = (given.springs @ self.springs.flatten(1)).reshape(-1, n - 1, n - 1)
        load = -3 * given.pressure[:, None, None] * self._volume_at(whole)[:, 1:]
        force = ((active + load) @ whole[..., None] + springs @ a[..., None])[..., 0]
        return force, active[:, :, 1:] + springs + 2 * load[:, :, 1:]

    def at_points(
        self, chosen: Integer[np.ndarray, " m"], weights: Float[np.ndarray, " m"]
    ) -> "ReducedWall":
        """Return the wall with some of its points, and other weights."""
        return replace(self, points=self.points.part(chosen, weights))

    def point_work(
        self,
        state: Float[torch.Tensor, " n"],
        values: Float[torch.Tensor, " m"],
        along: Float[torch.Tensor, "n directions"],
    ) -> Float[torch.Tensor, "directions points"]:
        """Return the residual's part of a unit of each point's weight along directions."""
        K, points = self.n_modes, self.points
        given = self.parameters.read(values[None])
        _, c, whole = self._split(state[None])
        F = self._deformation(whole)
        law = torch.stack((given.scale, given.exponent), -1)[:, None]
        strain = strain_of(F).requires_grad_()
        energy = self._point_energy(strain, law, c @ points.pressure.T, points.ring[None])
        (S,) = torch.autograd.grad(energy.sum(), strain)
        stress = (S[..., None, :] @ strain_slopes(F))[0, :, 0]
        bent = points.gradients[:, :, 1 + RIGID :].reshape(-1, K - RIGID) @ along[RIGID:K]
        work: Tensor = torch.einsum("mi,mir->rm", stress, bent.reshape(*stress.shape, -1))
        growth: Tensor = (points.pressure @ along[K:]).T * (torch.linalg.det(F[0]) - 1)
        return work + growth

    def cavity_volume(
        self, state: Float[torch.Tensor, "batch n"]
    ) -> Float[torch.Tensor, " batch"]:
        """Return the cavity's volume, m^3."""
        whole = self._split(state)[2]
        volume: Tensor = ((self._volume_at(whole) @ whole[..., None])[..., 0] * whole).sum(1)
        return volume

    def volume_gradient(
        self, state: Float[torch.Tensor, "batch n"]
    ) -> Float[torch.Tensor, "batch n"]:
        """Return the derivative of the cavity's volume by the coefficients."""
        _, c, whole = self._split(state)
        slope = 3 * (self._volume_at(whole) @ whole[..., None])[:, 1:, 0]
        return torch.cat((slope, torch.zeros_like(c)), 1)

    def unit_pressure(
        self, state: Float[torch.Tensor, "batch n"]
    ) -> Float[torch.Tensor, "batch n"]:
        """Return the residual's part of a unit of the cavity's pressure."""
        force = -self.volume_gradient(state)
        force[:, :RIGID] = 0  # the closed cavity neither shifts nor turns the wall
        return force

    def _volume_at(self, whole: Tensor) -> Tensor:
        """Return the volume's cubic form with one of its three places taken."""
        n = whole.shape[1]
        return (whole @ self.volume.reshape(n, n * n)).reshape(-1, n, n)

    @torch.no_grad()
    def solve(
        self,
        values: Float[torch.Tensor, "batch m"],
        start: Float[torch.Tensor, "batch n"],
        volumes: Float[torch.Tensor, " batch"] | None = None,
    ) -> tuple[
        Float[torch.Tensor, "batch n"],
        Float[torch.Tensor, "batch m"],
        Bool[torch.Tensor, " batch"],
    ]:
        """Return equilibria, their parameters, and which of them were reached.

        With `volumes`, m^3, the pressures are sought that hold them; those in `values` are where
        the search begins. A step is no longer than `LONGEST` times the coefficients' typical norm.
        """
        state, values = start.clone(), values.clone()
        size = self.parameters.reach
        reached = torch.zeros(len(values), dtype=torch.bool)
        going = torch.arange(len(values))
        for _ in range(ITERATIONS):
            step = self._step(
                state[going], values[going], None if volumes is None else volumes[going]
            )
            length = step[:, : self.n_modes].norm(dim=1)
            lost = ~torch.isfinite(length)
            share = (LONGEST * size / length.clamp(min=1e-300)).clamp(max=1.0)
            step = torch.where(lost[:, None], 0.0, share[:, None] * step)
            state[going] -= step[:, : state.shape[1]]
            if volumes is not None:
                values[going, PRESSURE] -= step[:, -1]
            done = (length <= TOLERANCE * size) & ~lost
            reached[going[done]] = True
            going = going[~done & ~lost]
            if not len(going):
                break
        return state, values, reached

    def _step(self, state: Tensor, values: Tensor, volumes: Tensor | None) -> Tensor:
        """Return Newton's step; with volumes that of the pressure stands behind it."""
        r, A = self.assembled(state, values)
        if volumes is None:
            return torch.linalg.solve_ex(A, r)[0]  # type: ignore[no-any-return]
        unit = self.unit_pressure(state)
        both = torch.linalg.solve_ex(A, torch.stack((r, unit), 2))[0]
        slope = self.volume_gradient(state)
        gap = self.cavity_volume(state) - volumes
        along = (slope[..., None] * both).sum(1)
        # r + A d + unit dp = 0 and gap + slope.d = 0, of which the negative is returned.
        pressure = (along[:, 0] - gap) / along[:, 1]
        return torch.cat((both[..., 0] - both[..., 1] * pressure[:, None], pressure[:, None]), 1)
