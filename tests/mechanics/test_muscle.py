"""Cross-bridges in a bar: isometric as alone, stable in shortening, a scar that is stretched."""

import numpy as np
import pytest
from benchmark_bodies import box, constant_axes

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.fem.settings import NewtonSettings
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.active import CalciumTransient, Land2017
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.dynamics import Dynamics
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import NeoHookean
from cardiotwin.mechanics.muscle import CrossBridgeMuscle
from cardiotwin.mechanics.schemes import BackwardEuler

MODEL, CALCIUM = Land2017(), CalciumTransient().value
TIGHT = NewtonSettings(relative=1e-9, absolute=1e-9, iterations=25, reuse=True)


def bar(clamped, relative=None):
    along = np.linspace(0, 0.008, 5)
    mesh = box(along, np.linspace(0, 0.002, 2), np.linspace(0, 0.002, 2), sides=SIDES)
    return Body(
        mesh,
        constant_axes(mesh),
        material=NeoHookean(mu=8e3),
        springs=None,
        activation=Activation(cross_fibre=0.0),
        relative_tension=None if relative is None else relative(mesh),
        pointwise=True,
        clamped=clamped,
        discretisation=Discretisation(form="penalty", bulk_modulus=3e5),
    )


SIDES = {"left": ["x0"], "right": ["x1"]}


def twitch(body, dt, end, *, stiff=True):
    """Return the moments of a twitch, as stretch and tension per point, from rest."""
    dynamics = Dynamics(body, scheme=BackwardEuler(), newton=TIGHT)
    muscle = CrossBridgeMuscle(dynamics, MODEL, CALCIUM, stiff=stiff)
    motion = dynamics.rest(body.rest())
    bridges = muscle.rest(motion.solved, 0.0)
    course = [bridges]
    for number in range(1, round(end / dt) + 1):
        time = number * dt
        muscle.prepare(bridges, time, dt)
        motion = dynamics.step(motion, Loads(), dt)
        bridges = muscle.after(bridges, motion.solved, time, dt)
        course.append(bridges)
    return course


@pytest.fixture(scope="module")
def free():
    return bar(("left",))


def test_a_bar_that_cannot_shorten_has_the_tension_of_the_model_alone():
    body = bar(("left", "right"))
    course = twitch(body, 0.004, 0.12)
    state, still = course[0].state, np.ones_like(course[0].stretch)
    for number in range(1, len(course)):
        state = MODEL.advance(state, still, still, 0.004, CALCIUM(number * 0.004)).state
    alone = MODEL.tension(state, still)
    found = MODEL.tension(course[-1].state, course[-1].stretch)
    assert course[-1].stretch.mean() == pytest.approx(1, abs=2e-3)
    assert found.mean() == pytest.approx(alone.mean(), rel=0.03)
    assert alone.mean() > 2e4


def roughness(course):
    """Return how much the mean stretch turns from step to step, by how much it changes."""
    mean = np.array([bridges.stretch.mean() for bridges in course])
    return np.abs(np.diff(mean, n=2)).sum() / np.ptp(mean)


def test_shortening_is_smooth_where_the_wall_knows_the_bridges_stiffness(free):
    assert roughness(twitch(free, 0.005, 0.2)) < 0.5
    with pytest.raises(ConvergenceError, match=r"The wall stopped at \d+ ms, in a step of 5 ms"):
        twitch(free, 0.005, 0.2, stiff=False)


def test_the_shortening_converges_in_the_step(free):
    ends = [twitch(free, dt, 0.12)[-1].stretch.mean() for dt in (0.008, 0.004, 0.002)]
    assert ends[-1] < 0.95
    assert (ends[0] - ends[1]) / (ends[1] - ends[2]) == pytest.approx(2, abs=0.7)


def test_a_scar_is_stretched_by_its_neighbours():
    def relative(mesh):
        middle = mesh.points[mesh.cells[:, :4]].mean(axis=1)[:, 0]
        return np.where(middle < 0.004, 0.0, 1.0)

    body = bar(("left", "right"), relative)
    end = twitch(body, 0.008, 0.12)[-1].stretch.mean(axis=1)
    scar = relative(body.mesh) == 0
    assert end[scar].mean() > 1.03
    assert end[~scar].mean() < 0.97


def test_a_scheme_with_forces_within_the_step_is_refused(free):
    with pytest.raises(InputError, match=r"act at the end of a step, found .* at 0\.6 of it"):
        CrossBridgeMuscle(Dynamics(free), MODEL, CALCIUM)


def test_a_body_without_tension_by_the_point_is_refused():
    mesh = box(np.linspace(0, 1, 2), np.linspace(0, 1, 2), np.linspace(0, 1, 2), sides=SIDES)
    body = Body(mesh, constant_axes(mesh), material=NeoHookean(), springs=None, clamped=("left",))
    with pytest.raises(InputError, match="found pointwise=False"):
        CrossBridgeMuscle(Dynamics(body, scheme=BackwardEuler()), MODEL, CALCIUM)
