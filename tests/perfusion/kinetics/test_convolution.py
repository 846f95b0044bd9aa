import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import i0e

from cardiotwin.perfusion.kinetics import Input, convolve, gamma_variate
from cardiotwin.perfusion.kinetics.responses import (
    capillary,
    fermi,
    trapping,
    vascular,
    washout,
)
from cardiotwin.perfusion.kinetics.special import goldstein, softplus_integral

EVEN = torch.arange(0.0, 40.0, 0.8, dtype=torch.float64)
UNEVEN = torch.cumsum(
    torch.from_numpy(np.random.default_rng(3).uniform(0.5, 1.2, 50)), dim=0, dtype=torch.float64
)


def bolus(time):
    return gamma_variate(time, arrival=4.0, to_peak=5.0, peak=5.0, shape=3.0)


def column(value):
    return torch.tensor([value], dtype=torch.float64)


def recursion(time, plasma, rate):
    """Return the exponential convolution step by step, as Flouri et al. (2016) write it."""
    time, plasma = time.numpy(), plasma.numpy()
    found = np.zeros_like(plasma)
    for i, step in enumerate(np.diff(time)):
        x = rate * step
        e0, e1 = (1 - np.exp(-x)) / x, (x - 1 + np.exp(-x)) / x**2
        rise = plasma[i + 1] - plasma[i]
        found[i + 1] = found[i] * np.exp(-x) + step * (plasma[i] * e0 + rise * e1)
    return found


@pytest.mark.parametrize("time", [EVEN, UNEVEN])
@given(rate=st.floats(2e-3, 5.0), start=st.floats(-0.5, 2.0))
def test_an_exponential_is_convolved_exactly_whatever_the_times_and_the_first_sample(
    time, rate, start
):
    plasma = bolus(time) + start
    found = convolve(Input(time, plasma), washout, rate=column(rate))[:, 0]
    expected = recursion(time, plasma, rate)
    np.testing.assert_allclose(found, expected, atol=1e-11 * np.abs(expected).max())


def test_samples_that_are_even_cost_one_lag_each():
    assert Input(EVEN, bolus(EVEN)).even
    assert len(Input(EVEN, bolus(EVEN)).elapsed) == len(EVEN)
    assert not Input(UNEVEN, bolus(UNEVEN)).even
    beside = EVEN.clone()
    beside[20] += 1e-3
    assert len(Input(beside, bolus(beside)).elapsed) == len(EVEN) * (len(EVEN) + 1) // 2


def test_vascular_tissue_holds_the_input_and_trapping_tissue_its_integral():
    plasma = bolus(UNEVEN) + 0.3
    supply = Input(UNEVEN, plasma)
    np.testing.assert_allclose(convolve(supply, vascular)[:], plasma, atol=1e-12)
    area = torch.cumulative_trapezoid(plasma, UNEVEN)
    np.testing.assert_allclose(convolve(supply, trapping)[1:], area, atol=1e-12)


RESIDUES = [
    (washout, {"rate": 0.3}, lambda t: np.exp(-0.3 * t)),
    (washout, {"rate": 1e-3}, lambda t: np.exp(-1e-3 * t)),
    (
        fermi,
        {"width": 4.0, "decay": 1.5},
        lambda t: (1 + np.exp(-4 / 1.5)) / (1 + np.exp((t - 4) / 1.5)),
    ),
    (fermi, {"width": 0.0, "decay": 9.0}, lambda t: 2 / (1 + np.exp(t / 9))),
    (
        capillary,
        {"transit": 3.0, "leak": 0.8, "back": 0.06},
        lambda t: 1.0 if t < 3 else 1 - outflow(0.8, 0.06 * (t - 3)),
    ),
    (
        capillary,
        {"transit": 1.5, "leak": 6.0, "back": 0.4},
        lambda t: 1.0 if t < 1.5 else 1 - outflow(6.0, 0.4 * (t - 1.5)),
    ),
]


def outflow(x, y):
    """Return Goldstein's J by its defining integral."""

    def inner(s):
        return np.exp(-((np.sqrt(s) - np.sqrt(y)) ** 2)) * i0e(2 * np.sqrt(y * s))

    return 1 - quad(inner, 0, x, epsabs=1e-13)[0]


@pytest.mark.parametrize(("response", "parameters", "residue"), RESIDUES)
def test_each_integral_of_a_response_is_the_integral_of_the_one_before(
    response, parameters, residue
):
    given_as = {name: column(value) for name, value in parameters.items()}
    for end in (0.4, 2.9, 14.0):
        breaks = [parameters["transit"]] if parameters.get("transit", end) < end else None
        once = response(column(end), 1, **given_as).item()
        expected = quad(residue, 0, end, points=breaks, epsabs=1e-12)[0]
        assert once == pytest.approx(expected, rel=1e-9)

        def first(t):
            return response(column(t), 1, **given_as).item()

        twice = response(column(end), 2, **given_as).item()
        assert twice == pytest.approx(
            quad(first, 0, end, points=breaks, epsabs=1e-12)[0], rel=1e-9
        )


@given(x=st.floats(1e-3, 60.0), y=st.floats(1e-3, 60.0))
def test_goldsteins_function_and_its_mirror_share_what_exchanges(x, y):
    both = goldstein(column(x), column(y)) + goldstein(column(y), column(x))
    shared = np.exp(-((np.sqrt(x) - np.sqrt(y)) ** 2)) * i0e(2 * np.sqrt(x * y))
    assert both.item() == pytest.approx(1 + shared, rel=1e-11)


def test_the_special_functions_have_the_slopes_that_they_claim():
    points = torch.tensor([-30.0, -2.0, -1e-3, 0.5, 3.0, 40.0], dtype=torch.float64)
    points.requires_grad_()
    assert torch.autograd.gradcheck(softplus_integral, points)
    x = torch.tensor([0.02, 0.7, 5.0, 20.0], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([0.5, 0.01, 9.0, 15.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(goldstein, (x, y))


def test_the_integral_of_softplus_at_0_is_eulers():
    zero = torch.zeros(1, dtype=torch.float64)
    assert softplus_integral(zero).item() == pytest.approx(np.pi**2 / 12, rel=1e-13)
