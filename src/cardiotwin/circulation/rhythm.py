"""What every beat of a batch of hearts repeats, and its numbers as numpy's or torch's."""

from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

import torch

from cardiotwin.circulation.hearts import Hearts
from cardiotwin.circulation.rates import Loop
from cardiotwin.circulation.tract import Tract

Tensor = torch.Tensor
Blood = tuple[Tensor, ...]  # volumes (8, batch), vessels' flows (2, 2, batch), `Tract`'s states


@dataclass(frozen=True, kw_only=True, eq=False)
class Rhythm:
    """What a beat repeats.

    Parameters
    ----------
    hearts, loop, tract
        The batch, its valves and vessels, and what is beside the ring.
    count
        Steps in a beat.
    dt
        Their lengths, s.
    graph
        Whether a parameter wants its gradient.
    kept
        Elastances of the blocks of a beat, where they need no gradient.
    """

    hearts: Hearts
    loop: Loop
    tract: Tract | None
    count: int
    dt: Tensor
    graph: bool
    kept: dict[int, tuple[tuple[Tensor, ...], Tensor]] = field(default_factory=dict)

    @classmethod
    def of(cls, hearts: Hearts, count: int) -> "Rhythm":
        """Return that of beats of `count` steps."""
        graph = torch.is_grad_enabled() and any(v.requires_grad for v in hearts.values.values())
        dt = hearts.values["period"] / count
        loop, tract = hearts.loop(), hearts.tract()
        return cls(hearts=hearts, loop=loop, tract=tract, count=count, dt=dt, graph=graph)

    def wants_graph(self, state: Blood) -> bool:
        """Return whether gradients are asked for of what follows a state."""
        return torch.is_grad_enabled() and (self.graph or state[0].requires_grad)

    @property
    def parts(self) -> int:
        """Return of how many tensors the blood's state consists."""
        return 2 if self.tract is None else 3

    def elastances(self, first: int, last: int) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return E at each half step between two steps, and V0, of all stores."""
        if first in self.kept:
            return self.kept[first]
        phase = torch.arange(2 * first, 2 * last + 1, dtype=torch.float64) / (2 * self.count)
        E, V0 = self.hearts.elastances(phase)
        if not self.graph:
            self.kept[first] = E.unbind(0), V0
        return E.unbind(0), V0


def moved(blood: Any, step: Any, change: Any) -> Any:
    """Return the blood a step on at a rate of change."""
    if isinstance(step, Tensor):
        return tuple(torch.addcmul(p, step, rate) for p, rate in zip(blood, change, strict=True))
    return tuple(p + step * rate for p, rate in zip(blood, change, strict=True))


def as_arrays(of: Any) -> Any:
    """Return tensors, and tuples and models that hold them, as numpy's."""
    if isinstance(of, Tensor):
        return of.detach().numpy()
    if isinstance(of, tuple):
        return tuple(as_arrays(one) for one in of)
    if is_dataclass(of) and not isinstance(of, type):
        return replace(of, **{f.name: as_arrays(getattr(of, f.name)) for f in fields(of)})
    return of


__all__ = ["Blood", "Rhythm", "as_arrays", "moved"]
