import math

import numpy as np
import pytest
import torch

from cardiotwin.imaging.signal import (
    balanced_best_flip,
    balanced_decay,
    balanced_steady_state,
    balanced_train,
)

from .integration import fixed_point, integrate

T1, T2, TR = 1.03, 0.04, 3e-3
FLIP = math.radians(50)
TOWARDS_X = math.pi / 2


def alternated(angle):
    return [
        ("pulse", angle, TOWARDS_X),
        ("wait", TR),
        ("pulse", -angle, TOWARDS_X),
        ("wait", TR),
    ]


@pytest.mark.parametrize("off_resonance", [0.0, 40.0, -110.0, 150.0, 170.0])
@pytest.mark.parametrize("echo_time", [TR / 2, 0.7e-3])
def test_the_steady_state_is_that_of_the_bloch_equations(off_resonance, echo_time):
    """In the pass band, in a band (df TR = 1/2 at 166.7 Hz) and beyond it."""
    tissue = {"t1": T1, "t2": T2, "off_resonance": off_resonance}
    before = fixed_point(alternated(FLIP), **tissue)
    now = integrate(before, [("pulse", FLIP, TOWARDS_X), ("wait", echo_time)], **tissue)
    signal = balanced_steady_state(
        T1,
        T2,
        flip_angle=FLIP,
        repetition_time=TR,
        echo_time=echo_time,
        off_resonance=off_resonance,
    )
    assert complex(signal) == pytest.approx(complex(now[0], now[1]), abs=2e-7)


def test_on_resonance_it_is_the_alternated_formula():
    e1, e2, cos = math.exp(-TR / T1), math.exp(-TR / T2), math.cos(FLIP)
    expected = math.sin(FLIP) * (1 - e1) / (1 - (e1 - e2) * cos - e1 * e2) * math.sqrt(e2)
    signal = balanced_steady_state(T1, T2, flip_angle=FLIP, repetition_time=TR, echo_time=TR / 2)
    assert complex(signal) == pytest.approx(expected, rel=1e-12)


def test_short_repetitions_reach_the_largest_signal_at_the_best_flip():
    """m0/2 sqrt(T2/T1) for TR << T2 (Scheffler & Lehnhardt 2003)."""
    signal = balanced_steady_state(
        T1, T2, flip_angle=balanced_best_flip(T1, T2), repetition_time=1e-7, echo_time=0.0
    )
    assert float(signal.real) == pytest.approx(0.5 * math.sqrt(T2 / T1), rel=1e-5)


def test_a_train_is_that_of_the_bloch_equations():
    tissue = {"t1": T1, "t2": T2, "off_resonance": 30.0}
    now = integrate([0, 0, -0.4], [("pulse", FLIP / 2, TOWARDS_X), ("wait", TR / 2)], **tissue)
    found = []
    for number in range(6):
        sign = -1 if number % 2 == 0 else 1
        now = integrate(now, [("pulse", sign * FLIP, TOWARDS_X), ("wait", TR / 2)], **tissue)
        found.append(sign * complex(now[0], now[1]))
        now = integrate(now, [("wait", TR / 2)], **tissue)
    train = balanced_train(
        T1,
        T2,
        flip_angle=FLIP,
        repetition_time=TR,
        n_pulses=6,
        prepared=-0.4,
        off_resonance=30.0,
    )
    np.testing.assert_allclose(train, found, atol=2e-7)


def test_a_long_train_ends_in_the_steady_state():
    train = balanced_train(
        torch.tensor([T1, 0.3]).double(), 0.08, flip_angle=FLIP, repetition_time=TR, n_pulses=2500
    )
    steady = balanced_steady_state(
        torch.tensor([T1, 0.3]).double(),
        0.08,
        flip_angle=FLIP,
        repetition_time=TR,
        echo_time=TR / 2,
    )
    np.testing.assert_allclose(train[:, -1], steady, rtol=1e-6)


def test_the_way_into_the_steady_state_has_schefflers_rate():
    """The rate is first order in TR/T2, so it misses by half where TR is halved."""

    def missed(repetition_time):
        sequence = {"flip_angle": FLIP, "repetition_time": repetition_time}
        train = balanced_train(T1, T2, n_pulses=42, **sequence).real
        steady = balanced_steady_state(T1, T2, echo_time=repetition_time / 2, **sequence).real
        away = train - steady
        away = away[1:] + away[:-1]  # without what changes sign from pulse to pulse
        found = torch.log(away[40] / away[0]) / 40
        return abs(float(found / torch.log(balanced_decay(T1, T2, **sequence))) - 1)

    assert missed(1e-3) / missed(0.5e-3) == pytest.approx(2, rel=0.05)
    assert missed(1e-4) < 1e-3


def test_autograd_agrees_with_differences():
    def signal(t1, t2, off_resonance):
        value = balanced_steady_state(
            t1,
            t2,
            flip_angle=FLIP,
            repetition_time=TR,
            echo_time=TR / 2,
            off_resonance=off_resonance,
        )
        return value.real, value.imag

    at = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (T1, T2, 25.0)]
    assert torch.autograd.gradcheck(signal, at)
