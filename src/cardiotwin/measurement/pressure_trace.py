"""One beat of catheter pressures from a table, and what is wrong with its channels.

A column is judged by what no circulation does: an aorta that empties to a ventricle's pressure,
a ventricle that ejects far below its aorta. What is judged bad is named and not handed on.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.signal import savgol_filter

from cardiotwin.errors import Flag, InputError
from cardiotwin.measurement.mains import MAINS, found_hum, waves
from cardiotwin.units import ML, MMHG

Course = Float[np.ndarray, " frames"]
COLUMNS = {
    "time": "t abs [s]",
    "aortic_pressure": "AoP [mmHg]",
    "lv_pressure": "LVP [mmHg]",
    "coronary_flow": "LAD Flow [ml/s]",
}
UNITS = {"time": 1.0, "aortic_pressure": MMHG, "lv_pressure": MMHG, "coronary_flow": ML}
VENTRICULAR = 0.35  # of its peak: an aorta's pressure never falls so low in a beat
WEAK = 0.7  # of the aortic peak: a ventricle below it does not eject
LEVEL = 4 * MMHG  # Pa by which the aorta may stay above the ventricle that fills it
CORONARY = 5 * ML  # m^3/s: more flows in no coronary artery of an animal of this size
PER_MINUTE = 1 / 60
SMOOTHED = 0.05  # s over which a pressure is smooth
HUMMING = 0.3 * MMHG  # Pa: mains of a smaller amplitude are left in the noise
TRAPPED = 5 * MMHG  # Pa by which a relaxing ventricle's pressure never rises again
RELAXING = 0.3, 0.85  # of the peak, between which it relaxes
UPSTROKE = 0.02  # s after the R wave, over which a ventricle's rise is measured
STEEP = 50 * MMHG  # Pa/s: a rise by which the next beat's beginning can be told
PEAKS = 20 * MMHG, 400 * MMHG  # Pa, of a beating animal's arteries and left ventricle
FLAT = 3 * MMHG  # Pa: a pressure that varies less is none
CLIPPED = 8  # samples running at one largest value
SHORTEST, LONGEST = 0.15, 2.5  # s, of a beat
OPEN = 0.25  # of its range, by which a ventricle's pressure may end off where it began
SHIFTED = 0.05  # of the beat: farther, its ends are not those of one beat


@dataclass(frozen=True, kw_only=True, eq=False)
class BeatTrace:
    """One beat, R wave to R wave.

    Parameters
    ----------
    time
        s since the R wave.
    channels
        Good ones by name, SI.
    noise
        Standard deviation of each about its smooth course and the mains' hum, SI.
    hum
        Amplitude of the mains in the pressures that hold them, SI.
    period
        s.
    flags
        What was wrong.

    Notes
    -----
    The period ends where the ventricle's pressure is again what it was at the R wave; frames
    beyond are the next beat's and not handed on.
    """

    time: Course
    channels: Mapping[str, Course]
    noise: Mapping[str, float]
    hum: Mapping[str, float]
    period: float
    flags: tuple[Flag, ...]


def read_beat_trace(path: Path) -> BeatTrace:
    """Return the beat of a comma-separated table with the columns of `COLUMNS`.

    Raises
    ------
    InputError
        If the file is no such table, has no times, or these are not of one beat.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        msg = f"{path.name} is no comma-separated table: {error}. Export it as text."
        raise InputError(msg) from error
    columns = {
        name: np.array([_number(row.get(head)) for row in rows]) for name, head in COLUMNS.items()
    }
    time = columns.pop("time")
    if len(time) < 10 or not np.all(np.diff(time) > 0):
        msg = (
            f"{path.name} has no beat: its column {COLUMNS['time']!r} holds {len(time)} times, "
            "which must be ten or more and rise. Give one beat, R wave to R wave."
        )
        raise InputError(msg)
    if not SHORTEST <= time[-1] - time[0] <= LONGEST:
        msg = (
            f"{path.name} lasts {time[-1] - time[0]:g} s, found in {COLUMNS['time']!r}: a beat "
            f"lasts {SHORTEST:g} to {LONGEST:g} s. Give seconds, and one beat."
        )
        raise InputError(msg)
    channels = {name: UNITS[name] * values for name, values in columns.items()}
    good, flags = judge(channels)
    step = float(np.median(np.diff(time)))
    time = time - time[0]
    rough = {name: _rough(time, values, step) for name, values in good.items()}
    hum = {name: loud for name, (_, loud) in rough.items() if loud}
    if "lv_pressure" in good:
        _refuse_beats(path, good["lv_pressure"])
    period = _closed(time, good.get("lv_pressure"), step)
    within = time < period - 0.25 * step
    return BeatTrace(
        time=time[within],
        channels={name: values[within] for name, values in good.items()},
        noise={name: noise for name, (noise, _) in rough.items()},
        hum=hum,
        period=period,
        flags=(*flags, *_humming(hum)),
    )


