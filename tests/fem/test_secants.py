"""Steps with a kept tangent, improved by what they tell, on equations with known answers."""

from itertools import pairwise

import numpy as np
import pytest

from cardiotwin.fem.secants import MOST, Secants


def dot(one, other):
    return float(one @ other)


def iterate(A, kept, count):
    """Return the errors of A x = b from zero, by a kept tangent and its secants."""
    b = np.arange(1.0, len(A) + 1)
    x, secants = np.zeros(len(A)), Secants(dot)
    errors = [np.linalg.norm(np.linalg.solve(A, b))]
    for _ in range(count):
        step = secants.improved(np.linalg.solve(kept, b - A @ x))
        secants.add(step)
        x = x + step
        errors.append(np.linalg.norm(np.linalg.solve(A, b) - x))
        if errors[-1] < 1e-9 * errors[0]:
            break
    return np.array(errors)


def test_a_linear_problem_ends_after_twice_its_dimension():
    # Gay (1979), SIAM Journal on Numerical Analysis 16:623-630: Broyden's method is finite.
    rng = np.random.default_rng(3)
    kept = np.eye(4) + 0.1 * rng.standard_normal((4, 4))
    A = kept + 0.25 * rng.standard_normal((4, 4))
    errors = iterate(A, kept, 8)
    assert errors[-1] < 1e-8 * errors[0]


def test_secants_are_faster_than_the_kept_tangent_alone():
    rng = np.random.default_rng(5)
    kept = np.eye(30)
    A = kept + np.diag(np.linspace(-0.6, 0.6, 30)) + 0.01 * rng.standard_normal((30, 30))
    with_secants = iterate(A, kept, 12)[-1]
    x, b = np.zeros(30), np.arange(1.0, 31)
    for _ in range(12):
        x = x + b - A @ x
    assert with_secants < 0.05 * np.linalg.norm(np.linalg.solve(A, b) - x)


def test_one_secant_gives_the_secant_method():
    """In one dimension, for exp(x) = 2 from 0 with the slope there."""
    x, secants = 0.0, Secants(dot)
    found = []
    for _ in range(6):
        step = secants.improved(np.array([2 - np.exp(x)]))
        secants.add(step)
        x += float(step[0])
        found.append(x)
    expected = [0.0, 1.0]
    for _ in range(5):
        a, b = expected[-2:]
        expected.append(b - (np.exp(b) - 2) * (b - a) / (np.exp(b) - np.exp(a)))
    np.testing.assert_allclose(found, expected[1:], rtol=1e-9)
    errors = np.abs(np.array(found) - np.log(2))
    assert all(after < before for before, after in pairwise(errors[:5]))


def test_a_tangent_that_does_not_serve_is_told():
    secants = Secants(dot)
    secants.add(np.array([1.0, 0.0]))
    assert secants.improved(np.array([0.95, 0.0])) is None
    np.testing.assert_allclose(secants.improved(np.array([0.5, 0.1])), [1.0, 0.2])


@pytest.mark.parametrize("count", [MOST - 1, MOST])
def test_the_memory_ends(count):
    secants = Secants(dot)
    for k in range(count):
        secants.add(np.eye(MOST)[k])
    assert (secants.improved(np.full(MOST, 1e-3)) is None) == (count == MOST)
