"""A beat whose valves are resistive surfaces: they hold, yield and shut by themselves."""

import numpy as np
import pytest
from pulsing import PERIOD, pulsing_spheroid

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import CavityTemplate, make_cavity
from cardiotwin.geometry.regions import box
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.cells import LinearCells
from cardiotwin.haemodynamics.correction import Correction
from cardiotwin.haemodynamics.domain import FluidDomain
from cardiotwin.haemodynamics.heart import valve_times, volume
from cardiotwin.haemodynamics.immersed import ResistiveSurface
from cardiotwin.haemodynamics.leaflets import Leaflets, stub_of
from cardiotwin.haemodynamics.valved import ValvedFlow, resting
from cardiotwin.units import ML, MMHG

STEPS = 60  # few: the switches are harder than with the 1,000 of a real beat
SYSTOLE, DIASTOLE = slice(5, 25), slice(38, 58)  # steps after a switch and before the next
ATRIUM, AORTA = 10 * MMHG, 95 * MMHG


@pytest.fixture(scope="module")
def cavity():
    template = CavityTemplate(
        edge=0.16,
        layers=6,
        collar_layers=1,
        stub_layers=8,
        stub_length={"mitral": 12e-3, "aortic": 15e-3},
    )
    return make_cavity(pulsing_spheroid(), PERIOD, template)


@pytest.fixture(scope="module")
def beat(cavity):
    heart = ValvedFlow(
        cavity, Fluid(), steps=STEPS, atrium=lambda _: ATRIUM, aorta=lambda _: AORTA
    )
    return [(moment, dict(heart.open)) for moment in heart.run(STEPS)]


