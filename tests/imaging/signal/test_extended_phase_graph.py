import math

import numpy as np
import pytest
import torch

from cardiotwin.imaging.signal import (
    gradient_spoiled_train,
    quadratic_phases,
    spin_echo_train,
    spoiled_gradient_echo,
)

T1, T2, SPACING = 1.03, 0.045, 9e-3


def isochromats(magnetisation, events, *, t1, t2):
    """Return Mx + i My averaged over isochromats; an event is (angle, phase, duration).

    Spins of 512 dephasings turn by one cycle per unit of gradient after each pulse.
    """
    turns = np.exp(2j * np.pi * (np.arange(512) + 0.5) / 512)
    transverse, along = np.zeros(512, complex), np.full(512, float(magnetisation))
    signals = []
    for angle, phase, duration in events:
        local = transverse * np.exp(-1j * phase)  # the pulse is about its own x
        x, y, z = local.real, local.imag, along
        y, z = y * np.cos(angle) - z * np.sin(angle), y * np.sin(angle) + z * np.cos(angle)
        transverse, along = (x + 1j * y) * np.exp(1j * phase), z
        signals.append(transverse.mean())
        transverse = transverse * np.exp(-duration / t2) * turns
        along = 1 + (along - 1) * np.exp(-duration / t1)
    return np.array(signals)


def test_perfect_refocusing_leaves_t2_alone():
    """CPMG with 180 degrees gives exactly exp(-n TE/T2)."""
    echoes = spin_echo_train(
        T1, T2, refocusing=torch.full((8,), math.pi, dtype=torch.float64), echo_spacing=SPACING
    )
    np.testing.assert_allclose(echoes, np.exp(-np.arange(1, 9) * SPACING / T2), rtol=1e-13)


@pytest.mark.parametrize("degrees", [60, 120, 150])
def test_the_first_echoes_without_relaxation_are_hennigs(degrees):
    """sin(a/2)^2 and sin(a/2)^4 + sin(a)^2/2 (Hennig 1988)."""
    angle = math.radians(degrees)
    echoes = spin_echo_train(
        1e12, 1e12, refocusing=torch.full((2,), angle, dtype=torch.float64), echo_spacing=SPACING
    )
    half = math.sin(angle / 2) ** 2
    np.testing.assert_allclose(echoes, [half, half**2 + math.sin(angle) ** 2 / 2], rtol=1e-9)


def test_a_train_with_stimulated_echoes_is_that_of_many_isochromats():
    degrees = [150.0, 120.0, 100.0, 130.0, 160.0]
    turns = np.exp(2j * np.pi * (np.arange(512) + 0.5) / 512)
    transverse, along = np.ones(512, complex), np.zeros(512)
    e1, e2 = math.exp(-SPACING / 2 / T1), math.exp(-SPACING / 2 / T2)
    found = []
    for value in degrees:
        angle = math.radians(value)
        transverse, along = transverse * e2 * turns, 1 + (along - 1) * e1
        x, y, z = transverse.real, transverse.imag, along
        y, z = y * np.cos(angle) - z * np.sin(angle), y * np.sin(angle) + z * np.cos(angle)
        transverse, along = (x + 1j * y) * e2 * turns, 1 + (z - 1) * e1
        found.append(transverse.mean().real)
    echoes = spin_echo_train(
        T1,
        T2,
        refocusing=torch.deg2rad(torch.tensor(degrees, dtype=torch.float64)),
        echo_spacing=SPACING,
    )
    np.testing.assert_allclose(echoes, found, atol=1e-12)


@pytest.mark.parametrize("increment", [0.0, math.radians(117)])
def test_a_gradient_spoiled_train_is_that_of_many_isochromats(increment):
    n_pulses, angle = 30, math.radians(25)
    phases = quadratic_phases(n_pulses, increment)
    events = [(angle, float(phase), 5e-3) for phase in phases]
    found = isochromats(0.3, events, t1=T1, t2=T2)
    signals = gradient_spoiled_train(
        T1,
        T2,
        flip_angles=torch.full((n_pulses,), angle, dtype=torch.float64),
        phases=phases,
        repetition_time=5e-3,
        prepared=0.3,
    )
    np.testing.assert_allclose(signals, found * np.exp(-1j * phases.numpy()), atol=1e-12)


def test_rf_spoiling_comes_near_the_ideally_spoiled_signal():
    """Within 2 % at 117 degrees, where gradients alone miss it by more than half (Zur 1991)."""
    n_pulses, angle = 400, math.radians(12)

    def end(increment):
        train = gradient_spoiled_train(
            0.5,
            0.04,
            flip_angles=torch.full((n_pulses,), angle, dtype=torch.float64),
            phases=quadratic_phases(n_pulses, increment),
            repetition_time=5e-3,
        )
        return abs(complex(train[-1]))

    ideal = float(spoiled_gradient_echo(0.5, flip_angle=angle, repetition_time=5e-3))
    assert end(math.radians(117)) == pytest.approx(ideal, rel=0.02)
    assert end(0.0) > 1.1 * ideal


def test_autograd_sees_through_a_train():
    def echoes(t1, t2):
        return spin_echo_train(
            t1,
            t2,
            refocusing=torch.full((4,), 2.0, dtype=torch.float64),
            echo_spacing=SPACING,
        )

    at = [torch.tensor([x], dtype=torch.float64, requires_grad=True) for x in (T1, T2)]
    assert torch.autograd.gradcheck(echoes, at)
