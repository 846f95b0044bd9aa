"""The beat that repeats, of many hearts at once: Newton's method on the beat map.

With the beat map P(y, theta) and the blood V(y, theta) = w(theta).y, the limit cycle solves
P(y) = y and w.y = blood. I - dP/dy loses the blood's direction (w (I - dP/dy) = 0), which the
rank-one border w w^T / |w|^2 restores. Gradients follow from the implicit function theorem:
one more beat with its graph, and the same matrix solved once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float

from cardiotwin.circulation.hearts import Hearts
from cardiotwin.circulation.loop import Circulation
from cardiotwin.circulation.march import STEPS, Outside, Trace
from cardiotwin.circulation.names import VESSELS, refuse_unphysical
from cardiotwin.circulation.rows import default_start, held, to_blood
from cardiotwin.circulation.simulation import (
    end_of_beat,
    hearts_of,
    refuse_strange,
    simulate,
)
from cardiotwin.errors import ConvergenceError

Tensor = torch.Tensor
TOLERANCE = 1e-9  # largest change over the beat, as a share of each row's size
ITERATIONS = 60
NUDGE = 1e-6  # of each row's size: the step of the map's differences


@dataclass(frozen=True, kw_only=True, eq=False)
class Cycle:
    """Beats that repeat.

    Parameters
    ----------
    trace
        One beat of each heart, its last row equal to its first.
    change
        Largest difference between them, as a share of the largest value of its kind.
    reached
        Which hearts' change is below the tolerance; `failures` names the others.
    beats
        How many times the beat map was run (its derivative counts as one).
    """

    trace: Trace
    change: Float[torch.Tensor, " batch"]
    reached: Bool[torch.Tensor, " batch"]
    beats: int

    def failures(self) -> dict[int, str]:
        """Return why a heart has no limit cycle, by its number in the batch."""
        return {
            heart: f"the beat still changes by {float(self.change[heart]):.2g} of itself"
            if bool(torch.isfinite(self.change[heart]))
            else "its beat does not end with finite numbers"
            for heart in (~self.reached).nonzero()[:, 0].tolist()
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class BeatMap:
    """The state a beat later, in rows scaled to their sizes.

    Parameters
    ----------
    hearts, steps, outside
        As in `simulate`.
    blood
        What the stores hold, m^3.
    size
        Of each row.
    """

    hearts: Hearts
    steps: int
    outside: Outside
    blood: Float[torch.Tensor, " batch"]
    size: Float[torch.Tensor, "states 1"]

    def part(self, which: Any) -> "BeatMap":
        """Return the map of some hearts."""
        return replace(self, hearts=self.hearts.part(which), blood=self.blood[which])

    def after(self, state: Tensor) -> Tensor:
        """Return the scaled state a beat after a scaled one."""
        return end_of_beat(self.hearts, state * self.size, self.steps, self.outside) / self.size

    def weights(self) -> Float[torch.Tensor, "batch states"]:
        """Return how much blood each scaled row holds, m^3."""
        one = torch.ones_like(self.hearts.values["period"]).expand(4, -1)
        rows = [one, self.hearts.stack(VESSELS, "compliance"), torch.zeros_like(one)]
        if self.hearts.states > 12:
            n = self.hearts.stores
            rows += [self.hearts.soft()] if n else []
            rows += [torch.zeros_like(one[:1]).expand(self.hearts.states - 12 - n, -1)]
        return (torch.cat(rows) * self.size).T

    @torch.no_grad()
    def derivative(self, state: Tensor) -> Float[torch.Tensor, "batch states states"]:
        """Return d(after)/d(state), by central differences."""
        rows, batch = state.shape
        eye = NUDGE * torch.eye(rows, dtype=torch.float64)
        nudges = torch.cat((eye, -eye), 1)[:, :, None]  # rows, two directions of each, batch
        trials = state[:, None] + nudges
        if self.outside:  # their laws know this batch and no larger one
            ends = torch.stack([self.after(trial) for trial in trials.unbind(1)], 1)
        else:
            every = torch.arange(batch).repeat(2 * rows)
            ends = self.part(every).after(trials.reshape(rows, -1)).reshape(rows, -1, batch)
        slope: Tensor = (ends[:, :rows] - ends[:, rows:]).permute(2, 0, 1)
        return slope / (2 * NUDGE)

    def correction(self, state: Tensor, end: Tensor, slope: Tensor) -> Tensor:
        """Return Newton's step from a state to the limit cycle of the map's blood."""
        w = self.weights()
        share = (w / (w**2).sum(1, keepdim=True)).detach()
        missing = self.blood - (w * state.T).sum(1)
        right = (end - state).T + share * missing[:, None]
        border = w.detach()[:, :, None] * share[:, None, :]
        matrix = torch.eye(len(state), dtype=torch.float64) - slope + border
        step: Tensor = torch.linalg.solve(matrix, right)
        return step.T


def limit_cycle(
    parameters: Mapping[str, Any] | None = None,
    *,
    circulation: Circulation | None = None,
    start: Float[torch.Tensor, "states batch"] | None = None,
    blood_volume: Any = None,
    steps: int = STEPS,
    outside: Outside | None = None,
    tolerance: float = TOLERANCE,
) -> Cycle:
    """Return the beat that repeats, of each heart of a batch, with its gradients.

    Parameters
    ----------
    parameters, circulation, start, steps, outside
        As in `simulate`; laws outside take part in the gradient as far as the beat goes.
    blood_volume
        What stresses the stores, m^3, one number or one per heart; by default that of the
        `start`, whose pressures lie in the vessels' own compliances.
    tolerance
        Largest change over the beat that counts as none, as a share of the size of its kind.

    Raises
    ------
    ConvergenceError
        If no heart reaches its limit cycle. Where only some do not, `Cycle.failures` names them.
    """
    circulation = circulation or Circulation()
    hearts = hearts_of(parameters, circulation, start)
    refuse_strange(outside or {}, 1, steps)
    first = default_start(circulation, hearts) if start is None else start
    first = first.expand(-1, len(hearts))
    blood = held(to_blood(first, hearts), hearts)
    if blood_volume is not None:
        blood = torch.as_tensor(blood_volume, dtype=torch.float64).expand(len(hearts))
        refuse_unphysical("blood_volume", blood)
    size = sizes(circulation, hearts)
    beat_map = BeatMap(hearts=hearts, steps=steps, outside=outside or {}, blood=blood, size=size)
    state, change, beats = _solve(beat_map, first.detach() / size, tolerance)
    reached = change <= tolerance
    if not bool(reached.any()):
        smallest = float(change.nan_to_num(nan=torch.inf).min())
        msg = (
            f"No heart has a beat that repeats: after {beats} beats the nearest still changes by "
            f"{smallest:.2g} of itself (asked for {tolerance:.2g}). Look at its parameters, or "
            "start nearer."
        )
        raise ConvergenceError(msg, change.tolist())
    if torch.is_grad_enabled():
        end = beat_map.after(state)
        if end.requires_grad or blood.requires_grad:
            state = state + beat_map.correction(state, end, beat_map.derivative(state))
    trace = simulate(
        parameters, circulation=circulation, start=state * size, steps=steps, outside=outside
    )
    return Cycle(trace=trace, change=change, reached=reached, beats=beats)


def sizes(circulation: Circulation, hearts: Hearts) -> Float[torch.Tensor, "states 1"]:
    """Return the size of each row of a state: the adult's largest of its kind, of a share 1."""
    adult = default_start(circulation, hearts)[:12, 0]
    volume, pressure, flow = kinds = adult.abs().reshape(3, 4).amax(1)
    n, valves = hearts.stores, hearts.laws.count("inertial")
    rest = [pressure] * n + [flow] * (n + valves) + [torch.ones_like(flow)] * valves
    rest += [volume] * valves
    return torch.cat((kinds.repeat_interleave(4), *(one[None] for one in rest)))[:, None]


