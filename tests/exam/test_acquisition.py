from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.exam.acquisition import scan_cine
from cardiotwin.exam.cine_protocol import CineProtocol, MovingAnatomy
from cardiotwin.exam.electrocardiogram import SAMPLE_TIME, electrocardiogram
from cardiotwin.imaging.encoding import sample_covariance, to_image
from cardiotwin.imaging.raw import cartesian_spectra

PERIOD = 0.9


def anatomy(n_slices=1):
    """Return a disc that grows and shrinks on a coarse grid."""
    i, j = np.meshgrid(*(np.arange(n) - n // 2 for n in (40, 36)), indexing="ij")
    away = np.hypot(i, j)
    radius = 10 + 3 * np.cos(2 * np.pi * np.arange(20) / 20)
    frames = np.clip(radius[:, None, None] - away, 0, 1) * 100.0
    affines = np.tile(np.diag([7e-3, 7e-3, 8e-3, 1.0]), (n_slices, 1, 1))
    affines[:, :3, 3] = -7e-3 * np.array([20, 18, 0])
    affines[:, 2, 3] = 0.01 * np.arange(n_slices)
    return MovingAnatomy(
        frames=np.repeat(frames[None], n_slices, axis=0),
        frame_times=PERIOD * np.arange(20) / 20,
        period=PERIOD,
        systole=0.35,
        affines=affines,
        heart=np.zeros(3),
    )


def plain(**options):
    return CineProtocol(n_phases=10, n_coils=4, acceleration=1, **options)


def test_without_motion_noise_and_field_the_coils_see_the_picture():
    still = anatomy()
    still = replace(still, frames=np.repeat(still.frames[:, :1], 20, axis=1))
    scan = scan_cine(still, plain(signal_to_noise=1e9, field_spread=0.0), np.random.default_rng(0))
    spectra = cartesian_spectra(replace(scan, noise=None), 0)
    image = np.linalg.norm(to_image(spectra.kspace), axis=0)
    truth = still.frames[0, 0]
    inside = truth > 99
    shading = image[:, inside] / 100
    assert np.ptp(shading, axis=0).max() < 1e-4  # all phases alike
    assert image[:, truth == 0].max() < 1e-3 * image.max()


def test_the_noise_gives_the_wanted_signal_to_noise_at_the_heart():
    moving = anatomy()
    scan = scan_cine(moving, plain(signal_to_noise=40.0), np.random.default_rng(0))
    spectra = cartesian_spectra(scan, 0)
    images = to_image(spectra.kspace)[:, 0]
    at_heart = np.linalg.norm(images[:, 20, 18])
    noise = np.sqrt(0.5)  # of one part of a whitened channel
    assert at_heart / noise == pytest.approx(40, rel=0.06)
    measured = sample_covariance(scan.noise)
    assert np.abs(measured - np.diag(np.diag(measured))).max() > 0.05 * measured[0, 0].real


def test_phases_follow_the_beat():
    """The disc's area by phase is that of its truth at the phase's middle time."""
    asked = replace(plain(), n_phases=25, signal_to_noise=1e6, beat_spread=0.0)
    scan = scan_cine(anatomy(), asked, np.random.default_rng(0))
    spectra = cartesian_spectra(replace(scan, noise=None), 0)
    image = np.linalg.norm(to_image(spectra.kspace), axis=0)
    radius = np.sqrt(
        (image > 0.5 * image.max(axis=(1, 2), keepdims=True) * 0.8).sum((1, 2)) / np.pi
    )
    expected = 10 + 3 * np.cos(2 * np.pi * spectra.phase_times / PERIOD)
    assert np.corrcoef(radius, expected)[0, 1] > 0.99
    np.testing.assert_allclose(radius - radius.mean(), expected - expected.mean(), atol=0.5)


def test_lines_come_in_the_order_of_time_slice_by_slice():
    scan = scan_cine(anatomy(2), plain(), np.random.default_rng(0))
    readouts = scan.readouts
    assert (np.diff(readouts.time) > 0).all()
    assert (np.diff(readouts.slice_number) >= 0).all()
    assert len(readouts.time) == 2 * 10 * 36
    beat = np.round(readouts.time - readouts.since_r_wave, 6)  # the moments of the R waves
    views = plain().views(PERIOD, 36)
    assert len(np.unique(beat)) == 2 * int(np.ceil(36 / views))
    ecg = scan.traces[0]
    moments = ecg.sample_time * np.arange(ecg.samples.shape[1])
    for moment in np.unique(beat):
        near = np.abs(moments - moment) < 0.1
        assert abs(moments[near][np.argmax(ecg.samples[0, near])] - moment) < 0.01


def test_the_same_seed_gives_the_same_scan():
    one, two, other = (
        scan_cine(anatomy(), plain(), np.random.default_rng(seed)).readouts.samples
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_random_lines_differ_from_phase_to_phase():
    asked = replace(plain(), acceleration=3, sampling="random", n_calibration=4)
    mask = cartesian_spectra(scan_cine(anatomy(), asked, np.random.default_rng(0)), 0).mask
    assert (mask.sum(axis=1) == 12).all()
    assert mask[:, 16:20].all()
    assert len({tuple(row) for row in mask.tolist()}) > 5


def test_r_waves_are_where_they_were_put():
    signal = electrocardiogram(np.array([0.5, 1.4, 2.2]), 3.0, np.random.default_rng(0))
    above = np.flatnonzero(
        (signal[1:-1] > 1.0) & (np.diff(signal)[:-1] > 0) & (np.diff(signal)[1:] <= 0)
    )
    np.testing.assert_allclose((above + 1) * SAMPLE_TIME, [0.5, 1.4, 2.2], atol=2 * SAMPLE_TIME)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"sampling": "spiral"}, "must be regular or random, found 'spiral'"),
        ({"views_per_segment": 36}, r"end 1\.\d+ s after the R wave, found a beat of 0\.900 s"),
        ({"n_coils": 0}, "n_coils must be between 1 and 128, found 0"),
    ],
)
def test_a_protocol_that_no_scanner_plays_is_refused(options, match):
    with pytest.raises(InputError, match=match):
        scan_cine(anatomy(), replace(plain(), **options), np.random.default_rng(0))
