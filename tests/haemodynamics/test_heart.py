"""The flow in a cavity that beats in closed form, and the numbers that are read in it."""

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import CavityTemplate, make_cavity
from cardiotwin.geometry.regions import box
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.heart import HeartFlow, Valves, growth, volume
from cardiotwin.haemodynamics.numbers import dissipation, filling, kinetic_energy, vorticity

CUBE = box((2, 2, 2), (0.0,) * 3, (1.0,) * 3)
STEPS = 60


@pytest.fixture(scope="module")
def cavity(pulsing):
    template = CavityTemplate(edge=0.16, layers=8, collar_layers=2, stub_layers=2)
    return make_cavity(pulsing.pulsing_spheroid(), pulsing.PERIOD, template)


@pytest.fixture(scope="module")
def beat(cavity):
    return list(HeartFlow(cavity, Fluid(), steps=STEPS).run(STEPS))


def test_what_the_wall_displaces_goes_through_the_windows_at_every_step(cavity, beat):
    flows = np.array([[m.inflow, m.outflow, m.imbalance] for m in beat])
    largest = flows[:, :2].max()
    assert np.abs(flows[:, 2]).max() < 1e-10 * largest
    ejected = flows[:, 1].mean() * cavity.motion.period
    stroke = volume(cavity, 0.0) - volume(cavity, cavity.motion.period / 2)
    assert ejected == pytest.approx(stroke, rel=0.01)
    assert flows[:, 0].mean() == pytest.approx(flows[:, 1].mean(), rel=1e-9)


def test_blood_goes_out_by_the_aorta_in_systole_and_comes_in_by_the_mitral_valve(cavity, beat):
    for moment, name, sign in (
        (beat[STEPS // 4], "aortic", 1),
        (beat[3 * STEPS // 4], "mitral", -1),
    ):
        nodes = np.unique(cavity.region.facets[name])
        tip = moment.points[cavity.apex]
        up = moment.points[nodes].mean(axis=0) - tip
        middle = nodes[np.argmax(cavity.profile[name][nodes])]
        assert sign * moment.velocity[middle] @ up / np.linalg.norm(up) > 0.2
        shut = np.unique(cavity.region.facets["mitral" if name == "aortic" else "aortic"])
        wall = cavity.motion.velocity(moment.time)
        np.testing.assert_allclose(moment.velocity[shut], wall[shut], atol=1e-12)


def test_pressure_falls_along_the_blood_that_is_accelerated(cavity, beat):
    early = beat[STEPS // 10]  # of systole: the ventricle drives the blood into the aorta
    aortic = np.unique(cavity.region.facets["aortic"])
    assert early.pressure[cavity.apex] > early.pressure[aortic].mean() + 50
    speeds = [np.linalg.norm(m.velocity, axis=1).max() for m in beat]
    assert max(speeds) < 5


def test_the_volume_rests_where_one_valve_takes_over_from_the_other(cavity):
    valves = HeartFlow(cavity, Fluid(), steps=STEPS).valves
    fastest = abs(growth(cavity, cavity.motion.period / 4))
    for switch in (valves.end_diastole, valves.end_systole):
        assert abs(growth(cavity, switch)) < 1e-6 * fastest
        assert valves.aortic(switch) == pytest.approx(0.5, abs=1e-6)
    assert valves.aortic(valves.end_diastole + 0.2) == 1
    assert valves.aortic(valves.end_systole + 0.2) == 0


def test_a_ramp_that_no_valve_has_is_refused():
    with pytest.raises(InputError, match=r"5 to 60 ms to open, found a ramp of 100 ms"):
        Valves(end_diastole=0.0, end_systole=0.3, period=0.8, ramp=0.1)


def test_a_beat_of_few_steps_is_refused(cavity):
    with pytest.raises(InputError, match=r"at least 50 steps, found 10"):
        HeartFlow(cavity, Fluid(), steps=10)


def test_a_rigid_rotation_has_its_energy_its_vorticity_and_no_dissipation():
    spin = np.cross([0.0, 0.0, 3.0], CUBE.points)
    field = (CUBE.points, CUBE.cells, spin)
    # Half rho omega^2 times the integral of x^2 + y^2 over the unit cube, 2/3.
    assert kinetic_energy(*field, 2.0) == pytest.approx(9 * 2 / 3, rel=1e-12)
    np.testing.assert_allclose(vorticity(*field), np.tile([0, 0, 6.0], (len(CUBE.cells), 1)))
    assert dissipation(*field, 0.1) == pytest.approx(0, abs=1e-14)


def test_a_shear_flow_dissipates_its_viscosity_times_its_rate_squared():
    shear = np.zeros_like(CUBE.points)
    shear[:, 0] = 5 * CUBE.points[:, 1]
    assert dissipation(CUBE.points, CUBE.cells, shear, 0.1) == pytest.approx(2.5, rel=1e-12)


def test_the_two_waves_of_filling_are_found_and_merged_ones_are_not():
    t = np.linspace(0, 0.9, 400)
    waves = 400e-6 * np.exp(-(((t - 0.5) / 0.04) ** 2)) + 250e-6 * np.exp(
        -(((t - 0.8) / 0.03) ** 2)
    )
    found = filling(t.tolist(), waves.tolist(), 0.35)
    assert found.ratio == pytest.approx(1.6, rel=1e-3)
    assert found.early_time == pytest.approx(0.5, abs=0.003)
    merged = 400e-6 * np.exp(-(((t - 0.6) / 0.08) ** 2))
    assert filling(t.tolist(), merged.tolist(), 0.35) is None
