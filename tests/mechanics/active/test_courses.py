"""Given courses, load curves and segments."""

from dataclasses import replace

import numpy as np
import pytest
from benchmark_bodies import ellipsoid

from cardiotwin.errors import InputError
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.active import (
    CalciumTransient,
    DoubleHill,
    PressureCurve,
    SystolicTwitch,
    Table,
    TensionCurve,
    per_segment,
    segment_factors,
)

# Values of an independent solver (Radau, relative tolerance 1e-9), Pa, at these times, s.
TIMES = (0.1, 0.2, 0.3, 0.4, 0.48, 0.5, 0.6, 0.9)
CURVES = {
    "tension": (
        TensionCurve(),
        (0.00, 22703.32, 72790.66, 103170.17, 118082.05, 75741.46, 3771.49, 0.47),
    ),
    "pressure": (
        PressureCurve(),
        (265.21, 4262.03, 12517.30, 15265.25, 16065.41, 10732.69, 590.65, 0.10),
    ),
    "left pressure": (
        PressureCurve(pre=12000.0, mid_rate=15.0),
        (758.54, 8803.74, 15849.89, 16428.28, 16476.00, 13868.70, 3095.05, 34.38),
    ),
    "right pressure": (
        PressureCurve(mid=4000.0, pre=3000.0, mid_rate=10.0, atrial_rate=1.0),
        (134.28, 1548.30, 3654.65, 4079.92, 4158.76, 3220.13, 435.86, 1.08),
    ),
}


@pytest.mark.parametrize("name", CURVES)
def test_the_load_curves_have_the_listed_values(name):
    curve, values = CURVES[name]
    found = [curve.value(time) for time in TIMES]
    np.testing.assert_allclose(found, values, atol=0.0051)


def test_the_tension_has_its_listed_maximum_among_milliseconds():
    times = np.linspace(0.47, 0.49, 21)
    curve = TensionCurve()
    values = [curve.value(time) for time in times]
    assert max(values) == pytest.approx(118099.3, abs=0.06)
    assert times[np.argmax(values)] == pytest.approx(0.479, abs=6e-4)


def test_the_tension_is_linear_in_its_contractility():
    double = TensionCurve(peak=3e5)
    assert double.value(0.3) == pytest.approx(2 * TensionCurve().value(0.3), rel=1e-8)
    with pytest.raises(InputError, match=r"between 0 and 1 s, found 1.5"):
        double.value(1.5)


@pytest.mark.parametrize(
    "course",
    [
        DoubleHill(peak=3.0, period=0.8),
        SystolicTwitch(peak=3.0, period=0.8),
        CalciumTransient(peak=3.0),
    ],
)
def test_a_course_reaches_its_peak_and_repeats(course):
    times = np.linspace(0, course.period, 4001)
    values = [course.value(time) for time in times]
    assert max(values) == pytest.approx(3, rel=1e-6)
    assert course.value(0.2 + course.period) == pytest.approx(course.value(0.2), rel=1e-12)


def test_the_twitch_is_the_published_one():
    """Stergiopulos et al. (1996): normalised by 1.55."""
    twitch = DoubleHill(peak=1.0)
    t = 0.3 / 0.35
    published = 1.55 * (t / 0.7) ** 1.9 / (1 + (t / 0.7) ** 1.9) / (1 + (t / 1.17) ** 21.9)
    assert twitch.value(0.3) == pytest.approx(published, rel=5e-3)


@pytest.mark.parametrize("rate", [50, 70, 120])
def test_a_systolic_twitch_falls_from_the_second_heart_sound_at_its_rate(rate):
    """The aortic valve closes 0.54 s - 2.1 ms per beat/min after the Q wave (Chest 1981)."""
    twitch = SystolicTwitch(peak=1.0, period=60 / rate)
    closes = 0.54 - 2.1e-3 * rate - 0.04
    risen = (np.tanh(closes / 0.1) / np.tanh(closes / 0.2)) ** 2  # since halfway there
    highest = max(twitch.value(t) for t in np.linspace(0, twitch.period, 2001))
    assert twitch.value(closes) / twitch.value(closes / 2) == pytest.approx(0.97 * risen, rel=1e-6)
    assert highest == pytest.approx(1, rel=1e-5)
    assert twitch.value(1.4 * closes) < 0.03  # relaxed before the heart fills
    rise = (np.tanh(0.3) / np.tanh(0.6)) ** 2
    assert twitch.value(0.03) / twitch.value(0.06) == pytest.approx(rise, rel=1e-6)


