"""What instruments do to a course, in closed form."""

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.fitting.channels import FLUID_FILLED, Channel, catheterised
from cardiotwin.measurement.mains import KEYS
from cardiotwin.units import MMHG

PERIOD, ROWS = 0.8, 400
TIME = np.arange(80) * PERIOD / 80
WAVE = np.sin(2 * np.pi * 5 * np.arange(ROWS + 1) / ROWS)[:, None]  # 6.25 Hz


def channel(**changed):
    return Channel(name="lv_pressure", time=TIME, value=0 * TIME, noise=MMHG, **changed)


def test_a_catheter_passes_a_wave_as_a_second_order_system():
    frequency, damping, f = 20.0, 0.3, 5 / PERIOD
    share = f / frequency
    gain = 1 / np.sqrt((1 - share**2) ** 2 + (2 * damping * share) ** 2)
    late = np.arctan2(2 * damping * share, 1 - share**2)
    found = catheterised(WAVE[:-1], PERIOD, frequency, damping)[:, 0]
    wanted = gain * np.sin(2 * np.pi * f * np.arange(ROWS) * PERIOD / ROWS - late)
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    still = catheterised(np.full((ROWS, 2), 3.0), PERIOD, frequency, damping)
    np.testing.assert_allclose(still, 3.0)


def test_a_clock_a_gain_a_level_and_a_drift_do_what_they_say():
    values = {
        "lv_pressure.shift": 0.02,
        "lv_pressure.gain": 1.1,
        "lv_pressure.level": 3.0,
        "lv_pressure.drift": 2.0,
    }
    one = channel()
    found = one.reading(values, PERIOD)(WAVE)[:, 0] + one.offset(values, PERIOD)
    wanted = 1.1 * np.sin(2 * np.pi * 5 / PERIOD * (TIME - 0.02)) + 3 + 2 * (TIME / PERIOD - 0.5)
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_the_mains_are_added_after_the_catheter_at_the_times_of_the_samples():
    one = channel(hum_sd=MMHG)
    given = dict(zip(KEYS, (1.0, 2.0, 3.0, -4.0), strict=True))
    found = one.offset({f"lv_pressure.{key}": value for key, value in given.items()}, PERIOD)
    slow, fast = (2 * np.pi * f * TIME for f in (60, 180))
    wanted = np.cos(slow) + 2 * np.sin(slow) + 3 * np.cos(fast) - 4 * np.sin(fast)
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert {f"lv_pressure.{key}" for key in KEYS} == set(one.priors())


def test_the_reading_is_linear():
    values = {"lv_pressure.frequency": 15.0, "lv_pressure.damping": 0.2}
    read = channel().reading(values, PERIOD)
    other = np.cos(4 * np.pi * np.arange(ROWS + 1) / ROWS)[:, None]
    np.testing.assert_allclose(read(2 * WAVE + other), 2 * read(WAVE) + read(other), atol=1e-12)


def test_only_what_may_be_off_has_a_prior():
    assert channel().priors() == {}
    every = channel(level_sd=1.0, shift_sd=0.01, gain_sd=0.01, drift_sd=1.0, catheter=FLUID_FILLED)
    keys = {name.removeprefix("lv_pressure.") for name in every.priors()}
    assert keys == {"level", "shift", "gain", "drift", "frequency", "damping"}


def test_a_channel_without_sense_is_refused():
    with pytest.raises(InputError, match="must be one of lv_pressure"):
        Channel(name="pressure", time=TIME, value=TIME, noise=1.0)
    with pytest.raises(InputError, match="80 values, 1 of them missing"):
        Channel(name="lv_pressure", time=TIME, value=np.where(TIME == 0, np.nan, TIME), noise=1.0)
    with pytest.raises(InputError, match="positive noise"):
        Channel(name="lv_pressure", time=TIME, value=TIME, noise=0.0)
