"""Measured series: what cannot be used is named, and the background phase is found."""

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging.phase_contrast import (
    FlowSeries,
    VoxelGrid,
    check_alike,
    encodings,
    fit_background,
    from_velocities,
    monomials,
    noise_of,
    without_background,
)
from cardiotwin.imaging.signal import REFERENCE_ENCODING

SHAPE, FRAMES, PERIOD = (10, 12, 8), 4, 0.8
GRID = VoxelGrid(shape=SHAPE, affine=np.diag([2e-3, 2e-3, 2e-3, 1.0]))
TIMES = np.arange(FRAMES) * PERIOD / FRAMES
ENCODING = encodings(1.0, np.array(REFERENCE_ENCODING))


def series(**changes) -> FlowSeries:
    given = {
        "signal": np.ones((*SHAPE, FRAMES, 4), dtype=complex),
        "grid": GRID,
        "encoding": ENCODING,
        "times": TIMES,
        "period": PERIOD,
        "noise_sd": 0.05,
    }
    return FlowSeries(**(given | changes))


def test_missing_directions_are_named():
    with pytest.raises(InputError, match=r"do not encode the velocity along y: three"):
        series(encoding=ENCODING * [1.0, 0.0, 1.0])
    with pytest.raises(InputError, match=r"4 images per frame came with 3 encodings"):
        series(encoding=ENCODING[:3])
    three = np.ones((*SHAPE, FRAMES, 3), dtype=complex)
    with pytest.raises(InputError, match=r"along z"):
        series(signal=three, encoding=ENCODING[:3])
    with pytest.raises(InputError, match=r"3 images do not encode"):  # no reference
        series(signal=three, encoding=ENCODING[1:])
    assert series(signal=three, encoding=ENCODING[1:], referenced=True).referenced


def test_times_that_belong_to_another_series_are_named():
    with pytest.raises(InputError, match=r"4 frames came with 5 times"):
        series(times=np.arange(5) * 0.16)
    with pytest.raises(InputError, match=r"0 to 480 ms do not lie evenly over a beat of 800 ms"):
        series(times=np.arange(FRAMES) * 0.16)
    with pytest.raises(InputError, match=r"x has 4 frames, y 5"):
        check_alike({"x": TIMES, "y": np.arange(5) * 0.16})
    with pytest.raises(InputError, match=r"z is 10.0 ms from x"):
        check_alike({"x": TIMES, "y": TIMES, "z": TIMES + 0.01})


def test_images_that_are_none_are_named():
    broken = np.ones((*SHAPE, FRAMES, 4), dtype=complex)
    broken[0, 0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match=r"1 of 15360 values of the images are not finite"):
        series(signal=broken)
    with pytest.raises(InputError, match=r"noise_sd must be positive, found 0"):
        series(noise_sd=0.0)
    with pytest.raises(InputError, match=r"have \(10, 12, 8\) voxels, their grid \(9, 12, 8\)"):
        series(grid=VoxelGrid(shape=(9, 12, 8), affine=np.eye(4)))


def test_velocity_images_become_signals_of_their_venc():
    rng = np.random.default_rng(0)
    velocity = rng.uniform(-1.4, 1.4, (*SHAPE, FRAMES, 3))
    magnitude = rng.uniform(0.5, 1.5, (*SHAPE, FRAMES, 1))
    options = {"grid": GRID, "times": TIMES, "period": PERIOD, "noise_sd": 0.1}
    found = from_velocities(velocity, magnitude, venc=1.5, **options)
    np.testing.assert_allclose(np.angle(found.signal) / np.pi * 1.5, velocity, atol=1e-14)
    np.testing.assert_allclose(np.abs(found.signal), np.broadcast_to(magnitude, velocity.shape))
    with pytest.raises(InputError, match=r"reach 1\.\d\d times their venc"):
        from_velocities(velocity, magnitude, venc=1.0, **options)


def test_a_background_phase_beyond_half_a_turn_is_found_beside_moving_blood():
    """Coefficients are met within four of their own standard errors; blood is a quarter of all."""
    rng = np.random.default_rng(4)
    truth = np.zeros((4, 10))
    truth[1:] = rng.normal(scale=0.3, size=(3, 10))
    truth[2, 0] = 2.9  # with the rest it goes past half a turn
    phase = monomials(GRID, 2) @ truth.T
    velocity = np.zeros((*SHAPE, FRAMES, 3))
    velocity[3:7, 3:9, :] = rng.uniform(0.3, 0.9, (4, 6, 8, FRAMES, 1))
    coil = np.exp(1j * rng.uniform(-3, 3, SHAPE))[..., None, None]
    signal = coil * np.exp(1j * (velocity @ ENCODING.T + phase[..., None, :]))
    signal = signal + 0.05 * (rng.normal(size=signal.shape) + 1j * rng.normal(size=signal.shape))
    assert np.abs(phase[..., 2]).max() > np.pi
    found = fit_background(signal, GRID, np.ones(SHAPE, dtype=bool))
    spread = np.sqrt(np.diagonal(found.covariance[1:], axis1=1, axis2=2))
    assert np.abs((found.coefficients - truth)[1:] / spread).max() < 4
    assert np.abs(found.phase(GRID)[..., 0, :] - phase).max() < 0.05
    few = np.zeros(SHAPE, dtype=bool)
    few[0, 0, :5] = True
    with pytest.raises(InputError, match=r"has 10 coefficients, found 5 voxels at rest"):
        fit_background(signal, GRID, few)


def still_images(rng, background: float) -> FlowSeries:
    """Return tissue at rest with a phase along y in the images of x and z."""
    phase = background * np.linspace(-1, 1, SHAPE[1])[None, :, None, None, None]
    signal = np.exp(1j * phase * np.array([0.0, 1.0, 0.0, -1.0])) * np.ones((*SHAPE, FRAMES, 4))
    noise = 0.05 * (rng.normal(size=signal.shape) + 1j * rng.normal(size=signal.shape))
    return series(signal=signal + noise)


def test_a_background_is_taken_away_and_named_and_none_is_not():
    rng = np.random.default_rng(6)
    still = np.ones(SHAPE, dtype=bool)
    clean, flags = without_background(still_images(rng, 0.4), still)
    assert [flag.name for flag in flags] == ["background_phase"]
    assert "a background phase of up to 0.4" in flags[0].sentence
    left = np.angle((clean.signal[..., 1:] * clean.signal[..., :1].conj()).mean(axis=3))
    assert np.abs(left.mean(axis=(0, 2))).max() < 0.02
    for _ in range(5):
        bare = still_images(rng, 0.0)
        same, flags = without_background(bare, still)
        assert same is bare
        assert flags == ()


def test_the_noise_is_read_where_there_is_air():
    rng = np.random.default_rng(5)
    noise = 0.2 * (rng.normal(size=(*SHAPE, 2, 4)) + 1j * rng.normal(size=(*SHAPE, 2, 4)))
    assert noise_of(noise, np.ones(SHAPE, dtype=bool)) == pytest.approx(0.2, rel=0.02)
    with pytest.raises(InputError, match=r"needs 30 voxels of air at least, found 0"):
        noise_of(noise, np.zeros(SHAPE, dtype=bool))
