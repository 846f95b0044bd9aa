import math

import numpy as np
import pytest
import torch

from cardiotwin.imaging.signal import (
    HADAMARD_ENCODING,
    REFERENCE_ENCODING,
    dense,
    phase_contrast,
    spamm,
    tagged_magnetisation,
    velocity_encoding,
    velocity_error,
)

from .integration import integrate

VENC = 1.5


def test_venc_turns_the_phase_by_half_a_turn():
    signal = phase_contrast(
        torch.tensor([VENC, 0.0, 0.0], dtype=torch.float64), encoding=velocity_encoding(VENC)
    )
    assert complex(signal[1] / signal[0]) == pytest.approx(-1, abs=1e-12)
    assert complex(signal[2] / signal[0]) == pytest.approx(1, abs=1e-12)


def test_hadamards_differences_span_the_same_velocities():
    rows = np.array(HADAMARD_ENCODING)
    difference = np.abs(rows[:, None] - rows[None])[~np.eye(4, dtype=bool)]
    assert set(difference.ravel()) == {0.0, 1.0}
    assert (np.abs(rows[:, None] - rows[None]).sum(-1)[~np.eye(4, dtype=bool)] == 2).all()


@pytest.mark.parametrize("pattern", [REFERENCE_ENCODING, HADAMARD_ENCODING])
def test_the_error_of_the_velocity_is_that_of_simulated_noise(pattern):
    """For the reference encoding sqrt(2) venc/(pi SNR) = 0.03376 m/s at venc 1.5 m/s, SNR 20."""
    rng, n, snr = np.random.default_rng(3), 40_000, 20.0
    encoding = velocity_encoding(VENC, pattern)
    velocity = torch.tensor([0.2, -0.4, 0.1], dtype=torch.float64)
    noise = rng.normal(scale=1 / snr, size=(n, 4, 2)) @ [1, 1j]
    phase = np.angle(phase_contrast(velocity, encoding=encoding).numpy() + noise)
    design = np.hstack([np.ones((4, 1)), encoding.numpy()])
    found = (np.linalg.pinv(design) @ phase.T)[1:]
    expected = velocity_error(encoding, snr).numpy()
    np.testing.assert_allclose(found.std(1), np.sqrt(np.diag(expected)), rtol=0.015)
    np.testing.assert_allclose(np.cov(found), expected, atol=0.03 * expected[0, 0])
    if pattern is REFERENCE_ENCODING:
        assert math.sqrt(expected[0, 0]) == pytest.approx(0.03376, abs=1e-5)


def test_turbulence_attenuates_as_the_mean_over_its_velocities_does():
    """The mean of exp(i k.v) over a Gaussian of velocities, by quadrature along one direction."""
    spread, mean = 0.2, 0.3
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    k = math.pi / VENC
    expected = weights @ np.exp(1j * k * (mean + spread * nodes)) / weights.sum()
    signal = phase_contrast(
        torch.tensor([mean, 0, 0], dtype=torch.float64),
        encoding=velocity_encoding(VENC),
        reynolds=torch.diag(torch.tensor([spread**2, 0, 0], dtype=torch.float64)),
    )
    assert complex(signal[1]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("tip", [math.pi / 2, math.pi / 4])
@pytest.mark.parametrize("phase", [0.0, 1.1, 3.0])
def test_tags_are_those_of_the_bloch_equations(tip, phase):
    """Two equal pulses, the gradient between them as a rotation by the phase."""
    tissue = {"t1": 1e3, "t2": 1e3}  # no relaxation while the tags are made
    now = integrate([0, 0, 1], [("pulse", tip, 0.0)], **tissue)
    events = [("wait", 1e-3), ("pulse", tip, 0.0)]
    # The turn of the gradient only, not of the second pulse, whose 1e-9 s it leaves alone.
    now = integrate(now, events, off_resonance=phase / (2 * math.pi * 1e-3), **tissue)
    assert float(tagged_magnetisation(phase, tip)) == pytest.approx(now[2], abs=3e-6)


def test_tags_fade_with_t1_and_with_the_pulses_that_read_them():
    t1, delay, angle, spacing = 0.9, 0.05, math.radians(10), 4e-3
    tissue = {"t1": t1, "t2": 0.04}
    start = float(tagged_magnetisation(2.0))
    now = integrate([0, 0, start], [("wait", delay)], **tissue)
    for _ in range(4):
        events = [("pulse", angle, math.pi / 2), ("spoil",), ("wait", spacing)]
        now = integrate(now, events, **tissue)
    found = spamm(
        2.0, t1, delay=delay, flip_angle=angle, repetition_time=spacing, pulse=5.0, m0=3.0
    )
    assert float(found) == pytest.approx(3 * now[2] * math.sin(angle), rel=1e-6)


def test_dense_is_a_90_90_preparation_read_with_the_same_gradient():
    """Mz cos(k X) + relaxed, read at x = X + u under exp(-i k x)."""
    k, u, x, t1, mixing = 628.0, 3e-3, 0.017, 1.1, 0.3
    left = math.exp(-mixing / t1)
    along = -left * float(tagged_magnetisation(k * (x - u)))  # 90 and -90 degrees
    expected = (along + (1 - left)) * np.exp(-1j * k * x)
    found = dense(u, x, t1, encoding=k, mixing_time=mixing)
    assert complex(found) == pytest.approx(complex(expected), rel=1e-12)


def test_complementary_dense_shows_the_displacement_where_the_voxel_averages_the_conjugate():
    """Over a whole period of the tags, only the stimulated echo is left: phase -k u."""
    k, u, t1 = 628.0, 2e-3, 1.1
    x = torch.arange(64, dtype=torch.float64) / 64 * 2 * math.pi / k
    pair = [dense(u, x, t1, encoding=k, mixing_time=0.3, inverted=side) for side in (False, True)]
    echo = ((pair[0] - pair[1]) / 2).mean()
    assert complex(echo) == pytest.approx(
        0.5 * math.exp(-0.3 / t1) * np.exp(-1j * k * u), rel=1e-10
    )
