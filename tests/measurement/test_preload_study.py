"""Two recordings of the same beats by two clocks are laid along each other."""

import csv

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.measurement.preload_study import read_preload_study
from cardiotwin.units import ML, MMHG

PERIOD, AHEAD, BEATS = 1.0, 3, 12


def write(folder, heights, *, volumes=None):
    """Write a study whose beats have these heights, the pressures' clock ahead by some."""
    time = np.arange(0, len(heights) * PERIOD, 1e-3)
    beat, phase = np.divmod(time, PERIOD)
    wave = np.where(phase < 0.4, np.sin(np.pi * phase / 0.4), 0.0)
    pressure = 60 * heights[beat.astype(int)] * wave - 4
    np.savez(folder / "pressures_1kHz.npz", ibp0_mmHg=pressure, fs=1000)
    frames = np.arange(0.02, BEATS * PERIOD, 0.07)
    volumes = heights[AHEAD:] if volumes is None else volumes
    scale = np.interp(frames, np.arange(len(volumes)) * PERIOD, volumes)
    full = scale * (60 + 20 * np.cos(2 * np.pi * frames / PERIOD))
    with (folder / "realtime_lv_volume.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["phase", "t_ms", "LV_endo_mL"])
        rows.writerows((k, 1e3 * t, v) for k, (t, v) in enumerate(zip(frames, full, strict=True)))


def test_the_beats_of_two_clocks_are_the_same_ones(tmp_path):
    heights = 1 - 0.4 * np.exp(-(((np.arange(20) - 9) / 3) ** 2))
    write(tmp_path, heights)
    beat = read_preload_study(tmp_path)
    assert beat.period == pytest.approx(PERIOD, rel=1e-3)
    assert beat.offset in (AHEAD, AHEAD + 1)  # the first largest volume is that of a beat's end
    assert beat.agreement > 0.95
    assert beat.pressure.max() / MMHG == pytest.approx(56, abs=4)
    assert beat.volume.max() / ML == pytest.approx(80, rel=0.1)
    names = {flag.name for flag in beat.flags}
    assert names == {"clocks_not_synchronised", "preload_falls", "pressure_level_off"}


def test_recordings_of_different_beats_are_refused(tmp_path):
    rng = np.random.default_rng(0)
    heights = 1 + 0.05 * rng.normal(size=13)
    write(tmp_path, heights, volumes=1 + 0.05 * rng.normal(size=13))
    with pytest.raises(InputError, match=r"not of the same beats: \d+ beats of volume agree"):
        read_preload_study(tmp_path)


@pytest.mark.real_data
def test_the_published_study_is_put_on_one_clock(real_data):
    beat = read_preload_study(real_data / "pressure_volume" / "catheter_mr")
    assert beat.agreement > 0.95
    assert beat.period == pytest.approx(1.15, abs=0.01)
    assert {flag.name for flag in beat.flags} >= {"clocks_not_synchronised", "irregular_beats"}
