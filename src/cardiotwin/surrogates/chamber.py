"""A reduced heart's pressure as a smooth function of its volume and tension.

A hyperelastic wall has no memory: at given law and supports its cavity pressure is one surface
over volume and tension. Reduced equilibria at the nodes of Chebyshev's rule, led by the volume,
interpolate it (Trefethen 2013, Approximation Theory and Approximation Practice, ch. 2-4); in the
loop of the blood the chamber then costs a few products.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError
from cardiotwin.mechanics.active.prescribed import DoubleHill, SystolicTwitch
from cardiotwin.mechanics.parameter_range import SOFT, TENSION
from cardiotwin.mechanics.parametric import PRESSURE
from cardiotwin.surrogates.heart import ReducedHeart
from cardiotwin.units import KPA, ML

Tensor = torch.Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class PressureSurface:
    """Cavity pressure over volume and tension, of a batch of hearts.

    Parameters
    ----------
    coefficients
        Of the products of Chebyshev polynomials of volume and tension, Pa.
    volume
        Least without tension, least with it, and largest, m^3: a relaxed wall bears no suction.
    tension
        Largest, Pa; the least is none.
    """

    coefficients: Float[torch.Tensor, "batch volumes tensions"]
    volume: tuple[float, float, float]
    tension: float

    def least(self, tension: Tensor) -> Tensor:
        """Return the least volume at a tension, m^3."""
        relaxed, least, _ = self.volume
        return least + (relaxed - least) * torch.exp(-tension / SOFT)

    def pressure(
        self, volume: Float[torch.Tensor, " batch"], tension: Float[torch.Tensor, " batch"]
    ) -> Float[torch.Tensor, " batch"]:
        """Return the pressure, Pa; beyond the least and largest volume along the tangent."""
        low, high = self.least(tension), self.volume[-1]
        v = (2 * volume - low - high) / (high - low)
        t = 2 * tension / self.tension - 1
        inside = v.clamp(-1, 1)
        orders = torch.arange(self._powers.shape[1], dtype=v.dtype)
        along = (self._powers @ _powers_of(t, self._powers.shape[2])[..., None])[..., 0]
        at = _powers_of(inside, len(orders))
        value = (at * along).sum(-1)
        slope = (at[..., :-1] * (orders * along)[..., 1:]).sum(-1)
        return value + slope * (v - inside)

    @cached_property
    def _powers(self) -> Float[torch.Tensor, "batch volumes tensions"]:
        """Return the coefficients of the products of powers, which take fewer steps to sum."""
        by_volume, by_tension = (_as_powers(n) for n in self.coefficients.shape[1:])
        return by_volume.T @ self.coefficients @ by_tension

    def law(self, tension: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
        """Return the pressure by volume, m^3, and time, s: a chamber outside a circulation."""
        return lambda volume, time: self.pressure(volume, tension(time).expand_as(volume))


def twitch(course: DoubleHill | SystolicTwitch) -> Callable[[Tensor], Tensor]:
    """Return the course of a tension, Pa, by the time, s, for tensors."""
    if isinstance(course, SystolicTwitch):
        systolic = course
        return lambda time: systolic.peak * systolic.share(time, torch)

    def shape(time: Tensor) -> Tensor:
        t = (time % course.period) / (0.2 + 0.15 * course.period)
        rising, falling = (t / course.rise) ** course.rise_power, t / course.fall
        return rising / (1 + rising) / (1 + falling**course.fall_power)

    at = torch.tensor(0.3 * course.period, dtype=torch.float64)
    factor = course.value(float(at)) / float(shape(at))
    return lambda time: factor * shape(time)


def _polynomials(x: Tensor, count: int) -> Tensor:
    found = [torch.ones_like(x), x]
    for _ in range(count - 2):
        found.append(2 * x * found[-1] - found[-2])
    return torch.stack(found[:count], -1)


def _as_powers(count: int) -> Float[torch.Tensor, "polynomials powers"]:
    """Return Chebyshev's polynomials by their powers."""
    rows = torch.eye(max(count, 2), dtype=torch.float64)
    for n in range(2, count):
        rows[n] = 2 * rows[n - 1].roll(1) - rows[n - 2]
    return rows[:count, :count]


def _powers_of(x: Tensor, count: int) -> Tensor:
    powers: Tensor = x[..., None] ** torch.arange(count, dtype=x.dtype)
    return powers


