"""A wall in motion: a driven oscillator in closed form, energy, failures, sought loads."""

from dataclasses import replace

import numpy as np
import pytest
from benchmark_bodies import box, constant_axes

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.fem.settings import NewtonSettings
from cardiotwin.geometry.closure import cavity_volume, cavity_volume_gradient
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.dynamics import Dynamics, SoughtLoads
from cardiotwin.mechanics.energy import EnergyBalance
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import NeoHookean
from cardiotwin.mechanics.schemes import BackwardEuler, GeneralisedAlpha
from cardiotwin.mechanics.springs import Springs

from .ventricle import coarse_wall

TIGHT = NewtonSettings(relative=1e-9, absolute=1e-10, iterations=25, reuse=True)
LENGTH, DENSITY, STIFFNESS, DAMPING = 0.01, 1e3, 4e5, 300.0
PRESSURE, PERIOD = 20.0, 0.02  # Pa, s
BOTH = [(GeneralisedAlpha(), 2), (BackwardEuler(), 1)]
STEPS = {1: (480, 960), 2: (60, 120)}  # per order


@pytest.fixture(scope="module")
def brick():
    """Return a stiff brick on a spring and a damper at one end, with a load on the other."""
    ticks = np.linspace(0, LENGTH, 2)
    mesh = box(ticks, ticks, ticks, sides={"base": ["x0"], "lv_endocardium": ["x1"]})
    springs = Springs(
        pericardium=0.0,
        base_normal=STIFFNESS,
        base_plane=1e8,
        base_damping=DAMPING,
        base_warp=0.0,
        annulus=0.0,
    )
    return Body(
        mesh,
        constant_axes(mesh),
        material=NeoHookean(mu=1e8),
        springs=springs,
        discretisation=Discretisation(form="penalty", bulk_modulus=1e9),
        lids=False,
    )


def driven(time):
    """Return the displacement of a damped oscillator under p (1 - cos wt) / 2 from rest, m."""
    mass = DENSITY * LENGTH  # per area
    system = np.array([[0, 1], [-STIFFNESS / mass, -DAMPING / mass]])
    w = 2 * np.pi / PERIOD
    steady = -PRESSURE / 2 / STIFFNESS
    wave = np.linalg.solve(
        1j * w * np.eye(2) - system, np.array([0, PRESSURE / 2 / mass])
    )  # answer to +p/2 cos wt
    start = -np.array([steady, 0]) - wave.real
    values, vectors = np.linalg.eig(system)
    free = vectors @ (np.exp(values * time) * np.linalg.solve(vectors, start))
    return float((steady + (wave * np.exp(1j * w * time))[0] + free[0]).real)


@pytest.mark.parametrize(("scheme", "order"), BOTH)
def test_a_brick_on_a_spring_moves_as_the_driven_oscillator(brick, scheme, order):
    dynamics = Dynamics(brick, scheme=scheme, density=DENSITY, newton=TIGHT)
    end, errors = 0.03, []
    for n_steps in STEPS[order]:
        dt = end / n_steps
        motion = dynamics.rest(brick.rest())
        for number in range(1, n_steps + 1):
            wave = PRESSURE / 2 * (1 - np.cos(2 * np.pi * number * dt / PERIOD))
            motion = dynamics.step(motion, Loads(cavity_pressure=wave), dt)
        moved = brick.fields.nodal.to_nodes(brick.displacement(motion.solved))[:, 0].mean()
        errors.append(abs(moved / driven(end) - 1))
    assert motion.time == pytest.approx(end)
    assert errors[1] < 0.05
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.35)


@pytest.fixture(scope="module")
def wall():
    return coarse_wall(rings=3)


@pytest.mark.parametrize(("scheme", "order"), BOTH)
def test_energy_that_comes_in_is_held_or_dissipated_to_the_schemes_order(wall, scheme, order):
    dynamics = Dynamics(wall.body, scheme=scheme, viscosity=50.0, newton=TIGHT)
    balance = EnergyBalance(dynamics)
    missing = []
    for n_steps in (10, 20):
        dt = 0.04 / n_steps
        motion = dynamics.rest(wall.body.rest())
        energies = [balance.at(motion)]
        for share in np.arange(1, n_steps + 1) / n_steps:
            ramp = share**2 * (3 - 2 * share)
            loads = Loads(cavity_pressure=1e3 * ramp, active_tension=4e3 * ramp)
            motion = dynamics.step(motion, loads, dt)
            energies.append(balance.at(motion))
        worked, dissipated = (
            np.trapezoid([getattr(one, name) for one in energies], dx=dt)
            for name in ("load_power", "dissipated_power")
        )
        held = energies[-1].kinetic + energies[-1].stored
        missing.append(abs(held + dissipated - worked) / worked)
    assert dissipated > 0.01 * worked
    assert missing[1] < 0.05
    assert np.log2(missing[0] / missing[1]) > order - 0.4


class Led:
    """The cavity's volume is given at the step's end."""

    def __init__(self, wall, dynamics):
        self._wall = wall
        self.sought = SoughtLoads(dynamics, ("cavity_pressure",))
        self.target = 0.0

    @property
    def values(self):
        return self.sought.values

    @values.setter
    def values(self, values):
        self.sought.values = values

    def gaps(self):
        nodes = self._wall.body.fields.unknown_nodes()
        return np.array([cavity_volume(nodes, self._wall.mesh) / self.target - 1])

    def gradients(self):
        fields = self._wall.body.fields
        gradient = cavity_volume_gradient(fields.unknown_nodes(), self._wall.mesh)
        return fields.of_nodes(gradient / self.target)[:, None]

    def columns(self):
        return self.sought.columns()

    def own(self):
        return np.zeros((1, 1))


def test_a_pressure_is_found_that_keeps_the_volume_while_tension_rises(wall):
    dynamics = Dynamics(wall.body, newton=TIGHT)
    led = Led(wall, dynamics)
    led.target = cavity_volume(wall.mesh.points, wall.mesh)
    motion, pressures = dynamics.rest(wall.body.rest()), []
    for share in (0.25, 0.5, 0.75, 1.0):
        loads = Loads(active_tension=1e4 * share)
        motion = dynamics.step(motion, loads, 5e-3, sought=led.sought, border=led)
        assert wall.volume(motion.solved) == pytest.approx(led.target, rel=1e-9)
        pressures.append(motion.solved.loads.cavity_pressure)
    assert np.all(np.diff(pressures) > 0)
    assert pressures[-1] > 100


def test_a_step_that_fails_says_when_and_keeps_the_last_state(wall):
    dynamics = Dynamics(wall.body)
    motion = dynamics.rest(wall.body.rest(), time=0.012)
    loads = Loads(cavity_pressure=-1e7)
    with pytest.raises(ConvergenceError, match=r"stopped at 12 ms, in a step of 2 ms: ") as caught:
        dynamics.step(motion, loads, 2e-3)
    np.testing.assert_array_equal(caught.value.state, motion.solved.unknown)
    eased = dynamics.step(motion, replace(loads, cavity_pressure=10.0), 2e-3)
    assert eased.time == pytest.approx(0.014)


def test_what_is_no_density_and_no_scheme_is_refused(wall):
    with pytest.raises(InputError, match=r"Dynamics\.density must be finite .*, found -1"):
        Dynamics(wall.body, density=-1.0)
    with pytest.raises(InputError, match=r"alpha_m <= alpha_f <= 1/2, found 0\.6 and 0\.4"):
        GeneralisedAlpha(alpha_m=0.6)
