from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiotwin.errors import ConvergenceError
from cardiotwin.operators import (
    Chain,
    LinearOperator,
    adjoint_error,
    operator_norm,
    solve_least_squares,
)


@dataclass(frozen=True)
class Matrix:
    entries: np.ndarray

    def forward(self, x):
        return self.entries @ x

    def adjoint(self, y):
        return self.entries.conj().T @ y


def random(shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


@given(seed=st.integers(0, 2**31), rows=st.integers(1, 7), columns=st.integers(1, 7))
def test_a_matrix_and_its_conjugate_transpose_are_adjoint(seed, rows, columns):
    operator = Matrix(random((rows, columns), seed))
    assert isinstance(operator, LinearOperator)
    error = adjoint_error(operator, random(columns, seed + 1), random(rows, seed + 2))
    assert error < 1e-14


def test_a_wrong_adjoint_is_found():
    class Transposed(Matrix):
        def adjoint(self, y):
            return self.entries.T @ y

    assert adjoint_error(Transposed(random((5, 4))), random(4), random(5)) > 0.01


def test_a_chain_is_the_product_of_its_matrices():
    first, second = random((5, 4)), random((6, 5), 1)
    chain = Chain((Matrix(second), Matrix(first)))
    x, y = random(4, 2), random(6, 3)
    np.testing.assert_allclose(chain.forward(x), second @ first @ x, rtol=1e-13)
    np.testing.assert_allclose(chain.adjoint(y), (second @ first).conj().T @ y, rtol=1e-13)


def test_the_norm_is_the_largest_singular_value():
    entries = random((40, 30))
    found = operator_norm(Matrix(entries), random(30, 1))
    assert found == pytest.approx(np.linalg.norm(entries, 2), rel=1e-4)


@pytest.mark.parametrize("damping", [0.0, 3.0])
def test_least_squares_meet_the_closed_form(damping):
    entries, y = random((40, 30)), random(40, 1)
    normal = entries.conj().T @ entries + damping * np.eye(30)
    expected = np.linalg.solve(normal, entries.conj().T @ y)
    found = solve_least_squares(Matrix(entries), y, damping=damping, tolerance=1e-12)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_a_good_start_needs_fewer_steps():
    entries, y = random((40, 30)), random(40, 1)
    exact = solve_least_squares(Matrix(entries), y, tolerance=1e-12)
    again = solve_least_squares(Matrix(entries), y, start=exact, tolerance=1e-10, iterations=1)
    np.testing.assert_allclose(again, exact, rtol=1e-9)


def test_an_iteration_that_does_not_converge_says_where_it_stopped():
    with pytest.raises(ConvergenceError, match="after 2 steps at residual") as caught:
        solve_least_squares(Matrix(random((40, 30))), random(40, 1), iterations=2)
    assert caught.value.state.shape == (30,)
    assert caught.value.residuals[1] < caught.value.residuals[0]
