"""Velocity from complex images: exact pieces, known truth, closed-form pressures."""

from dataclasses import replace

import flow4d
import flow4d_pair
import flow4d_phantoms as phantoms
import flow4d_vessels as vessels
import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.geometry.regions import box
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.imaging.phase_contrast import BoxAverage, VoxelGrid
from cardiotwin.measurement.flow import Lumen, Strength, retrieve_flow
from cardiotwin.measurement.flow.images import Images, view
from cardiotwin.measurement.flow.lumen import elements, sampling
from cardiotwin.measurement.flow.middles import at_middles, over_windows
from cardiotwin.measurement.flow.numbers import flow_energy, mean_flow_rate, pressure_difference
from cardiotwin.measurement.flow.prior import flow_prior
from cardiotwin.measurement.flow.start import first_velocities

REGION = box((3, 3, 4), (0.0, 0.0, 0.0), (3e-2, 3e-2, 4e-2))
AXIS = np.array([0.0, 0.0, 1.0])
LAYERS = 2  # of the penalty's roots, which its diagonal leaves out
STRENGTH = Strength(smooth=1e-3, solenoidal=5e-3, steady=0.05)


def duct(n_positions: int = 1) -> Lumen:
    points = REGION.points
    wall = ((points[:, :2] == 0) | (points[:, :2] == 3e-2)).any(axis=1)
    return Lumen(
        positions=np.repeat(points[None], n_positions, axis=0),
        cells=REGION.cells,
        wall=wall,
        open=~wall & ((points[:, 2] == 0) | (points[:, 2] == 4e-2)),
        wall_velocity=np.zeros((n_positions, len(points), 3)),
    )


def test_linear_elements_are_exact_on_linear_fields():
    parts = elements(REGION.points, REGION.cells)
    slope = np.array([2.0, -3.0, 0.5])
    field = REGION.points @ slope
    assert parts.mass.sum() == pytest.approx(3.6e-5, rel=1e-12)
    assert field @ (parts.stiffness @ field) == pytest.approx(slope @ slope * 3.6e-5, rel=1e-12)
    for matrix, each in zip(parts.slopes, slope, strict=True):
        np.testing.assert_allclose(matrix @ field, each * parts.mass, rtol=1e-9)


def test_every_sample_inside_is_found_once_and_no_other():
    affine = np.diag([2.1e-3, 1.9e-3, 2.3e-3, 1.0])
    affine[:3, 3] = -4e-3
    grid = VoxelGrid(shape=(20, 20, 24), affine=affine)
    matrix = sampling(REGION.points, REGION.cells, grid)
    places = grid.points().reshape(-1, 3)
    inside = ((places > 0) & (places < [3e-2, 3e-2, 4e-2])).all(axis=1)
    np.testing.assert_array_equal(np.diff(matrix.indptr) > 0, inside)
    np.testing.assert_allclose((matrix @ REGION.points)[inside], places[inside], atol=1e-12)


@pytest.mark.parametrize("n_positions", [1, 5])
def test_the_penaltys_roots_and_their_transpose_are_one_map(n_positions):
    rng = np.random.default_rng(0)
    prior = flow_prior(duct(n_positions), 0.05, 1e-3)
    x = rng.normal(size=(5, len(REGION.points), 3))
    roots = prior.roots(x, STRENGTH)
    y = [rng.normal(size=part.shape) for part in roots]
    back = prior.adjoint(y, STRENGTH, x.shape[1])
    forth = sum(float(np.vdot(a, b)) for a, b in zip(y, roots, strict=True))
    assert float(np.vdot(back, x)) == pytest.approx(forth, rel=1e-12)
    unit = np.zeros_like(x)
    unit[2, 40, 1] = 1.0
    parts = prior.roots(unit, STRENGTH)
    size = sum(float(np.sum(part**2)) for k, part in enumerate(parts) if k != LAYERS)
    assert prior.diagonal(STRENGTH, 5)[2, 40, 1] == pytest.approx(size, rel=1e-12)