@pytest.mark.slow
def test_valves_open_and_shut_by_themselves_and_hold(beat):
    moments = [moment for moment, _ in beat]
    flows = np.array([[m.inflow, m.outflow, m.imbalance] for m in moments]) / ML
    share = np.array([[s["mitral"], s["aortic"]] for _, s in beat])
    np.testing.assert_array_equal(share[SYSTOLE], np.tile([0.0, 1.0], (STEPS // 3, 1)))
    np.testing.assert_array_equal(share[DIASTOLE], np.tile([1.0, 0.0], (STEPS // 3, 1)))
    peak = flows[:, :2].max()
    assert flows[SYSTOLE, 1].min() > 0.2 * peak
    assert flows[DIASTOLE, 0].mean() > 0.5 * peak
    # The volume's own change is what both let through, with what the mesh does not resolve.
    assert np.abs(flows[:, 2]).max() < 1e-4 * peak
    assert max(abs(m.resolved) for m in moments[SYSTOLE]) < 0.15 * peak * ML
    assert np.abs(flows[SYSTOLE, 0]).max() < 0.1 * peak
    assert np.abs(flows[DIASTOLE, 1]).max() < 0.1 * peak


@pytest.mark.slow
def test_the_ventricles_pressure_is_the_aortas_then_the_atriums_and_no_switch_bursts(beat):
    apex = np.array([moment.pressure[0] for moment, _ in beat]) / MMHG
    assert np.abs(apex[SYSTOLE] - 95).max() < 25
    assert np.abs(apex[DIASTOLE] - 10).max() < 25
    assert apex.min() > -60
    assert apex.max() < 180
    assert max(np.linalg.norm(m.velocity, axis=1).max() for m, _ in beat) < 10


@pytest.mark.slow
def test_jets_go_in_by_the_mitral_stub_and_out_by_the_aortic_one(cavity, beat):
    for k, name, sign in ((STEPS // 4, "aortic", 1), (3 * STEPS // 4, "mitral", -1)):
        moment, layers = beat[k][0], cavity.stubs[name]
        along = moment.points[layers[-1]].mean(axis=0) - moment.points[layers[0]].mean(axis=0)
        speed = sign * moment.velocity[layers[4]] @ along / np.linalg.norm(along)
        assert speed.max() > 0.2
        assert speed.mean() > 0.1


def test_a_leaflet_yields_rests_and_is_carried_shut():
    valve, step = Leaflets(ramp=0.01), 1e-3
    its = {"its_phase": True, "time_step": step}
    assert valve.moved(0.0, forward=0.0, drop=-1.0, **its) == 0
    assert valve.moved(0.0, forward=0.0, drop=1.0, **its) == pytest.approx(0.1)
    other = {"its_phase": False, "time_step": step, "drop": 0.0}
    assert valve.moved(1.0, forward=0.0, **other) == pytest.approx(0.9)
    assert valve.moved(1.0, forward=-500 * ML, **other) == pytest.approx(0.5)  # 0.5 mL of 1
    share = valve.yielded(100 * ML, 4e-4)
    drop = valve.surface.per_speed * valve.resistance(share) * 100 * ML / 4e-4
    assert drop == pytest.approx(valve.give, rel=1e-9)
    assert valve.yielded(-1.0, 4e-4) == 0


def test_a_leaflet_resists_as_much_as_its_surface_whatever_the_layers(cavity):
    surface = ResistiveSurface()
    stub = stub_of(cavity, "aortic", surface)
    layers = cavity.stubs["aortic"]
    sizes = 15e-3 / 8 * stub.area / (len(stub.cells) / 8)  # of a cell, as all are alike long
    assert stub.held.sum() * sizes / stub.area == pytest.approx(surface.per_speed, rel=0.05)
    assert set(cavity.region.cells[stub.cells].ravel()) == set(layers.ravel())


def test_the_wall_rests_where_its_volume_is_extreme_and_passes_all_shapes_between(cavity):
    valves = valve_times(cavity)
    slow = resting(cavity, valves, 0.03)
    for since, extreme in ((valves.end_diastole, max), (valves.end_systole, min)):
        still = [slow.motion.velocity(since + t) for t in (0.0, 0.015, 0.03)]
        assert max(np.abs(v).max() for v in still) < 1e-9
        assert np.abs(slow.motion.velocity(since + 0.06)).max() > 1e-3
        here = volume(slow, since + 0.015)
        assert here == pytest.approx(extreme(volume(cavity, t) for t in np.arange(40) / 50))
    with pytest.raises(InputError, match=r"rests for 0 to 60 ms while valves change, found 90 ms"):
        resting(cavity, valves, 0.09)
    assert resting(cavity, valves, 0.0) is cavity


def test_strange_leaflets_are_refused(cavity):
    with pytest.raises(InputError, match=r"0.05 to 10 mL, found 50 mL"):
        Leaflets(closing_volume=50 * ML)
    thin = ResistiveSurface(half_thickness=1e-3)
    with pytest.raises(InputError, match=r"mitral valve needs .* found 1 mm in 8 layers"):
        stub_of(cavity, "mitral", thin)
    outside = {"atrium": lambda _: ATRIUM, "aorta": lambda _: AORTA}
    with pytest.raises(InputError, match=r"5 to 60 ms to open, found a ramp of 100 ms"):
        ValvedFlow(cavity, Fluid(), steps=STEPS, leaflets=Leaflets(ramp=0.1), **outside)


def test_what_a_change_of_pressure_takes_is_its_slope_and_leaves_no_sources_inside():
    region = box((5, 5, 5), (0.0,) * 3, (1.0,) * 3)
    domain = FluidDomain(region)
    cells = LinearCells(np.asarray(domain.scalar.dofmap.list).T, len(region.points))
    place = domain.coordinates()
    cells.place(place)
    mass = cells.spread(np.ones_like(cells.sizes))
    inner = (np.abs(place - 0.5) < 0.49).all(axis=1)
    correction = Correction(domain, cells, np.flatnonzero(~inner))
    pushed = np.full_like(cells.sizes, 2.0)
    correction.place(mass, pushed, np.full_like(cells.sizes, 0.3))
    slope = np.array([1.0, -2.0, 0.5])
    push = correction.pushes(place @ slope)
    np.testing.assert_allclose(push[inner], np.tile(2 * slope, (inner.sum(), 1)), atol=1e-12)
    assert np.abs(push[~inner]).max() == 0
    deep = (np.abs(place - 0.5) < 0.29).all(axis=1)
    np.testing.assert_allclose(correction.sources(place @ slope)[deep], 0, atol=1e-12)
    rough = np.random.default_rng(1).standard_normal(len(place))
    divergence = cells.spread(cells.divergence(cells.at_corners(correction.pushes(rough))))
    correction.place(mass, pushed, np.zeros_like(pushed))
    np.testing.assert_allclose(correction.sources(rough), -divergence, atol=1e-12)
