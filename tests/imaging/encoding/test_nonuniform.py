import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging.encoding import (
    CartesianFourier,
    NonuniformFourier,
    OffResonance,
    Sensitivity,
    radial,
    spiral,
    time_segments,
    to_kspace,
)
from cardiotwin.imaging.encoding.trajectory import GAMMA_HZ, GOLDEN_ANGLE
from cardiotwin.operators import Chain, adjoint_error

PIXEL = 2e-3
SHAPE = (24, 21)
TRAJECTORIES = {
    "radial": radial(n_spokes=7, n_samples=24, pixel=PIXEL, dwell=4e-6, n_frames=2),
    "spiral": spiral(n_arms=3, field_of_view=0.05, pixel=PIXEL, dwell=10e-6, n_frames=2),
}


def random(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def direct(x, trajectory, frequency=0.0):
    """Return the samples by the sum over pixels itself."""
    place = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij"), axis=-1)
    turns = -np.einsum("trsa,ija->trsij", trajectory.positions, PIXEL * place)
    turns = turns + trajectory.times[:, None, None] * frequency
    return np.einsum("trsij,tij->trs", np.exp(2j * np.pi * turns), x) / np.sqrt(np.prod(SHAPE))


def fourier(trajectory, **options):
    return NonuniformFourier(positions=trajectory.positions, shape=SHAPE, pixel=PIXEL, **options)


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_the_samples_are_the_direct_sum(name):
    x = random(2, *SHAPE)
    expected = direct(x, TRAJECTORIES[name])
    found = fourier(TRAJECTORIES[name], tolerance=1e-9).forward(x)
    assert np.linalg.norm(found - expected) < 2e-9 * np.linalg.norm(expected)


@pytest.mark.parametrize("name", TRAJECTORIES)
@pytest.mark.parametrize("tolerance", [1e-3, 1e-9])
def test_the_adjoint_is_exact_at_any_tolerance(name, tolerance):
    operator = Chain(
        (
            fourier(TRAJECTORIES[name], tolerance=tolerance),
            Sensitivity(coil_maps=random(3, *SHAPE, seed=2)),
        )
    )
    x = random(2, *SHAPE)
    y = random(3, *TRAJECTORIES[name].positions.shape[:3], seed=1)
    assert adjoint_error(operator, x, y) < 1e-12


def test_on_the_points_of_a_grid_it_is_the_cartesian_transform():
    steps = [(np.arange(n) - n // 2) / (n * PIXEL) for n in SHAPE]
    grid = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1)
    x = random(1, *SHAPE)
    operator = NonuniformFourier(positions=grid[None], shape=SHAPE, pixel=PIXEL, tolerance=1e-12)
    np.testing.assert_allclose(operator.forward(x), to_kspace(x), atol=1e-10)


def test_single_precision_stays_single():
    x = random(2, *SHAPE).astype(np.complex64)
    samples = fourier(TRAJECTORIES["radial"]).forward(x)
    assert samples.dtype == np.complex64
    assert fourier(TRAJECTORIES["radial"]).adjoint(samples).dtype == np.complex64


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_off_resonance_is_the_direct_sum(name):
    trajectory = TRAJECTORIES[name]
    frequency = np.random.default_rng(3).uniform(-200, 300, SHAPE)
    x = random(2, *SHAPE)
    operator = OffResonance(
        fourier=fourier(trajectory, tolerance=1e-9),
        frequency=frequency,
        times=trajectory.times,
        tolerance=1e-7,
    )
    expected = direct(x, trajectory, frequency)
    assert np.linalg.norm(operator.forward(x) - expected) < 1e-6 * np.linalg.norm(expected)
    y = random(*trajectory.positions.shape[:3], seed=1)
    assert adjoint_error(operator, x, y) < 1e-12


def test_off_resonance_moves_a_cartesian_image_along_the_read_out():
    """A frequency of one cycle per read-out is one pixel: the chemical shift artefact."""
    n, dwell = 32, 5e-6
    times = (np.arange(n) - n // 2)[:, None] * dwell
    x = random(n, 4)
    operator = OffResonance(
        fourier=CartesianFourier(mask=np.ones(4, bool)),
        frequency=np.full((n, 4), -2 / (n * dwell)),
        times=times,
    )
    np.testing.assert_allclose(operator.forward(x), to_kspace(np.roll(x, 2, axis=0)), atol=1e-9)


def test_the_segments_keep_to_their_tolerance_between_the_frequencies_they_were_fitted_to():
    times, frequency = np.linspace(0, 8e-3, 300), np.array([-80.0, 220.0])
    moments, weights = time_segments(frequency, times, 1e-4)
    f = np.random.default_rng(4).uniform(-80, 220, 1000)[:, None]
    error = np.exp(2j * np.pi * f * moments) @ weights - np.exp(2j * np.pi * f * times)
    assert np.abs(error).max() < 1.5e-4
    assert len(moments) < 10


def test_off_resonance_that_no_segments_can_follow_is_refused():
    with pytest.raises(InputError, match=r"0 to 50000 Hz turns 500\.0 times"):
        time_segments(np.array([0.0, 5e4]), np.linspace(0, 10e-3, 400), 1e-4)
    with pytest.raises(InputError, match="found 1 pixels that are not"):
        time_segments(np.array([0.0, np.nan]), np.linspace(0, 10e-3, 50), 1e-4)


def test_a_spiral_keeps_to_its_limits_and_meets_them():
    found = spiral(n_arms=8, field_of_view=0.3, pixel=1.5e-3, dwell=4e-6)
    gradient = found.gradient()
    slew = np.linalg.norm(np.diff(gradient, axis=2), axis=-1) / 4e-6
    strength = np.linalg.norm(gradient, axis=-1)
    assert slew.max() == pytest.approx(150, rel=0.02)
    assert strength.max() == pytest.approx(0.030, rel=1e-3)
    reach = np.linalg.norm(found.positions[0, 0], axis=-1)
    assert reach[-1] == pytest.approx(0.5 / 1.5e-3, rel=0.01)


def test_the_arms_of_a_spiral_are_a_field_of_view_apart():
    found = spiral(n_arms=4, field_of_view=0.2, pixel=2e-3, dwell=4e-6)
    arms = found.positions[0, ..., 0] + 1j * found.positions[0, ..., 1]
    crossing = [
        np.interp(
            2 * np.pi * np.arange(3, 8),
            np.unwrap(np.angle(arm[1:])) - np.angle(arms[0, 1]) + 2 * np.pi * (number > 0),
            np.abs(arm[1:]),
        )
        for number, arm in enumerate(arms)
    ]
    radii = np.sort(np.ravel(crossing))
    np.testing.assert_allclose(np.diff(radii)[1:-1], 1 / 0.2, rtol=0.02)


def test_spokes_pass_the_middle_and_turn_by_the_golden_angle():
    found = TRAJECTORIES["radial"]
    assert not found.positions[:, :, 12].any()
    ends = found.positions[..., -1, :]
    angle = np.unwrap(np.arctan2(ends[..., 1], ends[..., 0]).ravel())
    assert np.rad2deg(GOLDEN_ANGLE) == pytest.approx(111.246, abs=1e-3)
    np.testing.assert_allclose(np.exp(1j * np.diff(angle)), np.exp(1j * GOLDEN_ANGLE))
    reach = found.gradient()[0, 0]
    assert np.linalg.norm(reach[0]) == pytest.approx(1 / (24 * PIXEL * 4e-6 * GAMMA_HZ))


def test_a_trajectory_without_pixels_is_refused():
    with pytest.raises(InputError, match="pixel must be positive, found 0"):
        radial(n_spokes=7, n_samples=24, pixel=0.0, dwell=4e-6)
