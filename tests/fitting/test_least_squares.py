"""Modes and covariances whose values are known."""

import numpy as np
import pytest

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.fitting.least_squares import find_mode
from cardiotwin.fitting.priors import LogNormal

A = np.array([[1.0, 0.5], [0.2, -1.3], [0.7, 0.1]])
Y, SD = np.array([1.0, -0.4, 0.9]), np.array([0.1, 0.2, 0.3])
MEAN, SPREAD = np.array([0.3, -0.2]), np.array([0.5, 2.0])
BOUNDS = {"lower": np.full(2, -10.0), "upper": np.full(2, 10.0)}


def linear(x):
    residuals = np.concatenate([(A @ x - Y) / SD, (x - MEAN) / SPREAD])
    return residuals, np.vstack([A / SD[:, None], np.diag(1 / SPREAD)])


def test_the_posterior_of_a_linear_model_is_the_normal_one():
    found = find_mode(linear, np.array([3.0, -4.0]), **BOUNDS)
    precision = A.T @ np.diag(SD**-2) @ A + np.diag(SPREAD**-2)
    mean = np.linalg.solve(precision, A.T @ (Y / SD**2) + MEAN / SPREAD**2)
    np.testing.assert_allclose(found.values, mean, rtol=1e-6)
    np.testing.assert_allclose(found.covariance, np.linalg.inv(precision), rtol=1e-10)
    assert found.at_bound == (False, False)


def test_a_curved_model_gives_back_the_parameters_of_its_data():
    times, truth = np.linspace(0, 2, 9), np.array([0.7, -1.1])

    def decay(x):
        values = np.exp(x[0] + x[1] * times)
        residuals = (values - np.exp(truth[0] + truth[1] * times)) / 0.01
        return residuals, np.column_stack([values, values * times]) / 0.01

    found = find_mode(decay, np.zeros(2), **BOUNDS)
    np.testing.assert_allclose(found.values, truth, atol=1e-5)


def test_a_trial_that_does_not_converge_shortens_the_step():
    failed = []

    def fragile(x):
        if x[0] > 1.2:  # the Gauss-Newton step from 0 leads to 1.7
            failed.append(x.copy())
            message = "no equilibrium"
            raise ConvergenceError(message, [1.0])
        return (np.exp(x) - np.e) * 10, 10 * np.exp(x)[:, None]

    found = find_mode(fragile, np.array([-1.0]), lower=np.array([-50.0]), upper=np.array([50.0]))
    assert failed
    np.testing.assert_allclose(found.values, 1.0, atol=1e-4)


def test_a_model_that_fails_at_the_start_says_so():
    def broken(x):
        message = f"no equilibrium at {x[0]:g}"
        raise ConvergenceError(message, [1.0])

    with pytest.raises(ConvergenceError, match="no equilibrium at 3"):
        find_mode(broken, np.array([3.0]), lower=np.zeros(1), upper=np.full(1, 9.0))


def test_a_mode_outside_the_range_ends_on_its_bound():
    found = find_mode(
        linear, np.array([0.0, 0.0]), lower=np.full(2, -10.0), upper=np.array([0.5, 10.0])
    )
    assert found.at_bound == (True, False)
    assert found.values[0] == pytest.approx(0.5, abs=1e-3)


def test_the_prior_is_normal_in_the_logarithm():
    prior = LogNormal(median=2.0, sd=0.5, source="test")
    assert prior.residual(np.log(2.0)) == 0
    assert prior.residual(np.log(2.0 * np.exp(-1))) == pytest.approx(-2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"median": -1.0, "sd": 0.5}, "prior's median must be positive and finite, found -1"),
        ({"median": 1.0, "sd": float("inf")}, "prior's sd must be positive and finite, found inf"),
    ],
)
def test_what_is_no_distribution_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        LogNormal(**given, source="test")
