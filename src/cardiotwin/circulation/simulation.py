"""Beats of many hearts at once, with gradients: batches, chunks, and who needs finer steps."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float

from cardiotwin.circulation.hearts import Hearts
from cardiotwin.circulation.loop import Circulation
from cardiotwin.circulation.march import STEPS, March, Outside, Trace
from cardiotwin.circulation.names import CHAMBERS
from cardiotwin.circulation.rhythm import Rhythm
from cardiotwin.circulation.rows import default_start, from_blood, to_blood
from cardiotwin.errors import InputError

Tensor = torch.Tensor
CHUNK = 1000  # hearts whose rows stay in the cache
STABLE = 2.5  # of a step times the fastest rate; the method's own limit is 2.785
FINEST = 64  # steps in the place of one; a heart that needs more is run with these


def simulate(
    parameters: Mapping[str, Any] | None = None,
    beats: int = 1,
    *,
    circulation: Circulation | None = None,
    start: Float[torch.Tensor, "states batch"] | None = None,
    steps: int = STEPS,
    outside: Outside | None = None,
    only_last: bool = False,
    alike: bool = False,
) -> Trace:
    """Return what the blood of a batch of hearts does over some beats.

    Parameters
    ----------
    parameters
        Tensors, one number per heart, or single numbers, by dotted names such as
        ``"left_ventricle.active"`` (`parameter_values` lists them), SI. Whatever is not named is
        the circulation's.
    beats
        How many.
    circulation
        By default the healthy adult.
    start
        State at t = 0, as `Trace.end`; by default the circulation's own.
    steps
        Recorded per beat; where a heart is too stiff for them, it takes several in one's place.
    outside
        Laws of chambers modelled elsewhere: pressure, Pa, of the volume, m^3, and the time in
        the beat, s, both by heart.
    only_last
        Whether the last beat alone is recorded.
    alike
        Whether all hearts take as many steps as the stiffest: what sets them apart is then their
        parameters, and not the error of the steps.

    Raises
    ------
    InputError
        If a name is unknown, or a value is not positive.
    """
    circulation = circulation or Circulation()
    hearts = hearts_of(parameters, circulation, start)
    refuse_strange(outside or {}, beats, steps)
    first = default_start(circulation, hearts) if start is None else start
    groups = groups_alike(hearts, steps, alike=alike)
    parts = []
    for which, finer in groups:
        march = March(steps=steps, finer=finer, outside=outside or {})
        parts.append(_run(march, hearts.part(which), first[:, which], beats, only_last=only_last))
    return _joined(parts, torch.argsort(torch.cat([which for which, _ in groups])), hearts)


def groups_alike(hearts: Hearts, steps: int, *, alike: bool = False) -> list[tuple[Tensor, int]]:
    """Return hearts that need equally many steps for one, in chunks; at most `FINEST`."""
    with torch.no_grad():
        step = hearts.values["period"] / steps
        finer = torch.ceil(step * hearts.fastest() / STABLE).clamp(1, FINEST).long()
        finer = finer.amax().expand_as(finer) if alike else finer
    groups = []
    for needed in sorted(set(finer.tolist())):
        same = (finer == needed).nonzero()[:, 0]
        groups += [(which, needed) for which in same.split(CHUNK)]
    return groups


def _run(march: March, hearts: Hearts, first: Tensor, beats: int, *, only_last: bool) -> Trace:
    rhythm = Rhythm.of(hearts, march.steps * march.finer)
    blocks = [tuple(part[None] for part in to_blood(first, hearts))]
    for _ in range(beats):
        last = tuple(part[-1] for part in blocks[-1])
        before = [tuple(part[None] for part in last)] if only_last else blocks
        blocks = [*before, *march.beat(last, rhythm)]
    rows = sum(len(block[0]) for block in blocks)
    count = torch.arange(rows, dtype=torch.float64)[:, None] / march.steps
    return Trace(
        time=(count + (beats - 1 if only_last else 0)) * hearts.values["period"],
        volume=torch.cat([block[0] for block in blocks]),
        vessel_flow=torch.cat([block[1] for block in blocks]),
        tract=torch.cat([block[2] for block in blocks]) if rhythm.tract else None,
        hearts=hearts,
        march=march,
    )


def end_of_beat(hearts: Hearts, start: Tensor, steps: int, outside: Outside) -> Tensor:
    """Return the states (states, batch) a beat after `start`, without their course."""
    groups, ends = groups_alike(hearts, steps), []
    for which, finer in groups:
        some, march = hearts.part(which), March(steps=steps, finer=finer, outside=outside)
        rhythm = Rhythm.of(some, steps * finer)
        last = march.beat(to_blood(start[:, which], some), rhythm)[-1]
        ends.append(from_blood(tuple(part[-1] for part in last), some))
    return torch.cat(ends, -1)[:, torch.argsort(torch.cat([which for which, _ in groups]))]


def _joined(parts: list[Trace], order: Tensor, hearts: Hearts) -> Trace:
    """Return chunks as one batch, in the hearts' own order."""
    if len(parts) == 1:
        return parts[0]
    joined: dict[str, Any] = {
        name: torch.cat([getattr(part, name) for part in parts], -1)[..., order]
        for name in ("time", "volume", "vessel_flow", "tract")
        if getattr(parts[0], name) is not None
    }
    return replace(parts[0], hearts=hearts, **joined)


def hearts_of(
    parameters: Mapping[str, Any] | None, circulation: Circulation, start: Tensor | None
) -> Hearts:
    """Return the batch, and refuse a start of another shape than its states."""
    batch = 1 if start is None or start.ndim != 2 else start.shape[1]
    hearts = Hearts.of(parameters or {}, circulation, batch)
    if start is not None and (start.ndim != 2 or start.shape[0] != hearts.states):
        msg = (
            f"start must have {hearts.states} rows and a column per heart, found "
            f"{tuple(start.shape)}. Give the end of another simulation, or none."
        )
        raise InputError(msg)
    return hearts


def refuse_strange(outside: Outside, beats: Any, steps: Any) -> None:
    """Refuse chambers that are not there, or parts of beats."""
    unknown = set(outside) - set(CHAMBERS.values())
    if unknown:
        msg = (
            f"Only chambers can lie outside the circulation, found {sorted(unknown)}. "
            f"Name any of {', '.join(CHAMBERS.values())}."
        )
        raise InputError(msg)
    if not all(
        isinstance(count, float | int) and count >= 1 and count % 1 == 0
        for count in (beats, steps)
    ):
        msg = (
            "A circulation runs one whole beat or more in whole steps, found "
            f"beats={beats!r} and steps={steps!r}. Give whole numbers."
        )
        raise InputError(msg)


__all__ = [
    "CHUNK",
    "Trace",
    "end_of_beat",
    "groups_alike",
    "hearts_of",
    "refuse_strange",
    "simulate",
]
