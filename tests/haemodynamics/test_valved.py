"""A beat whose valves are resistive surfaces: they hold, yield and shut by themselves."""

from dataclasses import replace

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
from cardiotwin.haemodynamics.isovolumic import Phases, resting
from cardiotwin.haemodynamics.leaflets import Leaflets, stub_of
from cardiotwin.haemodynamics.valved import ValvedFlow
from cardiotwin.units import ML, MMHG

STEPS = 60  # few: the switches are harder than with the 1,000 of a real beat
SYSTOLE, DIASTOLE = slice(9, 24), slice(40, 55)  # steps after a switch and before the next
ATRIUM, AORTA = 10 * MMHG, 95 * MMHG


@pytest.fixture(scope="module")
def cavity():
    template = CavityTemplate(
        edge=0.16,
        layers=6,
        collar_layers=2,
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
    np.testing.assert_array_equal(share[SYSTOLE], np.tile([0.0, 1.0], (15, 1)))
    np.testing.assert_array_equal(share[DIASTOLE], np.tile([1.0, 0.0], (15, 1)))
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
    level = np.array([moment.pressure[0] for moment, _ in beat]) / MMHG
    assert np.abs(level[SYSTOLE] - 95).max() < 25
    assert np.abs(level[DIASTOLE] - 10).max() < 10
    assert level.min() > 0
    assert level.max() < 120
    # A step of 13 ms takes at most 3/2 x 85 mmHg x 13 / 50 of a cubic's rise in 50 ms.
    assert np.abs(np.diff(level)).max() < 1.5 * 85 * (PERIOD / STEPS) / 0.05
    assert max(np.linalg.norm(m.velocity, axis=1).max() for m, _ in beat) < 5


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


def test_the_wall_rests_while_both_valves_are_shut_and_passes_all_shapes_between(cavity):
    valves = valve_times(cavity)
    phases = Phases(valves=valves, contraction=0.04, relaxation=0.06)
    slow = resting(cavity, phases)
    for middle, half, extreme in (
        (valves.end_diastole, 0.02, max),
        (valves.end_systole, 0.03, min),
    ):
        still = [slow.motion.velocity(middle + t) for t in (-half, 0.0, half)]
        assert max(np.abs(v).max() for v in still) < 1e-9
        assert np.abs(slow.motion.velocity(middle + 0.08)).max() > 1e-3
        here = volume(slow, middle)
        assert here == pytest.approx(extreme(volume(cavity, t) for t in np.arange(40) / 50))
    with pytest.raises(InputError, match=r"contraction lasts 20 to 140 ms, found 190 ms"):
        Phases(valves=valves, contraction=0.19)
    with pytest.raises(InputError, match=r"hold no isovolumic phases of 130 and 140 ms"):
        resting(
            cavity,
            Phases(valves=replace(valves, end_systole=0.3), contraction=0.13, relaxation=0.14),
        )


def test_phases_follow_each_other_and_pressure_goes_from_one_valve_to_the_next(cavity):
    phases = Phases(valves=valve_times(cavity))
    times = phases.filled + np.arange(800) * 1e-3
    opened = [phases.opened(t) for t in times]
    assert [opened.count(name) for name in ("aortic", "mitral", None)] == pytest.approx(
        [335, 335, 130], abs=2
    )
    share, ahead = phases.isovolumic(phases.filled + 0.025)
    assert (share, ahead) == (pytest.approx(0.5), "aortic")
    assert phases.next_opening(phases.filled + 0.025) == pytest.approx(phases.filled + 0.05)
    assert phases.isovolumic(phases.filled + 0.2) == (0.0, None)
    assert phases.left(phases.filled + 0.8 - 0.01) == pytest.approx(0.01)


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
