"""The weak form: patch test, stresses, tangents, objectivity, balance of the cavity's pressure."""

from dataclasses import replace

import numpy as np
import pytest
from benchmark_bodies import box, constant_axes
from scipy.spatial.transform import Rotation

from cardiotwin.fem import compilation
from cardiotwin.fem.compilation import evaluator
from cardiotwin.fem.domain import QUADRATURE, quadrature_rule
from cardiotwin.fem.settings import NewtonSettings
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.geometry.shapes import NODES, jacobians, tetrahedron_shapes
from cardiotwin.geometry.volumes import area_vector
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.fields import PRESSURE_UNIT
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.mechanics.point_values import PointValues
from cardiotwin.mechanics.solved import Solved
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.wall import Wall

from .stresses import pk1
from .ventricle import coarse_wall

BULK = 3.5e5  # Pa
SIDES = {
    "lv_endocardium": ["z1"],
    "epicardium": ["z0"],
    "base": ["x0", "x1", "y0", "y1"],
}
LAW = HolzapfelOgden()


@pytest.fixture(scope="module")
def block():
    """Return a box of uneven, curved cells, 2 cm long."""
    ticks = np.array([0.0, 0.007, 0.012, 0.02])
    mesh = box(ticks, 0.5 * ticks, 0.7 * ticks, sides=SIDES, middles=0.012)
    straight = box(ticks, 0.5 * ticks, 0.7 * ticks, sides=SIDES)
    assert np.abs(mesh.points - straight.points).max() > 1e-4
    assert np.linalg.det(jacobians(mesh.points, mesh, NODES)).min() > 0
    return mesh


def oblique_axes(mesh):
    turn = Rotation.from_rotvec([0.4, -0.7, 0.3]).as_matrix()
    shape = (len(mesh.cells), len(quadrature_rule(QUADRATURE)[1]), 3)
    return tuple(np.broadcast_to(axis, shape).copy() for axis in turn.T), turn.T


@pytest.fixture(scope="module")
def compressible(block):
    return Body(
        block,
        oblique_axes(block)[0],
        material=LAW,
        springs=None,
        discretisation=Discretisation(
            form="penalty", bulk_modulus=BULK, newton=NewtonSettings(relative=1e-12, reuse=False)
        ),
    )


def set_state(body, unknown_nodes, given_nodes, loads, pressure=0.0):
    body.fields.unknown.x.array[:] = pressure / PRESSURE_UNIT
    body.fields.unknown.x.array[body.fields.displacement_dofs] = body.fields.nodal.to_dofs(
        unknown_nodes
    )
    body.fields.given.x.array[:] = body.fields.nodal.to_dofs(given_nodes)
    body.apply(loads)


def forces(body, problem):
    return body.fields.nodal.to_nodes(problem.residual()[body.fields.displacement_dofs])


def facet_vectors(mesh):
    """Return the boundary's area vectors as flat facets hand them to their middle nodes."""
    result = np.zeros_like(mesh.points)
    for facets in mesh.facets.values():
        for facet in facets:
            result[facet[3:]] += area_vector(mesh.points, facet[None]) / 3
    return result


GENERAL = np.array([[0.12, 0.05, -0.03], [-0.04, 0.08, 0.06], [0.02, -0.07, -0.09]])
UNLOADED = np.array([[-0.06, 0.02, 0.03], [0.01, -0.05, -0.04], [0.05, 0.02, 0.04]])


@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_the_stress_of_a_homogeneous_state_is_the_derivative_of_the_energy(
    compressible, block, direction
):
    loads = Loads(active_tension=3e3, passive_scale=1.7, passive_exponent=2.2)
    factors = {"active_tension": 3e3, "scale": 1.7, "exponent": 2.2}
    P, F, G = pk1(LAW, GENERAL, UNLOADED, oblique_axes(block)[1], **factors)
    J = np.linalg.det(F)
    P = P + BULK / 2 * (J - 1 / J) * J * np.linalg.inv(F).T
    cofactor = np.linalg.det(G) * np.linalg.inv(G).T
    present, unloaded = block.points @ GENERAL.T, block.points @ UNLOADED.T
    if direction == "forward":
        set_state(compressible, present, unloaded, loads)
    else:
        set_state(compressible, unloaded, present, loads)
    exact = facet_vectors(block) @ (P @ cofactor).T
    found = forces(compressible, getattr(compressible, direction))
    np.testing.assert_allclose(found, exact, atol=1e-10 * np.abs(exact).max())


