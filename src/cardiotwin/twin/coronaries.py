"""A twin's coronary arteries: the muscle that they feed, and the loop that leaves them room."""

from dataclasses import dataclass

from cardiotwin.circulation import Circulation
from cardiotwin.circulation.beats import LimitCycle
from cardiotwin.coupling.coronaries import RIGHT_DEMAND, Coronary
from cardiotwin.coupling.coronary_loop import settle_joined, with_room
from cardiotwin.coupling.coronary_step import Perfused
from cardiotwin.perfusion.darcy.bed import DENSITY
from cardiotwin.twin.twin import Twin

RIGHT_SHARE = 0.3  # of the left ventricle's mass, where no right wall was built
REPEATS = 2e-3  # from beat to beat, of the elastances' beats


@dataclass(frozen=True, kw_only=True, eq=False)
class TwinCoronaries:
    """Both arteries, ready to be fed by the twin's loop.

    Parameters
    ----------
    arteries
        The left and the right one.
    circulation
        The loop, whose systemic vessels leave them what their muscle asks for.
    perfused
        The beds, regulated beside the loop's own ventricles.
    """

    arteries: tuple[Coronary, Coronary]
    circulation: Circulation
    perfused: Perfused


def twin_coronaries(twin: Twin, circulation: Circulation, cycle: LimitCycle) -> TwinCoronaries:
    """Return the arteries of a twin whose loop beats in a cycle.

    Raises
    ------
    ConvergenceError
        If no beat with them repeats.
    """
    full, empty = twin.states["end_diastole"], twin.states["end_systole"]
    whole = DENSITY * full.wall_volume
    on_right = RIGHT_SHARE * whole if twin.right is None else DENSITY * twin.right.wall_volume
    on_left = whole if twin.right is None else whole - on_right
    arteries = (Coronary(mass=on_left), Coronary(mass=on_right, demand=RIGHT_DEMAND))
    asked = sum(own.mass * own.demand for own in arteries)
    ejected = full.cavity_volume - empty.cavity_volume
    room = with_room(circulation, asked * circulation.period / ejected)
    settled = settle_joined(room, *arteries, cycle.state, tolerance=REPEATS)
    return TwinCoronaries(arteries=arteries, circulation=room, perfused=settled.end)


__all__ = ["TwinCoronaries", "twin_coronaries"]
