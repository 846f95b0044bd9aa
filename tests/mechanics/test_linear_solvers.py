"""Whatever solves the linear systems, the equilibrium is the same."""

import numpy as np
import pytest
from benchmark_bodies import constant_axes, ellipsoid

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.fem import iterative
from cardiotwin.fem.iterative import IterativeSolver
from cardiotwin.fem.settings import NewtonSettings
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden, NeoHookean
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.wall import Wall

TIGHT = NewtonSettings(relative=1e-12)
MESH = ellipsoid(Template(rings=3, layers=1), size=3.5)


def supported(solver):
    """Return a wall with springs, lids and a flat base, incompressible."""
    return Wall(
        MESH,
        angles=FibreAngles(),
        material=HolzapfelOgden(),
        springs=Springs(),
        discretisation=Discretisation(newton=TIGHT, linear_solver=solver),
    )


def clamped(solver):
    """Return a wall of penalty form held at its base."""
    return Body(
        MESH,
        constant_axes(MESH),
        material=NeoHookean(mu=8e3),
        springs=None,
        clamped=("base",),
        discretisation=Discretisation(
            form="penalty", bulk_modulus=3.5e5, newton=TIGHT, linear_solver=solver
        ),
    )


@pytest.mark.slow
def test_a_wall_by_iteration_is_the_wall_by_elimination():
    found, loads = {}, Loads(cavity_pressure=500.0)
    for solver in ("direct", "iterative"):
        wall = supported(solver)
        inflated = wall.load(wall.body.rest(), loads, first_step=1.0)
        volume = 1.05 * wall.volume(inflated)
        led = wall.load_to_volume(inflated, loads, volume, seek="active_tension", first_step=1.0)
        slope = wall.volume_changes(inflated, {}, ("cavity_pressure",))["cavity_pressure"]
        found[solver] = wall.points(inflated), wall.points(led), wall.unload(loads).unknown, slope
    for expected, got in zip(*found.values(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-8 * np.abs(expected).max())


@pytest.mark.slow
def test_a_penalty_by_iteration_is_the_penalty_by_elimination():
    found = []
    for solver in ("direct", "iterative"):
        body = clamped(solver)
        found.append(body.load(body.rest(), Loads(cavity_pressure=500.0)).unknown)
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-8 * np.abs(found[0]).max())


def test_an_iteration_that_does_not_arrive_says_so_and_restores_the_start(monkeypatch):
    monkeypatch.setattr(iterative, "ITERATIONS", 3)
    body = clamped("iterative")
    body.apply(Loads(cavity_pressure=500.0))
    with pytest.raises(
        ConvergenceError, match=r"linear iteration stopped after 3 steps at residual \d.*, reason"
    ):
        body.forward.solve(TIGHT)
    np.testing.assert_array_equal(body.fields.unknown.x.array, 0.0)


def test_iterations_are_counted():
    body = clamped("iterative")
    body.apply(Loads(cavity_pressure=500.0))
    body.forward.factorise()
    body.forward.solve_tangent(body.forward.residual())
    assert isinstance(body.forward.linear, IterativeSolver)
    assert 5 < body.forward.linear.iterations[-1] < 100


def test_what_is_no_solver_is_refused_by_name():
    with pytest.raises(InputError, match=r"linear_solver must be direct or iterative, found 'lu'"):
        Discretisation(linear_solver="lu")
