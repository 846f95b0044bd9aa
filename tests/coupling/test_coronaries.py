"""The coronary arteries on a healthy circulation: how much, when, and what a stenosis leaves."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.circulation import Circulation, from_end_diastole, settle
from cardiotwin.coupling.coronaries import Coronary, perfuse
from cardiotwin.errors import InputError
from cardiotwin.perfusion.coronary import PER_MINUTE, Stenosis
from cardiotwin.units import ML, MMHG

LEFT, RIGHT = Coronary(mass=0.18), Coronary(mass=0.06, demand=0.8 * PER_MINUTE)


@pytest.fixture(scope="module")
def record():
    loop = from_end_diastole(Circulation())
    return settle(loop, loop.start()).record


@pytest.fixture(scope="module")
def resting(record):
    return perfuse(record, LEFT, RIGHT)


def diastolic(beat, record):
    phase = beat.time + record.time[0]
    lv = np.interp(phase, record.time, record.pressure[:, 1])
    return beat.inflow[0, lv < lv.max() / 2].sum() / beat.inflow[0].sum()


def test_the_output_is_the_stroke_volume_by_the_period(record, resting):
    stroke = np.ptp(record.volume[:, 1])
    period = record.time[-1] - record.time[0]
    assert resting.cardiac_output == pytest.approx(stroke / period, rel=0.02)


def test_the_heart_takes_a_twentieth_of_its_output_and_most_of_the_left_share_in_diastole(
    record, resting
):
    """4 to 5 % of the output (Guyton & Hall, Textbook of Medical Physiology, recalled)."""
    assert 0.03 < resting.share_of_output < 0.06
    assert resting.left_flow == pytest.approx(0.18 * PER_MINUTE, rel=1e-3)
    assert diastolic(resting.left, record) > 0.5
    # the right ventricle squeezes less
    assert diastolic(resting.right, record) < diastolic(resting.left, record) - 0.05


def test_hyperaemia_multiplies_the_flow_but_not_behind_a_stenosis(record, resting):
    wide = perfuse(record, LEFT, RIGHT, hyperaemia=True)
    assert 2.5 < wide.left_flow / resting.left_flow < 6
    narrow = replace(LEFT, stenosis=Stenosis(resistance=40 * MMHG / PER_MINUTE))
    kept, reached = perfuse(record, narrow, RIGHT), perfuse(record, narrow, RIGHT, hyperaemia=True)
    assert kept.left_flow == pytest.approx(resting.left_flow, rel=1e-3)
    assert reached.left_flow < 0.5 * wide.left_flow
    assert reached.right_flow == pytest.approx(wide.right_flow)


def test_a_heart_that_does_not_eject_and_muscle_without_mass_are_refused(record):
    still = replace(record, outflow=np.zeros_like(record.outflow))
    low, high = record.volume[:, 1].min() / ML, record.volume[:, 1].max() / ML
    with pytest.raises(InputError, match=f"between {low:.0f} and {high:.0f} mL"):
        perfuse(still, LEFT, RIGHT)
    with pytest.raises(InputError, match="mass must be positive and finite, found 0"):
        Coronary(mass=0.0)
