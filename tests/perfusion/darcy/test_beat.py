"""The beating wall: storage balances, steady limits, diastolic inflow; regulation and steal."""

from dataclasses import replace

import numpy as np
import pytest
from benchmark_bodies import ellipsoid

from cardiotwin.errors import InputError
from cardiotwin.geometry import Template, frame_of, with_coordinates
from cardiotwin.perfusion.darcy.beat import Beat, BeatingWall
from cardiotwin.perfusion.darcy.beat_regulation import autoregulated_beat
from cardiotwin.perfusion.darcy.bed import DENSITY, even_conductances, three_compartments
from cardiotwin.perfusion.darcy.feeding import fed_from_aorta, segment_territory
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.regulation import (
    Regulation,
    autoregulated,
    hyperaemia,
    with_tone,
)
from cardiotwin.perfusion.darcy.segments import (
    endo_epi_ratio,
    layer_means,
    map_to_cells,
    reserve,
    segment_means,
)
from cardiotwin.perfusion.darcy.steady import steady_flow
from cardiotwin.units import MMHG

BED = three_compartments()
AORTA = 90 * MMHG
DEMAND = 1 / 60 / DENSITY  # m^3/(s kg)
STEPS = 30
PHASE = (np.arange(STEPS) + 1) / STEPS
EJECTION = np.sin(np.pi * np.clip(PHASE / 0.4, 0, 1))


@pytest.fixture(scope="module")
def wall():
    mesh = ellipsoid(Template(rings=4, layers=3), 3.5)
    return PorousWall(with_coordinates(mesh, frame_of(mesh)))


@pytest.fixture(scope="module")
def fed(wall):
    return fed_from_aorta(BED, segment_territory(wall.mesh))


@pytest.fixture(scope="module")
def beat(wall):
    late = wall.mesh.points * np.array([-0.25, -0.25, -0.1])
    return Beat(
        period=0.8,
        aortic_pressure=MMHG * (80 + 40 * EJECTION),
        lv_pressure=MMHG * (8 + 112 * EJECTION),
        displacement=np.sin(np.pi * PHASE)[:, None, None] ** 2 * late,
    )


@pytest.fixture(scope="module")
def beaten(wall, fed, beat):
    return BeatingWall(wall, BED, fed, beat).run()


def test_each_step_stores_what_comes_and_does_not_leave(beaten):
    assert beaten.balance_error < 1e-10
    assert np.ptp(beaten.blood.sum(axis=1)) > 0.01 * beaten.blood.sum(axis=1).mean()


def test_the_arteries_fill_the_wall_in_diastole_and_the_muscle_empties_it_in_systole(beaten, beat):
    diastole = beat.lv_pressure < 60 * MMHG
    into, out = beaten.inflow.sum(axis=1), beaten.venous_outflow
    assert into[diastole].sum() > 0.6 * into.sum()
    assert into[diastole].mean() > 1.2 * into[~diastole].mean()
    assert out[~diastole].mean() > 2 * out[diastole].mean()


def test_the_inner_wall_is_perfused_less(wall, beaten):
    assert np.all(endo_epi_ratio(wall.mesh, beaten.mbf)[:16] < 0.9)


def test_a_wall_that_nothing_squeezes_comes_to_its_steady_flow(wall, fed):
    """At the reference pressures the vessels have their reference volume, so both agree."""
    still = Beat(period=1.0, aortic_pressure=np.full(10, 12000.0), lv_pressure=np.zeros(10))
    found = BeatingWall(wall, BED, fed, still).run()
    steady = steady_flow(wall, BED, fed, aortic_pressure=12000.0)
    np.testing.assert_allclose(found.inflow[-1], steady.inflow, rtol=1e-3)
    np.testing.assert_allclose(found.mbf, steady.mbf, rtol=1e-3)
    assert found.pressure[0].mean() == pytest.approx(8600, abs=5)


def test_courses_of_unequal_length_are_refused():
    with pytest.raises(InputError, match="found 3, 4 and 3 steps"):
        Beat(period=1.0, aortic_pressure=np.ones(3), lv_pressure=np.ones(4))


def narrowed(wall, fed, shares):
    volume = np.bincount(fed.territory, wall.cell_volume)
    arteries = tuple(
        replace(artery, resistance=share * AORTA * 60 / size)
        for artery, share, size in zip(fed.arteries, shares, volume, strict=True)
    )
    return replace(fed, arteries=arteries)


def of_territory(wall, fed, number, values):
    there = fed.territory == number
    return values[there] @ wall.cell_volume[there] / wall.cell_volume[there].sum()


