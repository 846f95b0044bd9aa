import math

import numpy as np
import pytest
import torch

from cardiotwin.imaging.information import crlb, jacobian
from cardiotwin.imaging.signal import multi_echo, turned


def test_two_echoes_bound_t2_as_the_closed_form_says():
    """At TE2 - TE1 = 1.109 T2 the coefficient of variation is 2.878/SNR of the first echo."""
    times = torch.tensor([0.0, 1.109 * 0.04], dtype=torch.float64)
    slope = jacobian(
        lambda m0, t2: multi_echo(t2, echo_time=times, m0=m0), {"m0": 1.0, "t2": 0.04}
    )
    error = torch.sqrt(crlb(slope, 1 / 100)[1, 1]) / 0.04
    assert float(error) == pytest.approx(2.878 / 100, abs=1e-5)
    assert float(error) == pytest.approx(math.sqrt(1 + math.exp(2 * 1.109)) / 110.9, rel=1e-12)


def test_complex_signals_count_both_parts():
    slope = jacobian(
        lambda off_resonance: turned(
            off_resonance, torch.tensor([1e-3, 3e-3], dtype=torch.float64)
        ),
        {"off_resonance": 20.0},
    )
    assert slope.shape == (4, 1)
    expected = (2 * np.pi) ** 2 * (1e-6 + 9e-6)
    assert float((slope**2).sum()) == pytest.approx(expected, rel=1e-9)


def test_a_design_sees_through_the_derivative():
    time = torch.tensor([0.01, 0.03], dtype=torch.float64, requires_grad=True)
    slope = jacobian(lambda t2: multi_echo(t2, echo_time=time), {"t2": 0.04}, differentiable=True)
    (found,) = torch.autograd.grad((slope**2).sum(), time)
    t = time.detach().numpy()
    expected = 2 * t * np.exp(-2 * t / 0.04) / 0.04**4 * (1 - t / 0.04)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_parameters_that_cannot_be_told_apart_have_no_bound():
    same = torch.tensor([[1.0, 2.0], [1.0, 2.0]], dtype=torch.float64)
    assert torch.isinf(crlb(same, 1.0)).all()
