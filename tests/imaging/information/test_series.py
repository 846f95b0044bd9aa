import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging.information import series_information


def moving_disc(sd, n=20, size=60, seed=0):
    """Return images of a disc whose radius beats, on a bright ground, with noise."""
    y, x = np.mgrid[:size, :size] - size / 2
    radius = 12 + 4 * np.cos(2 * np.pi * np.arange(n) / n)
    clean = 100 + 80 / (1 + np.exp(np.hypot(x, y) - radius[:, None, None]))
    return clean + np.random.default_rng(seed).normal(scale=sd, size=clean.shape)


def test_noise_is_found_and_less_of_it_leaves_more_bits():
    each = [
        series_information(moving_disc(sd), name="disc", data_bytes=1) for sd in (8.0, 4.0, 1.0)
    ]
    for found, sd in zip(each, (8.0, 4.0, 1.0), strict=True):
        assert found.noise_sd == pytest.approx(sd, rel=0.03)
        assert abs(found.noise_correlation) < 0.02
    assert each[0].bits < each[1].bits < each[2].bits
    assert each[0].bits_per_pixel < each[1].bits_per_pixel < each[2].bits_per_pixel


def test_denoised_images_hold_no_more():
    found = series_information(moving_disc(4.0), name="disc", data_bytes=1)
    assert found.denoised_bits_per_pixel <= found.bits_per_pixel * (1 + 1e-9)
    assert found.denoised_sd < 4.0


def test_images_that_repeat_themselves_tell_little_more_per_image():
    """All images alike: the bits per image fall nearly with their number."""
    still = moving_disc(0.0)[:1]
    noisy = still + np.random.default_rng(1).normal(scale=2.0, size=(40, 60, 60))
    few, many = (
        series_information(noisy[:n], name="still", data_bytes=1, noise_sd=2.0) for n in (10, 40)
    )
    assert many.bits < 1.6 * few.bits
    assert many.bits_per_pixel < 0.4 * few.bits_per_pixel


def test_an_interpolated_image_is_recognised_and_read_at_every_second_pixel():
    """The mean of three neighbours: correlated at a distance of 1, not of 2; noise 4/sqrt(3)."""
    noisy = moving_disc(4.0)
    smooth = (noisy + np.roll(noisy, 1, 1) + np.roll(noisy, 1, 2)) / 3
    found = series_information(smooth, name="smooth", data_bytes=1)
    assert found.pixel_stride == 2
    assert found.noise_sd == pytest.approx(4 / np.sqrt(3), rel=0.05)
    assert series_information(noisy, name="disc", data_bytes=1).pixel_stride == 1


def test_a_series_interpolated_in_time_is_refused_until_its_noise_is_stated():
    """Fewer independent images than images: what the projection would call noise is rounding."""
    few = moving_disc(4.0, n=8)
    many = np.repeat(few, 3, axis=0)
    with pytest.raises(InputError, match=r"shows no noise, found .* beside a signal"):
        series_information(many, name="filled", data_bytes=1)
    assert series_information(many, name="filled", data_bytes=1, noise_sd=4.0).bits > 0


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (np.full((4, 24, 24), np.nan), r"holds 2304 values that are not finite"),
        (np.ones((4, 24, 24)), r"shows no noise"),
        (np.ones((1, 24, 24)), r"has 1 images of 24 x 24"),
        (np.ones((4, 8, 24)), r"has 4 images of 8 x 24"),
        (np.random.default_rng(0).normal(size=(4, 24, 24)), r"nothing above 5 times its noise"),
    ],
)
def test_series_that_tell_nothing_are_refused(images, sentence):
    with pytest.raises(InputError, match=sentence):
        series_information(images, name="series", data_bytes=1)
