import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cardiotwin.geometry import Template, cavity_volume, wall_mesh, wall_volume
from cardiotwin.geometry.closure import cavity_volume_gradient, closure_of
from cardiotwin.geometry.volumes import rim_nodes


def cone(u, angle, t):
    radius = (25e-3 + 10e-3 * t) * u
    return np.stack(
        [radius * np.cos(angle), -radius * np.sin(angle), -(60e-3 + 8e-3 * t) * (1 - u**2)], axis=1
    )


MESH = wall_mesh(Template(rings=3, layers=1), cone)


@settings(max_examples=25, deadline=None)
@given(arrays(np.float64, (3, 3), elements=st.floats(-0.4, 0.4)), st.floats(-1, 1))
def test_volumes_follow_every_affine_map(matrix, offset):
    matrix = matrix + np.eye(3)
    mapped = MESH.points @ matrix.T + offset
    scale = np.linalg.det(matrix)
    for volume in (cavity_volume, wall_volume):
        assert volume(mapped, MESH) == pytest.approx(scale * volume(MESH.points, MESH), abs=1e-12)


def test_a_cavity_is_closed_over_the_rim_of_the_surface_that_is_named():
    whole = -cavity_volume(MESH.points, MESH, "epicardium")  # its normals face away from inside
    # Base and wall meet in a plane, so what the epicardium closes is the cavity and the wall.
    inside = cavity_volume(MESH.points, MESH, "lv_endocardium") + wall_volume(MESH.points, MESH)
    assert whole == pytest.approx(inside, rel=1e-12)


@pytest.mark.parametrize("surface", ["lv_endocardium", "epicardium"])
def test_the_volumes_gradients_are_those_of_finite_differences(surface):
    rng = np.random.default_rng(5)
    points = MESH.points + rng.normal(0, 5e-4, MESH.points.shape)
    way = rng.normal(0, 1, points.shape)
    ahead, behind = points + 1e-6 * way, points - 1e-6 * way
    slope = (cavity_volume(ahead, MESH, surface) - cavity_volume(behind, MESH, surface)) / 2e-6
    gradient = cavity_volume_gradient(points, MESH, surface)
    assert np.sum(gradient * way) == pytest.approx(slope, rel=1e-6)
    closure = closure_of(MESH, surface)
    slope = (closure.area(ahead) - closure.area(behind)) / 2e-6
    moved = np.einsum("kni,ni->k", closure.area_gradient(points), way)
    np.testing.assert_allclose(moved, slope, rtol=1e-6)


def test_the_rim_is_where_endocardium_and_base_meet():
    rim = rim_nodes(MESH)
    assert len(rim) == 2 * 6 * 3
    np.testing.assert_allclose(np.linalg.norm(MESH.points[rim, :2], axis=1), 25e-3)