def _refuse_beats(path: Path, ventricle: Course) -> None:
    """Refuse what is more or less than one beat, R wave to R wave."""
    low, high = float(ventricle.min()), float(ventricle.max())
    above = ventricle > (low + high) / 2
    beats = int((above[1:] & ~above[:-1]).sum()) + int(above[0])
    apart = abs(float(ventricle[-1] - ventricle[0])) / (high - low)
    if beats != 1 or apart > OPEN:
        msg = (
            f"{path.name} is not one beat from R wave to R wave: the ventricle's pressure rises "
            f"{beats} times and ends {100 * apart:.0f} % of its range off where it began. Cut it."
        )
        raise InputError(msg)


def _closed(time: Course, ventricle: Course | None, step: float) -> float:
    """Return when the beat comes back, s: by the ventricle's upstroke, or a step after its end."""
    if ventricle is not None:
        begun = time < UPSTROKE
        rise = float(np.polyfit(time[begun], ventricle[begun], 1)[0])
        late = (ventricle[0] - ventricle[-1]) / rise if rise > STEEP else np.inf
        if abs(late) < SHIFTED * time[-1]:
            return float(time[-1] + late)
    return float(time[-1] + step)


def judge(channels: Mapping[str, Course]) -> tuple[dict[str, Course], tuple[Flag, ...]]:
    """Return the channels that can be used, and a flag for each that cannot or is odd."""
    good = dict(channels)
    judges = (_missing, _swapped, _trapped, _implausible, _levels, _units)
    flags = [flag for judged in judges for flag in judged(good)]
    return good, tuple(flags)


def _missing(good: dict[str, Course]) -> Iterator[Flag]:
    for name, values in list(good.items()):
        count = int((~np.isfinite(values)).sum())
        if count:
            good.pop(name)
            sentence = f"{name}: {count} of {len(values)} values are missing. It is not used."
            yield Flag(name=f"{name}_missing", sentence=sentence)


def _implausible(good: dict[str, Course]) -> Iterator[Flag]:
    """Yield pressures of another unit, flat ones and clipped ones."""
    for name in ("aortic_pressure", "lv_pressure"):
        values = good.get(name)
        if values is None:
            continue
        peak = float(values.max())
        top = np.flatnonzero(values >= peak - 1e-9 * abs(peak))
        running = np.split(top, np.flatnonzero(np.diff(top) > 1) + 1)
        word = ""
        if not PEAKS[0] <= peak <= PEAKS[1]:
            word = f"peaks at {peak / MMHG:.3g} mmHg, which no beating heart does: another unit"
        elif np.ptp(values) < FLAT:
            word = f"varies by {np.ptp(values) / MMHG:.2g} mmHg: no pressure was recorded"
        elif max(map(len, running)) >= CLIPPED:
            word = f"stays at {peak / MMHG:.3g} mmHg for {max(map(len, running))} samples: clipped"
        if word:
            good.pop(name)
            yield Flag(name=f"{name}_implausible", sentence=f"{name} {word}. It is not used.")


