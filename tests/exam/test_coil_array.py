"""A slice folded by every R-th line, and unfolded again."""

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.exam.coil_array import FoldedSlice
from cardiotwin.imaging.encoding import to_kspace


def complex_normal(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def folded_slice(n_lines, acceleration):
    rng = np.random.default_rng(n_lines)
    mixing = complex_normal(rng, 5, 5)
    return FoldedSlice(
        maps=complex_normal(rng, 5, 7, n_lines),
        covariance=mixing @ mixing.conj().T + np.eye(5),
        acceleration=acceleration,
    )


SIZES = pytest.mark.parametrize(
    ("n_lines", "acceleration"), [(20, 2), (22, 2), (21, 3), (18, 3), (24, 4), (10, 1)]
)


@SIZES
def test_the_samples_are_every_nth_line_of_the_whole_transform(n_lines, acceleration):
    one = folded_slice(n_lines, acceleration)
    images = complex_normal(np.random.default_rng(0), 2, 7, n_lines).astype(np.complex64)
    whole = to_kspace((images[:, None] * one.maps).astype(np.complex64))
    assert n_lines // 2 in one.lines
    np.testing.assert_allclose(one.samples(one.folded(images)), whole[..., one.lines], atol=1e-5)


@SIZES
def test_the_images_come_back_from_their_samples(n_lines, acceleration):
    one = folded_slice(n_lines, acceleration)
    images = complex_normal(np.random.default_rng(0), 2, 7, n_lines).astype(np.complex64)
    np.testing.assert_allclose(one.images(one.samples(one.folded(images))), images, atol=1e-5)


@SIZES
def test_the_noise_of_the_images_is_what_theory_says(n_lines, acceleration):
    one, count = folded_slice(n_lines, acceleration), 2000
    found = one.unfold(one.noise(count, 0.5, np.random.default_rng(1))).real.std(axis=0)
    ratio = found / (0.5 * one.noise_sd)
    assert np.abs(ratio - 1).max() < 5 / np.sqrt(2 * count)  # standard errors of a deviation
    assert ratio.mean() == pytest.approx(1, abs=0.01)


def test_lines_that_fold_unevenly_are_refused():
    with pytest.raises(InputError, match="must divide the 22 lines of a slice, found 3"):
        folded_slice(22, 3)
