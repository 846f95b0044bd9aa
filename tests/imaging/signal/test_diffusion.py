import math

import numpy as np
import pytest
import torch

from cardiotwin.imaging.signal import GAMMA, apparent_fraction, b_value, diffusion, ivim


def test_the_b_value_is_the_integral_of_the_dephasing_squared():
    """b = int (gamma int G dt)^2 dt over both lobes."""
    gradient, duration, separation = 0.04, 12e-3, 25e-3
    time, step = np.linspace(0, separation + duration, 200_001, retstep=True)
    on = np.where(time <= duration, 1.0, 0.0) - np.where(time >= separation, 1.0, 0.0)
    dephasing = GAMMA * gradient * np.cumsum(on) * step
    assert float(b_value(gradient, duration, separation)) == pytest.approx(
        np.sum(dephasing**2) * step, rel=1e-3
    )


def test_diffusion_is_the_mean_over_gaussian_displacements():
    """The mean of cos(q.r) over r ~ N(0, 2 D t), with b = q^2 t, by a seeded sample."""
    rng = np.random.default_rng(2)
    root = rng.normal(size=(3, 3)) * 2e-5
    tensor, time, g = root @ root.T, 0.05, np.array([2.0, -1.0, 2.0]) / 3
    q = math.sqrt(5e8 / time)
    steps = rng.multivariate_normal(np.zeros(3), 2 * tensor * time, size=400_000)
    sample = np.cos(q * steps @ g)
    found = diffusion(
        torch.from_numpy(tensor),
        b_values=torch.tensor([5e8], dtype=torch.float64),
        directions=torch.from_numpy(g[None]),
    )
    error = sample.std() / math.sqrt(len(sample))
    assert float(found) == pytest.approx(sample.mean(), abs=4 * error)


def test_ivim_without_perfusion_is_diffusion():
    b = torch.tensor([0, 2e8, 8e8], dtype=torch.float64)
    one = ivim(1.5e-9, 80e-9, 0.0, b_values=b, m0=2.0)
    tensor = 1.5e-9 * torch.eye(3, dtype=torch.float64)
    directions = torch.tensor([[1, 0, 0]] * 3, dtype=torch.float64)
    np.testing.assert_allclose(
        one, diffusion(tensor, b_values=b, directions=directions, m0=2.0), rtol=1e-14
    )


def test_ivim_with_much_weighting_shows_the_tissue_alone():
    """What is left at b D* >> 1 extrapolates to 1 - f."""
    b = torch.tensor([6e8, 8e8], dtype=torch.float64)
    high, higher = ivim(1.5e-9, 80e-9, 0.15, b_values=b)
    rate = float(torch.log(high / higher)) / 2e8
    assert rate == pytest.approx(1.5e-9, rel=1e-9)
    assert float(high) * math.exp(6e8 * rate) == pytest.approx(0.85, rel=1e-9)


def test_equal_decay_leaves_the_fraction():
    same = apparent_fraction(0.12, echo_time=0.06, tissue_t2=0.05, blood_t2=0.05)
    more = apparent_fraction(0.12, echo_time=0.06, tissue_t2=0.045, blood_t2=0.29)
    assert float(same) == pytest.approx(0.12, rel=1e-14)
    blood, wall = 0.12 * math.exp(-0.06 / 0.29), 0.88 * math.exp(-0.06 / 0.045)
    assert float(more) == pytest.approx(blood / (blood + wall), rel=1e-14)