def test_a_mild_stenosis_is_hidden_at_rest_and_seen_under_vasodilation(wall, fed):
    mild = narrowed(wall, fed, (0.3, 0, 0))
    demand = np.full(len(fed.territory), DEMAND)
    rest = autoregulated(wall, BED, mild, aortic_pressure=AORTA, demand=demand)
    stress = hyperaemia(wall, BED, mild, aortic_pressure=AORTA)
    np.testing.assert_allclose(rest.flow.mbf, DEMAND, rtol=2e-4)
    assert rest.tone[fed.territory == 0].mean() > 1.2
    found = reserve(wall.mesh, stress.flow.mbf, rest.flow.mbf)
    assert found[[0, 1, 6, 7]].max() < 2.5
    assert found[[3, 4, 9, 10]].min() > 3


def test_vasodilation_steals_from_behind_a_closed_artery_when_its_donors_are_narrow(wall, fed):
    """The territory lives on what crosses from its neighbours, whose arteries lose pressure."""
    closed = narrowed(wall, fed, (30, 0.2, 0.2))
    demand = np.full(len(fed.territory), DEMAND)
    rest = autoregulated(wall, BED, closed, aortic_pressure=AORTA, demand=demand)
    stress = hyperaemia(wall, BED, closed, aortic_pressure=AORTA)
    before, after = (of_territory(wall, fed, 0, one.flow.mbf) for one in (rest, stress))
    assert after < 0.95 * before < 0.9 * DEMAND
    for donor in (1, 2):
        assert of_territory(wall, fed, donor, stress.flow.mbf) > 1.3 * DEMAND


def test_inner_layers_widen_at_rest_and_fall_behind_under_vasodilation():
    mesh = ellipsoid(Template(rings=2, layers=3), 3.5)
    small = PorousWall(with_coordinates(mesh, frame_of(mesh)))
    one = np.zeros(len(mesh.cells), dtype=np.int64)
    fed = fed_from_aorta(BED, one, ("all",))
    beat = Beat(
        period=0.8,
        aortic_pressure=MMHG * (80 + 40 * EJECTION[3::4]),
        lv_pressure=MMHG * (8 + 112 * EJECTION[3::4]),
    )
    rest = autoregulated_beat(small, BED, fed, beat, demand=np.full(len(one), DEMAND))
    np.testing.assert_allclose(rest.flow.mbf, DEMAND, rtol=0.011)
    inner, _, outer = np.nanmean(layer_means(small.mesh, rest.tone), axis=1)
    assert inner > 1.1 * outer
    feeding, joined = with_tone(BED, fed, np.full(len(one), 8.0), Regulation())
    wide = BeatingWall(small, BED, feeding, beat, joined).run(rest.flow.pressure)
    assert np.nanmean(endo_epi_ratio(small.mesh, wide.mbf)) < 0.95


def test_a_range_of_tone_that_is_none_is_refused():
    with pytest.raises(InputError, match="found 2 and 1"):
        Regulation(least=2.0, most=1.0)
    with pytest.raises(InputError, match=r"found 1\.5"):
        Regulation(upstream=1.5)


def test_means_by_segment_and_layer_are_those_of_their_cells(wall):
    mesh = wall.mesh
    segment = mesh.cell_fields["aha_segment"]
    np.testing.assert_allclose(segment_means(mesh, segment.astype(float)), np.arange(1, 18))
    depth = mesh.point_fields["transmural"][mesh.cells[:, :4]].mean(axis=1)
    inner, middle, outer = layer_means(mesh, depth)
    assert np.nanmax(inner) < 1 / 3 < np.nanmin(middle) < np.nanmax(middle) < 2 / 3
    assert np.nanmin(outer) > 2 / 3


def test_a_map_comes_to_the_cells_between_its_voxels(wall):
    mesh = wall.mesh
    affine = np.diag([2e-3, 2e-3, 4e-3, 1.0])
    affine[:3, 3] = mesh.points.min(axis=0) - 0.01
    shape = np.ceil((np.ptp(mesh.points, axis=0) + 0.02) / np.diag(affine)[:3]).astype(int) + 1
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    world = places @ affine[:3, :3].T + affine[:3, 3]
    linear = 3 + world @ np.array([10.0, -20.0, 30.0])
    middles = mesh.points[mesh.cells[:, :4]].mean(axis=1)
    found = map_to_cells(linear, affine, mesh)
    np.testing.assert_allclose(found, 3 + middles @ np.array([10.0, -20.0, 30.0]), rtol=1e-9)
    gone = np.where(world[..., 0] > 0, linear, np.nan)
    holes = map_to_cells(gone, affine, mesh)
    assert np.isnan(holes[middles[:, 0] < -2e-3]).all()
    assert np.isfinite(holes[middles[:, 0] > 2e-3]).all()
    with pytest.raises(InputError, match=r"no value within the wall, found cells from"):
        map_to_cells(linear, affine + np.array([[0, 0, 0, 9.0]] * 3 + [[0, 0, 0, 0]]), mesh)


def test_even_conductances_are_the_beds():
    even = even_conductances(BED, 4)
    assert even.exchange.shape == (2, 4)
    assert set(even.venous) == {BED.venous_conductance}
