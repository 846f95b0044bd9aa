import math

import pytest

from cardiotwin.imaging.signal import effective_t2, multi_echo, spin_echo, t2_prepared

from .integration import integrate


def test_a_spin_echo_is_that_of_the_bloch_equations_at_any_off_resonance():
    tissue = {"t1": 1.0, "t2": 0.05, "off_resonance": 73.0}
    events = [("pulse", math.pi / 2, math.pi / 2), ("wait", 0.012)]
    events += [("pulse", math.pi, 0.0), ("wait", 0.012)]
    now = integrate([0, 0, 1], events, **tissue)
    assert float(spin_echo(0.05, echo_time=0.024)) == pytest.approx(
        math.hypot(now[0], now[1]), rel=1e-6
    )


def test_a_preparation_without_duration_loses_nothing():
    assert float(t2_prepared(0.05, preparation_time=0.0, m0=2.0, offset=0.1)) == 2.1


def test_a_homogeneous_field_leaves_t2():
    assert float(effective_t2(0.05, 0.0)) == pytest.approx(0.05, rel=1e-15)


def test_dephasing_adds_to_the_rate():
    """A half width of 10 Hz adds 2 pi 10 to the rate."""
    spread = 10 / 42.577478518e6
    star = effective_t2(0.05, spread)
    assert float(1 / star) == pytest.approx(20 + 20 * math.pi, rel=1e-9)
    assert float(multi_echo(star, echo_time=float(star))) == pytest.approx(math.exp(-1), rel=1e-9)
