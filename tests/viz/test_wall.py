"""Surfaces, sections and halves of the wall against closed forms."""

import numpy as np
import pytest
from matplotlib.colors import Normalize

from cardiotwin.geometry.template import Template
from cardiotwin.geometry.volumes import wall_volume
from cardiotwin.measurement.sectors import segment_means
from cardiotwin.viz.panels import spaced
from cardiotwin.viz.segments import segment_thickness
from cardiotwin.viz.solid import cut, half_wall
from cardiotwin.viz.wall import axes, joined, nodal_mean, section, surface

X, Y, Z = np.eye(3)


def enclosed(points, triangles):
    a, b, c = (points[triangles[:, k]] for k in range(3))
    return float(np.einsum("ti,ti->", a, np.cross(b, c)) / 6)


def test_the_section_of_an_ellipsoid_is_one_closed_circle_of_the_right_radius(hearts):
    mesh = hearts.heart_mesh()
    shape = surface(mesh, mesh.points, "lv_endocardium", pieces=6)
    height = -0.02
    chains = joined(1e3 * section(shape.points, shape.triangles, height * Z, Z)[:, :, :2])
    assert len(chains) == 1
    np.testing.assert_array_equal(chains[0][0], chains[0][-1])
    radius = 25 * np.sqrt(1 - (height / 0.062) ** 2)
    np.testing.assert_allclose(np.linalg.norm(chains[0], axis=1), radius, rtol=4e-3)


def test_an_open_section_is_one_curve_from_end_to_end(hearts):
    mesh = hearts.heart_mesh()
    shape = surface(mesh, mesh.points, "epicardium")
    pieces = section(shape.points, shape.triangles, 1e-5 * Y, Y)
    (chain,) = joined(1e3 * pieces[:, :, [0, 2]])
    rim = 1e3 * mesh.points[mesh.facets["base"]][..., 2].max()
    np.testing.assert_allclose(chain[[0, -1], 1], rim, atol=0.3)
    assert len(chain) == len(pieces) + 1


def test_a_plane_beside_the_heart_has_no_section(hearts):
    mesh = hearts.heart_mesh()
    shape = surface(mesh, mesh.points, "epicardium")
    assert section(shape.points, shape.triangles, 0.1 * X, X).shape == (0, 2, 3)


def test_half_the_wall_is_closed_and_holds_half_the_volume(hearts):
    mesh = hearts.heart_mesh(Template(rings=6, layers=2))
    values = np.ones(len(mesh.cells))
    half = half_wall(mesh, mesh.points, values, X, scale=Normalize(0, 1), colour_map="gray")
    edges = np.sort(half.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert (half.points @ X).max() < 1e-9
    assert np.unique(edges, axis=0, return_counts=True)[1].max() == 2
    # The section's triangles are not turned outward, but it passes through the origin.
    assert enclosed(half.points, half.triangles) == pytest.approx(
        wall_volume(mesh.points, mesh) / 2, rel=0.01
    )


def test_the_cut_that_opens_the_wall_is_one_closed_curve_in_its_plane(hearts):
    mesh = hearts.heart_mesh()
    towards, across = np.cos(0.3) * X + np.sin(0.3) * Y, np.cos(0.3) * Y - np.sin(0.3) * X
    pieces = cut(mesh, mesh.points, towards)
    assert np.abs(pieces @ towards).max() < 1e-12
    (outline,) = joined(1e3 * pieces @ np.stack([across, Z], axis=1))
    np.testing.assert_allclose(outline[0], outline[-1], atol=1e-4)
    y, z = outline.T
    area = abs(np.sum(y[:-1] * z[1:] - y[1:] * z[:-1])) / 2
    # Each ellipse up to its own height on the base, less what lies above the base between them.
    polar = np.deg2rad(110)
    inner, outer = (r * h * (polar - np.sin(2 * polar) / 2) for r, h in ((25, 62), (34, 71)))
    above = (62 - 71) * np.cos(polar) * (25 + 34) * np.sin(polar)
    assert area == pytest.approx(outer - inner - above, rel=0.02)


def test_a_constant_field_is_that_constant_at_nodes_corners_and_segments(hearts):
    mesh = hearts.heart_mesh()
    constant = np.full(len(mesh.cells), 3.5)
    nodal = nodal_mean(mesh, constant)
    np.testing.assert_allclose(nodal, 3.5)
    np.testing.assert_allclose(surface(mesh, mesh.points, "base").values(nodal), 3.5)
    np.testing.assert_allclose(segment_means(mesh, constant), 3.5)


def test_the_wall_is_as_thick_as_the_ellipsoids_are_apart(hearts):
    mesh = hearts.heart_mesh(Template(rings=6, layers=1))
    thickness = segment_thickness(mesh, mesh.points)
    assert np.all((thickness > 7.5e-3) & (thickness < 9.2e-3))
    assert thickness[16] == pytest.approx(9e-3, rel=0.03)


def test_the_directions_of_the_heart_follow_its_segments(hearts):
    heart = axes(hearts.heart_mesh())
    np.testing.assert_allclose(heart.apex_to_base, Z, atol=0.02)
    # The closed form's segments 1, 7, 13 lie over 0 to 60 and 0 to 90 degrees.
    assert np.rad2deg(np.arctan2(*heart.anterior[[1, 0]])) == pytest.approx(33, abs=6)
    assert abs(heart.septal @ Z) < 0.02


def test_dots_of_a_contour_are_a_step_apart():
    line = np.linspace(0, 0.1, 1001)[:, None] * X
    np.testing.assert_allclose(np.diff(spaced(line, 2e-3)[:, 0]), 2e-3, atol=1.1e-4)
