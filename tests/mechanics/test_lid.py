"""The valves hand the cavity's pressure to the base, and the closed cavity pushes nothing."""

from dataclasses import replace

import numpy as np
import pytest
from benchmark_bodies import ellipsoid
from scipy.spatial.transform import Rotation

from cardiotwin.exam import Volunteer, end_diastolic_wall
from cardiotwin.fem.domain import QUADRATURE, quadrature_rule
from cardiotwin.geometry.closure import closure_of
from cardiotwin.geometry.fibres import FibreAngles, fibre_axes
from cardiotwin.geometry.template import Template
from cardiotwin.geometry.volumes import area_vector, facet_rule, rim_nodes
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.mechanics.springs import Springs

HEARTS = {
    "even": ellipsoid(Template(rings=4, layers=1), size=3.5),
    "thick septum": end_diastolic_wall(Volunteer(template=Template(rings=6, layers=1))),
}
PRESSURE = 7e3


@pytest.fixture(params=HEARTS)
def mesh(request):
    return HEARTS[request.param]


def moved(mesh, size=2e-3):
    """Return the nodes where nothing is symmetric any more, and the base is not flat."""
    x = mesh.points
    length = np.ptp(x, axis=0).max()
    waves = np.stack([np.sin(9 * x[:, (k + 1) % 3] / length + k) for k in range(3)], axis=1)
    turn = Rotation.from_rotvec([0.2, -0.1, 0.3]).as_matrix()
    return x @ turn.T + size * waves


def pressed(mesh, points):
    """Return the forces of a pressure by nodes, N, and the body that has them."""
    inner = quadrature_rule(QUADRATURE)[0]
    body = Body(
        mesh,
        fibre_axes(mesh, FibreAngles(), inner),
        material=HolzapfelOgden(),
        springs=Springs(),
    )
    fields = body.fields
    fields.unknown.x.array[:] = fields.of_nodes(points - mesh.points)
    force = body.per_load("cavity_pressure")[fields.displacement_dofs]
    return PRESSURE * fields.nodal.to_nodes(force), body


def test_the_middles_shares_are_one_together_and_only_on_the_base(mesh):
    tip = closure_of(mesh).tip
    assert tip.sum() == pytest.approx(1, rel=1e-12)
    assert not np.delete(tip, np.unique(mesh.facets["base"])).any()


def test_the_middle_lies_in_the_base_within_the_rim(mesh):
    rim = mesh.points[rim_nodes(mesh)]
    from_rim = rim - closure_of(mesh).middle(mesh.points)
    normal = np.linalg.svd(rim - rim.mean(axis=0))[2][2]
    assert np.abs(from_rim @ normal).max() < 5e-5  # a base that is not quite flat
    reach = np.linalg.norm(from_rim, axis=1)
    assert reach.min() > 0.8 * reach.max()


def test_the_closure_turns_with_the_heart(mesh):
    R = Rotation.from_rotvec([0.3, -1.1, 0.6]).as_matrix()
    turned = replace(mesh, points=mesh.points @ R.T + [0.1, 0.0, -0.2])
    for name in ("tip", "share"):
        one, other = (getattr(closure_of(wall), name) for wall in (turned, mesh))
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_the_share_falls_from_the_rim_to_the_outer_edge_and_is_nowhere_negative(mesh):
    closure, rim = closure_of(mesh), rim_nodes(mesh)
    outer = np.intersect1d(mesh.facets["base"], mesh.facets["epicardium"])
    np.testing.assert_array_equal(closure.share[rim], 1)
    np.testing.assert_array_equal(closure.share[outer], 0)
    base = np.unique(mesh.facets["base"])
    left = 1 - mesh.point_fields["transmural"][base]
    assert np.abs(closure.share[base] - left**2).max() < 0.1
    shapes = facet_rule(mesh.points, mesh.facets["base"])[0]
    assert (closure.share[mesh.facets["base"]] @ shapes.T).min() > -1e-3


