"""A pressure's surface over volume and tension: exact for what it spans, and differentiable."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cardiotwin.mechanics.active.prescribed import DoubleHill, SystolicTwitch
from cardiotwin.surrogates.chamber import PressureSurface, twitch


def surface() -> PressureSurface:
    """Return p = (1 + v) (2 + t) kPa in v, t from -1 to 1."""
    coefficients = torch.tensor([[2e3, 1e3], [2e3, 1e3]], dtype=torch.float64)
    return PressureSurface(
        coefficients=coefficients[None], volume=(50e-6, 50e-6, 150e-6), tension=60e3
    )


def test_it_is_the_sum_of_its_polynomials():
    volume, tension = torch.tensor([[75e-6, 125e-6], [0.0, 60e3]], dtype=torch.float64)
    found = surface().pressure(volume, tension)
    torch.testing.assert_close(found, torch.tensor([0.5e3, 4.5e3], dtype=torch.float64))


@pytest.mark.parametrize("volume", [80e-6, 40e-6, 160e-6])
def test_its_slope_is_right_inside_and_goes_on_beyond(volume):
    v = torch.tensor([volume], dtype=torch.float64, requires_grad=True)
    surface().pressure(v, torch.tensor([30e3], dtype=torch.float64)).sum().backward()
    assert float(v.grad[0]) == pytest.approx(2e3 / 50e-6, rel=1e-9)


@pytest.mark.parametrize("kind", [DoubleHill, SystolicTwitch])
def test_a_twitch_in_tensors_is_the_twitch(kind):
    course = kind(peak=60e3, period=0.8)
    times = np.array([0.0, 0.1, 0.3, 0.79, 1.1])
    expected = [course.value(time) for time in times]
    found = twitch(course)(torch.as_tensor(times))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-9)


def test_a_relaxed_wall_ends_where_it_is_unloaded():
    curved = replace(surface(), volume=(100e-6, 50e-6, 150e-6))
    none = torch.zeros(1, dtype=torch.float64)
    at_rest = curved.pressure(torch.tensor([100e-6], dtype=torch.float64), none)
    torch.testing.assert_close(at_rest, none)
