import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiotwin.errors import InputError
from cardiotwin.imaging.encoding import (
    CartesianFourier,
    Sensitivity,
    Whitening,
    complex_noise,
    random_lines,
    regular_lines,
    sample_covariance,
    to_image,
    to_kspace,
)
from cardiotwin.operators import Chain, adjoint_error

sizes = st.integers(2, 9)


def random(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


@given(rows=sizes, columns=sizes)
def test_the_transform_is_the_centred_sum(rows, columns):
    x = random(rows, columns)

    def matrix(n):
        count = np.arange(n) - n // 2
        return np.exp(-2j * np.pi * np.outer(count, count) / n) / np.sqrt(n)

    expected = matrix(rows) @ x @ matrix(columns).T
    np.testing.assert_allclose(to_kspace(x), expected, atol=1e-12)
    np.testing.assert_allclose(to_image(expected), x, atol=1e-12)


@given(rows=sizes, columns=sizes, coils=st.integers(1, 4), frames=st.integers(1, 3))
def test_the_encoding_has_its_adjoint(rows, columns, coils, frames):
    mask = np.random.default_rng(5).random((frames, 1, columns)) < 0.6
    mask[:, :, 0] = True
    factor = random(coils, coils, seed=2)
    covariance = factor @ factor.conj().T + np.eye(coils)
    encoding = Chain(
        (
            Whitening(covariance=covariance),
            CartesianFourier(mask=mask),
            Sensitivity(coil_maps=random(coils, rows, columns, seed=3)),
        )
    )
    y = random(coils, frames, rows, columns, seed=4)
    assert adjoint_error(encoding, random(frames, rows, columns), y) < 1e-12


def test_what_was_not_sampled_is_nought():
    mask = np.array([True, False, True])
    found = CartesianFourier(mask=mask).forward(random(4, 3))
    assert not found[:, 1].any()
    assert found[:, [0, 2]].all()


def test_the_read_out_may_be_transformed_beforehand():
    x, mask = random(2, 6, 8), np.arange(8) % 3 > 0
    whole = CartesianFourier(mask=mask).forward(x)
    half = CartesianFourier(mask=mask, axes=(-1,)).forward(x)
    np.testing.assert_allclose(to_kspace(half, (-2,)), whole, atol=1e-12)


def test_regular_lines_take_turns():
    lines = regular_lines(12, acceleration=3, n_frames=3)
    assert (lines.sum(axis=0) == 1).all()
    assert (lines.sum(axis=1) == 4).all()
    middle = regular_lines(12, acceleration=3, n_calibration=4, n_frames=3)[:, 4:8]
    assert middle.all()


@given(frames=st.integers(1, 4), acceleration=st.floats(1, 8), seed=st.integers(0, 99))
def test_random_lines_are_as_many_as_wanted(frames, acceleration, seed):
    rng = np.random.default_rng(seed)
    lines = random_lines(64, acceleration=acceleration, n_frames=frames, rng=rng, n_calibration=6)
    assert (lines.sum(axis=1) == round(64 / acceleration)).all()
    assert lines[:, 29:35].all()


@pytest.mark.parametrize(
    ("options", "found"),
    [({"acceleration": 0}, "found 0"), ({"acceleration": 2, "n_calibration": 99}, "found 99")],
)
def test_sampling_that_cannot_be_is_refused(options, found):
    with pytest.raises(InputError, match=found):
        regular_lines(64, **options)


def test_more_calibration_than_time_is_refused():
    with pytest.raises(InputError, match="leaves 8 of 64 lines, found n_calibration 20"):
        random_lines(64, acceleration=8, n_frames=1, rng=np.random.default_rng(), n_calibration=20)


def test_noise_has_its_covariance_and_whitening_takes_it_away():
    factor = random(3, 3)
    covariance = factor @ factor.conj().T + np.eye(3)
    noise = complex_noise(covariance, (200, 500), np.random.default_rng(7))
    spread = 5 * np.abs(covariance).max() / np.sqrt(1e5)
    np.testing.assert_allclose(sample_covariance(noise), covariance, atol=spread)
    white = Whitening(covariance=covariance).forward(noise)
    np.testing.assert_allclose(sample_covariance(white), np.eye(3), atol=5 / np.sqrt(1e5))
    assert abs(np.mean(white**2)) < 5 / np.sqrt(3e5)  # circular: the phase carries nothing


def test_a_dead_coil_is_named():
    with pytest.raises(InputError, match=r"eigenvalue of 0 beside 1"):
        Whitening(covariance=np.diag([1.0, 0.0])).forward(random(2, 5))


def test_noise_of_fewer_samples_than_coils_is_refused():
    with pytest.raises(InputError, match=r"noise of 8 coils .* found 5"):
        sample_covariance(random(8, 5))
