"""Reduced equilibria that hold given cavity volumes, with their derivatives.

Led by its volume a wall does not snap, and its pressure is a smooth function of all else. With
r(z, p, q) = 0 and V(z) = V0 the derivatives by the parameters q and by V0 solve one bordered
system, [K l; g' 0] [dz; dp] = [-r_q; 0] and [0; 1].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError
from cardiotwin.mechanics.parameter_range import TENSION
from cardiotwin.surrogates.heart import FARTHEST, ReducedHeart
from cardiotwin.surrogates.parameters import PRESSURE
from cardiotwin.units import ML

Tensor = torch.Tensor
STEP = 1e-5  # of a parameter's range: the residual's central differences by it
SHORTEST = 1 / 128  # of the way from a known state, where Newton's method does not find the end
FIRST = 3.0  # weight of volume and tension, which move the wall most
CHUNK = 16  # states that are solved at once


@dataclass(frozen=True, kw_only=True, eq=False)
class Led:
    """Reduced equilibria of a batch; the parameters' pressure stands for the volume.

    Parameters
    ----------
    state
        Coefficients of displacement and pressure.
    pressure
        Of the cavity, Pa.
    state_slopes, pressure_slopes
        By each parameter at given volume, and by the volume in the place of the pressure.
    """

    state: Float[torch.Tensor, "batch n"]
    pressure: Float[torch.Tensor, " batch"]
    state_slopes: Float[torch.Tensor, "batch n parameters"]
    pressure_slopes: Float[torch.Tensor, "batch parameters"]


class _Known(NamedTuple):
    """Equilibria from which others are sought, and their derivatives."""

    values: Tensor
    states: Tensor
    volumes: Tensor
    state_slopes: Tensor
    pressure_slopes: Tensor

    def nearest(self, values: Tensor, volumes: Tensor) -> Tensor:
        """Return the numbers of those with the nearest parameters, above all volume, tension."""
        size = (self.values.amax(0) - self.values.amin(0)).clamp(min=1e-12)
        here, there = values / size, self.values / size
        here[:, PRESSURE] = volumes / (self.volumes.amax() - self.volumes.amin())
        there[:, PRESSURE] = self.volumes / (self.volumes.amax() - self.volumes.amin())
        weight = torch.ones_like(size)
        weight[[PRESSURE, TENSION]] = FIRST
        return torch.cdist(weight * here, weight * there).argmin(1)

    def at(self, k: int) -> "_Known":
        """Return one of them."""
        return _Known(*(each[k] for each in self))

    def joined(self, values: Tensor, volumes: Tensor, led: Led) -> "_Known":
        """Return these and more."""
        more = (values, led.state, volumes, led.state_slopes, led.pressure_slopes)
        return _Known(*(torch.cat(pair) for pair in zip(self, more, strict=True)))

    def ahead(
        self, near: Tensor, values: Tensor, volumes: Tensor, farthest: float
    ) -> tuple[Tensor, Tensor]:
        """Return states and pressures moved along tangents, no farther than a length."""
        step = values - self.values[near]
        step[:, PRESSURE] = volumes - self.volumes[near]
        move = (self.state_slopes[near] @ step[..., None])[..., 0]
        share = (farthest / move.norm(dim=1).clamp(min=1e-300)).clamp(max=1.0)
        pressure = (self.pressure_slopes[near] * step).sum(1)
        state = self.states[near] + share[:, None] * move
        return state, self.values[near, PRESSURE] + share * pressure


def led_to(
    heart: ReducedHeart,
    values: Float[torch.Tensor, "batch parameters"],
    volumes: Float[torch.Tensor, " batch"],
) -> Led:
    """Return the equilibria at parameters (whose pressure is not used) and volumes, m^3.

    Those that were found are where the next begin.

    Raises
    ------
    ConvergenceError
        If one is not found.
    """
    rest = heart.values.mean(0, keepdim=True)
    rest[:, [PRESSURE, TENSION]] = 0.0
    first = torch.cat((heart.values, rest))
    still = torch.cat((heart.states, 0 * heart.states[:1]))
    rows = [slice(k, k + CHUNK) for k in range(0, len(first), CHUNK)]
    begin = _together([_with_slopes(heart, still[row], first[row]) for row in rows])
    known = _Known(
        first,
        begin.state,
        heart.wall.cavity_volume(begin.state),
        begin.state_slopes,
        begin.pressure_slopes,
    )
    parts = []
    for k in range(0, len(values), CHUNK):
        goal = volumes[k : k + CHUNK]
        state, found = _found(heart, known, values[k : k + CHUNK], goal)
        parts.append(_with_slopes(heart, state, found))
        known = known.joined(found, goal, parts[-1])
    return _together(parts)


def _together(parts: Sequence[Led]) -> Led:
    return Led(
        state=torch.cat([part.state for part in parts]),
        pressure=torch.cat([part.pressure for part in parts]),
        state_slopes=torch.cat([part.state_slopes for part in parts]),
        pressure_slopes=torch.cat([part.pressure_slopes for part in parts]),
    )


def _found(
    heart: ReducedHeart, known: _Known, values: Tensor, volumes: Tensor
) -> tuple[Tensor, Tensor]:
    near = known.nearest(values, volumes)
    start = values.clone()
    farthest = FARTHEST * heart.wall.parameters.reach
    ahead, start[:, PRESSURE] = known.ahead(near, values, volumes, farthest)
    state, found, reached = heart.wall.solve(start, ahead, volumes)
    for number in (~reached).nonzero()[:, 0].tolist():
        begin = known.at(int(near[number]))
        state[number], found[number] = _walked(heart, begin, values[number], volumes[number])
    return state, found


def _walked(
    heart: ReducedHeart, begin: _Known, values: Tensor, volume: Tensor
) -> tuple[Tensor, Tensor]:
    """Return one equilibrium, walked to in steps that are halved where Newton's method fails."""
    state, pressure = begin.states[None], begin.values[PRESSURE]
    share, step = 0.0, 0.25
    while share < 1:
        ahead = min(share + step, 1.0)
        there = begin.values + ahead * (values - begin.values)
        there[PRESSURE] = pressure
        goal = begin.volumes + ahead * (volume - begin.volumes)
        trial, found, reached = heart.wall.solve(there[None], state, goal[None])
        if bool(reached.all()):
            state, pressure, share, step = trial, found[0, PRESSURE], ahead, 1.5 * step
            continue
        step /= 2
        if step < SHORTEST:
            msg = (
                f"No reduced equilibrium holds {float(goal) / ML:.4g} mL at "
                f"{dict(zip(heart.span.names, there.tolist(), strict=True))}. Train nearer."
            )
            raise ConvergenceError(msg, [])
    arrived = values.clone()
    arrived[PRESSURE] = pressure
    return state[0], arrived


