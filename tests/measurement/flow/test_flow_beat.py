"""What clinicians read in a flow whose truth is the solver's own."""

from dataclasses import replace

import numpy as np
import pytest
from pulsing import PERIOD, pulsing_spheroid

from cardiotwin.geometry.cavity import CavityTemplate, make_cavity
from cardiotwin.geometry.regions import cell_sizes
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.heart import HeartFlow, valve_times
from cardiotwin.haemodynamics.numbers import kinetic_energy
from cardiotwin.imaging.phase_contrast import FlowSeries, VoxelGrid
from cardiotwin.measurement.flow import (
    FlowRetrieval,
    Strength,
    blood_parts,
    flow_beat,
    moving_lumen,
)
from cardiotwin.measurement.flow.images import brightness_beside, covered, view, without_mixed

FRAMES, STEPS = 20, 240


@pytest.fixture(scope="module")
def beating():
    cavity = make_cavity(pulsing_spheroid(), PERIOD, CavityTemplate(edge=0.16, layers=10))
    heart = HeartFlow(cavity, Fluid(), steps=STEPS)
    moments = list(heart.run(STEPS))
    times = heart.start + PERIOD * np.arange(1, FRAMES + 1) / FRAMES
    lumen = moving_lumen(cavity, times)
    shown = moments[STEPS // FRAMES - 1 :: STEPS // FRAMES]
    rng = np.random.default_rng(0)
    velocity = np.stack([m.velocity for m in shown])
    found = FlowRetrieval(
        velocity=velocity,
        draws=1e-3 * rng.normal(size=(4, *velocity.shape)),
        strength=Strength(smooth=1e-3, solenoidal=1e-2, steady=0.02),
        freedom=1.0,
        misfit=1.0,
        number=1,
        flags=(),
    )
    systole = (valve_times(cavity).end_systole - times[0]) % PERIOD
    return cavity, lumen, found, shown, systole


def test_flows_volumes_and_energies_are_the_solvers(beating):
    cavity, lumen, found, shown, systole = beating
    told = flow_beat(cavity, lumen, found, end_systole=systole, fluid=Fluid())
    assert told.flags == ()
    for name in ("inflow", "outflow"):
        true = np.array([getattr(m, name) for m in shown])
        value, error = told.courses[name]
        far = np.abs(value - true)
        assert np.sort(far)[-2] < 0.08 * np.abs(true).max()  # but where a valve takes over
        assert np.mean(far < 3 * error) > 0.85
    energy = [kinetic_energy(m.points, lumen.cells, m.velocity, Fluid().density) for m in shown]
    np.testing.assert_allclose(told.courses["kinetic_energy"][0], energy, rtol=1e-12)
    stroke, error = told.numbers["ejected"]
    assert stroke == pytest.approx(np.mean([m.outflow for m in shown]) * PERIOD, rel=0.03)
    assert 0 < error < 0.1 * stroke


def test_a_flow_that_the_wall_does_not_displace_is_contradicted(beating):
    """As with velocities of a venc that is stated 0.7 of itself."""
    cavity, lumen, found, _, systole = beating
    small = replace(found, velocity=0.7 * found.velocity)
    told = flow_beat(cavity, lumen, small, end_systole=systole, fluid=Fluid())
    assert {flag.name for flag in told.flags} == {"flow_against_volume"}
    assert "Flow and volume contradict each other" in told.flags[0].sentence


def test_voxels_that_mix_the_lumen_with_what_it_opens_to_do_not_count(beating):
    cavity, lumen, *_ = beating
    points = lumen.positions[0]
    low, high = points.min(axis=0), points.max(axis=0)
    affine = np.diag([3e-3, 3e-3, 3e-3, 1.0])
    affine[:3, 3] = low - 4e-3
    shape = tuple(int(n) for n in np.ceil((high - low + 8e-3) / 3e-3))
    grid = VoxelGrid(shape=shape, affine=affine)
    seen = view(points, lumen, grid, 3)
    ends = points[np.unique(np.concatenate([cavity.region.facets[n] for n in cavity.stubs]))]
    kept = without_mixed(seen, grid, ends, 3e-3)
    gone = seen.used & ~kept.used
    filled = np.zeros(shape)
    filled[seen.used] = np.asarray(seen.means.sum(axis=1)).ravel()
    places = grid.points()
    apart = np.linalg.norm(places[:, :, :, None] - ends, axis=-1).min(axis=-1)
    np.testing.assert_array_equal(gone, seen.used & (apart <= 3e-3) & (filled <= 0.99))
    assert gone.sum() > 10
    assert kept.means.shape[0] == kept.used.sum()
    half = VoxelGrid(shape=(shape[0], shape[1], shape[2] // 2), affine=affine)
    assert covered(lumen, grid) == pytest.approx(1)
    assert 0.2 < covered(lumen, half) < 0.8
    signal = np.where(filled > 0, 2.0 * filled + 0.8 * (1 - filled), 0.8)[..., None, None] + 0j
    series = FlowSeries(
        signal=np.repeat(signal, 4, axis=4),
        grid=grid,
        encoding=np.vstack([np.zeros(3), np.eye(3)]),
        times=np.zeros(1),
        period=PERIOD,
        noise_sd=0.1,
    )
    assert brightness_beside(series, (seen,)) == pytest.approx(0.4, rel=1e-3)


def test_the_parts_of_the_blood_are_those_of_its_volumes(beating):
    """All blood has a part, and direct and delayed flow are what is ejected."""
    cavity, lumen, found, *_ = beating
    valves = valve_times(cavity)
    few = replace(found, draws=found.draws[:2])
    told = blood_parts(cavity, few, valves, first=valves.end_diastole + PERIOD / FRAMES)
    assert sum(value for value, _ in told.values()) == pytest.approx(1)
    assert all(0 < error < 0.05 for _, error in told.values())
    full, empty = (
        cell_sizes(cavity.motion.positions(t), lumen.cells).sum()
        for t in (valves.end_diastole, valves.end_systole)
    )
    share = (full - empty) / full
    assert told["direct"][0] + told["delayed"][0] == pytest.approx(share, abs=0.05)
    assert told["direct"][0] + told["retained"][0] == pytest.approx(share, abs=0.05)
