"""A response surface: exact for polynomials, with right slopes and an honest error."""

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.surrogates.response import fit_response, total_degree

LOWER, UPPER = np.array([1.0, -2.0, 0.5]), np.array([3.0, 2.0, 2.0])
NAMES = ("p", "q", "r")


def cubic(x):
    """Return answers that are cubic in p, q and log r, and their slopes."""
    p, q, r = x.T
    log = np.log(r)
    y = np.stack([p**2 * q - log, q**3 + p * log**2, p + 2 * q], axis=1)
    slopes = np.zeros((len(x), 3, 3))
    slopes[:, 0] = np.stack([2 * p * q, p**2, -1 / r], axis=1)
    slopes[:, 1] = np.stack([log**2, 3 * q**2, 2 * p * log / r], axis=1)
    slopes[:, 2] = [1, 2, 0]
    return y, slopes


def points(count, seed=0):
    return np.random.default_rng(seed).uniform(LOWER, UPPER, (count, 3))


def fitted(function, count, degree):
    x = points(count)
    return fit_response(NAMES, (LOWER, UPPER), ("r",), (x, *function(x)), degree=degree)


def test_a_cubic_is_found_exactly_with_its_slopes_from_ten_runs():
    """Twenty terms, forty numbers."""
    found = fitted(cubic, 14, 3)
    x = points(50, seed=1)
    answers, slopes = found.linearised(x)
    np.testing.assert_allclose(answers, cubic(x)[0], atol=1e-10)
    np.testing.assert_allclose(slopes, cubic(x)[1], atol=1e-9)
    np.testing.assert_allclose(found.answers(x), answers)
    assert np.abs(found.error).max() < 1e-18


def test_its_stated_error_is_that_of_new_runs():
    def curved(x):
        y = np.exp(0.5 * x @ np.array([1.0, 0.5, 0.3]))[:, None]
        return y, 0.5 * y[:, :, None] * np.array([1.0, 0.5, 0.3])

    found = fitted(curved, 40, 2)
    x = points(4000, seed=2)
    missed = np.sqrt(np.mean((found.answers(x) - curved(x)[0]) ** 2))
    assert 0.5 < np.sqrt(found.error[0, 0]) / missed < 2
    finer = fitted(curved, 40, 4)
    assert finer.error[0, 0] < found.error[0, 0] / 400


def test_terms_are_all_up_to_their_degree():
    powers = total_degree(4, 3)
    assert len(powers) == 35
    assert powers.sum(axis=1).max() == 3
    assert len(np.unique(powers, axis=0)) == 35


def test_what_lies_outside_is_told():
    found = fitted(cubic, 14, 3)
    assert found.inside(np.array([[1.0, -2.0, 2.0], [0.99, 0.0, 1.0]])).tolist() == [True, False]


def test_too_few_runs_are_refused():
    with pytest.raises(
        InputError, match=r"has 20 terms: it needs 10 runs and a fifth more, found 8"
    ):
        fitted(cubic, 8, 3)