def test_two_cavities_have_a_lid_each_which_hangs_on_its_own_ring():
    mesh = ellipsoid(Template(rings=4, layers=2), size=3.5)
    apart = np.array([0.12, 0.0, 0.0])
    n = len(mesh.points)
    both = replace(
        mesh,
        points=np.concatenate([mesh.points, mesh.points * [1, 1, 0.9] + apart]),
        cells=np.concatenate([mesh.cells, mesh.cells + n]),
        facets={
            "lv_endocardium": mesh.facets["lv_endocardium"],
            "rv_endocardium": mesh.facets["lv_endocardium"] + n,
            "epicardium": np.concatenate(
                [mesh.facets["epicardium"], mesh.facets["epicardium"] + n]
            ),
            "base": np.concatenate([mesh.facets["base"], mesh.facets["base"] + n]),
        },
        point_fields={},
        cell_fields={},
    )
    for k, surface in enumerate(("lv_endocardium", "rv_endocardium")):
        own = slice(k * n, (k + 1) * n)
        closure, alone = closure_of(both, surface), closure_of(mesh)
        np.testing.assert_allclose(closure.tip[own], alone.tip, atol=1e-5)
        np.testing.assert_allclose(closure.share[own], alone.share, atol=1e-12)
        assert closure.tip[own].sum() > 0.999


def test_a_pressure_does_to_the_wall_what_its_volume_says(mesh):
    points = moved(mesh)
    force, _ = pressed(mesh, points)
    gradient = closure_of(mesh).gradient(points)
    np.testing.assert_allclose(-force, PRESSURE * gradient, atol=1e-9 * np.abs(force).max())


def test_it_pushes_and_turns_nothing_however_the_wall_lies(mesh):
    points = moved(mesh)
    force, _ = pressed(mesh, points)
    borne = PRESSURE * np.linalg.norm(area_vector(points, mesh.facets["lv_endocardium"]))
    arms = points - points.mean(axis=0)
    assert np.linalg.norm(force.sum(axis=0)) < 1e-12 * borne
    turned = np.cross(arms, force).sum(axis=0)
    assert np.linalg.norm(turned) < 1e-12 * borne * np.abs(arms).max()


def test_inside_the_endocardium_it_is_the_follower_pressure(mesh):
    points = moved(mesh)
    force, _ = pressed(mesh, points)
    body = Body(
        mesh,
        fibre_axes(mesh, FibreAngles(), quadrature_rule(QUADRATURE)[0]),
        material=HolzapfelOgden(),
        springs=Springs(),
        lids=False,
    )
    body.fields.unknown.x.array[:] = body.fields.of_nodes(points - mesh.points)
    plain = body.per_load("cavity_pressure")[body.fields.displacement_dofs]
    plain = PRESSURE * body.fields.nodal.to_nodes(plain)
    inside = np.setdiff1d(mesh.facets["lv_endocardium"], mesh.facets["base"])
    np.testing.assert_allclose(force[inside], plain[inside], atol=1e-9 * np.abs(plain).max())


def test_the_tangent_is_that_of_finite_differences_and_symmetric():
    mesh = HEARTS["even"]
    _, body = pressed(mesh, moved(mesh))
    fields, problem = body.fields, body.forward
    body.apply(Loads(cavity_pressure=PRESSURE))
    here = fields.unknown.x.array.copy()
    rng = np.random.default_rng(3)
    one, other = (fields.of_nodes(rng.normal(0, 1, mesh.points.shape)) for _ in range(2))

    def loaded(unknown):
        fields.unknown.x.array[:] = unknown
        return PRESSURE * body.per_load("cavity_pressure")

    slopes = [
        (loaded(here + 1e-7 * way) - loaded(here - 1e-7 * way)) / 2e-7 for way in (one, other)
    ]
    assert other @ slopes[0] == pytest.approx(one @ slopes[1], rel=1e-6)
    fields.unknown.x.array[:] = here
    problem.factorise()
    assert body.equations.has_potential(())
    matrix = problem.linear._matrix
    lopsided = matrix.copy()
    lopsided.axpy(-1, matrix.copy().transpose())
    assert lopsided.norm() < 1e-12 * matrix.norm()  # half of it is factorised
    step = problem.solve_tangent(problem.residual())
    gap = []
    for length in (1e-4, 5e-5):
        fields.unknown.x.array[:] = here - length * step
        left = problem.residual()
        fields.unknown.x.array[:] = here
        gap.append(np.linalg.norm(left - (1 - length) * problem.residual()))
    assert gap[0] / gap[1] == pytest.approx(4, rel=0.1)  # what is left is of second order
