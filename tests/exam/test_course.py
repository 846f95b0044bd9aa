import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiotwin.exam.course import ejected_share

rates = st.floats(0.5, 3.0)


@given(rate=rates, share=st.floats(0.2, 0.7))
def test_the_course_ejects_once_and_fills_again(rate, share):
    period, systole = 1 / rate, share / rate
    times = np.linspace(0, period, 400, endpoint=False)
    course = ejected_share(times, period=period, end_systole_time=systole)
    assert course.min() >= 0
    assert course.max() <= 1 + 1e-12
    ejection = times <= systole
    assert (np.diff(course[ejection]) >= -1e-12).all()
    assert (np.diff(course[~ejection]) <= 1e-12).all()
    ends = ejected_share(np.array([0, systole]), period=period, end_systole_time=systole)
    np.testing.assert_allclose(ends, [0, 1], atol=1e-12)


def test_valves_are_shut_before_and_after_ejection():
    times = np.array([0.0, 0.02, 0.04, 0.34, 0.37, 0.40])
    course = ejected_share(times, period=0.94, end_systole_time=0.34)
    np.testing.assert_allclose(course, [0, 0, 0, 1, 1, 1], atol=1e-12)


def test_the_course_repeats():
    once, again = (
        ejected_share(np.array([0.1, 0.6]) + shift, period=0.9, end_systole_time=0.34)
        for shift in (0.0, 0.9)
    )
    assert once == pytest.approx(again)
