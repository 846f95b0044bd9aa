"""`beat.csv`: cavity volume and pressure over the states of the beat."""

import csv
import io
import math

from cardiotwin.imaging.examination import Phase
from cardiotwin.mechanics.state import WallState
from cardiotwin.twin.twin import Twin
from cardiotwin.units import KPA, ML, MMHG

COLUMNS = (
    "time_s",
    "state",
    "lv_volume_ml",
    "lv_pressure_mmhg",
    "measured_volume_ml",
    "active_tension_kpa",
)
RIGHT_COLUMNS = ("rv_volume_ml", "rv_pressure_mmhg")
UNLOADED = "unloaded"
"""The state that no heart passes: free of pressure and tension."""


def state_times(twin: Twin) -> dict[str, float]:
    """Return the known times, s after the R wave, by state."""
    return {name: time for name, time in twin.times.items() if math.isfinite(time)}


def beat_states(twin: Twin) -> tuple[str, ...]:
    """Return the names of the states that the beat passes, in time order.

    A state whose time is unknown keeps its place behind the one it is listed after.
    """
    times = state_times(twin)
    names = [name for name in twin.states if name != UNLOADED]
    order = list(Phase)
    names.sort(key=lambda name: order.index(Phase(name)) if name in order else len(order))
    latest, keys = -1.0, {}
    for name in names:
        latest = times.get(name, latest)
        keys[name] = latest
    return tuple(sorted(names, key=lambda name: keys[name]))


def beat_table(twin: Twin) -> str:
    """Return the table as CSV text; what is not known is empty.

    The measured volume is that of the imaged mesh, whose cavity is closed as the model's is.
    """
    times = state_times(twin)
    both = any(state.right is not None for state in twin.states.values())
    measured = {phase.value: fit.cavity_volume / ML for phase, fit in twin.fits.items()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, *RIGHT_COLUMNS) if both else COLUMNS)
    for name in beat_states(twin):
        state = twin.states[name]
        writer.writerow(
            [
                times.get(name, ""),
                name,
                state.cavity_volume / ML,
                state.cavity_pressure / MMHG,
                measured.get(name, ""),
                state.active_tension / KPA,
                *_right(state),
            ]
        )
    return text.getvalue()


def _right(state: WallState) -> tuple[float, ...]:
    if state.right is None:
        return ()
    return state.right.cavity_volume / ML, state.right.cavity_pressure / MMHG


__all__ = ["COLUMNS", "RIGHT_COLUMNS", "UNLOADED", "beat_states", "beat_table", "state_times"]
