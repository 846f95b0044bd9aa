import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiotwin.errors import InputError
from cardiotwin.imaging.encoding import LineTiming, segmented_cine, to_kspace
from cardiotwin.operators import adjoint_error

PERIOD = 0.9


def random(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def timing(n_frames, line_times):
    frame_times = PERIOD * np.arange(n_frames) / n_frames
    return LineTiming(frame_times=frame_times, period=PERIOD, line_times=line_times)


@given(frames=st.integers(1, 6), phases=st.integers(1, 4), seed=st.integers(0, 99))
def test_timing_has_its_adjoint(frames, phases, seed):
    times = np.random.default_rng(seed).uniform(-1, 3, (phases, 5))
    x, y = random(2, frames, 4, 5), random(2, phases, 4, 5, seed=1)
    assert adjoint_error(timing(frames, times), x, y) < 1e-13


def test_a_heart_that_stands_still_is_sampled_as_ever():
    still = np.repeat(to_kspace(random(1, 4, 5)), 6, axis=0)
    found = timing(6, np.random.default_rng(0).uniform(0, PERIOD, (3, 5))).forward(still)
    np.testing.assert_allclose(found, still[:3], atol=1e-14)


def test_lines_come_from_their_moment():
    """Between frames linearly, and from the last frame towards the first of the next beat."""
    x = np.arange(4.0)[:, None, None] * np.ones((4, 1, 3)) + 0j
    step = PERIOD / 4
    found = timing(4, np.array([[0.0, 1.25 * step, 3.5 * step]])).forward(x)
    np.testing.assert_allclose(found[0, 0], [0.0, 1.25, 1.5], atol=1e-12)


def test_a_segmented_cine_takes_its_lines_in_turn():
    cine = segmented_cine(10, n_phases=3, views_per_segment=4, repetition_time=3e-3, delay=0.01)
    assert cine.beat[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
    np.testing.assert_allclose(cine.since_r_wave[0, [0, 3, 4]], [0.0115, 0.0205, 0.0115])
    np.testing.assert_allclose(np.diff(cine.since_r_wave, axis=0), 4 * 3e-3)


def test_systole_keeps_its_length_in_a_longer_beat():
    cine = segmented_cine(2, n_phases=300, views_per_segment=1, repetition_time=3.2e-3)
    beats = np.array([0.9, 1.2])
    moments = cine.in_the_true_beat(beats, period=PERIOD, systole=0.35)
    np.testing.assert_allclose(moments[:, 0], cine.since_r_wave[:, 0], rtol=1e-12)
    early = cine.since_r_wave[:, 1] < 0.35
    np.testing.assert_allclose(moments[early, 1], cine.since_r_wave[early, 1], rtol=1e-12)
    end = np.interp(1.2, [0.35, cine.since_r_wave[-1, 1]], [0.35, moments[-1, 1]])
    assert moments[-1, 1] < PERIOD
    slope = np.diff(moments[~early, 1]) / 3.2e-3
    np.testing.assert_allclose(slope, (PERIOD - 0.35) / (1.2 - 0.35), rtol=1e-9)
    assert end <= PERIOD


def test_a_beat_shorter_than_its_systole_is_refused():
    cine = segmented_cine(4, n_phases=2, views_per_segment=2, repetition_time=3e-3)
    with pytest.raises(InputError, match=r"systole of 0\.35 s, found 0\.3 s"):
        cine.in_the_true_beat(np.array([0.9, 0.3]), period=PERIOD, systole=0.35)


def test_frames_out_of_order_are_refused():
    swapped = LineTiming(
        frame_times=np.array([0.0, 0.5, 0.4]), period=PERIOD, line_times=np.zeros((1, 5))
    )
    with pytest.raises(InputError, match=r"found 0, 0\.5, 0\.4"):
        swapped.forward(random(3, 4, 5))


def test_more_views_than_lines_are_refused():
    with pytest.raises(InputError, match="found 9"):
        segmented_cine(8, n_phases=2, views_per_segment=9, repetition_time=3e-3)
