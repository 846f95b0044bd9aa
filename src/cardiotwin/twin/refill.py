"""Blood and afterload for the ventricles of a fitted wall, in place of the loop's own."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from cardiotwin.circulation import Circulation, LimitCycle, Record, State, Stores
from cardiotwin.coupling import Beat, ClosedLoop
from cardiotwin.coupling.personal import refilled, unstressed_volume
from cardiotwin.coupling.recorded import Filling, recorded_chamber
from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.mechanics.solved import Solved
from cardiotwin.mechanics.wall import Wall
from cardiotwin.twin.stages import Stages
from cardiotwin.units import MS

_LOG = logging.getLogger(__name__)
STEP = 8 * MS  # of a trial beat
TRIALS = 2
MORE = 1.1  # of the end-diastolic pressures, where the slope of filling is taken
CLOSE = 0.01  # share of the end-diastolic volume that a beat may end from where it began
SLOTS = {"lv": "left_ventricle", "rv": "right_ventricle"}


def refill(
    loop: ClosedLoop,
    image: Solved,
    cycle: LimitCycle,
    *,
    beat: Beat,
    fillings: Mapping[str, Filling],
    stages: Stages,
) -> tuple[Circulation, LimitCycle]:
    """Return the loop with the blood and afterload that suit the wall, and its limit cycle.

    `loop` and `cycle` were sought with an elastance for the wall. The wall makes a trial beat from
    its imaged end-diastole; linearised about it the wall takes the elastance's place, and blood
    and afterload are sought anew, until a trial beat ends as full as it began.

    Parameters
    ----------
    loop
        The wall in the loop of an elastance.
    image
        The wall's end-diastole.
    cycle
        That of the elastance.
    beat
        What was measured.
    fillings
        The passive law of each of the wall's ventricles, ``lv`` and ``rv``.
    stages
        Where the trial beats are kept.

    Raises
    ------
    ConvergenceError
        If the wall does not beat. Where there is no such loop, a warning says so and what was
        found before is returned.
    """
    circulation = loop.circulation
    for number in range(1, TRIALS + 1):
        trial = partial(_beat, loop, circulation, image, cycle.state)
        record: Record = stages.run(f"trial_beat_{number}", Record, trial)
        lv = record.volume[:, Stores._fields.index("lv")]
        if abs(lv[-1] - lv[0]) < CLOSE * lv[0]:
            break
        ventricles = {
            SLOTS[name]: recorded_chamber(record, name, filling, unstressed_volume(beat))
            for name, filling in fillings.items()
        }
        try:
            circulation, cycle = refilled(circulation, beat, ventricles, record.state(-1))
        except ConvergenceError as error:
            _LOG.warning(
                "! blood_not_refilled: The wall begins its beats with the blood of an elastance, "
                "and will fill to another end-diastole than the imaged one. For the wall: %s",
                error,
            )
            break
    return circulation, cycle


def fillings_of(wall: Wall, unloaded: Solved, image: Solved) -> dict[str, Filling]:
    """Return the passive law of each ventricle, from the unloaded wall to its end-diastole.

    One that does not stiffen as it fills is left out, with a warning.
    """
    loads = image.loads
    more = replace(
        loads, cavity_pressure=MORE * loads.cavity_pressure, rv_pressure=MORE * loads.rv_pressure
    )
    states = [
        wall.state(unloaded, unloaded=True),
        wall.state(image),
        wall.state(wall.load(image, more)),
    ]
    cavities: dict[str, list[Any]] = {"lv": states}
    if wall.has_right:
        cavities["rv"] = [state.right for state in states]
    laws = {}
    for name, (empty, full, stiff) in cavities.items():
        pressure, volume = full.cavity_pressure, full.cavity_volume
        try:
            laws[name] = Filling.through(
                unloaded=empty.cavity_volume,
                volume=volume,
                pressure=pressure,
                slope=(stiff.cavity_pressure - pressure) / (stiff.cavity_volume - volume),
            )
        except InputError as error:
            _LOG.warning(
                "! filling_unknown: Blood is sought with the loop's own ventricle for the wall's "
                "(%s). %s",
                name,
                error,
            )
    return laws


def _beat(loop: ClosedLoop, circulation: Circulation, image: Solved, blood: State) -> Record:
    trial = ClosedLoop(loop.dynamics, circulation, loop.muscle)
    start = trial.begin(image, blood)
    trial.dynamics.problem.forget()
    moments = trial.march(start, start.time + circulation.period, STEP)
    return Record.of([start.loop, *(moment.loop for moment in moments)])


__all__ = ["fillings_of", "refill"]
