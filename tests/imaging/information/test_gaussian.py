import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiotwin.errors import InputError
from cardiotwin.imaging.information import (
    encoding_information,
    gains,
    greedy_order,
    information_after,
    information_by_components,
    rate,
)


def random(seed, rows, columns):
    return np.random.default_rng(seed).normal(size=(rows, columns))


def covariance(seed, size):
    root = random(seed, size, size)
    return root @ root.T + 0.1 * np.eye(size)


@pytest.mark.parametrize("shape", [(60, 40), (40, 60), (8, 8)])
def test_singular_values_and_determinant_agree(shape):
    matrix, prior = random(1, *shape), covariance(2, shape[1])
    by_parts = information_by_components(matrix, prior, 0.3)
    whole = encoding_information(matrix, prior, 0.3)
    assert by_parts.sum() == pytest.approx(whole, rel=1e-10)
    _, logdet = np.linalg.slogdet(np.eye(shape[0]) + matrix @ prior @ matrix.T / 0.09)
    assert whole == pytest.approx(logdet / (2 * math.log(2)), rel=1e-10)


def test_one_gaussian_value_holds_shannons_bits():
    """log2(1 + 8^2)/2 = 3.0112."""
    found = encoding_information(np.eye(1), np.array([[64.0]]))
    assert found == pytest.approx(0.5 * math.log2(65), rel=1e-14)


@given(seed=st.integers(0, 200), rows=st.integers(1, 12))
def test_no_linear_operation_raises_information(seed, rows):
    matrix, prior = random(seed, 10, 4), covariance(seed + 1, 4)
    before = encoding_information(matrix, prior)
    operation = random(seed + 2, rows, 10)
    after = information_after(operation, matrix, prior)
    assert after <= before * (1 + 1e-10)
    if rows >= 10:  # nothing is lost
        assert after == pytest.approx(before, rel=1e-9)


def test_denoising_that_forgets_its_noise_would_raise_information():
    """The trap: the projection's noise is smaller per value, but no longer independent."""
    matrix, prior = np.ones((20, 1)), np.eye(1)
    smooth = np.full((20, 20), 1 / 20)
    naive = encoding_information(smooth @ matrix, prior, 1 / math.sqrt(20))
    before = encoding_information(matrix, prior)
    assert naive > before + 1
    assert information_after(smooth, matrix, prior) == pytest.approx(before, rel=1e-12)


@given(seed=st.integers(0, 100))
def test_gains_add_up_and_none_is_negative(seed):
    parts, prior, sds = (
        [random(seed + i, 5, 3) for i in range(4)],
        covariance(seed, 3),
        (1, 2, 3, 4),
    )
    each = gains(parts, prior, sds)
    whole = encoding_information(
        np.vstack([part / sd for part, sd in zip(parts, sds, strict=True)]), prior
    )
    assert (each >= 0).all()
    assert each.sum() == pytest.approx(whole, rel=1e-10)


@given(seed=st.integers(0, 100))
def test_a_sequence_gains_less_after_others(seed):
    parts, prior = [random(seed + i, 5, 3) for i in range(3)], covariance(seed, 3)
    alone = gains([parts[2]], prior, [1.0])[0]
    later = gains(parts, prior, [1.0] * 3)[2]
    assert later <= alone * (1 + 1e-12)


def test_the_greedy_order_takes_the_most_informative_first():
    prior = np.eye(2)
    parts = [np.array([[1.0, 0.0]]), np.array([[3.0, 0.0]]), np.array([[0.0, 2.0]])]
    assert greedy_order(parts, prior, [1.0] * 3, [1.0] * 3) == [1, 2, 0]
    assert greedy_order(parts, prior, [1.0] * 3, [1.0, 100.0, 1.0])[0] == 2


def test_water_filling_meets_the_known_rate():
    """v = (16, 4, 1, 1/4), D = 1: level 1/4, exactly 6 bits."""
    bits, level = rate(np.array([16, 4, 1, 0.25]), 1.0)
    assert (bits, level) == (pytest.approx(6, abs=1e-14), pytest.approx(0.25, abs=1e-15))


@given(
    variances=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=8), share=st.floats(0.01, 0.99)
)
def test_the_level_spends_the_whole_distortion(variances, share):
    values = np.array(variances)
    bits, level = rate(values, share * values.sum())
    assert np.minimum(level, values).sum() == pytest.approx(share * values.sum(), rel=1e-9)
    assert bits >= 0


def test_a_distortion_above_all_variance_costs_nothing():
    assert rate(np.array([1.0, 2.0]), 3.0)[0] == 0.0


def test_no_distortion_is_refused():
    with pytest.raises(InputError, match=r"must be above zero, found 0"):
        rate(np.array([1.0]), 0.0)
