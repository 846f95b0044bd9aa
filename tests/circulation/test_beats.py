"""Beats that repeat, and what a healthy adult's are."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.circulation import Record, RecordedChamber, beat, limit_cycle
from cardiotwin.errors import ConvergenceError
from cardiotwin.units import ML, MMHG

from .loops import ADULT, pipes


@pytest.fixture(scope="module")
def cycle():
    return limit_cycle(ADULT, ADULT.start(), 200, tolerance=1e-6)


def test_a_limit_cycle_repeats(cycle):
    again = Record.of(beat(ADULT, cycle.state, 200))
    assert again.change(cycle.record) < 5e-6
    assert cycle.changes[-1] < 1e-6 < cycle.changes[-2]


def test_mixing_beats_saves_most_of_them_and_finds_the_same():
    start = ADULT.start()
    mixed, plain = (
        limit_cycle(ADULT, start, 100, tolerance=1e-5, accelerate=accelerate)
        for accelerate in (True, False)
    )
    assert mixed.beats < plain.beats / 2.5
    np.testing.assert_allclose(mixed.state.volume, plain.state.volume, rtol=1e-3)
    assert mixed.state.blood == pytest.approx(start.blood, rel=1e-12)


def test_a_loop_at_rest_comes_to_the_pressure_of_its_blood():
    loop = pipes()
    start = loop.start(dict.fromkeys(("la", "lv", "ra", "rv"), 150 * ML))
    at_rest = limit_cycle(loop, start, 50, tolerance=1e-9, beats=200).state
    E, V0 = loop.laws(0.0)
    filling = (start.blood - V0.sum()) / (1 / E).sum()
    np.testing.assert_allclose(at_rest.pressure, filling, rtol=1e-6)


def test_beats_that_are_too_few_are_told():
    with pytest.raises(ConvergenceError, match=r"after 2 the last changed by \d"):
        limit_cycle(ADULT, ADULT.start(), 100, beats=2, tolerance=1e-6)


def test_a_recorded_chamber_repeats_the_beat_it_was_recorded_from(cycle):
    record = cycle.record
    elastance = [ADULT.left_ventricle.law(t, ADULT.period)[0] for t in record.time]
    phase = record.time - record.time[0]
    E = np.array(elastance)[:-1]
    offset = record.volume[:-1, 1] - record.pressure[:-1, 1] / E
    chamber = RecordedChamber(time=phase[:-1], elastance=E, unstressed_volume=offset)
    recorded = replace(ADULT, left_ventricle=chamber)
    again = Record.of(beat(recorded, cycle.state, 200))
    assert again.change(record) < 1e-4


@pytest.mark.validation
def test_the_adult_is_healthy(cycle):
    """Normal ranges: Regazzoni et al. (2022), J Comput Phys 457:111083, and texts cited there.

    Volumes of MR reference values (Kawel-Boehm et al. 2020, JCMR 22:87),
    pressures of catheters (Kovacs et al. 2009, Eur Respir J 34:888 for the pulmonary ones).
    """
    volume, pressure = cycle.record.volume / ML, cycle.record.pressure / MMHG
    lv, rv = volume[:, 1], volume[:, 5]
    assert 0.55 < np.ptp(lv) / lv.max() < 0.73
    assert 95 < lv.max() < 195
    assert np.ptp(lv) == pytest.approx(np.ptp(rv), rel=1e-3)  # what one pumps the other does
    assert 105 < pressure[:, 2].max() < 135
    assert 60 < pressure[:, 2].min() < 85
