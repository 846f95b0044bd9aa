"""The valves hand the cavity's pressure to the base."""

from dataclasses import replace

import numpy as np
import pytest
from benchmark_bodies import ellipsoid
from scipy.spatial.transform import Rotation

from cardiotwin.exam import Volunteer, end_diastolic_wall
from cardiotwin.geometry.template import Template
from cardiotwin.geometry.volumes import lid_centroid
from cardiotwin.mechanics.lid import base_weights

HEARTS = {
    "even": ellipsoid(Template(rings=4, layers=1), size=3.5),
    "thick septum": end_diastolic_wall(Volunteer(template=Template(rings=6, layers=1))),
}


@pytest.fixture(params=HEARTS)
def mesh(request):
    return HEARTS[request.param]


def test_the_shares_are_one_together_and_only_on_the_base(mesh):
    weights = base_weights(mesh)
    assert weights.sum() == pytest.approx(1, rel=1e-12)
    base = np.unique(mesh.facets["base"])
    assert not np.delete(weights, base).any()


def test_their_centre_is_the_lids(mesh):
    weights, centre = base_weights(mesh), lid_centroid(mesh)
    rim = mesh.points[np.unique(mesh.facets["base"])]
    normal = np.linalg.svd(rim - rim.mean(axis=0))[2][2]
    apart = weights @ mesh.points - centre
    within = apart - (apart @ normal) * normal
    assert np.linalg.norm(within) < 2e-5  # a base that is not quite flat


def test_an_even_spread_would_miss_it_where_the_septum_is_thick():
    mesh = HEARTS["thick septum"]
    points = mesh.points[mesh.facets["base"][:, :3]]
    areas = np.linalg.norm(
        np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]), axis=1
    )
    even = areas @ points.mean(axis=1) / areas.sum()
    assert np.linalg.norm(even - lid_centroid(mesh)) > 1e-4


def test_they_turn_with_the_heart(mesh):
    R = Rotation.from_rotvec([0.3, -1.1, 0.6]).as_matrix()
    turned = replace(mesh, points=mesh.points @ R.T + [0.1, 0.0, -0.2])
    np.testing.assert_allclose(base_weights(turned), base_weights(mesh), atol=1e-12)
