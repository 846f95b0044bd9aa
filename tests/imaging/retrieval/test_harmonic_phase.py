import math

import numpy as np
import pytest
import torch

from cardiotwin.errors import InputError
from cardiotwin.imaging.retrieval import Status, tagged_displacement
from cardiotwin.imaging.signal import spamm

PIXEL, DISTANCE, N = (1.4e-3, 1.4e-3), 7e-3, 128
K = 2 * math.pi / DISTANCE
WAVES = ((K, 0.0), (0.0, K))


def grid():
    axis = np.arange(N) * PIXEL[0]
    return np.meshgrid(axis, axis, indexing="ij")


def images(u, delay):
    """Return images of tissue that is displaced by u (Eulerian), tagged in two directions."""
    place = grid()
    return [
        spamm(
            torch.from_numpy(kx * (place[0] - u[0]) + ky * (place[1] - u[1])),
            1.0,
            delay=delay,
            flip_angle=math.radians(12),
        ).numpy()
        for kx, ky in WAVES
    ]


def motion():
    """Return a smooth displacement of up to 2 mm over a period of the field of view."""
    x, y = (2 * np.pi * axis / (N * PIXEL[0]) for axis in grid())
    return 2e-3 * np.sin(x) * np.cos(y), -1.5e-3 * np.cos(x + 0.4)


def test_a_shift_of_all_tissue_returns():
    shift = (1.3e-3, -0.6e-3)
    found = tagged_displacement(
        images((0, 0), 0.0), images(shift, 0.2), WAVES, PIXEL, noise_sd=1e-4
    )
    inside = np.s_[16:-16, 16:-16]  # the tags do not meet at the edges of the picture
    assert (found.status[inside] == Status.FITTED).all()
    for name, truth in zip(("displacement_x", "displacement_y"), shift, strict=True):
        np.testing.assert_allclose(found.values[name][inside], truth, atol=0.02e-3)


def test_smooth_motion_returns_within_a_twentieth_of_its_size():
    """The filter smooths; the tags fade by T1 in between."""
    u = motion()
    found = tagged_displacement(images((0, 0), 0.0), images(u, 0.3), WAVES, PIXEL, noise_sd=1e-4)
    inside = np.s_[16:-16, 16:-16]
    for name, truth in zip(("displacement_x", "displacement_y"), u, strict=True):
        missed = found.values[name][inside] - truth[inside]
        assert np.sqrt(np.mean(missed**2)) < 0.1e-3


def test_the_errors_are_those_of_simulated_noise():
    sd, before, after = 0.01, images((0, 0), 0.0), images((1e-3, 0.5e-3), 0.2)
    draws = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        noisy = [[image + rng.normal(scale=sd, size=image.shape) for image in pair]
                 for pair in (before, after)]  # fmt: skip
        draws.append(tagged_displacement(*noisy, WAVES, PIXEL, noise_sd=sd))
    inside = np.s_[20:-20, 20:-20]
    values = np.stack([each.values["displacement_x"][inside] for each in draws])
    stated = np.mean([each.standard_errors["displacement_x"][inside] for each in draws])
    assert np.sqrt(np.nanvar(values, axis=0, ddof=1).mean()) == pytest.approx(stated, rel=0.05)


def test_tissue_without_tags_is_marked():
    before, after = images((0, 0), 0.0), images((0, 0), 0.2)
    for image in (*before, *after):
        image[:40] = 0.0
    found = tagged_displacement(before, after, WAVES, PIXEL, noise_sd=0.002)
    bare = np.s_[16:24]  # farther from tissue than the filter reaches, across the edge too
    assert (found.status[bare] == Status.NOT_IDENTIFIED).all()
    assert np.isnan(found.values["displacement_x"][bare]).all()
    assert (found.status[60:-16, 16:-16] == Status.FITTED).all()


@pytest.mark.parametrize(
    ("waves", "pixel", "sentence"),
    [
        ((WAVES[0], WAVES[0]), PIXEL, r"needs tags in two directions"),
        (WAVES, (4e-3, 4e-3), r"Tags 7 mm apart are not shown by pixels of 4 x 4 mm"),
    ],
)
def test_tags_that_cannot_tell_are_refused(waves, pixel, sentence):
    pair = images((0, 0), 0.0)
    with pytest.raises(InputError, match=sentence):
        tagged_displacement(pair, pair, waves, pixel, noise_sd=0.01)