def test_a_systolic_twitch_of_a_heart_too_fast_for_its_rise_is_refused():
    with pytest.raises(InputError, match=r"found 0\.3 s \(200 beats/min\), whose systole ends at"):
        SystolicTwitch(peak=1.0, period=0.3)
    for wrong in ({"peak": np.nan}, {"peak": -1.0}, {"peak": 1.0, "period": np.inf}):
        with pytest.raises(InputError, match=r"SystolicTwitch\.(peak|period) must be .* finite"):
            SystolicTwitch(**wrong)


def test_a_table_is_met_and_does_not_overshoot():
    table = Table(times=[0.0, 0.1, 0.2, 0.5], values=[0.0, 5.0, 5.0, 1.0])
    assert [table.value(time) for time in table.times] == pytest.approx(table.values)
    between = [table.value(time) for time in np.linspace(0, 0.5, 301)]
    assert 0 <= min(between) <= max(between) <= 5


def test_what_is_no_table_is_refused_by_what_was_found():
    with pytest.raises(InputError, match=r"found 2 times and 1 values"):
        Table(times=[0.0, 1.0], values=[1.0])
    with pytest.raises(InputError, match=r"found 0.5 s after 1 s"):
        Table(times=[0.0, 1.0, 0.5], values=[1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"found nan at 1 s"):
        Table(times=[0.0, 1.0], values=[1.0, np.nan])
    with pytest.raises(InputError, match=r"between 0 and 1 s, found 2"):
        Table(times=[0.0, 1.0], values=[1.0, 2.0]).value(2.0)
    with pytest.raises(InputError, match=r"period must be positive and finite, found 0"):
        DoubleHill(peak=1.0, period=0.0)


def test_a_scar_takes_its_segments_tension_and_no_others():
    mesh = ellipsoid(Template(rings=4, layers=1), size=3.5)
    segments = np.arange(len(mesh.cells)) % 17 + 1
    mesh = replace(mesh, cell_fields={**mesh.cell_fields, "aha_segment": segments})
    shares = per_segment(mesh, {7: 0.0, 8: 0.5})
    assert (shares[segments == 7] == 0).all()
    assert (shares[segments == 8] == 0.5).all()
    assert (shares[(segments != 7) & (segments != 8)] == 1).all()
    with pytest.raises(InputError, match=r"segments are 1 to 17, found 18"):
        per_segment(mesh, {18: 0.0})
    with pytest.raises(InputError, match=r"segment 7 must be finite and not negative, found -1"):
        per_segment(mesh, {7: -1.0})
    with pytest.raises(InputError, match=r"no muscle that contracts, found 0 in every"):
        per_segment(mesh, dict.fromkeys(range(1, 18), 0.0))
    upper = replace(mesh, cell_fields={"aha_segment": np.minimum(segments, 16)})
    with pytest.raises(InputError, match=r"the mesh has no AHA segment 17, found 1, 2"):
        per_segment(upper, {17: 0.0})
    with pytest.raises(InputError, match=r"field aha_segment, found none"):
        per_segment(replace(mesh, cell_fields={}), {7: 0.0})


def test_factors_by_segment_are_read_from_one_word():
    assert segment_factors("7:0/ 8:0.5/17:1.2") == {7: 0.0, 8: 0.5, 17: 1.2}
    assert segment_factors("") == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("7", "found '7'"),
        ("7:0,8:0", "found '7:0,8:0'"),
        ("7:0/scar:1", "found 'scar:1'"),
        ("7:0/7:1", "segment 7 twice, found '7:0/7:1'"),
        ("0:1", "1 to 17, found 0"),
        ("7:nan", "segment 7 must be finite and not negative, found nan"),
        ("7:-0.5", "segment 7 must be finite and not negative, found -0.5"),
    ],
)
def test_a_word_that_names_no_disease_is_refused_by_what_it_says(text, found):
    with pytest.raises(InputError, match=f"segment_contractility.*{found}"):
        segment_factors(text)
