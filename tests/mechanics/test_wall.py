"""The ventricle: unloading and loading are inverse, volumes are kept, derivatives are right."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.errors import ConvergenceError
from cardiotwin.fem.domain import QUADRATURE, quadrature_rule
from cardiotwin.geometry.closure import closure_of
from cardiotwin.geometry.fibres import fibre_axes
from cardiotwin.geometry.shapes import jacobians
from cardiotwin.mechanics import lid
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.fields import PRESSURE_UNIT
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.wall import Wall

from .ventricle import coarse_wall

# In its chest: without a pericardium this soft wall tips to one side at 1.7 kPa.
DIASTOLE = Loads(cavity_pressure=1.3e3, passive_scale=2.0, passive_exponent=2.0)
SYSTOLE = replace(DIASTOLE, cavity_pressure=8e3, active_tension=3e4)


@pytest.fixture(scope="module")
def wall():
    return coarse_wall()


@pytest.fixture(scope="module")
def unloaded(wall):
    return wall.unload(DIASTOLE)


@pytest.fixture(scope="module")
def contracted(wall, unloaded):
    return wall.load(wall.imaged(unloaded), SYSTOLE)


def test_a_scar_is_stretched_where_the_muscle_about_it_shortens(wall, unloaded, contracted):
    mesh = wall.mesh
    segments = sectors(mesh)
    sick = Wall(
        replace(mesh, cell_fields={**mesh.cell_fields, "aha_segment": segments}),
        angles=wall.angles,
        material=HolzapfelOgden(),
        springs=Springs(),
        discretisation=wall.body.discretisation,
        segment_contractility={1: 0.0},
    )
    scarred = sick.load(sick.imaged(unloaded), SYSTOLE)
    before, after = (w.strains(w.points(s)) for w, s in ((wall, contracted), (sick, scarred)))
    middle = (segments == 1) & (np.abs(mesh.points[mesh.cells].mean(axis=1)[:, 2]) < 0.02)
    assert before["fibre_strain"][middle].mean() < 0 < after["fibre_strain"][middle].mean()
    assert after["fibre_strain"][segments == 3].mean() < 0
    assert sick.volume(scarred) > wall.volume(contracted)


def sectors(mesh):
    """Return a number from 1 to 4 for each cell's quarter about the axis."""
    x, y = mesh.points[mesh.cells].mean(axis=1)[:, :2].T
    return (np.arctan2(y, x) // (np.pi / 2)).astype(int) % 4 + 1


def test_another_body_built_unloaded_inflates_to_the_image(monkeypatch):
    springs = Springs(base_warp=0.0)  # which knows the imaged base
    wall = coarse_wall(springs)
    unloaded = wall.unload(DIASTOLE)
    mesh = replace(wall.mesh, points=wall.points(unloaded))
    inner = quadrature_rule(QUADRATURE)[0]
    there, here = (
        jacobians(points, wall.mesh, inner) for points in (mesh.points, wall.mesh.points)
    )
    back = there @ np.linalg.inv(here)
    f, s, n = (
        np.einsum("cqij,cqj->cqi", back, axis)
        for axis in fibre_axes(wall.mesh, wall.angles, inner)
    )
    # The lid hangs on the base as the image has it.
    monkeypatch.setattr(lid, "closure_of", lambda _, surface: closure_of(wall.mesh, surface))
    body = Body(
        mesh,
        (f, s, n),
        material=HolzapfelOgden(),
        springs=springs,
        discretisation=wall.body.discretisation,
    )
    inflated = body.load(body.rest(DIASTOLE), DIASTOLE)
    points = mesh.points + body.fields.nodal.to_nodes(body.displacement(inflated))
    assert np.abs(mesh.points - wall.mesh.points).max() > 2e-3
    np.testing.assert_allclose(points, wall.mesh.points, atol=1e-9)
    pressures = np.setdiff1d(np.arange(len(inflated.unknown)), body.fields.displacement_dofs)
    difference = (inflated.unknown - unloaded.unknown)[pressures] * PRESSURE_UNIT
    assert np.abs(difference).max() < 1e-3


def test_the_imaged_state_is_an_equilibrium_over_its_unloaded_one(wall, unloaded):
    steps = wall.body.forward.factorisations
    again = wall.load(wall.imaged(unloaded), DIASTOLE, first_step=1.0)
    assert wall.body.forward.factorisations <= steps + 1
    np.testing.assert_allclose(wall.points(again), wall.mesh.points, atol=1e-9)


def test_the_wall_keeps_its_volume(wall, unloaded, contracted):
    volumes = [wall.state(wall.imaged(unloaded)).wall_volume]
    volumes += [
        wall.state(unloaded, unloaded=True).wall_volume,
        wall.state(contracted).wall_volume,
    ]
    np.testing.assert_allclose(volumes, volumes[0], rtol=1e-9)


def test_contraction_empties_the_cavity_and_tenses_the_fibres(wall, unloaded, contracted):
    assert wall.volume(contracted) < 0.9 * wall.volume(wall.imaged(unloaded))
    stress = wall.fibre_stress(contracted)
    assert np.median(stress) > 2 * np.median(wall.fibre_stress(wall.imaged(unloaded))) > 0


def test_led_by_its_volume_it_finds_the_tension_that_led_there(wall, unloaded, contracted):
    led = wall.load_to_volume(
        wall.imaged(unloaded), SYSTOLE, wall.volume(contracted), first_step=0.1
    )
    assert led.loads.active_tension == pytest.approx(SYSTOLE.active_tension, rel=1e-8)
    np.testing.assert_allclose(wall.points(led), wall.points(contracted), atol=1e-9)


def test_led_by_its_volume_it_finds_the_pressure_that_led_there(wall, unloaded):
    image = wall.imaged(unloaded)
    filled = wall.load(image, replace(DIASTOLE, cavity_pressure=2.6e3))
    led = wall.load_to_volume(image, DIASTOLE, wall.volume(filled), seek="cavity_pressure")
    assert led.loads.cavity_pressure == pytest.approx(2.6e3, rel=1e-8)


def test_a_path_does_not_matter(wall, unloaded, contracted):
    image = wall.imaged(unloaded)
    first = wall.load(image, replace(DIASTOLE, cavity_pressure=SYSTOLE.cavity_pressure))
    np.testing.assert_allclose(
        wall.points(wall.load(first, SYSTOLE)), wall.points(contracted), atol=1e-8
    )


def test_a_load_that_no_wall_bears_leaves_the_last_state(wall, unloaded):
    crushed = replace(DIASTOLE, cavity_pressure=-4e5)
    with pytest.raises(ConvergenceError, match=r"The load stopped at \d+\.\d % of the") as caught:
        wall.load(wall.imaged(unloaded), crushed)
    assert np.all(np.isfinite(caught.value.state))
    assert len(caught.value.residuals) >= 1
    np.testing.assert_array_equal(wall.body.fields.unknown.x.array, caught.value.state)


# ---- derivatives ------------------------------------------------------------------------------

STEPS = {
    "cavity_pressure": 2.0,
    "active_tension": 20.0,
    "passive_scale": 2e-3,
    "passive_exponent": 2e-3,
}


def varied(loads, name, sign):
    return replace(loads, **{name: getattr(loads, name) + sign * STEPS[name]})


@pytest.mark.parametrize("name", ["cavity_pressure", "passive_scale", "passive_exponent"])
def test_the_unloaded_shape_changes_as_its_derivative_says(wall, unloaded, name):
    change = wall.reference_changes(unloaded, (name,))[name]
    ends = [
        wall.body.displacement(wall.unload(varied(DIASTOLE, name, sign), start=unloaded))
        for sign in (1, -1)
    ]
    difference = (ends[0] - ends[1]) / (2 * STEPS[name])
    np.testing.assert_allclose(change, difference, atol=2e-5 * np.abs(difference).max())


@pytest.mark.parametrize("name", list(STEPS))
def test_the_contracted_volume_changes_as_its_derivative_says(wall, contracted, name):
    slope = wall.volume_changes(contracted, {}, (name,))[name]
    volumes = [
        wall.volume(wall.load(contracted, varied(SYSTOLE, name, sign), first_step=1.0))
        for sign in (1, -1)
    ]
    assert slope == pytest.approx((volumes[0] - volumes[1]) / (2 * STEPS[name]), rel=2e-5)


@pytest.mark.parametrize("name", ["passive_scale", "cavity_pressure"])
def test_the_derivative_goes_through_the_unloaded_shape(wall, unloaded, contracted, name):
    # Of the imaged pressure the contracted state knows through the unloaded shape alone.
    own = name != "cavity_pressure"
    change = wall.reference_changes(unloaded, (name,))[name]
    names = (name,) if own else ()
    slope = wall.volume_changes(contracted, {name: change}, names)[name]
    volumes = []
    for sign in (1, -1):
        reference = wall.body.displacement(
            wall.unload(varied(DIASTOLE, name, sign), start=unloaded)
        )
        loads = varied(SYSTOLE, name, sign) if own else SYSTOLE
        volumes.append(wall.volume(wall.load(contracted, loads, reference, first_step=1.0)))
    assert slope == pytest.approx((volumes[0] - volumes[1]) / (2 * STEPS[name]), rel=5e-5)
