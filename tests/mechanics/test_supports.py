"""What holds a wall: springs, dampers, viscosity and rigid motions, in closed form."""

from dataclasses import replace

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
import pytest
import ufl
from benchmark_bodies import box, constant_axes, half_sphere

from cardiotwin.geometry.mesh import TETRAHEDRON_EDGES
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.dynamics import Dynamics, Kinematics
from cardiotwin.mechanics.energy import EnergyBalance
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.low_rank import RIGID_STIFFNESS
from cardiotwin.mechanics.material import NeoHookean
from cardiotwin.mechanics.solved import Solved
from cardiotwin.mechanics.springs import Springs

SIZE = np.array([0.02, 0.01, 0.014])  # m
SIDES = {"lv_endocardium": ["z1"], "epicardium": ["z0"], "base": ["x0", "x1", "y0", "y1"]}
EPICARDIUM = SIZE[0] * SIZE[1]  # m^2
BASE = 2 * (SIZE[0] + SIZE[1]) * SIZE[2]
SPRINGS = Springs(
    pericardium=3e5,
    pericardium_profile="uniform",
    pericardium_damping=700.0,
    base_normal=2e4,
    base_plane=5e4,
    base_damping=400.0,
    base_warp=0.0,
    annulus=0.0,
)
PENALTY = Discretisation(form="penalty", bulk_modulus=1e5)
VISCOSITY = 90.0  # Pa s
SHIFT = np.array([2e-3, -1e-3, 3e-3])
TURN = np.array([0.3, -0.2, 0.5])


def body_of(mesh, springs, **options):
    law = NeoHookean(mu=4e3)
    options = {"discretisation": PENALTY, "lids": False} | options
    return Body(mesh, constant_axes(mesh), material=law, springs=springs, **options)


@pytest.fixture(scope="module")
def block():
    share = np.array([0.0, 0.4, 1.0])
    return box(*(length * share for length in SIZE), sides=SIDES, middles=0.01)


@pytest.fixture(scope="module")
def held(block):
    return Dynamics(body_of(block, SPRINGS), viscosity=VISCOSITY)


def moving(dynamics, displacement, velocity):
    fields = dynamics.body.fields
    solved = Solved(
        unknown=fields.of_nodes(displacement),
        other=np.zeros_like(fields.given.x.array),
        loads=Loads(),
    )
    speed = fields.nodal.to_dofs(velocity)
    return Kinematics(time=0.0, solved=solved, velocity=speed, acceleration=0 * speed)


def waves(points, seed):
    rng = np.random.default_rng(seed)
    return points @ rng.uniform(-0.05, 0.05, (3, 3)) + 3e-4 * np.sin(
        points @ rng.uniform(-200, 200, (3, 3))
    )


def tangent_error(problem, fields, seed):
    """Return how far the tangent's solution of a difference of residuals is from its direction."""
    along = np.random.default_rng(seed).uniform(-1e-3, 1e-3, len(fields.unknown.x.array))
    # A free wall's rigid motions are soft: a step of 1e-4 leaves 1.5e-6 of them (its square).
    state, step, sides = fields.unknown.x.array.copy(), 1e-5, []
    problem.factorise()
    for sign in (1, -1):
        fields.unknown.x.array[:] = state + sign * step * along
        sides.append(problem.residual())
    found = problem.solve_tangent((sides[0] - sides[1]) / (2 * step))
    return np.abs(found - along).max() / np.abs(along).max()


def test_the_tangent_of_a_step_holds_dampers_springs_and_viscosity(held, block):
    points = block.points
    start = moving(held, waves(points, 1), 20 * waves(points, 2))
    held._begin(start, 2e-3)
    held.body.apply(Loads(cavity_pressure=500.0, active_tension=2e3))
    held.body.fields.unknown.x.array[:] += held.body.fields.of_nodes(waves(points, 3))
    assert tangent_error(held.problem, held.body.fields, 4) < 1e-6


def test_a_rigid_shift_strains_the_springs_alone(held, block):
    shift = np.broadcast_to(SHIFT, block.points.shape)
    energy = EnergyBalance(held).at(moving(held, shift, 0 * shift))
    across = SPRINGS.pericardium * SHIFT[2] ** 2 * EPICARDIUM
    for axis, area in ((0, 2 * SIZE[1] * SIZE[2]), (1, 2 * SIZE[0] * SIZE[2])):
        along = SHIFT @ SHIFT - SHIFT[axis] ** 2
        across += SPRINGS.base_normal * SHIFT[axis] ** 2 * area + SPRINGS.base_plane * along * area
    assert energy.stored == pytest.approx(across / 2, rel=1e-12)
    assert energy.dissipated_power == 0


def test_dampers_take_the_power_of_a_rigid_velocity(held, block):
    velocity = np.broadcast_to(SHIFT, block.points.shape)
    energy = EnergyBalance(held).at(moving(held, 0 * velocity, velocity))
    power = SPRINGS.pericardium_damping * SHIFT[2] ** 2 * EPICARDIUM
    power += SPRINGS.base_damping * (SHIFT @ SHIFT) * BASE
    assert energy.dissipated_power == pytest.approx(power, rel=1e-12)