@torch.no_grad()
def _with_slopes(heart: ReducedHeart, state: Tensor, values: Tensor) -> Led:
    wall, n = heart.wall, values.shape[1]
    tangent = wall.assembled(state, values)[1]
    size = torch.as_tensor(heart.span.span())
    columns = []
    for k in range(n):
        step = torch.zeros(n, dtype=values.dtype)
        step[k] = STEP * size[k]
        if k == PRESSURE:
            columns.append(torch.zeros_like(state))
            continue
        both = wall.residual(state, values + step) - wall.residual(state, values - step)
        columns.append(-both / (2 * step[k]))
    right = torch.stack(columns, 2)
    gap = torch.zeros(len(state), 1, n, dtype=values.dtype)
    gap[:, 0, PRESSURE] = 1.0
    slope, unit = wall.volume_gradient(state)[:, None], wall.unit_pressure(state)[..., None]
    # Volumes are of 1e-4 m^3: the bordered row is scaled to be of the others' size.
    scale = 1 / slope.norm(dim=2, keepdim=True)
    corner = torch.zeros(len(state), 1, 1, dtype=values.dtype)
    matrix = torch.cat((torch.cat((tangent, unit), 2), torch.cat((scale * slope, corner), 2)), 1)
    found = torch.linalg.solve(matrix, torch.cat((right, scale * gap), 1))
    return Led(
        state=state,
        pressure=values[:, PRESSURE],
        state_slopes=found[:, :-1],
        pressure_slopes=found[:, -1],
    )


__all__ = ["Led", "led_to"]
