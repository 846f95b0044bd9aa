"""How the wall sets its own tone, cell by cell: autoregulation at rest, hyperaemia by a drug.

Small vessels widen until a cell's blood flow is what it asks for, or no further. Larger ones
before them widen less: so hyperaemia draws their pressure down, and what crosses from one
territory to another behind a narrow artery falls (coronary steal).
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.perfusion.darcy.bed import Bed, Conductances, even_conductances
from cardiotwin.perfusion.darcy.feeding import Feeding
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.steady import WallFlow, steady_flow

Cells = Float[np.ndarray, " cells"]

ITERATIONS = 60
CLOSE = 1e-4  # of the demand, where the tone is within its range


@dataclass(frozen=True, kw_only=True)
class Regulation:
    """How far, and where, the vessels change.

    Parameters
    ----------
    least, most
        Range of the tone: the factor of the exchange between compartments.
    upstream
        Power of the tone by which the vessels that feed the first compartment change.

    Notes
    -----
    With the conductances of `three_compartments` the range makes a flow reserve of 3.6; the
    power is a choice between 0 (vessels that do not widen) and 1, recalled from no measurement.
    """

    least: float = 0.2
    most: float = 8.0
    upstream: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a range that is none."""
        if not 0 < self.least < self.most < np.inf:
            msg = (
                f"Regulation needs 0 < least < most, found {self.least:g} and {self.most:g}. "
                "They are factors of the conductances at rest."
            )
            raise InputError(msg)
        if not 0 <= self.upstream <= 1:
            msg = f"Regulation.upstream must lie in 0 to 1, found {self.upstream:g}. Try 0.5."
            raise InputError(msg)


@dataclass(frozen=True, kw_only=True, eq=False)
class Toned:
    """A wall's flow at some tone.

    Parameters
    ----------
    flow
        The flow.
    tone
        By cell.
    iterations
        That it took.
    """

    flow: WallFlow
    tone: Cells
    iterations: int


def with_tone(
    bed: Bed, feeding: Feeding, tone: Cells, regulation: Regulation
) -> tuple[Feeding, Conductances]:
    """Return what feeds and joins the compartments at a tone by cell."""
    even = even_conductances(bed, len(tone))
    fed = replace(feeding, conductance=feeding.conductance * tone**regulation.upstream)
    return fed, replace(even, exchange=even.exchange * tone)


def hyperaemia(
    wall: PorousWall,
    bed: Bed,
    feeding: Feeding,
    *,
    aortic_pressure: float,
    regulation: Regulation | None = None,
) -> Toned:
    """Return the flow with all vessels as wide as they go (aortic pressure in Pa)."""
    rule = regulation or Regulation()
    tone = np.full(len(feeding.conductance), rule.most)
    fed, joined = with_tone(bed, feeding, tone, rule)
    flow = steady_flow(wall, bed, fed, aortic_pressure=aortic_pressure, conductances=joined)
    return Toned(flow=flow, tone=tone, iterations=1)


def autoregulated(
    wall: PorousWall,
    bed: Bed,
    feeding: Feeding,
    *,
    aortic_pressure: float,
    demand: Cells,
    regulation: Regulation | None = None,
) -> Toned:
    """Return the flow that meets a demand by cell, m^3/(s kg), as far as the tone's range goes.

    Raises
    ------
    ConvergenceError
        If the tones do not settle; it carries the largest miss of the demand.
    """
    rule = regulation or Regulation()
    tone = np.ones(len(demand))
    misses: list[float] = []
    for iteration in range(1, ITERATIONS + 1):
        fed, joined = with_tone(bed, feeding, tone, rule)
        flow = steady_flow(wall, bed, fed, aortic_pressure=aortic_pressure, conductances=joined)
        ratio = demand / np.maximum(flow.mbf, 1e-3 * demand)
        spent = ((tone >= rule.most) & (ratio > 1)) | ((tone <= rule.least) & (ratio < 1))
        misses.append(float(np.abs(np.where(spent, 0, 1 - 1 / ratio)).max()))
        if misses[-1] < CLOSE:
            return Toned(flow=flow, tone=tone, iterations=iteration)
        tone = np.clip(tone * ratio, rule.least, rule.most)
    msg = (
        f"The tone did not settle: after {ITERATIONS} rounds a cell misses its demand by "
        f"{100 * misses[-1]:.2g} % (tolerance {100 * CLOSE:g} %). Ask for a smoother demand."
    )
    raise ConvergenceError(msg, misses)


__all__ = ["Regulation", "Toned", "autoregulated", "hyperaemia", "with_tone"]