@pytest.fixture(scope="module")
def floating(block):
    return Dynamics(body_of(block, None, free=True), viscosity=VISCOSITY)


def test_viscosity_takes_the_power_of_the_strains_rate_and_none_of_a_turn(floating, block):
    balance = EnergyBalance(floating)
    rate = np.array([[0.5, 0.2, 0.0], [-0.4, 0.3, 0.1], [0.7, 0.0, -0.6]])  # 1/s
    strain = (rate + rate.T) / 2
    at_rest = np.zeros_like(block.points)
    found = balance.at(moving(floating, at_rest, block.points @ rate.T)).dissipated_power
    assert found == pytest.approx(VISCOSITY * np.sum(strain**2) * SIZE.prod(), rel=1e-12)
    turning = balance.at(moving(floating, at_rest, np.cross(TURN, block.points)))
    assert turning.dissipated_power == pytest.approx(0, abs=1e-15)


def test_the_tangent_of_a_free_walls_step_is_right(floating, block):
    start = moving(floating, waves(block.points, 1), 20 * waves(block.points, 2))
    floating._begin(start, 2e-3)
    floating.body.apply(Loads(cavity_pressure=300.0))
    fields = floating.body.fields
    fields.unknown.x.array[:] += fields.of_nodes(waves(block.points, 3))
    assert tangent_error(floating.problem, fields, 4) < 1e-6


def test_the_tangent_of_a_static_free_wall_is_right(floating, block):
    body = floating.body
    body.fields.unknown.x.array[:] = body.fields.of_nodes(waves(block.points, 5))
    body.apply(Loads(cavity_pressure=300.0))
    assert tangent_error(body.forward, body.fields, 6) < 1e-6


def test_a_free_walls_rigid_motions_are_held_and_its_deformations_are_not(floating, block):
    body = floating.body
    springs = body.low_rank.couplings(follows=True)[-1]
    centre = SIZE / 2
    around = block.points - centre
    inertia = SIZE.prod() / 12 * (np.sum(SIZE**2) - SIZE**2)  # of a box about its axes, m^5

    def energy(motion):
        unknown = body.fields.of_nodes(motion)
        other = np.zeros_like(body.fields.given.x.array)
        return springs.energy(Solved(unknown=unknown, other=other, loads=Loads()))

    shift = energy(np.broadcast_to(SHIFT, around.shape))
    assert shift == pytest.approx(RIGID_STIFFNESS / 2 * (SHIFT @ SHIFT) * SIZE.prod(), rel=1e-9)
    turn = energy(np.cross(TURN, around))
    assert turn == pytest.approx(RIGID_STIFFNESS / 2 * (TURN**2 @ inertia), rel=1e-9)
    assert energy(around * [0.3, -0.2, 0.1]) < 1e-9 * turn


# ---- a wall that slides along its epicardium ---------------------------------------------------

INNER, OUTER = 20e-3, 30e-3


def dome(rings, *, flat):
    mesh = half_sphere(Template(rings=rings, layers=1), INNER, OUTER)
    if not flat:
        return mesh
    points = mesh.points.copy()
    ends = mesh.cells[:, np.array(TETRAHEDRON_EDGES)]
    points[mesh.cells[:, 4:]] = points[ends].mean(axis=2)
    return replace(mesh, points=points)


def spring_energies(rings, *, flat):
    """Return what a dome's normal springs store where it turns about a level axis, and shifts."""
    mesh = dome(rings, flat=flat)
    body = body_of(mesh, replace(SPRINGS, base_normal=1e-9, base_plane=1e-9))
    normal = ufl.FacetNormal(body.domain.mesh)
    motions = (
        np.cross([1.0, 0.0, 0.0], mesh.points),
        np.broadcast_to([0, 0, 1.0], mesh.points.shape),
    )
    found = []
    for motion in motions:
        w = dolfinx.fem.Function(body.fields.placements)
        w.x.array[:] = body.fields.nodal.to_dofs(motion)
        form = dolfinx.fem.form(body.equations.supports.spring_work(w, normal, w / 2))
        found.append(float(dolfinx.fem.assemble_scalar(form)))
    return np.array(found)


@pytest.mark.slow
def test_springs_along_the_normals_let_a_curved_wall_slide_and_catch_at_flat_facets_edges():
    curved, flat = (
        np.array([spring_energies(rings, flat=kind) for rings in (4, 8)]) for kind in (False, True)
    )
    exact = SPRINGS.pericardium / 2 * 2 * np.pi / 3 * OUTER**2  # of a hemisphere's unit shift
    assert curved[1, 1] == pytest.approx(exact, rel=1e-4)
    assert flat[1, 1] == pytest.approx(exact, rel=2e-2)
    # A sphere that turns in its bearing stores nothing; of facets their edges' angles remain.
    assert flat[1, 0] > 50 * curved[1, 0]
    assert np.log2(flat[0, 0] / flat[1, 0]) == pytest.approx(2, abs=0.3)
    assert np.log2(curved[0, 0] / curved[1, 0]) > 3  # towards the fourth order