def test_a_rotation_of_the_present_placement_leaves_the_fibres_stress(compressible, block):
    R = Rotation.from_rotvec([1.0, 0.5, -2.0]).as_matrix()
    P, F, _ = pk1(LAW, GENERAL, UNLOADED, oblique_axes(block)[1], active_tension=3e3)
    J = np.linalg.det(F)
    cauchy = P @ F.T / J + BULK / 2 * (J - 1 / J) * np.eye(3)
    f = (np.eye(3) + GENERAL) @ oblique_axes(block)[1][0]
    exact = f @ cauchy @ f / (f @ f)
    for turn in (np.eye(3), R):
        A = turn @ (np.eye(3) + GENERAL) - np.eye(3)
        solved = Solved(
            unknown=compressible.fields.nodal.to_dofs(block.points @ A.T),
            other=compressible.fields.nodal.to_dofs(block.points @ UNLOADED.T),
            loads=Loads(active_tension=3e3),
        )
        np.testing.assert_allclose(
            PointValues(compressible).fibre_stress(solved), exact, rtol=1e-10
        )


def test_affine_motion_of_a_penalty_bodys_surface_makes_affine_motion_inside(block, compressible):
    body = Body(
        block,
        oblique_axes(block)[0],
        material=LAW,
        springs=None,
        clamped=tuple(block.facets),
        discretisation=compressible.discretisation,
    )
    boundary = np.unique(np.concatenate([*block.facets.values()]))
    exact = block.points @ GENERAL.T
    begin = 0.9 * exact
    begin[boundary] = exact[boundary]
    start = Solved(
        unknown=body.fields.nodal.to_dofs(begin),
        other=body.fields.nodal.to_dofs(block.points @ UNLOADED.T),
        loads=Loads(),
    )
    solved = body.load(start, Loads(active_tension=3e3))
    np.testing.assert_allclose(body.fields.nodal.to_nodes(solved.unknown), exact, atol=1e-12)


def test_the_mixed_form_finds_a_homogeneous_state_and_its_pressure(block):
    body = Body(
        block,
        constant_axes(block),
        material=LAW,
        springs=Springs(),
        clamped=("epicardium", "base"),
        discretisation=Discretisation(newton=NewtonSettings(relative=1e-12, reuse=False)),
    )
    A, B = np.diag([1.2, 0.9, 1 / 1.08]) - np.eye(3), np.diag([0.95, 1.1, 1 / 1.045]) - np.eye(3)
    tension, cavity_pressure = 4e3, 1.5e3
    P, F, _ = pk1(LAW, A, B, np.eye(3), active_tension=tension)
    hydrostatic = -cavity_pressure - (P @ F.T)[2, 2]  # so that the upper face bears the load
    exact = block.points @ A.T
    held = np.unique(np.concatenate([block.facets["epicardium"], block.facets["base"]]))
    begin = 0.97 * exact
    begin[held] = exact[held]
    unknown = np.zeros_like(body.fields.unknown.x.array)
    unknown[body.fields.displacement_dofs] = body.fields.nodal.to_dofs(begin)
    start = Solved(
        unknown=unknown, other=body.fields.nodal.to_dofs(block.points @ B.T), loads=Loads()
    )
    solved = body.load(start, Loads(active_tension=tension, cavity_pressure=cavity_pressure))
    found = body.fields.nodal.to_nodes(body.displacement(solved))
    np.testing.assert_allclose(found, exact, atol=1e-11)
    pressure = np.delete(solved.unknown, body.fields.displacement_dofs) * PRESSURE_UNIT
    np.testing.assert_allclose(pressure, hydrostatic, rtol=1e-8)


# ---- the ventricle as the product has it ------------------------------------------------------


LOADS = Loads(cavity_pressure=2e3, active_tension=8e3, passive_scale=1.3, passive_exponent=1.5)


@pytest.fixture(scope="module")
def wall():
    return coarse_wall()


def smooth(points, seed):
    rng = np.random.default_rng(seed)
    linear = rng.uniform(-0.05, 0.05, (3, 3))
    waves = np.sin(points @ rng.uniform(-60, 60, (3, 3))) * 5e-4
    return points @ linear.T + waves


