"""A personal circulation whose valves keep the measured times.

The public constants let the ventricle relax for 400 ms, and so keep both valves shut for 250 ms
where adults need 60 to 100. Here its twitch is sought: its rise by the length of the measured
systole, its fall by the isovolumic relaxation.
"""

from dataclasses import replace

from cardiotwin.circulation import Circulation, Elastance, LimitCycle, Twitch, resistive
from cardiotwin.coupling.blood import Drive, drive_of
from cardiotwin.coupling.personal import (
    AORTIC_IMPEDANCE,
    Beat,
    healthy_adult,
    personal_circulation,
)
from cardiotwin.errors import ConvergenceError, InputError

RELAXATION = 80e-3  # s, isovolumic, of adults: 70 to 90 ms by echo (from memory)
CLOSE = 4e-3  # s: the loop goes in steps as long
TRIALS = 8
SHORTEST = 0.02  # of the beat, of a twitch's rise or fall
FIRST = 0.8  # of the systole, of the rise


def timed_circulation(
    beat: Beat, systole: float, relaxation: float = RELAXATION
) -> tuple[Circulation, LimitCycle, Drive]:
    """Return the personal loop whose valves keep two times, its cycle and what it gives the blood.

    Parameters
    ----------
    beat
        Of the ventricle.
    systole
        From the middle of isovolumic contraction to the middle of isovolumic relaxation, s: what
        measured volumes tell as the time from their largest to their smallest.
    relaxation
        How long both valves are shut after ejection, s.

    Raises
    ------
    InputError
        If the times do not fit into the beat.
    ConvergenceError
        If no twitch has them.
    """
    if not 0 < relaxation < systole < beat.period - relaxation:
        msg = (
            "Systole and isovolumic relaxation fit into the beat, found "
            f"{systole * 1e3:.4g} and {relaxation * 1e3:.4g} ms in {beat.period * 1e3:.4g} ms. "
            "Give both in seconds."
        )
        raise InputError(msg)
    rise, fall = FIRST * systole, 2 * relaxation
    least, misses = SHORTEST * beat.period, list[float]()
    for _ in range(TRIALS):
        circulation, cycle = personal_circulation(beat, _adult(rise, fall))
        drive = drive_of(cycle.record, root_impedance(circulation))
        (begin, _), (end, shut) = drive.rest_before_ejection, drive.rest_before_filling
        late = (end - begin) % beat.period - systole
        misses.append(max(abs(late), abs(shut - relaxation)))
        if misses[-1] < CLOSE:
            return circulation, cycle, drive
        fall = max(fall * relaxation / shut, least)
        rise = max(rise - late + (shut - relaxation) / 2, least)
    msg = (
        f"No twitch was found in {TRIALS} trials with a systole of {systole * 1e3:.4g} ms and an "
        f"isovolumic relaxation of {relaxation * 1e3:.4g} ms; the last one missed them by "
        f"{misses[-1] * 1e3:.3g} ms. Check that times, volumes and pressures belong together."
    )
    raise ConvergenceError(msg, misses)


def root_impedance(circulation: Circulation) -> float:
    """Return the aortic root's impedance, Pa s/m^3: the same share of the valve's as the adult's.

    The personal loop scales both alike.
    """
    share = AORTIC_IMPEDANCE / resistive(healthy_adult().aortic).open_resistance
    return resistive(circulation.aortic).open_resistance * share


def _adult(rise: float, fall: float) -> Circulation:
    """Return the healthy adult whose two ventricles have a twitch, s."""
    loop = healthy_adult()
    changed = {}
    for name in ("left_ventricle", "right_ventricle"):
        chamber = getattr(loop, name)
        assert isinstance(chamber, Elastance)  # noqa: S101 - the adult's are
        twitch = Twitch(onset=chamber.twitch.onset, contraction=rise, relaxation=fall)
        changed[name] = replace(chamber, twitch=twitch)
    return replace(
        loop,
        left_ventricle=changed["left_ventricle"],
        right_ventricle=changed["right_ventricle"],
    )


__all__ = ["RELAXATION", "root_impedance", "timed_circulation"]