def test_a_stream_and_a_shear_cost_no_smoothness_and_no_source():
    prior = flow_prior(duct(), 0.05, 1e-3)
    shear = np.zeros((4, len(REGION.points), 3))
    shear[..., 2] = 0.3 + 20 * REGION.points[:, 1]
    assert max(float(np.abs(part).max()) for part in prior.roots(shear, STRENGTH)) < 1e-12


@pytest.fixture(scope="module")
def pipe():
    truth = vessels.pipe(4e-3, 0.4)
    return truth, *phantoms.scan(truth, 0.3, 15.0, np.random.default_rng(0))


@pytest.mark.parametrize("referenced", [True, False])
def test_the_misfits_gradient_is_its_derivative(pipe, referenced):
    truth, series, _, _ = pipe
    if referenced:
        keep = series.signal[..., 1:]
        series = replace(series, signal=keep, encoding=series.encoding[1:], referenced=True)
    seen = view(truth.lumen.positions[0], truth.lumen, series.grid, 3)
    images = Images(series=series, average=BoxAverage(per_edge=3), views=(seen,), tissue=0.5)
    rng = np.random.default_rng(1)
    field, step = 0.1 * rng.normal(size=(2, len(truth.lumen.wall), 3))
    _, pull = images.gradient(3, field)
    ends = [images.gradient(3, field + h * step)[0] for h in (1e-5, -1e-5)]
    assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(float(np.vdot(pull, step)), rel=1e-6)


def test_phases_beyond_half_a_turn_are_turned_by_their_neighbours(pipe):
    """The venc is 0.6 of the fastest; a voxel in six has gone round, none is left so."""
    truth, series, share, mean = pipe
    seen = view(truth.lumen.positions[0], truth.lumen, series.grid, 3)
    images = Images(series=series, average=BoxAverage(per_edge=3), views=(seen,), tissue=0.5)
    found, turned = first_velocities(images, phantoms.FRAMES)
    full = share[seen.used][:, 0] > 0.99
    apart = np.abs(np.stack(found, axis=1)[full] - mean[seen.used][full])
    assert turned > 0.05
    assert apart.max() < 0.3


def test_a_pulse_in_a_pipe_is_found_better_than_its_phases_tell_it(pipe):
    """With the venc at 0.6 of the fastest and SNR 4: against the phases rightly unwrapped."""
    truth, series, share, mean = pipe
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((2, *series.signal.shape)) * np.sqrt(1 / 16 - 1 / 225)
    series = replace(series, signal=series.signal + noise[0] + 1j * noise[1], noise_sd=0.25)
    found = retrieve_flow(
        series,
        truth.lumen,
        BoxAverage(per_edge=2),
        per_edge=2,
        tissue=phantoms.TISSUE,
        rng=rng,
        strength=Strength(smooth=2e-3, solenoidal=1e-2, steady=0.05),
        n_draws=2,
    )
    ours, filled, _ = flow4d.at_voxels(found, truth)
    mask = (share > 0.5) & (filled > 0)
    told = flow4d.decoded(series, 0.3)
    told = told + 0.6 * np.round((mean - told) / 0.6)
    wrong, noisy = (np.sqrt(((f - mean)[mask] ** 2).sum(axis=-1).mean()) for f in (ours, told))
    assert wrong < 0.8 * noisy
    assert [flag.name for flag in found.flags] == ["venc_exceeded"]
    assert "The venc is below the velocities present: phases reach 1." in found.flags[0].sentence
    value, error = found.uncertain(lambda u: float(mean_flow_rate(truth.lumen, u, AXIS)[0]))
    assert 0 < error < 0.2 * abs(value)


def test_the_mean_over_a_frames_window_is_turned_back_to_its_middle():
    """Means of 200 moments in each of 16 frames, of a wave with three harmonics, and back."""
    times = (np.arange(16)[:, None] + (np.arange(200) + 0.5) / 200 - 0.5) / 16

    def wave(t: np.ndarray) -> np.ndarray:
        return sum(np.cos(2 * np.pi * n * t - n) for n in (0, 1, 3))

    means = wave(times).mean(axis=1)[:, None, None] * [1.0, 2.0, 3.0]
    exact = wave(np.arange(16) / 16)[:, None, None] * [1.0, 2.0, 3.0]
    np.testing.assert_allclose(at_middles(means, 1.0), exact, atol=6e-5)
    np.testing.assert_allclose(over_windows(exact, 1.0), means, atol=6e-5)
    assert np.abs(means - exact).max() > 0.05
    np.testing.assert_array_equal(at_middles(means, 0.0), means)


