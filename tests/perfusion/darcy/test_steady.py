"""Steady flow: closed forms of even and waving sources, balances, territories, the real heart."""

from dataclasses import replace

import numpy as np
import pytest
from benchmark_bodies import box, ellipsoid
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from cardiotwin.errors import InputError
from cardiotwin.fem.domain import QUADRATURE, quadrature_rule
from cardiotwin.geometry import Template, fit_anatomy, frame_of, with_coordinates
from cardiotwin.imaging import read_examination
from cardiotwin.perfusion.darcy.bed import (
    DENSITY,
    Bed,
    Conductances,
    even_conductances,
    three_compartments,
)
from cardiotwin.perfusion.darcy.factors import Factors
from cardiotwin.perfusion.darcy.feeding import (
    Artery,
    Feeding,
    GivenInflow,
    fed_from_aorta,
    nearest_outlet,
    segment_territory,
)
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.steady import steady_flow
from cardiotwin.units import MMHG

BED = three_compartments()
G = 1 / 60  # 1/s
AORTA = 90 * MMHG
N_POINTS = len(quadrature_rule(QUADRATURE)[1])


@pytest.fixture(scope="module")
def wall():
    mesh = ellipsoid(Template(rings=4, layers=2), 3.5)
    return PorousWall(with_coordinates(mesh, frame_of(mesh)))


@pytest.fixture(scope="module")
def territory(wall):
    return segment_territory(wall.mesh)


def chain(n: int) -> Bed:
    one = BED.compartments[0]
    return replace(
        BED, compartments=(one,) * n, exchange=tuple(1e-6 * (k + 1) for k in range(n - 1))
    )


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_an_even_source_falls_from_compartment_to_compartment(wall, territory, n):
    bed = chain(n)
    volume = np.bincount(territory, wall.cell_volume)
    found = steady_flow(wall, bed, GivenInflow(territory=territory, flow=G * volume))
    steps = G / np.array([*bed.exchange, bed.venous_conductance])
    expected = bed.venous_pressure + np.cumsum(steps[::-1])[::-1]
    np.testing.assert_allclose(
        found.pressure, np.tile(expected[:, None], wall.n_wells), rtol=1e-10
    )
    np.testing.assert_allclose(found.mbf, G / DENSITY, rtol=1e-9)
    assert found.balance_error < 1e-10


def wave_error(n: int) -> float:
    """Cosines along and across the fibres at once; the amplitudes solve a 3 x 3 system."""
    L = 0.01
    ticks, thin = np.linspace(0, L, n + 1), np.linspace(0, 2 * L / n, 3)
    mesh = box(ticks, ticks, thin, sides={"base": ["x0"]})
    fibres = np.broadcast_to([1.0, 0, 0], (len(mesh.cells), N_POINTS, 3)).copy()
    wall = PorousWall(mesh, fibres)
    x, y = np.pi * mesh.points[wall.nodes, :2].T / L
    wave = np.cos(x) * np.cos(2 * y)
    by_cell = G * (1 + wall.to_cells(wave) / 2) * wall.cell_volume
    found = steady_flow(wall, BED, GivenInflow(territory=np.arange(len(by_cell)), flow=by_cell))
    k = np.pi / L
    falls = [
        k**2 * (one.permeability_along + 4 * one.permeability_across) for one in BED.compartments
    ]
    b12, b23 = BED.exchange
    matrix = np.diag(falls) + np.array(
        [[b12, -b12, 0], [-b12, b12 + b23, -b23], [0, -b23, b23 + BED.venous_conductance]]
    )
    amplitude = np.linalg.solve(matrix, [G / 2, 0, 0])
    even = np.array([8600.0, 5600.0, 2600.0])
    error = found.pressure - even[:, None] - np.outer(amplitude, wave)
    return np.sqrt((wall.well_volume * error**2).sum() / wall.well_volume.sum())


def test_a_wave_along_and_across_the_fibres_is_met_to_second_order():
    assert np.log2(wave_error(10) / wave_error(20)) == pytest.approx(2, abs=0.03)


