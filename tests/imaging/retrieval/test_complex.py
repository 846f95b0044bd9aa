import math

import numpy as np
import pytest
import torch

from cardiotwin.errors import InputError
from cardiotwin.imaging.retrieval import Status, fit
from cardiotwin.imaging.signal import (
    HADAMARD_ENCODING,
    REFERENCE_ENCODING,
    phase_contrast,
    turned,
    velocity_encoding,
    water_fat,
)

ECHOES = 1.2e-3 + 1.1e-3 * np.arange(8)


def spread(low, high, n, seed):
    return torch.from_numpy(np.random.default_rng(seed).uniform(low, high, (n, 1)))


def noise(seed, shape, sd):
    return np.random.default_rng(seed).normal(scale=sd, size=(*shape, 2)) @ [1, 1j]


def test_field_and_decay_return_with_the_errors_they_state():
    n, sd = 2000, 0.02
    field, star = spread(-300, 300, n, 1), spread(0.015, 0.05, n, 2)
    time = torch.from_numpy(ECHOES)
    clean = (turned(field, time, 0.8) * torch.exp(-time / star)).numpy()
    found = fit("field_map", clean + noise(3, clean.shape, sd), echo_time=ECHOES, noise_sd=sd)
    assert found.fitted.mean() > 0.99
    for key, truth in (("off_resonance", field), ("t2_star", star)):
        scaled = (found.values[key] - truth.numpy()[:, 0]) / found.standard_errors[key]
        assert 0.95 < np.sqrt(np.nanmean(scaled**2)) < 1.1, key


@pytest.mark.parametrize("strength", [1.5, 3.0])
def test_fat_returns_with_the_errors_it_states(strength):
    n, sd = 2000, 0.01
    share, field, star = spread(0.1, 0.9, n, 1), spread(-80, 80, n, 2), spread(0.02, 0.05, n, 3)
    signal = water_fat(
        1 - share,
        share,
        echo_time=torch.from_numpy(ECHOES),
        field_strength=strength,
        off_resonance=field,
        r2_star=1 / star,
    ).numpy()
    phased = signal * np.exp(0.4j) + noise(4, signal.shape, sd)
    found = fit("water_fat", phased, echo_time=ECHOES, field_strength=strength, noise_sd=sd)
    assert found.fitted.mean() > 0.98
    scaled = (found.values["fat_fraction"] - share.numpy()[:, 0]) / (
        found.standard_errors["fat_fraction"]
    )
    wrong = np.abs(found.values["off_resonance"] - field.numpy()[:, 0]) > 50  # water for fat
    assert wrong[found.fitted].mean() < 0.001
    assert 0.95 < np.sqrt(np.nanmean(scaled[~wrong] ** 2)) < 1.1


def test_where_noise_does_not_tell_water_from_fat_the_voxel_is_marked():
    """Echoes 2.2 ms apart at 1.5 T and SNR 10: a shift by 217 Hz explains much the same."""
    n, times = 1000, 1.2e-3 + 2.2e-3 * np.arange(6)
    share, field = spread(0, 1, n, 1), spread(-100, 100, n, 2)
    signal = water_fat(
        1 - share,
        share,
        echo_time=torch.from_numpy(times),
        field_strength=1.5,
        off_resonance=field,
        r2_star=30.0,
    ).numpy()
    noisy = signal + noise(4, signal.shape, 0.1)
    found = fit("water_fat", noisy, echo_time=times, field_strength=1.5, noise_sd=0.1)
    wrong = np.abs(found.values["off_resonance"] - field.numpy()[:, 0]) > 60
    assert np.mean(found.status == Status.NOT_IDENTIFIED) > 0.3
    assert wrong[found.fitted].mean() < 0.011  # odds of 90 to 1 and better


@pytest.mark.parametrize("pattern", [REFERENCE_ENCODING, HADAMARD_ENCODING])
def test_velocity_returns_with_the_errors_it_states(pattern):
    n, sd = 3000, 0.05
    velocity = torch.from_numpy(np.random.default_rng(1).uniform(-0.5, 0.5, (n, 3)))
    encoding = velocity_encoding(1.5, pattern)
    clean = phase_contrast(velocity, encoding=encoding).numpy()
    found = fit(
        "velocity", clean + noise(2, clean.shape, sd), encoding=encoding.numpy(), noise_sd=sd
    )
    assert found.fitted.mean() > 0.99
    for axis, name in enumerate(("velocity_x", "velocity_y", "velocity_z")):
        scaled = (found.values[name] - velocity.numpy()[:, axis]) / found.standard_errors[name]
        assert 0.95 < np.sqrt(np.nanmean(scaled**2)) < 1.1


def test_displacement_returns_from_the_stimulated_echo():
    """The phase of DENSE is -k u (Aletras et al. 1999)."""
    encoding = np.array([[0.0, 0.0], [628.0, 0.0], [0.0, 628.0]])
    truth = np.array([2e-3, -1e-3])
    signal = np.exp(-1j * (encoding @ truth)) * np.exp(0.3j)
    found = fit("displacement", signal[None], encoding=encoding, noise_sd=0.01)
    assert found.values["displacement_x"][0] == pytest.approx(2e-3, rel=1e-12)
    assert found.values["displacement_y"][0] == pytest.approx(-1e-3, rel=1e-12)
    assert found.standard_errors["displacement_x"][0] == pytest.approx(
        0.01 * math.sqrt(2) / 628, rel=1e-9
    )


def test_a_phase_near_half_a_turn_or_without_signal_is_marked():
    encoding = np.array([[0.0], [math.pi]])  # venc 1 m/s
    signal = np.exp(1j * np.array([0.2, 0.99, -0.99, 0.5])[:, None] * encoding[:, 0])
    signal[3] *= 0.001
    found = fit("velocity", signal, encoding=encoding, noise_sd=0.01)
    assert list(found.status) == [
        Status.FITTED,
        Status.AT_BOUND,
        Status.AT_BOUND,
        Status.NOT_IDENTIFIED,
    ]
    assert np.isnan(found.values["velocity_x"][1:]).all()


@pytest.mark.parametrize(
    ("name", "signal", "given", "sentence"),
    [
        ("velocity", np.ones((2, 4)), {"encoding": np.eye(4, 3)}, r"takes complex images"),
        ("velocity", np.ones((2, 4)) + 0j, {}, r"found complex128 and nothing"),
        ("velocity", np.ones((2, 4)) + 0j, {"encoding": np.ones((4, 3))}, r"tell every axis"),
        ("velocity", np.ones((2, 4)) + 0j, {"encoding": np.eye(4, 3)}, r"4 images of 4 unknowns"),
        ("water_fat", np.ones((2, 8)) + 0j, {"echo_time": ECHOES}, r"Set right field_strength"),
        ("field_map", np.ones((2, 8)) + 0j, {}, r"Set right echo_time"),
        ("t2", np.ones((2, 8)) + 0j, {"echo_time": ECHOES}, r"takes real signals"),
    ],
)
def test_what_does_not_belong_is_refused(name, signal, given, sentence):
    with pytest.raises(InputError, match=sentence):
        fit(name, signal, **given)
