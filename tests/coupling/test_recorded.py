"""A ventricle linearised about its beat takes the wall's place while blood is sought."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.circulation import Record, Stores, beat
from cardiotwin.coupling import Beat, personal_circulation
from cardiotwin.coupling.personal import end_systolic_pressure, refilled, unstressed_volume
from cardiotwin.coupling.recorded import Filling, recorded_chamber
from cardiotwin.errors import InputError
from cardiotwin.units import ML, MMHG

LV = Stores._fields.index("lv")
MEASURED = Beat(
    period=0.9,
    end_diastolic_volume=150 * ML,
    end_systolic_volume=60 * ML,
    end_diastolic_pressure=9 * MMHG,
    end_systolic_pressure=105 * MMHG,
)
SLOPE = 0.4 * MMHG / ML


@pytest.fixture(scope="module")
def filling():
    return Filling.through(unloaded=80 * ML, volume=150 * ML, pressure=9 * MMHG, slope=SLOPE)


def test_filling_goes_through_end_diastole_with_its_slope(filling):
    volume = np.array([80.0, 150.0, 150.001]) * ML
    empty, full, more = filling.pressure(volume)
    assert abs(empty) < 1e-9
    assert full == pytest.approx(9 * MMHG, rel=1e-9)
    assert (more - full) / (0.001 * ML) == pytest.approx(SLOPE, rel=1e-4)
    assert filling.slope(volume)[1] == pytest.approx(SLOPE, rel=1e-9)


def test_a_ventricle_that_grows_softer_as_it_fills_is_refused():
    with pytest.raises(InputError, match=r"80 mL unloaded, 150 mL at 9 mmHg, and a slope of 0.1"):
        Filling.through(
            unloaded=80 * ML, volume=150 * ML, pressure=9 * MMHG, slope=0.1 * MMHG / ML
        )


def test_a_ventricle_without_pressure_is_refused():
    with pytest.raises(InputError, match="150 mL at 0 mmHg"):
        Filling.through(unloaded=80 * ML, volume=150 * ML, pressure=0.0, slope=SLOPE)


@pytest.fixture(scope="module")
def person():
    return personal_circulation(MEASURED)


def test_a_recorded_ventricle_repeats_its_beat(person, filling):
    circulation, cycle = person
    record = Record.of(beat(circulation, cycle.state, 400))
    chamber = recorded_chamber(record, "lv", filling, unstressed_volume(MEASURED))
    again = beat(replace(circulation, left_ventricle=chamber), cycle.state, 400)
    assert Record.of(again).change(record) < 2e-3


@pytest.mark.slow
def test_a_ventricle_that_is_another_is_filled_and_loaded_as_measured(person):
    """A stronger and softer one, whose beat in the old loop ends fuller."""
    circulation, cycle = person
    old = circulation.left_ventricle
    other = replace(old, passive=0.75 * old.passive, active=1.2 * old.active)
    before = Record.of(beat(replace(circulation, left_ventricle=other), cycle.state, 400))
    assert before.volume[-1, LV] > 1.08 * MEASURED.end_diastolic_volume
    unloaded, volume = unstressed_volume(MEASURED), MEASURED.end_diastolic_volume
    filling = Filling.through(  # all but straight
        unloaded=unloaded,
        volume=volume,
        pressure=other.passive * (volume - unloaded),
        slope=1.01 * other.passive,
    )
    chamber = recorded_chamber(before, "lv", filling, unloaded)
    found, new = refilled(circulation, MEASURED, {"left_ventricle": chamber}, cycle.state)
    assert found.left_ventricle is old
    after = Record.of(beat(replace(found, left_ventricle=other), new.state, 400))
    volume = after.volume[:, LV]
    assert volume[0] == pytest.approx(MEASURED.end_diastolic_volume, rel=2e-4)
    assert volume[-1] == pytest.approx(MEASURED.end_diastolic_volume, rel=0.02)
    reached = end_systolic_pressure(after, unstressed_volume(MEASURED))
    assert reached == pytest.approx(MEASURED.end_systolic_pressure, rel=0.05)
