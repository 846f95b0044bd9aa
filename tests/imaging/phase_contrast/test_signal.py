"""Velocities to complex voxels: closed forms, exact adjoints, orders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiotwin.errors import InputError
from cardiotwin.imaging.phase_contrast import (
    BoxAverage,
    KSpaceCrop,
    VelocitySignal,
    VoxelGrid,
    encodings,
    frame_window,
)
from cardiotwin.imaging.signal import HADAMARD_ENCODING, REFERENCE_ENCODING
from cardiotwin.operators import adjoint_error

VENC = 1.5
AVERAGES = (BoxAverage(per_edge=2), KSpaceCrop(per_edge=2))


def complex_noise(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def model(rng, average, pattern=REFERENCE_ENCODING, shape=(6, 4, 8)):
    moments, window = frame_window(3, 0.8, 2)
    return VelocitySignal(
        average=average,
        encoding=encodings(VENC, np.array(pattern)),
        brightness=complex_noise(rng, *shape, 1),
        window=window,
        background=rng.normal(size=(3, 2, 4, 1, len(pattern))),
    ), rng.normal(size=(*shape, len(moments), 3))


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("pattern", [REFERENCE_ENCODING, HADAMARD_ENCODING])
def test_the_derivative_of_the_signal_and_its_adjoint_are_one_map(average, pattern):
    rng = np.random.default_rng(1)
    signal, velocity = model(rng, average, pattern)
    derivative = signal.derivative(velocity)
    x, y = rng.normal(size=velocity.shape), complex_noise(rng, 3, 2, 4, 3, 4)
    forth = derivative.forward(x)
    apart = np.vdot(y, forth).real - np.vdot(derivative.adjoint(y), x)
    assert abs(apart) < 1e-14 * np.linalg.norm(forth) * np.linalg.norm(y)


@pytest.mark.parametrize("average", AVERAGES)
def test_averages_are_adjoint(average):
    rng = np.random.default_rng(2)
    x, y = complex_noise(rng, 6, 4, 8, 2), complex_noise(rng, 3, 2, 4, 2)
    assert adjoint_error(average, x, y) < 1e-14


@pytest.mark.parametrize("average", AVERAGES)
def test_the_derivative_is_the_signals_to_second_order(average):
    rng = np.random.default_rng(3)
    signal, velocity = model(rng, average)
    step = rng.normal(size=velocity.shape)

    def rest(size):
        ends = signal.forward(velocity + size * step) - signal.forward(velocity - size * step)
        return np.abs(ends / 2 / size - signal.derivative(velocity).forward(step)).max()

    assert np.log2(rest(0.02) / rest(0.01)) == pytest.approx(2, abs=0.05)


@given(speed=st.floats(-9.0, 9.0), magnitude=st.floats(0.1, 10.0))
def test_an_even_velocity_turns_a_voxel_by_its_wrapped_phase(speed, magnitude):
    signal = VelocitySignal(
        average=BoxAverage(per_edge=3),
        encoding=encodings(VENC, np.array(REFERENCE_ENCODING)),
        brightness=np.full((3, 3, 3, 1), magnitude),
        window=np.ones((1, 1)),
        background=np.zeros((1, 1, 1, 1, 4)),
    )
    velocity = np.full((3, 3, 3, 1, 3), speed)
    turned = magnitude * np.exp(1j * np.pi * speed / VENC)
    np.testing.assert_allclose(signal.forward(velocity)[0, 0, 0, 0, 1:], turned, rtol=1e-12)
    np.testing.assert_allclose(signal.forward(velocity)[0, 0, 0, 0, 0], magnitude, rtol=1e-12)


def test_a_gradient_within_the_voxel_dims_it_by_the_sinc_of_its_spread():
    """The average of exp(i k v) over v from -a to a is sin(k a)/(k a): the magnitude tells it."""
    n, half = 12, 0.9
    velocity = np.zeros((n, 1, 1, 1, 3))
    velocity[:, 0, 0, 0, 2] = half * (2 * (np.arange(n) + 0.5) / n - 1)
    signal = VelocitySignal(
        average=Average(),
        encoding=encodings(VENC, np.array(REFERENCE_ENCODING)),
        brightness=np.ones((n, 1, 1, 1)),
        window=np.ones((1, 1)),
        background=np.zeros((1, 1, 1, 1, 4)),
    )
    found = signal.forward(velocity)[0, 0, 0, 0, 3]
    assert found == pytest.approx(np.sinc(half / VENC), rel=2e-2)
    assert found == pytest.approx(np.sinc(half / VENC) / np.sinc(half / VENC / n), rel=1e-12)


class Average:
    """The mean along the first axis: samples of one voxel in a row."""

    def forward(self, x):
        return x.mean(axis=0, keepdims=True)

    def adjoint(self, y):
        return np.repeat(y, 12, axis=0) / 12


def test_a_crop_of_k_space_keeps_what_the_coarse_grid_can_show():
    """A plane wave below the coarse grid's limit is seen at every second sample, unchanged."""
    turns = np.arange(8) / 8
    wave = np.exp(2j * np.pi * turns)[:, None, None] * np.ones((8, 4, 4))
    seen = KSpaceCrop(per_edge=2).forward(wave)
    np.testing.assert_allclose(seen, wave[::2, ::2, ::2], atol=1e-14)


def test_a_frame_averages_its_window():
    moments, window = frame_window(4, 1.0, 5)
    waves = np.cos(2 * np.pi * moments)
    exact = np.cos(2 * np.pi * np.arange(4) / 4) * np.sinc(0.25) / np.sinc(0.05)
    np.testing.assert_allclose(window @ waves, exact, atol=1e-14)


def test_samples_share_a_voxel_evenly():
    affine = np.diag([2e-3, 3e-3, -4e-3, 1.0])
    affine[:3, 3] = 0.1, 0.2, 0.3
    grid = VoxelGrid(shape=(2, 3, 1), affine=affine)
    fine = grid.finer(3)
    mean = BoxAverage(per_edge=3).forward(fine.points())
    np.testing.assert_allclose(mean, grid.points(), atol=1e-15)
    np.testing.assert_allclose(fine.spacing * 3, grid.spacing)
    index = grid.indices(grid.points().reshape(-1, 3))[-1]
    np.testing.assert_allclose(index, [1, 2, 0], atol=1e-12)


def test_what_is_no_grid_no_venc_and_no_window_is_refused():
    with pytest.raises(InputError, match=r"voxels of 0 m\^3"):
        VoxelGrid(shape=(2, 2, 2), affine=np.diag([1.0, 1.0, 0.0, 1.0]))
    with pytest.raises(InputError, match=r"takes 1 to 12 samples, found 40"):
        VoxelGrid(shape=(2, 2, 2), affine=np.eye(4)).finer(40)
    with pytest.raises(InputError, match=r"venc must be positive, found -1.0 m/s"):
        encodings(-1.0, np.eye(3))
    with pytest.raises(InputError, match=r"found 0 moments in 4 frames"):
        frame_window(4, 1.0, 0)
    with pytest.raises(InputError, match=r"must sum to 1, found sums from 2 to 2"):
        VelocitySignal(
            average=BoxAverage(per_edge=1),
            encoding=np.eye(3),
            brightness=np.ones((1, 1, 1, 1)),
            window=np.full((1, 2), 1.0),
            background=np.zeros((1, 1, 1, 1, 3)),
        )