def _nodes(count: int) -> Float[torch.Tensor, " count"]:
    return -torch.cos(torch.pi * (torch.arange(count, dtype=torch.float64) + 0.5) / count)


def pressure_surface(
    heart: ReducedHeart,
    values: Float[torch.Tensor, "batch parameters"],
    volume: tuple[float, float, float],
    tension: float,
    *,
    n_volumes: int = 10,
    n_tensions: int = 8,
) -> tuple[PressureSurface, Float[torch.Tensor, "batch volumes tensions n"]]:
    """Return the surface of each heart, differentiable by its parameters, and the equilibria.

    Pressure and tension among `values` are not used. The equilibria are walked from the largest
    volume to the least along each tension, from a training state near it.

    Raises
    ------
    ConvergenceError
        If an equilibrium is not found.
    """
    empty = torch.zeros(len(values), n_volumes, n_tensions, dtype=torch.float64)
    surface = PressureSurface(coefficients=empty, volume=volume, tension=tension)
    tensions = tension * (_nodes(n_tensions) + 1) / 2
    batch, columns = len(values), []
    given = values[:, None].expand(-1, n_tensions, -1).clone()
    given[:, :, TENSION] = tensions
    given = given.flatten(0, 1)
    known = heart.wall.cavity_volume(heart.states)
    low = surface.least(given.detach()[:, TENSION])
    near = _near(heart, given.detach(), known, volume[-1])
    state, pressure = heart.states[near], heart.values[near, PRESSURE]
    for node in _nodes(n_volumes).flip(0):
        goal = low + (volume[-1] - low) * (node + 1) / 2
        start = given.detach().clone()
        start[:, PRESSURE] = pressure
        state, found, reached = heart.wall.solve(start, state, goal)
        if not bool(reached.all()):
            first = int((~reached).nonzero()[0, 0])
            msg = (
                f"No reduced equilibrium holds {float(goal[first]) / ML:.4g} mL at a tension of "
                f"{float(given[first, TENSION]) / KPA:.3g} kPa. Ask for fewer volumes."
            )
            raise ConvergenceError(msg, [])
        pressure = found[:, PRESSURE]
        columns.append((state, _differentiable_pressure(heart, state, found, given)))
    states = torch.stack([one for one, _ in columns[::-1]], 1)
    found = torch.stack([one for _, one in columns[::-1]], 1)
    pressures = found.unflatten(0, (batch, n_tensions)).transpose(1, 2)
    equilibria = states.unflatten(0, (batch, n_tensions)).transpose(1, 2)
    by_volume, by_tension = _transform(n_volumes), _transform(n_tensions)
    coefficients = by_volume @ pressures @ by_tension.T
    return replace(surface, coefficients=coefficients), equilibria


def _transform(count: int) -> Float[torch.Tensor, "count count"]:
    inverse: Tensor = torch.linalg.inv(_polynomials(_nodes(count), count))
    return inverse


def _near(heart: ReducedHeart, given: Tensor, known: Tensor, volume: float) -> Tensor:
    """Return the training states with the nearest tension and volume."""
    size = heart.values[:, TENSION].max()
    far = ((given[:, None, TENSION] - heart.values[:, TENSION]) / size).abs()
    return (far + ((volume - known) / volume).abs()).argmin(1)


def _differentiable_pressure(
    heart: ReducedHeart, state: Tensor, found: Tensor, given: Tensor
) -> Tensor:
    """Return the pressures that hold the volumes, with their derivatives by the parameters.

    With the equilibrium's dR + K dz + l dp = 0 and grad V . dz = 0 the change of the pressure is
    dp = -m . dR / (m . l), where K^T m = grad V.
    """
    pressure = found[:, PRESSURE].detach()
    if not (torch.is_grad_enabled() and given.requires_grad):
        return pressure
    with torch.no_grad():
        tangent = heart.wall.assembled(state, found)[1]
        adjoint = torch.linalg.solve(tangent.mT, heart.wall.volume_gradient(state)[..., None])
        along = (adjoint[..., 0] * heart.wall.unit_pressure(state)).sum(1)
    free = given.clone()
    free[:, PRESSURE] = pressure
    residual = heart.wall.residual(state, free)
    change: Tensor = (adjoint[..., 0] * residual).sum(1) / along
    return pressure - change + change.detach()


__all__ = ["PressureSurface", "pressure_surface", "twitch"]
