"""The tone of a beating wall: the squeezed inner layers widen first, and have less left.

At rest that keeps their blood flow at what they ask for; under hyperaemia they fall behind the
outer ones.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError
from cardiotwin.perfusion.darcy.beat import Beat, BeatFlow, BeatingWall
from cardiotwin.perfusion.darcy.bed import Bed
from cardiotwin.perfusion.darcy.feeding import Feeding
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.regulation import Regulation, with_tone

Cells = Float[np.ndarray, " cells"]

ROUNDS = 30
CLOSE = 0.01  # of the demand, where the tone is within its range


@dataclass(frozen=True, kw_only=True, eq=False)
class TonedBeat:
    """A beat at some tone.

    Parameters
    ----------
    flow
        The beat.
    tone
        By cell.
    rounds
        Of regulation that it took.
    """

    flow: BeatFlow
    tone: Cells
    rounds: int


def autoregulated_beat(
    wall: PorousWall,
    bed: Bed,
    feeding: Feeding,
    beat: Beat,
    *,
    demand: Cells,
    regulation: Regulation | None = None,
) -> TonedBeat:
    """Return the beat whose mean flow meets a demand by cell, m^3/(s kg), as far as it can.

    Raises
    ------
    ConvergenceError
        If the tones do not settle; it carries the largest miss of the demand.
    """
    rule = regulation or Regulation()
    tone, start = np.ones(len(demand)), None
    misses: list[float] = []
    for number in range(1, ROUNDS + 1):
        fed, joined = with_tone(bed, feeding, tone, rule)
        flow = BeatingWall(wall, bed, fed, beat, joined).run(start)
        start = flow.pressure
        ratio = demand / np.maximum(flow.mbf, 0.1 * demand)
        spent = ((tone >= rule.most) & (ratio > 1)) | ((tone <= rule.least) & (ratio < 1))
        misses.append(float(np.abs(np.where(spent, 0, 1 - 1 / ratio)).max()))
        if misses[-1] < CLOSE:
            return TonedBeat(flow=flow, tone=tone, rounds=number)
        tone = np.clip(tone * ratio, rule.least, rule.most)
    msg = (
        f"The tone did not settle: after {ROUNDS} rounds a cell misses its demand by "
        f"{100 * misses[-1]:.2g} % (tolerance {100 * CLOSE:g} %). Ask for a smoother demand."
    )
    raise ConvergenceError(msg, misses)


__all__ = ["TonedBeat", "autoregulated_beat"]
