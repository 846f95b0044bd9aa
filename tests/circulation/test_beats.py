"""Beats that repeat, and what a healthy adult's are."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cardiotwin.circulation import (
    Record,
    RecordedChamber,
    Stores,
    beat,
    from_end_diastole,
    settle,
)
from cardiotwin.circulation.loop import CONDUCTION
from cardiotwin.errors import ConvergenceError
from cardiotwin.units import ML, MMHG

from .loops import ADULT, pipes

ADULT_CYCLE = tomllib.loads(
    (Path(__file__).parents[1] / "published" / "regazzoni_2022.toml").read_text()
)["cycle"]


@pytest.fixture(scope="module")
def cycle():
    return settle(ADULT, ADULT.start(), 400, tolerance=1e-6)


def test_a_limit_cycle_repeats(cycle):
    again = Record.of(beat(ADULT, cycle.state, 400))
    assert again.change(cycle.record) < 5e-6
    assert cycle.changes[-1] < 1e-6 < cycle.changes[-2]


def test_mixing_beats_saves_most_of_them_and_finds_the_same():
    start = ADULT.start(dict.fromkeys(("la", "lv", "ra", "rv"), 150 * ML))
    mixed, plain = (
        settle(ADULT, start, 100, tolerance=1e-5, accelerate=accelerate)
        for accelerate in (True, False)
    )
    assert mixed.beats < plain.beats / 2
    np.testing.assert_allclose(mixed.state.volume, plain.state.volume, rtol=1e-3)
    assert mixed.state.blood == pytest.approx(start.blood, rel=1e-12)


def test_a_loop_at_rest_comes_to_the_pressure_of_its_blood():
    loop = pipes()
    start = loop.start(dict.fromkeys(("la", "lv", "ra", "rv"), 150 * ML))
    at_rest = settle(loop, start, 50, tolerance=1e-9, beats=200).state
    E, V0 = loop.laws(0.0)
    filling = (start.blood - V0.sum()) / (1 / E).sum()
    np.testing.assert_allclose(at_rest.pressure, filling, rtol=1e-6)


def test_beats_that_are_too_few_are_told():
    with pytest.raises(ConvergenceError, match=r"after 2 the last changed by \d"):
        settle(ADULT, ADULT.start(), 100, beats=2, tolerance=1e-6)


def test_a_recorded_chamber_repeats_the_beat_it_was_recorded_from(cycle):
    record = cycle.record
    elastance = [ADULT.left_ventricle.law(t, ADULT.period)[0] for t in record.time]
    phase = record.time - record.time[0]
    E = np.array(elastance)[:-1]
    offset = record.volume[:-1, 1] - record.pressure[:-1, 1] / E
    chamber = RecordedChamber(time=phase[:-1], elastance=E, unstressed_volume=offset)
    recorded = replace(ADULT, left_ventricle=chamber)
    again = Record.of(beat(recorded, cycle.state, 400))
    assert again.change(record) < 1e-4


@pytest.mark.validation
@pytest.mark.parametrize("name", ADULT_CYCLE)
def test_the_adult_beats_as_published(cycle, name):
    """Regazzoni et al. (2022), J Comput Phys 457:111083; constants of `circulation` 0.4."""
    store, kind, extreme = name.split(".")
    values = getattr(cycle.record, kind)[:, Stores._fields.index(store)]
    unit = MMHG if kind == "pressure" else ML
    published = ADULT_CYCLE[name]
    assert getattr(values, extreme)() / unit == pytest.approx(published["value"], rel=5e-3)


def test_the_heart_s_own_order_fills_the_ventricles_before_they_contract():
    own = from_end_diastole(ADULT, 1.0)
    record = settle(own, own.start(), 200, tolerance=1e-4).record
    phase = record.time - record.time[0]
    for atrium, ventricle in ((0, 1), (4, 5)):
        assert phase[np.argmax(record.volume[:, ventricle])] < 0.1
        contracting = (phase > 1 - CONDUCTION) & (phase < 1)
        assert np.ptp(record.volume[contracting, atrium]) > 10 * ML
    fast = from_end_diastole(ADULT, 0.4)
    assert fast.left_ventricle.twitch.contraction == pytest.approx(0.125)
    assert fast.left_atrium.twitch.onset == pytest.approx(-0.1)