@settings(max_examples=5)
@given(pressure=st.floats(30, 150), narrow=st.floats(1e8, 1e11), jet=st.floats(0, 1e16))
def test_what_the_aorta_gives_the_veins_take(wall, territory, pressure, narrow, jet):
    fed = fed_from_aorta(BED, territory)
    lad = Artery(name="lad", resistance=narrow, separation=jet)
    fed = replace(fed, arteries=(lad, *fed.arteries[1:]))
    found = steady_flow(wall, BED, fed, aortic_pressure=pressure * MMHG)
    assert found.balance_error < 1e-10
    assert found.source.sum() == pytest.approx(found.inflow.sum(), rel=1e-10)
    lost = narrow * found.inflow[0] + jet * abs(found.inflow[0]) * found.inflow[0]
    assert pressure * MMHG - found.outlet_pressure[0] == pytest.approx(lost, rel=1e-9)


def test_arteries_without_resistance_feed_an_even_wall_evenly(wall, territory):
    found = steady_flow(wall, BED, fed_from_aorta(BED, territory), aortic_pressure=AORTA)
    ways = [BED.arterial_conductance, *BED.exchange, BED.venous_conductance]
    flow = (AORTA - BED.venous_pressure) / sum(1 / way for way in ways)
    np.testing.assert_allclose(found.mbf, flow / DENSITY, rtol=1e-9)


def test_a_narrow_artery_starves_its_own_territory(wall, territory):
    fed = fed_from_aorta(BED, territory)
    healthy = steady_flow(wall, BED, fed, aortic_pressure=AORTA)
    flows = []
    for resistance in (1e9, 1e10, 1e11):
        lad = replace(fed.arteries[0], resistance=resistance)
        case = replace(fed, arteries=(lad, *fed.arteries[1:]))
        found = steady_flow(wall, BED, case, aortic_pressure=AORTA)
        flows.append(found.inflow[0])
        fallen = found.mbf / healthy.mbf
        assert fallen[territory == 0].mean() < fallen[territory == 1].mean()
        assert fallen[territory == 0].mean() < fallen[territory == 2].mean()
    assert healthy.inflow[0] > flows[0] > flows[1] > flows[2] > 0


def test_where_the_cells_conduct_less_less_flows(wall, territory):
    even = even_conductances(BED, len(territory))
    patch = np.where(territory == 0, 0.2, 1.0)
    scarred = replace(even, exchange=even.exchange * patch)
    fed = fed_from_aorta(BED, territory)
    found = steady_flow(wall, BED, fed, aortic_pressure=AORTA, conductances=scarred)
    assert found.mbf[territory == 0].max() < found.mbf[territory != 0].min()
    assert found.balance_error < 1e-10


def test_a_moved_wall_has_the_stiffness_of_a_wall_built_there(wall):
    mesh = wall.mesh
    stretch = np.diag([1.2, 0.9, 0.8])
    moved = replace(mesh, points=mesh.points @ stretch)
    bed = replace(
        BED,
        compartments=tuple(replace(c, permeability_along=3e-9) for c in BED.compartments),
    )
    points = quadrature_rule(QUADRATURE)[0]
    along = np.zeros((len(mesh.cells), len(points), 3))
    along[:] = np.array([2.0, -1.0, 2.0]) / 3
    turned = along @ stretch
    turned /= np.linalg.norm(turned, axis=2, keepdims=True)
    pulled = PorousWall(mesh, along).permeabilities(bed, moved.points - mesh.points)
    there = PorousWall(moved, turned).permeabilities(bed)
    for one, other in zip(pulled, there, strict=True):
        assert abs(one - other).max() < 1e-12 * abs(other).max()


def test_territories_grow_from_their_outlets_within_the_wall(wall):
    mesh = wall.mesh
    outer = np.unique(mesh.facets["epicardium"])
    base = outer[mesh.point_fields["apicobasal"][outer] > 0.9]
    angle = mesh.point_fields["rotational"][base]
    starts = [base[np.argmin(np.abs(np.angle(np.exp(1j * (angle - a)))))] for a in (0, 2.1, 4.2)]
    found = nearest_outlet(mesh, mesh.points[starts])
    assert set(found) == {0, 1, 2}
    for number, start in enumerate(starts):
        assert np.all(found[(mesh.cells == start).any(axis=1)] == number)
    # by symmetry each has a third of the wall
    share = np.bincount(found, wall.cell_volume) / wall.cell_volume.sum()
    np.testing.assert_allclose(share, 1 / 3, atol=0.05)