@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_the_tangent_is_the_derivative_of_the_residual(wall, direction):
    body, points = wall.body, wall.mesh.points
    problem = getattr(body, direction)
    set_state(body, smooth(points, 1), smooth(points, 2), LOADS, pressure=-2e3)
    rng = np.random.default_rng(3)
    along = rng.uniform(-0.02, 0.02, len(body.fields.unknown.x.array))  # pressures of 2 kPa
    along[body.fields.displacement_dofs] = rng.uniform(
        -1e-3, 1e-3, len(body.fields.displacement_dofs)
    )
    state = body.fields.unknown.x.array.copy()
    problem.factorise()
    step, sides = 1e-4, []
    for sign in (1, -1):
        body.fields.unknown.x.array[:] = state + sign * step * along
        sides.append(problem.residual())
    found = problem.solve_tangent((sides[0] - sides[1]) / (2 * step))
    np.testing.assert_allclose(found, along, atol=1e-5 * np.abs(along).max())


def test_turning_both_placements_turns_every_force():
    wall = coarse_wall(Springs(base_warp=0.0))  # which holds the base along the imaged normal
    body, points = wall.body, wall.mesh.points
    R = Rotation.from_rotvec([0.8, -0.3, 1.9]).as_matrix()
    u, U = smooth(points, 1), smooth(points, 2)
    set_state(body, u, U, LOADS, pressure=-2e3)
    before, volumes = forces(body, body.forward), body.forward.residual()
    turned = [(points + shift) @ R.T - points for shift in (u, U)]
    set_state(body, *turned, LOADS, pressure=-2e3)
    after = forces(body, body.forward)
    np.testing.assert_allclose(after, before @ R.T, atol=1e-11 * np.abs(before).max())
    pressures = np.setdiff1d(np.arange(len(volumes)), body.fields.displacement_dofs)
    np.testing.assert_allclose(
        body.forward.residual()[pressures], volumes[pressures], atol=1e-12 * volumes.max()
    )


def test_another_heart_needs_no_other_forms(wall, monkeypatch):
    asked = []
    kept_in = compilation._lock_file
    monkeypatch.setattr(
        compilation, "_lock_file", lambda name: asked.append(name) or kept_in(name)
    )
    turned = wall.mesh.points @ Rotation.from_rotvec([0.8, -0.3, 1.9]).as_matrix()
    names = []
    for points in (wall.mesh.points, 1.1 * turned + 0.02):
        asked.clear()
        Wall(
            replace(wall.mesh, points=points),
            angles=FibreAngles(),
            material=LAW,
            springs=Springs(),
        )
        names.append(sorted(asked))
    assert names[0] == names[1] != []


def test_a_closed_cavity_pushes_nowhere(wall):
    body, points = wall.body, wall.mesh.points
    u = smooth(points, 4)
    set_state(body, u, u, Loads(cavity_pressure=2e3), pressure=-1e3)
    pushed = forces(body, body.forward)
    # Both placements are one, so the springs are at rest.
    lid = 2e3 * area_vector(points + u, wall.mesh.facets["lv_endocardium"])
    assert np.linalg.norm(lid) > 1
    np.testing.assert_allclose(pushed.sum(axis=0), 0, atol=1e-10 * np.linalg.norm(lid))


def test_the_annulus_stiffens_the_wall_near_the_base_alone(wall):
    C = np.diag([1.3, 0.8, 1.1])
    inner, _ = quadrature_rule(QUADRATURE)
    found = np.empty((len(wall.mesh.cells), len(inner)))
    invariant = np.trace(C) / np.cbrt(np.linalg.det(C))
    found[wall.body.domain.cells] = evaluator(
        wall.body.equations.supports.annulus(invariant), inner, wall.body.domain.mesh
    )()
    shapes = tetrahedron_shapes(inner)[0]
    height = wall.mesh.point_fields["apicobasal"][wall.mesh.cells] @ shapes.T
    begin, modulus = Springs().annulus_height, Springs().annulus
    share = np.maximum(height - begin, 0) / (1 - begin)
    np.testing.assert_allclose(found, modulus / 2 * share * (invariant - 3), atol=1e-9 * modulus)
    assert 0 < np.mean(found > 0) < 0.5
