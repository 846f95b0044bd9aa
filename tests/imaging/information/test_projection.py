import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardiotwin.errors import InputError
from cardiotwin.imaging.information import components, edge


def noise(seed, shape, sd=1.0):
    return np.random.default_rng(seed).normal(scale=sd, size=shape)


def low_rank(seed, shape, values):
    """Return a matrix of these singular values whose images have no mean."""
    left = np.linalg.qr(noise(seed, (shape[0], len(values))))[0]
    right = noise(seed + 1, (shape[1], len(values)))
    right = np.linalg.qr(right - right.mean(0))[0]
    return left * values @ right.T


def test_components_and_noise_are_found():
    """Rank 4 of 60 x 343 (singular values 400, 200, 100, 60; noise 1): 4 in 48 of 50."""
    found = [
        components(low_rank(s, (60, 343), (400, 200, 100, 60)) + noise(s + 99, (60, 343)))
        for s in range(50)
    ]
    numbers = [each.number for each in found]
    assert numbers.count(4) >= 44  # 5 % of false components: less than 1 % of draws have more
    assert max(numbers) <= 6
    assert np.mean([each.noise_sd for each in found]) == pytest.approx(1.0, abs=0.004)


def test_what_is_left_of_the_noise_is_what_theory_says():
    """r (M + N - r)/(M N) = 0.0776 of its variance (measured 0.0806)."""
    truth = low_rank(3, (60, 343), (400, 200, 100, 60))
    left = [
        np.mean((components(truth + noise(s, (60, 343)), 1.0).denoised - truth) ** 2)
        for s in range(20)
    ]
    assert np.mean(left) == pytest.approx(0.0776, rel=0.1)


@pytest.mark.parametrize("shape", [(60, 343), (30, 125)])
def test_noise_alone_seldom_shows_a_component(shape):
    """5 % of matrices by the Tracy-Widom edge, where Marchenko and Pastur's gives 13-15 %."""
    shown = np.mean([components(noise(s, shape), 1.0).number > 0 for s in range(300)])
    assert 0.01 < shown < 0.09


def test_the_edge_is_johnstones():
    centre = (math.sqrt(342.5) + math.sqrt(59.5)) ** 2
    width = math.sqrt(centre) * (1 / math.sqrt(342.5) + 1 / math.sqrt(59.5)) ** (1 / 3)
    assert edge(60, 343) == pytest.approx(centre + 0.9793 * width, rel=1e-12)
    assert edge(343, 60) == pytest.approx(edge(60, 343), rel=1e-12)


def test_the_bits_are_those_of_the_components_without_noise():
    """Gaussian components of known variance: log2(1 + l)/2 each; large N removes the spread."""
    n, variances = 20_000, np.array([50.0, 8.0, 2.0])
    axes = np.linalg.qr(noise(1, (20, 3)))[0]
    values = axes * np.sqrt(variances) @ noise(2, (3, n)) + noise(3, (20, n))
    found = components(values, 1.0)
    assert found.number == 3
    np.testing.assert_allclose(found.signal_to_noise, variances, rtol=0.03)
    assert found.bits_per_pixel == pytest.approx(0.5 * np.log2(1 + variances).sum(), rel=0.01)


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), sd=st.floats(0.1, 10), size=st.floats(0, 100))
def test_denoising_never_raises_the_bits(seed, sd, size):
    """At the noise of the measurement; the lower noise of the result is not a licence."""
    values = low_rank(seed, (12, 80), (size, size / 2)) + noise(seed, (12, 80), sd)
    before = components(values, sd)
    after = components(before.denoised, sd)
    assert after.bits_per_pixel <= before.bits_per_pixel * (1 + 1e-9) + 1e-12


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3))
def test_units_do_not_matter(seed, scale):
    values = low_rank(seed, (12, 80), (60, 30)) + noise(seed, (12, 80))
    one, other = components(values), components(scale * values)
    assert one.number == other.number
    assert other.bits_per_pixel == pytest.approx(one.bits_per_pixel, rel=1e-9)
    assert other.noise_sd == pytest.approx(scale * one.noise_sd, rel=1e-9)


def test_more_images_than_pixels_are_refused():
    with pytest.raises(InputError, match=r"found 20 of 10 pixels"):
        components(noise(1, (20, 10)))
