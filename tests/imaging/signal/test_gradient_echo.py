import math

import numpy as np
import pytest
import torch

from cardiotwin.imaging.signal import ernst_angle, prepared_gradient_echo, spoiled_gradient_echo

from .integration import fixed_point, integrate

T1, T2, TR = 1.2, 0.045, 5e-3


def test_the_ernst_angle_is_that_of_the_reference():
    """TR 5 ms, T1 1.2 s: 5.2267 degrees."""
    assert math.degrees(ernst_angle(T1, TR)) == pytest.approx(5.2267, abs=5e-5)
    assert float(ernst_angle(T1, TR)) == pytest.approx(math.acos(math.exp(-TR / T1)), rel=1e-9)


def test_the_ernst_angle_is_where_autograd_finds_no_slope():
    angle = ernst_angle(T1, TR).requires_grad_()
    (slope,) = torch.autograd.grad(
        spoiled_gradient_echo(T1, flip_angle=angle, repetition_time=TR), angle
    )
    assert abs(float(slope)) < 1e-12


@pytest.mark.parametrize("degrees", [2, 12, 70])
def test_the_steady_state_is_that_of_the_bloch_equations(degrees):
    angle = math.radians(degrees)
    cycle = [("pulse", angle, math.pi / 2), ("spoil",), ("wait", TR)]
    before = fixed_point(cycle, t1=T1, t2=T2)[2]
    signal = spoiled_gradient_echo(
        T1, flip_angle=angle, repetition_time=TR, echo_time=2e-3, t2_star=0.03, m0=2.0
    )
    expected = 2 * before * math.sin(angle) * math.exp(-2e-3 / 0.03)
    assert float(signal) == pytest.approx(expected, rel=1e-6)


def test_a_train_after_saturation_is_that_of_the_bloch_equations():
    angle, wait, n_pulses = math.radians(14), 0.1, 12
    now = integrate([0, 0, 0], [("wait", wait)], t1=T1, t2=T2)
    found = []
    for _ in range(n_pulses):
        now = integrate(now, [("pulse", angle, math.pi / 2)], t1=T1, t2=T2)
        found.append(now[0])
        now = integrate(now, [("spoil",), ("wait", 2.2e-3)], t1=T1, t2=T2)
    train = prepared_gradient_echo(
        T1,
        prepared=1 - math.exp(-wait / T1),
        pulse=torch.arange(1, n_pulses + 1, dtype=torch.float64),
        flip_angle=angle,
        repetition_time=2.2e-3,
    )
    np.testing.assert_allclose(train, found, rtol=1e-6)


def test_a_long_train_forgets_its_preparation():
    steady = spoiled_gradient_echo(T1, flip_angle=0.3, repetition_time=TR)
    for prepared in (-1.0, 1.0):
        end = prepared_gradient_echo(
            T1, prepared=prepared, pulse=2000.0, flip_angle=0.3, repetition_time=TR
        )
        assert float(end) == pytest.approx(float(steady), rel=1e-12)
