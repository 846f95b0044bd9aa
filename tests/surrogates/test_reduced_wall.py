"""The reduced wall: its equations are the full model's, its tangent is their derivative."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from benchmark_bodies import ellipsoid

from cardiotwin.errors import InputError
from cardiotwin.fem.settings import NewtonSettings
from cardiotwin.geometry.closure import cavity_volume_gradient
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.mechanics.parameter_range import ParameterRange
from cardiotwin.mechanics.parametric import ParametricWall
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.walks import from_walk, placed_of, snapshots_of, walk
from cardiotwin.mechanics.wall import Wall
from cardiotwin.mechanics.wall_integrals import SpringForces, wall_integrals
from cardiotwin.surrogates.heart import ReducedHeart
from cardiotwin.surrogates.led import led_to
from cardiotwin.surrogates.training import (
    Reduction,
    coefficients,
    exact_wall,
    make_basis,
    with_few_points,
)
from cardiotwin.surrogates.whole import TURN

REGIONS = {"left": (1, 2), "right": (3,)}  # and quarter 4 has no share of its own
DIASTOLE = Loads(cavity_pressure=1.3e3, passive_scale=2.0, passive_exponent=2.0)
SPAN = ParameterRange(
    names=(
        "passive_scale",
        "passive_exponent",
        "cavity_pressure",
        "active_tension",
        "left_tension_share",
        "right_tension_share",
        "base_stiffness",
        "pericardium_stiffness",
    ),
    lower=np.array([1.5, 1.6, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5]),
    upper=np.array([2.5, 2.4, 0.0, 3e4, 1.0, 1.0, 2.0, 2.0]),
    logarithmic=("base_stiffness", "pericardium_stiffness"),
    unloaded_volume=92e-6,
    least_volume=75e-6,
    largest_volume=140e-6,
)


@pytest.fixture(scope="module")
def model():
    mesh = ellipsoid(Template(rings=4, layers=1), size=3.5)
    x, y = mesh.points[mesh.cells].mean(axis=1)[:, :2].T
    quarters = (np.arctan2(y, x) // (np.pi / 2)).astype(int) % 4 + 1
    wall = Wall(
        replace(mesh, cell_fields={**mesh.cell_fields, "aha_segment": quarters}),
        angles=FibreAngles(),
        material=HolzapfelOgden(),
        springs=Springs(),
        discretisation=Discretisation(newton=NewtonSettings(relative=1e-10)),
    )
    return ParametricWall(wall, wall.unload(DIASTOLE), REGIONS)


@pytest.fixture(scope="module")
def states(model):
    values, volumes = SPAN.sample(8, seed=3)
    walked = walk(model, SPAN, values, volumes)
    assert not walked.failed
    return walked


def reduction(model, states, pressure_modes):
    """Return wall, basis, reduced wall with all points, coefficients and states."""
    wall, snapshots = wall_integrals(model), snapshots_of(model, states.placed)
    options = Reduction(modes=14, pressure_modes=pressure_modes, yielding=0.0)
    basis = make_basis(wall, snapshots, SPAN.span(), options)
    exact = exact_wall(
        wall,
        snapshots,
        basis,
        spring_forces=SpringForces(model).of,
        regions=model.regions,
        options=options,
    )
    return wall, basis, exact, coefficients(wall, basis, snapshots), snapshots


@pytest.fixture(scope="module")
def reduced(model, states):
    """Return a wall whose basis spans rigid motions and the states, and nothing else."""
    return reduction(model, states, pressure_modes=8)


def test_a_state_within_the_basis_is_an_equilibrium_of_the_reduced_wall(reduced):
    _, _, exact, z, snapshots = reduced
    values = torch.as_tensor(snapshots.values)
    residual, tangent = exact.assembled(z, values)
    step = torch.linalg.solve(tangent, residual[..., None])[..., 0]
    assert float((step[:, :14].norm(dim=1) / z[:, :14].norm(dim=1)).max()) < 1e-7


def test_out_of_balance_it_feels_the_forces_of_the_full_model(model, reduced):
    wall, basis, exact, z, snapshots = reduced
    shrunk = z[:3].clone()
    shrunk[:, :14] *= 0.8
    residual, _ = exact.assembled(shrunk, torch.as_tensor(snapshots.values[:3]))
    for k in range(3):
        placed = placed_of(
            model,
            snapshots.values[k],
            np.tensordot(shrunk[k, :14].numpy(), basis.displacement, 1),
            np.tensordot(shrunk[k, 14:].numpy(), basis.pressure, 1),
        )
        forces = model.body.fields.to_arrays(model.residual(placed))["displacement"]
        expected = np.tensordot(basis.displacement[6:], forces, 2)
        assert np.linalg.norm(expected) > 1e-3
        miss = np.linalg.norm(residual[k, 6:14].numpy() - expected)
        assert miss < 1e-8 * np.linalg.norm(expected)
        around = model.nodes(placed) - wall.unloaded.mean(axis=0)
        turns = [np.sum(np.cross(unit, around) * forces) / TURN for unit in np.eye(3)]
        whole = np.array([*forces.sum(axis=0), *turns])
        assert np.linalg.norm(residual[k, :6].numpy() - whole) < 1e-6 * np.linalg.norm(whole)
        volume = float(exact.cavity_volume(shrunk[k : k + 1])[0])
        assert volume == pytest.approx(model.volume(placed), rel=1e-12)


def test_its_tangent_is_the_derivative_of_its_residual(reduced):
    _, _, exact, z, snapshots = reduced
    values = torch.as_tensor(snapshots.values[:1])
    tangent = exact.assembled(z[:1], values)[1][0]
    for k in (0, 7, 13, 21):
        step = 1e-5 * torch.eye(22, dtype=torch.float64)[k] * z[0].abs()[k].clamp(min=1e-3)
        ends = [exact.assembled(z[:1] + sign * step, values)[0][0] for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * step[k])
        torch.testing.assert_close(
            slope, tangent[:, k], rtol=1e-5, atol=1e-6 * tangent.abs().max()
        )


def test_few_points_with_positive_weights_stand_for_all(model, states):
    _, _, exact, z, snapshots = reduction(model, states, pressure_modes=3)
    values = torch.as_tensor(snapshots.values)
    few = with_few_points(exact, z, values, Reduction(cubature=1e-3, directions=24))
    assert (few.points.weights > 0).all()
    assert len(few.points.weights) < len(exact.points.weights) / 10
    residual, tangent = exact.assembled(z, values)
    missed = few.assembled(z, values)[0] - residual
    step = torch.linalg.solve(tangent, missed[..., None])[:, :14, 0]
    assert float((step.norm(dim=1) / z[:, :14].norm(dim=1)).max()) < 0.01


def test_changes_are_those_of_states_solved_nearby(model, states):
    here = states.placed[3]
    for k, size in ((0, 1e-3), (3, 10.0), (4, 1e-3), (6, 1e-2)):
        ahead = here.values + size * np.eye(len(here.values))[k]
        moved = model.moved(here, ahead)
        expected = (moved.unknown - here.unknown) / size
        slope = states.changes[3][k]
        dofs = model.body.fields.displacement_dofs
        miss = np.linalg.norm((slope - expected)[dofs]) / np.linalg.norm(expected[dofs])
        assert miss < 0.03


def test_what_lies_outside_of_the_range_is_named():
    values, volumes = SPAN.sample(4, seed=1)
    assert SPAN.outside(values[0], float(volumes[0])) == ()
    beyond = values[0].copy()
    beyond[3] = 4e4
    assert SPAN.outside(beyond, 200e-6) == ("active_tension", "cavity_volume")


def test_a_range_without_extent_is_refused():
    with pytest.raises(InputError, match=r"range of passive_exponent is empty, found 1.6 to 1"):
        replace(SPAN, upper=np.where(np.arange(8) == 1, 1.0, SPAN.upper))


@pytest.fixture(scope="module")
def heart(reduced):
    wall, basis, exact, z, snapshots = reduced
    return ReducedHeart(
        wall=exact,
        basis=basis,
        span=SPAN,
        values=torch.as_tensor(snapshots.values),
        states=z,
        n_quadrature=wall.weights.size,
    )


def test_gradients_of_the_volume_are_those_of_states_solved_nearby(heart):
    values = heart.values[2:3].clone().requires_grad_()
    heart.equilibria(values).volume.sum().backward()
    for k, size in enumerate((1e-3, 1e-3, 1.0, 10.0, 1e-3, 1e-3, 1e-2, 1e-2)):
        step = size * torch.eye(8, dtype=torch.float64)[k]
        ends = [
            heart.equilibria(heart.values[2:3] + sign * step, confined=False).volume[0]
            for sign in (1, -1)
        ]
        slope = float(ends[0] - ends[1]) / (2 * size)
        assert float(values.grad[0, k]) == pytest.approx(slope, rel=1e-3), SPAN.names[k]


@pytest.fixture(scope="module")
def free(model, states):
    """Return a heart with few pressure modes: as many as the others would hold its volume."""
    wall, basis, exact, z, snapshots = reduction(model, states, pressure_modes=3)
    known = torch.as_tensor(snapshots.values)
    return ReducedHeart(
        wall=exact, basis=basis, span=SPAN, values=known, states=z, n_quadrature=wall.weights.size
    )


def test_a_pressure_is_found_that_holds_a_volume(free):
    values = free.values[:2].clone()
    start, _, reached = free.wall.solve(values, free.states[:2])
    assert reached.all()
    goal = free.wall.cavity_volume(start)
    values[:, 2] *= 0.9
    state, found, reached = free.wall.solve(values, start, goal)
    assert reached.all()
    torch.testing.assert_close(free.wall.cavity_volume(state), goal, rtol=1e-9, atol=0)
    torch.testing.assert_close(found[:, 2], free.values[:2, 2], rtol=1e-6, atol=0)


def test_parameters_outside_of_the_range_are_refused_by_name(heart):
    values = heart.values[:1].clone()
    values[0, 3] = 5e4
    with pytest.raises(InputError, match=r"State 0 lies outside .* active_tension 5e\+04"):
        heart.equilibria(values)


def test_led_by_its_volume_a_wall_is_where_its_pressure_leads(free):
    held, _, reached = free.wall.solve(free.values[:3], free.states[:3])
    assert reached.all()
    led = led_to(free, free.values[:3].clone(), free.wall.cavity_volume(held))
    torch.testing.assert_close(led.pressure, free.values[:3, 2], rtol=1e-6, atol=0)


def test_led_slopes_are_those_of_states_led_nearby(free):
    heart = free
    values, volume = heart.values[2:3], heart.wall.cavity_volume(heart.states[2:3])
    led = led_to(heart, values.clone(), volume)
    for k, size in enumerate((1e-3, 1e-3, 1e-8, 10.0, 1e-3, 1e-3, 1e-2, 1e-2)):
        step = size * torch.eye(8, dtype=torch.float64)[k]
        ends = [
            led_to(heart, values + sign * step, volume)
            if k != 2
            else led_to(heart, values.clone(), volume + sign * size)
            for sign in (1, -1)
        ]
        slope = float(ends[0].pressure[0] - ends[1].pressure[0]) / (2 * size)
        assert abs(slope) * size > 1e-9
        assert float(led.pressure_slopes[0, k]) == pytest.approx(slope, rel=2e-3), SPAN.names[k]
        moved = (ends[0].state[0, :14] - ends[1].state[0, :14]) / (2 * size)
        miss = (led.state_slopes[0, :14, k] - moved).norm() / moved.norm()
        assert float(miss) < 2e-3, SPAN.names[k]


def test_a_state_between_known_ones_is_walked_to_from_the_nearest(model, states):
    near = states.placed[3]
    values, volume = near.values.copy(), model.volume(near)
    values[3] *= 0.99
    found = from_walk(model, SPAN, states, values[None], np.array([1.002 * volume]))
    assert found.failed == ()
    assert model.volume(found.placed[0]) == pytest.approx(1.002 * volume, rel=1e-8)
    ahead = found.placed[0].values[2] - near.values[2]
    step = values - near.values
    slopes = states.changes[3].astype(float)
    by_volume = cavity_volume_gradient(model.nodes(near), model.wall.mesh)
    dV = slopes @ model.body.fields.of_nodes(by_volume)
    expected = (0.002 * volume - step @ dV) / dV[2]  # at given volume, to first order
    assert ahead == pytest.approx(expected, rel=0.05)