def _swapped(good: dict[str, Course]) -> Iterator[Flag]:
    """Yield what is wrong of pressures that cannot be the artery's and its ventricle's."""
    aorta, ventricle = good.get("aortic_pressure"), good.get("lv_pressure")
    if aorta is None:
        return
    if aorta.min() < VENTRICULAR * aorta.max():
        good.pop("aortic_pressure")
        sentence = (
            f"aortic_pressure falls from {aorta.max() / MMHG:.0f} to {aorta.min() / MMHG:.0f} "
            "mmHg as only a ventricle's does: the column is mislabelled. It is not used."
        )
        yield Flag(name="aortic_pressure_mislabelled", sentence=sentence)
    if ventricle is not None and ventricle.max() < WEAK * aorta.max():
        good.pop("lv_pressure")
        sentence = (
            f"lv_pressure reaches {ventricle.max() / MMHG:.0f} mmHg where the other catheter "
            f"reads {aorta.max() / MMHG:.0f}: no ventricle ejects so. It is not used."
        )
        yield Flag(name="lv_pressure_bad", sentence=sentence)


def _trapped(good: dict[str, Course]) -> Iterator[Flag]:
    """Yield what a catheter's tip between the walls shows: it is squeezed, not filled."""
    ventricle = good.get("lv_pressure")
    if ventricle is None:
        return
    peak = int(np.argmax(ventricle))
    lowest = np.minimum.accumulate(ventricle[peak:])
    low, high = (share * ventricle[peak] for share in RELAXING)
    rise = np.where((lowest > low) & (lowest < high), ventricle[peak:] - lowest, 0.0)
    if rise.max() > TRAPPED:
        good.pop("lv_pressure")
        sentence = (
            f"lv_pressure rises by {rise.max() / MMHG:.0f} mmHg while the ventricle relaxes: the "
            "catheter's tip is trapped by the wall. It is not used."
        )
        yield Flag(name="lv_pressure_trapped", sentence=sentence)


def _levels(good: Mapping[str, Course]) -> Iterator[Flag]:
    aorta, ventricle = good.get("aortic_pressure"), good.get("lv_pressure")
    if aorta is None or ventricle is None:
        return
    ejecting = ventricle > 0.9 * ventricle.max()
    excess = float(np.median(aorta[ejecting] - ventricle[ejecting]))
    if excess > LEVEL:
        sentence = (
            f"The aorta stays {excess / MMHG:.1f} mmHg above the ventricle that ejects into it: "
            "the catheters' zero levels differ."
        )
        yield Flag(name="pressure_levels_differ", sentence=sentence)


def _units(good: dict[str, Course]) -> Iterator[Flag]:
    flow = good.get("coronary_flow")
    if flow is not None and float(np.abs(flow).mean()) > CORONARY:
        good["coronary_flow"] = flow * PER_MINUTE
        sentence = (
            f"coronary_flow is labelled mL/s, but a mean of {flow.mean() / ML:.0f} is one in "
            "mL/min: it is read as that."
        )
        yield Flag(name="coronary_flow_unit", sentence=sentence)


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def _rough(time: Course, values: Course, step: float) -> tuple[float, float]:
    """Return the noise of a course, and the amplitude of the mains where it is taken out of it."""
    window = max(5, int(SMOOTHED / step) // 2 * 2 + 1)

    left = values - savgol_filter(values, window, 3)
    columns = waves(time)
    columns = columns - savgol_filter(columns, window, 3, axis=0)
    hum = found_hum(left, columns)
    loud = float(np.linalg.norm(hum))
    if loud < HUMMING:
        return float(np.std(left)), 0.0
    return float(np.std(left - columns @ hum)), loud


def _humming(hum: Mapping[str, float]) -> Iterator[Flag]:
    for name, loud in hum.items():
        sentence = (
            f"{name} holds {loud / MMHG:.2f} mmHg of the mains' {MAINS:.0f} Hz and its third "
            "harmonic: it is told apart from the noise."
        )
        yield Flag(name=f"{name}_hum", sentence=sentence)


__all__ = ["BeatTrace", "judge", "read_beat_trace"]
