"""A catheter's pressures and real-time volumes of one preload reduction, put on one clock.

Two instruments recorded the same beats by clocks of their own. The beats are found in each; the
order of their peak pressures is laid along that of their largest volumes where the two agree
best, and what is left within a beat is for the fit to find.
"""

import csv
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import Flag, InputError
from cardiotwin.imaging.provenance import require_file
from cardiotwin.units import ML, MMHG

Course = Float[np.ndarray, " _"]
FILES = "pressures_1kHz.npz", "realtime_lv_volume.csv"
REFRACTORY = 0.5  # s: no beat follows another sooner
UPSTROKE = 0.4  # of the range of the pressure
REGULAR = 0.05  # by which a beat may differ from the median one
BEFORE = 0.10  # s from the R wave to the upstroke
AGREEING = 0.7  # correlation of the beats' order below which they are not the same beats


@dataclass(frozen=True, kw_only=True, eq=False)
class StudiedBeat:
    """One beat of pressure and volume.

    Parameters
    ----------
    period
        s.
    pressure_time, pressure, pressure_noise
        Of the left ventricle: mean of the beats, and its standard error, s and Pa.
    volume_time, volume
        Of the same beats, one after the other, s since the largest volume and m^3.
    offset
        By how many beats the pressure's clock is ahead.
    agreement
        Correlation of peak pressures with largest volumes there.
    flags
        What the reader must know.
    """

    period: float
    pressure_time: Course
    pressure: Course
    pressure_noise: float
    volume_time: Course
    volume: Course
    offset: int
    agreement: float
    flags: tuple[Flag, ...]


def read_preload_study(folder: Path, first: int = 1, beats: int = 2) -> StudiedBeat:
    """Return some beats of a study, from the `first` of its volumes on.

    Raises
    ------
    InputError
        If a file is missing, the volumes hold too few beats, or the two do not show the same ones.
    """
    pressures, volumes = (folder / name for name in FILES)
    for needed in (pressures, volumes):
        require_file(needed, "data")
    recorded = np.load(pressures)
    rate = float(recorded["fs"])
    pressure = recorded["ibp0_mmHg"].astype(float) * MMHG
    with volumes.open(newline="") as file:
        rows = list(csv.DictReader(file))
    time = np.array([float(row["t_ms"]) for row in rows]) / 1e3
    volume = np.array([float(row["LV_endo_mL"]) for row in rows]) * ML
    starts = upstrokes(pressure, rate)
    period = float(np.median(np.diff(starts)))
    full = largest(time, volume, period)
    peaks = np.array([pressure[int(s * rate) :][: int(0.5 * period * rate)].max() for s in starts])
    offset, agreement = lay_along(np.interp(full, time, volume), peaks)
    if len(full) < first + beats + 1 or agreement < AGREEING:
        msg = (
            f"Pressures and volumes are not of the same beats: {len(full)} beats of volume agree "
            f"with those of pressure to {agreement:.2f} at best. Give recordings of one study."
        )
        raise InputError(msg)
    chosen = (time >= full[first]) & (time < full[first + beats])
    begun = full[np.searchsorted(full, time[chosen], side="right") - 1]
    frames = np.arange(int(period * rate))
    begins = [int((starts[first + k + offset] - BEFORE) * rate) for k in range(beats)]
    each = np.array([pressure[begin + frames] for begin in begins])
    change = float(np.ptp(np.interp(full[[first, first + beats]], time, volume))) / beats
    return StudiedBeat(
        period=period,
        pressure_time=frames[::10] / rate,
        pressure=each.mean(0)[::10],
        pressure_noise=float(each.std(0, ddof=1).mean() / np.sqrt(beats)),
        volume_time=time[chosen] - begun,
        volume=volume[chosen],
        offset=offset,
        agreement=agreement,
        flags=_flags(float(each.min()), change, starts, period),
    )


def upstrokes(pressure: Course, rate: float) -> Course:
    """Return when the pressure rises through `UPSTROKE` of its range, s."""
    level = pressure.min() + UPSTROKE * np.ptp(pressure)
    rising = np.flatnonzero((pressure[:-1] < level) & (pressure[1:] >= level)) / rate
    kept = [rising[0]]
    kept += [t for before, t in pairwise(rising) if t - before > REFRACTORY]
    return np.array(kept)


def largest(time: Course, volume: Course, period: float) -> Course:
    """Return when the volume is largest, beat after beat, s."""
    here = time[np.argmax(np.where(time < time[0] + 1.3 * period, volume, 0))]
    found = []
    while here + period / 4 < time[-1]:
        near = np.abs(time - here) < period / 4
        here = time[near][np.argmax(volume[near])]
        found.append(here)
        here = here + period
    return np.array(found)


def lay_along(volumes: Course, pressures: Course) -> tuple[int, float]:
    """Return where the order of volumes lies best along that of pressures, and how well."""
    n = len(volumes)
    agreements = [
        float(np.corrcoef(volumes, pressures[k : k + n])[0, 1])
        for k in range(len(pressures) - n + 1)
    ]
    best = int(np.argmax(agreements))
    return best, agreements[best]


def _flags(lowest: float, change: float, starts: Course, period: float) -> tuple[Flag, ...]:
    gaps = np.diff(starts)
    odd = int((np.abs(gaps / period - 1) > REGULAR).sum())
    flags = [
        Flag(
            name="clocks_not_synchronised",
            sentence="Pressure and volume have clocks of their own: the beats are laid along each "
            "other, and the rest of the shift is fitted.",
        ),
        Flag(
            name="preload_falls",
            sentence=f"The largest volume changes by {change / ML:.1f} mL from beat to beat: a "
            "beat that repeats is an approximation.",
        ),
    ]
    if lowest < 0:
        flags.append(
            Flag(
                name="pressure_level_off",
                sentence=f"The ventricle's pressure falls to {lowest / MMHG:.1f} mmHg: the level "
                "of its zero is fitted.",
            )
        )
    if odd:
        flags.append(
            Flag(
                name="irregular_beats",
                sentence=f"{odd} of {len(gaps)} intervals differ from the median by more than "
                f"{100 * REGULAR:.0f} %: extrasystoles are not fitted.",
            )
        )
    return tuple(flags)


__all__ = ["StudiedBeat", "largest", "lay_along", "read_preload_study", "upstrokes"]
