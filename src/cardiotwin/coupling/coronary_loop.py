"""Both coronary arteries within the closed loop: from the aorta through the wall to the atrium.

From beat to beat each layer of a bed widens or narrows until it has what its muscle asks for, or
can do no more: the squeezed inner ones widen first and have less left. Under hyperaemia both are
as wide as they go, and the loop answers: its aorta feeds them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardiotwin.circulation import Circulation, State
from cardiotwin.circulation.beats import (
    REPEATS,
    Mixer,
    Record,
    as_vector,
    change_over_beat,
    from_vector,
)
from cardiotwin.circulation.stepping import TRAPEZOIDAL
from cardiotwin.coupling.coronaries import LV, Coronary
from cardiotwin.coupling.coronary_beat import CoronaryCourse, Joined, JoinedBeat
from cardiotwin.coupling.coronary_step import Perfused, regulated
from cardiotwin.errors import ConvergenceError
from cardiotwin.perfusion.coronary_bed import BedState


@dataclass(frozen=True, kw_only=True, eq=False)
class CoronaryCycle:
    """A beat that repeats, with the coronary arteries in it.

    Parameters
    ----------
    record
        The loop's.
    left, right
        The arteries'.
    end
        Their beds at the beat's end.
    changes
        From beat to beat, as shares.
    spilt
        Largest change of all blood over all beats that were run, as a share.
    """

    record: Record
    left: CoronaryCourse
    right: CoronaryCourse
    end: Perfused
    changes: tuple[float, ...]
    spilt: float

    @property
    def cardiac_output(self) -> float:
        """Return what the left ventricle ejects, m^3/s."""
        out = self.record.outflow[:, LV]
        period = self.record.time[-1] - self.record.time[0]
        return float(np.trapezoid(out, self.record.time) / period)

    @property
    def share_of_output(self) -> float:
        """Return what both arteries take of the cardiac output."""
        return (self.left.flow + self.right.flow) / self.cardiac_output


def with_room(circulation: Circulation, share: float) -> Circulation:
    """Return the loop whose systemic vessels leave a share of the output to those beside them."""
    arteries, veins = circulation.systemic_arteries, circulation.systemic_veins
    more = (arteries.resistance + veins.resistance) * share / (1 - share)
    return replace(
        circulation, systemic_arteries=replace(arteries, resistance=arteries.resistance + more)
    )


def settle_joined(
    circulation: Circulation,
    left: Coronary,
    right: Coronary,
    start: State | Joined,
    n_steps: int = 500,
    *,
    hyperaemia: bool = False,
    tolerance: float = REPEATS,
    beats: int = 100,
    implicitness: float = TRAPEZOIDAL,
) -> CoronaryCycle:
    """Return the beat that changes by less than `tolerance` to the next, tones included.

    Parameters
    ----------
    circulation
        The ring; `with_room` leaves its output some for the coronary arteries.
    left, right
        The arteries, squeezed by the left and the right ventricle.
    start
        The ring's state, beside which full beds at rest begin, or a joined one.
    n_steps
        Of a beat.
    hyperaemia
        Whether the beds are as wide as they go; else they are regulated.
    tolerance, beats, implicitness
        As in `circulation.settle`.

    Raises
    ------
    ConvergenceError
        If `beats` do not suffice; it carries the changes and the last joined state.
    """
    arteries = (left, right)
    here = start if isinstance(start, Joined) else Joined.rest(start, arteries)
    if hyperaemia:
        wide = (np.full(len(own.bed.squeeze), own.bed.most_tone) for own in arteries)
        here = replace(here, tones=tuple(wide))
    mixer, changes, blood = Mixer(), list[float](), [here.blood(arteries)]
    for _ in range(beats):
        run = JoinedBeat(arteries=arteries, moments=[here], perfused=[])
        for _ in range(n_steps):
            run.grow(circulation, circulation.period / n_steps, implicitness)
        blood += [at.blood(arteries) for at in run.moments]
        record = Record.of([at.loop for at in run.moments])
        end = run.moments[-1]
        if not hyperaemia:
            end = replace(end, tones=regulated(arteries, run.mbf(), end.tones))
        changes.append(_change(record, here, end, arteries))
        if changes[-1] < tolerance:
            return CoronaryCycle(
                record=record,
                left=run.course(0),
                right=run.course(1),
                end=run.perfused[-1],
                changes=tuple(changes),
                spilt=float(np.ptp(blood) / blood[0]),
            )
        here = _mixed(mixer, circulation, arteries, here, end)
    msg = (
        f"The beats with their coronary arteries do not repeat: after {beats} the last changed by "
        f"{100 * changes[-1]:.2g} % (asked for {100 * tolerance:.2g} %). Allow more beats, or "
        "start nearer."
    )
    raise ConvergenceError(msg, changes, here)


def _change(record: Record, start: Joined, end: Joined, arteries: Sequence[Coronary]) -> float:
    """Return the largest change over a beat, as a share: of the ring, the beds and their tones."""
    shares = [change_over_beat(record, start.loop, end.loop)]
    for tone, later in zip(start.tones, end.tones, strict=True):
        shares.append(float(np.abs(later / tone - 1).max()))
    for own, before, after in zip(arteries, start.beds, end.beds, strict=True):
        ratio = after.wall_volume(own.bed) / before.wall_volume(own.bed)
        shares.append(float(np.abs(ratio - 1).max()))
    return max(shares)


def _flat(at: Joined) -> Float[np.ndarray, " n"]:
    beds = [
        np.concatenate([tone, bed.transmural[0], bed.distal, bed.inflow])
        for tone, bed in zip(at.tones, at.beds, strict=True)
    ]
    return np.concatenate([as_vector(at.loop), *beds])


def _mixed(
    mixer: Mixer,
    circulation: Circulation,
    arteries: Sequence[Coronary],
    start: Joined,
    end: Joined,
) -> Joined:
    """Return the next beat's start: the mixture of beats, whose blood is as much, or the end."""
    vector = mixer.mix(_flat(start), _flat(end))
    loop = from_vector(circulation, end.loop, vector[:12])
    if loop is end.loop:  # mixed, a store would be empty
        return end
    rest, beds, tones = vector[12:], [], []
    for own in arteries:
        n = len(own.bed.squeeze)
        tone, transmural, (distal, inflow), rest = np.split(rest, [n, 2 * n, 2 * n + 2])
        tones.append(np.clip(tone, own.bed.least_tone, own.bed.most_tone))
        beds.append(
            BedState(
                distal=np.array([distal]),
                transmural=transmural[None],
                inflow=np.array([inflow]),
            )
        )
    return Joined(loop=loop, beds=tuple(beds), tones=tuple(tones))


__all__ = ["CoronaryCycle", "settle_joined", "with_room"]
