from itertools import pairwise

import numpy as np
import pytest

from cardiotwin.geometry import Template, frame_of, thickness, wall_mesh, with_coordinates
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.sections import (
    cavity_shell,
    distances,
    fine_triangles,
    outline_at,
    volume_between,
    wall_shell,
)
from cardiotwin.geometry.volumes import wall_volume

from .ellipsoids import half_ellipsoid

MESH = wall_mesh(Template(), half_ellipsoid)
UP = np.array([0.0, 0.0, 1.0])


def test_the_frame_of_a_template_mesh_is_that_of_its_map():
    frame = frame_of(MESH)
    np.testing.assert_allclose(frame.axes, [[1, 0, 0], [0, -1, 0], [0, 0, 1]], atol=1e-9)
    np.testing.assert_allclose(frame.origin, 0, atol=1e-9)
    assert not frame.mirrored
    mirrored = frame_of(wall_mesh(Template(), lambda u, a, t: half_ellipsoid(u, -a, t)))
    assert mirrored.mirrored
    np.testing.assert_allclose(mirrored.septal, [0, 1, 0], atol=1e-9)


def test_the_material_coordinates_are_exact_on_the_surfaces():
    fields = MESH.point_fields
    assert (fields["transmural"][MESH.facets["lv_endocardium"]] == 0).all()
    assert (fields["transmural"][MESH.facets["epicardium"]] == 1).all()
    assert (fields["apicobasal"][MESH.facets["base"]] == 1).all()
    off_axis = fields["apicobasal"] > 0
    angle = np.arctan2(-MESH.points[:, 1], MESH.points[:, 0])
    turn = np.angle(np.exp(1j * (fields["rotational"] - angle)))
    np.testing.assert_allclose(turn[off_axis], 0, atol=1e-9)


def test_the_seventeen_segments_lie_where_cerqueira_has_them():
    mesh = with_coordinates(MESH, frame_of(MESH))
    segment = mesh.cell_fields["aha_segment"]
    middle = mesh.points[mesh.cells[:, :4]].mean(axis=1)
    assert set(segment) == set(range(1, 18))
    # Angle zero is +x, the septum at 60 degrees (towards -y), anterior at -30, inferior at 150.
    expected = {1: -30, 2: 30, 3: 90, 4: 150, 5: 210, 6: 270, 13: -30, 14: 60, 15: 150, 16: 240}
    expected |= {k + 6: degrees for k, degrees in expected.items() if k <= 6}
    for number, degrees in expected.items():
        x, y, _ = middle[segment == number].mean(axis=0)
        off = np.angle(np.exp(1j * (np.arctan2(-y, x) - np.deg2rad(degrees))))
        assert abs(np.degrees(off)) < 8, number
    rings = [
        middle[(segment >= low) & (segment <= high), 2]
        for low, high in [(17, 17), (13, 16), (7, 12), (1, 6)]
    ]
    assert all(a.mean() < b.mean() for a, b in pairwise(rings))
    assert rings[0].max() < -55e-3


def test_thickness_is_that_of_the_map():
    found = thickness(MESH.points, MESH)
    assert found.min() == pytest.approx(8e-3, rel=1e-6)
    assert found.max() == pytest.approx(10e-3, rel=1e-6)


def test_volumes_between_two_heights_are_those_of_ellipsoids():
    def slab(radius, length, low, high):
        return np.pi * radius**2 * (high - low - (high**3 - low**3) / (3 * length**2))

    low, high = -40e-3, -10e-3
    inner, outer = slab(25e-3, 60e-3, low, high), slab(35e-3, 68e-3, low, high)
    shells = cavity_shell(MESH.points, MESH), wall_shell(MESH.points, MESH)
    found = [volume_between(shell, UP, low, high) for shell in shells]
    assert found == pytest.approx([inner, outer - inner], rel=2e-3)
    whole = [volume_between(shell, UP, -1.0, 1.0) for shell in shells]
    exact = [cavity_volume(MESH.points, MESH), wall_volume(MESH.points, MESH)]
    assert whole == pytest.approx(exact, rel=2e-3)


def test_an_outline_in_a_plane_is_the_ellipsoids():
    triangles = fine_triangles(MESH.points, MESH, "epicardium")
    outline = outline_at(triangles, np.array([0.0, 0.0, -30e-3]), UP)
    radius = 35e-3 * np.sqrt(1 - (30 / 68) ** 2)
    np.testing.assert_allclose(np.hypot(*outline[:, :2].T), radius, rtol=2e-3)
    assert len(outline_at(triangles, np.array([0.0, 0.0, -90e-3]), UP)) == 0


def test_distances_from_a_surface_are_those_along_its_normal():
    triangles = fine_triangles(MESH.points, MESH, "epicardium")
    side = np.array([[38e-3, 0.0, -0.5e-3], [30e-3, 0.0, -0.5e-3], [0.0, 0.0, -75e-3]])
    np.testing.assert_allclose(distances(triangles, side), [3e-3, 5e-3, 7e-3], atol=0.1e-3)
