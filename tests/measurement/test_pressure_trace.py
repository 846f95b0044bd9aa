"""Catheter pressures over a beat: good ones are handed on, recorded defects are named."""

import csv

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.measurement.pressure_trace import COLUMNS, read_beat_trace
from cardiotwin.units import ML, MMHG

TIME = np.linspace(0, 0.7, 101)
AORTA = 70 + 15 * np.sin(2 * np.pi * TIME / 0.7)
VENTRICLE = np.maximum(8, 88 * np.sin(2 * np.pi * TIME / 0.7))

HUMS = {"lv_pressure_hum", "aortic_pressure_hum"}
TRAPPED = VENTRICLE + 30 * np.exp(-(((TIME - 0.3) / 0.01) ** 2))


def write(path, aorta=AORTA, ventricle=VENTRICLE, time=TIME, flow=30.0):
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS.values())
        rows.writerows(zip(time, aorta, ventricle, np.full(len(time), flow), strict=True))
    return read_beat_trace(path)


def test_good_channels_are_read_in_si_and_coronary_flow_in_its_true_unit(tmp_path):
    trace = write(tmp_path / "beat.csv")
    np.testing.assert_allclose(trace.channels["aortic_pressure"], AORTA[:-1] * MMHG)
    np.testing.assert_allclose(trace.channels["coronary_flow"], 30 * ML / 60)
    assert trace.period == pytest.approx(0.7)  # the last sample is the first of the next beat
    assert len(trace.time) == 100
    assert [flag.name for flag in trace.flags] == ["coronary_flow_unit"]
    small = write(tmp_path / "small.csv", flow=0.5)
    np.testing.assert_allclose(small.channels["coronary_flow"], 0.5 * ML)
    assert small.flags == ()


def test_noise_is_that_about_a_smooth_course(tmp_path):
    rng = np.random.default_rng(3)
    noisy = write(tmp_path / "beat.csv", aorta=AORTA + rng.normal(0, 2, 101))
    assert noisy.noise["aortic_pressure"] / MMHG == pytest.approx(2, rel=0.35)


@pytest.mark.parametrize(
    ("changed", "flag", "kept"),
    [
        ({"aorta": np.full(101, np.nan)}, "aortic_pressure_missing", {"lv_pressure"}),
        ({"ventricle": VENTRICLE / 5}, "lv_pressure_bad", {"aortic_pressure"}),
        ({"aorta": VENTRICLE}, "aortic_pressure_mislabelled", {"lv_pressure"}),
        ({"ventricle": TRAPPED}, "lv_pressure_trapped", {"aortic_pressure"}),
        ({"ventricle": np.minimum(VENTRICLE, 70)}, "lv_pressure_implausible", {"aortic_pressure"}),
        ({"aorta": np.full(101, 80.0)}, "aortic_pressure_implausible", {"lv_pressure"}),
        ({"aorta": AORTA + 20}, "pressure_levels_differ", {"lv_pressure", "aortic_pressure"}),
    ],
)
def test_a_channel_that_no_circulation_makes_is_named(tmp_path, changed, flag, kept):
    trace = write(tmp_path / "beat.csv", **changed, flow=0.5)
    assert [one.name for one in trace.flags] == [flag]
    assert set(trace.channels) == kept | {"coronary_flow"}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"time": 1000 * TIME}, r"lasts 700 s, .* Give seconds"),
        ({"ventricle": VENTRICLE[np.arange(101) * 2 % 101]}, r"rises 2 times"),
        ({"ventricle": VENTRICLE[np.arange(101) // 3]}, r"ends \d+ % of its range off"),
    ],
)
def test_what_is_not_one_beat_is_refused(tmp_path, changed, says):
    with pytest.raises(InputError, match=says):
        write(tmp_path / "beat.csv", **changed)


def test_a_table_without_times_that_rise_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no beat: its column 't abs \[s\]' holds 101 times"):
        write(tmp_path / "beat.csv", time=TIME[::-1])


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("DSEA07_mild_sten_dob", {"lv_pressure_missing"}),
        ("DSEA14_baseline", {"aortic_pressure_missing"}),
        ("DSEA14_mod_sten", {"aortic_pressure_missing"}),
        ("DSEA14_mild_sten", {"aortic_pressure_mislabelled", "lv_pressure_bad"}),
        ("DSEA14_mild_sten_dob", {"aortic_pressure_mislabelled", "lv_pressure_bad"}),
        ("DSEA07_mild_sten", {"lv_pressure_trapped"}),
        ("DSEA07_mod_sten_dob", {"lv_pressure_trapped"}),
        ("DSEA08_baseline", set()),
        ("DSEA10_mild_sten_dob", HUMS),
        ("DSEA06_baseline", {"pressure_levels_differ"} | HUMS),
    ],
)
def test_the_recorded_defects_of_the_study_are_recognised(real_data, name, flags):
    folder = real_data / "pressure_volume" / "coronary_dogs"
    trace = read_beat_trace(folder / f"{name}.csv")
    assert {flag.name for flag in trace.flags} - {"coronary_flow_unit"} == flags


def test_the_mains_are_told_from_noise_and_from_a_notch(tmp_path):
    """At 142 samples per second the third harmonic of 60 Hz looks like 37 Hz."""
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 0.1, 101)
    notch = -8 * np.exp(-(((TIME - 0.35) / 0.008) ** 2))
    hum = 1.2 * np.cos(2 * np.pi * 60 * TIME + 1) + 0.5 * np.sin(2 * np.pi * 180 * TIME)
    quiet = write(tmp_path / "quiet.csv", aorta=AORTA + noise, flow=0.5)
    loud = write(tmp_path / "loud.csv", aorta=AORTA + noise + hum, flow=0.5)
    sharp = write(tmp_path / "sharp.csv", aorta=AORTA + noise + hum + notch, flow=0.5)
    assert quiet.hum == {}
    assert quiet.flags == ()
    for trace in (loud, sharp):
        assert [flag.name for flag in trace.flags] == ["aortic_pressure_hum"]
        assert trace.hum["aortic_pressure"] / MMHG == pytest.approx(1.3, abs=0.05)
    assert loud.noise["aortic_pressure"] == pytest.approx(quiet.noise["aortic_pressure"], rel=0.1)
    notched = write(tmp_path / "notched.csv", aorta=AORTA + noise + notch, flow=0.5)
    assert notched.hum == {}