def test_a_stream_that_quickens_needs_the_pressure_of_its_inertia():
    """Uniform flow U cos(w t): dp = -rho L U w sin(w t), with no wall to rub."""
    lumen, period, n = duct(), 0.8, 16
    turns = 2 * np.pi * np.arange(n) / n
    field = np.cos(turns)[:, None, None] * 0.4 * np.broadcast_to(AXIS, (len(lumen.wall), 3))
    told = pressure_difference(lumen, field, axis=AXIS, period=period, fluid=Fluid())
    exact = -1060 * 4e-2 * 0.4 * 2 * np.pi / period * np.sin(turns)
    np.testing.assert_allclose(told, exact, atol=1e-9 * np.abs(exact).max())
    rate = mean_flow_rate(lumen, field, AXIS)
    np.testing.assert_allclose(rate, 9e-4 * 0.4 * np.cos(turns), rtol=1e-12, atol=1e-18)
    energy = flow_energy(lumen, field, Fluid())
    np.testing.assert_allclose(energy, 530 * 3.6e-5 * (0.4 * np.cos(turns)) ** 2, atol=1e-15)


def test_a_shear_needs_the_pressure_of_its_friction():
    """u = g y along z through a box: the work of pressure, dp Q, is mu g^2 V."""
    lumen = duct()
    field = np.zeros((3, len(lumen.wall), 3))
    field[..., 2] = 12 * REGION.points[:, 1]
    told = pressure_difference(lumen, field, axis=AXIS, period=0.8, fluid=Fluid())
    np.testing.assert_allclose(told, 3.5e-3 * 144 * 3.6e-5 / (12 * 1.5e-2 * 9e-4), rtol=1e-9)


def test_a_stream_that_grows_along_its_way_needs_bernoullis_pressure():
    """u = U + a z, tested with itself: dp Q = rho a int (U + a z)^2, Q the mean flow."""
    lumen, speed, growth = duct(), 0.2, 5.0
    field = np.zeros((3, len(lumen.wall), 3))
    field[..., 2] = speed + growth * REGION.points[:, 2]
    fluid = Fluid(viscosity=1e-12)
    told = pressure_difference(lumen, field, axis=AXIS, period=0.8, fluid=fluid)
    ends = speed, speed + growth * 4e-2
    work = 1060 * 9e-4 * (ends[1] ** 3 - ends[0] ** 3) / 3
    np.testing.assert_allclose(told, work / (9e-4 * sum(ends) / 2), rtol=1e-9)


def test_lumens_and_pressures_that_cannot_be_are_refused():
    lumen = duct()
    with pytest.raises(InputError, match=r"folded in frame 0: 216 of 216 cells"):
        replace(lumen, positions=lumen.positions * [1.0, 1.0, -1.0])
    field = np.zeros((3, len(lumen.wall), 3))
    with pytest.raises(InputError, match=r"takes a lumen at rest, found 3 positions"):
        pressure_difference(duct(3), field, axis=AXIS, period=0.8, fluid=Fluid())
    with pytest.raises(InputError, match=r"Nothing flows along the axis, found 0 m\^3/s"):
        pressure_difference(lumen, field, axis=AXIS, period=0.8, fluid=Fluid())
    with pytest.raises(InputError, match=r"heart or sr4d, found 'aorta'"):
        flow4d.solve(flow4d.Options(phantom="aorta"))
    with pytest.raises(InputError, match=r"needs a folder of a cine's contours, found path=''"):
        flow4d.solve(flow4d.Options(phantom="heart"))


def test_a_folder_without_the_pair_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"lacks example_data.h5, example_data_HR.h5"):
        flow4d_pair.read(tmp_path)