def test_nodes_between_corners_have_the_mean_of_their_ends(wall):
    values = wall.to_nodes(2.0 + wall.mesh.points[wall.nodes, 0])
    edge = wall.mesh.cells[:, [0, 1]]
    middle = wall.mesh.cells[:, 4]
    np.testing.assert_allclose(values[middle], values[edge].mean(axis=1), rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: replace(BED, exchange=(1e-6,)), "found 1 conductances for 3 compartments"),
        (lambda: replace(BED, exchange=(1e-6, -1.0)), "found -1 1/.Pa s. behind capillaries"),
        (lambda: replace(BED, venous_conductance=0.0), "venous_conductance must be .* found 0"),
        (lambda: replace(BED.compartments[0], volume_fraction=1.2), "below 1, found 1.2"),
        (lambda: replace(BED.compartments[0], compliance=-1.0), "compliance must .* found -1"),
        (lambda: Artery(name="lad", resistance=-2.0), "found -2 for lad"),
        (
            lambda: GivenInflow(territory=np.array([0, 2]), flow=np.ones(3)),
            r"from 0 to 2, found \[0, 2\]",
        ),
        (
            lambda: Feeding(
                territory=np.zeros(2, dtype=int),
                conductance=np.array([1.0, -3.0]),
                arteries=(Artery(name="a"),),
            ),
            "found values from -3 to 1",
        ),
        (
            lambda: Conductances(exchange=np.array([[1.0, 0.0]]), venous=np.ones(2)),
            "found 0 1/.Pa s. in cell 1",
        ),
    ],
)
def test_a_bed_that_cannot_be_is_refused_with_what_was_found(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_outlets_far_from_the_wall_or_at_one_place_are_refused(wall):
    with pytest.raises(InputError, match=r"found one \d+ mm from it"):
        nearest_outlet(wall.mesh, 1e3 * wall.mesh.points[:2])
    with pytest.raises(InputError, match="2 outlets begin at 1 corners"):
        nearest_outlet(wall.mesh, np.tile(wall.mesh.points[wall.mesh.cells[0, 0]], (2, 1)))


def test_factors_take_other_values_of_their_pattern_and_refuse_another():
    rng = np.random.default_rng(2)
    filled = rng.normal(size=(8, 8)) + 8 * np.eye(8)
    filled[np.abs(filled) < 0.5] = 0.0
    one, given = sparse.csr_array(filled), rng.normal(size=8)
    factors = Factors(one)
    assert factors.renew(sparse.csr_array(2 * filled))
    np.testing.assert_allclose(2 * filled @ factors.solve(given), given, atol=1e-12)
    assert not factors.renew(sparse.csr_array(np.ones((8, 8))))
    np.testing.assert_allclose(2 * filled @ factors.solve(given), given, atol=1e-12)
    factors.destroy()


def test_arteries_without_a_pressure_are_refused(wall, territory):
    with pytest.raises(InputError, match="found nan Pa"):
        steady_flow(wall, BED, fed_from_aorta(BED, territory))


@pytest.mark.real_data
def test_a_real_wall_is_fed_and_drained(real_data):
    mesh = fit_anatomy(
        read_examination(real_data / "cine/patient1/guidepoints"), Template(rings=5, layers=2)
    ).mesh
    wall, territory = PorousWall(mesh), segment_territory(mesh)
    fed = fed_from_aorta(BED, territory)
    narrow = replace(fed, arteries=(replace(fed.arteries[0], resistance=1e10), *fed.arteries[1:]))
    found = steady_flow(wall, BED, narrow, aortic_pressure=AORTA)
    assert found.balance_error < 1e-10
    assert found.mbf[territory == 0].mean() < 0.8 * found.mbf[territory != 0].mean()