@torch.no_grad()
def _solve(beat_map: BeatMap, first: Tensor, tolerance: float) -> tuple[Tensor, Tensor, int]:
    """Return the states that repeat, their last changes, and the beats it took.

    Where Newton's step made a heart's change larger it is taken back, and the heart beats on by
    itself: twice, then four times, and so on, before the next step.
    """
    state, last_end = first.clone(), first.clone()
    change = torch.full_like(beat_map.blood, torch.inf)
    best = change.clone()
    patience = torch.ones(len(change), dtype=torch.long)
    plain = torch.zeros(len(change), dtype=torch.long)
    active, beats = torch.arange(len(change)), 0
    for _ in range(ITERATIONS):
        some, here = beat_map.part(active), state[:, active]
        end = some.after(here)
        beats += 1
        missing = (some.blood - (some.weights() * here.T).sum(1)).abs() / some.blood
        change[active] = torch.maximum((end - here).abs().amax(0), missing)
        hopeless = ~torch.isfinite(change[active]) & ~torch.isfinite(best[active])
        going = ~(change[active] <= tolerance) & ~hopeless
        active, end = active[going], end[:, going]
        if not len(active):
            break
        worse = ~(change[active] < best[active]) & (plain[active] == 0)
        patience[active] = torch.where(worse, 2 * patience[active], patience[active])
        plain[active] = torch.where(worse, patience[active], (plain[active] - 1).clamp(min=0))
        best[active] = torch.where(plain[active] > 0, torch.inf, change[active])
        state[:, active] = torch.where(worse, last_end[:, active], end)
        last_end[:, active] = end
        free = plain[active] == 0
        if bool(free.any()):
            which = active[free]
            some, start = beat_map.part(which), here[:, going][:, free]
            step = some.correction(start, end[:, free], some.derivative(start))
            state[:, which] = start + step
            beats += 1
    return state, change, beats


__all__ = ["BeatMap", "Cycle", "limit_cycle"]
