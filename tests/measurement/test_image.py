"""Planes fixed in space against motions in closed form, and against pictures of the model."""

import numpy as np
import pytest
from skimage.measure import find_contours

from cardiotwin.errors import InputError
from cardiotwin.exam.rasterise import filled_fraction
from cardiotwin.geometry.sections import cavity_shell, wall_shell
from cardiotwin.measurement import plan_views, read_image, read_material
from cardiotwin.measurement.image import slice_outlines

from .walls import TOP, Beat, levels, radii_at, wall

MESH = wall(rings=12)
SYSTOLE = Beat(drawn=0.35, shorten=0.83, twist=np.deg2rad(2.5) / 1e-2)


def read(*beats, mesh=MESH, **how):
    return read_image(mesh, np.stack([beat(mesh.points) for beat in beats]), **how)


def test_a_fixed_plane_shows_the_wall_that_has_come_down_into_it():
    found = read(SYSTOLE)
    came_from = SYSTOLE.before(levels())  # heights of the material now in the planes
    radii = radii_at(came_from)
    inner, outer = SYSTOLE.radius(radii[:, 0]), SYSTOLE.radius(radii[:, 2])
    now = np.stack([inner, (inner + outer) / 2, outer], axis=1)
    before = radii_at(levels())
    np.testing.assert_allclose(found.circumferential[0], now / before - 1, atol=1e-3)
    thick = (outer - inner) / (before[:, 2] - before[:, 0]) - 1
    np.testing.assert_allclose(found.radial[0], thick, atol=4e-3)
    turned = SYSTOLE.twist * (TOP - came_from)
    np.testing.assert_allclose(found.rotation[0], turned[:, None] * np.ones(3), rtol=2e-3)
    # What came down is thicker and less turned than what was there: the two readings differ.
    lines = read_material(MESH, SYSTOLE(MESH.points)[None])
    assert (lines.radial[0] - found.radial[0] > 0.02).any()


def test_material_and_plane_agree_while_nothing_moves_through_the_plane():
    flat = Beat(drawn=0.3, twist=3.0)
    found, lines = read(flat), read_material(MESH, flat(MESH.points)[None])
    np.testing.assert_allclose(
        found.circumferential[:, :, ::2], lines.circumferential[:, :, ::2], atol=1e-3
    )
    np.testing.assert_allclose(found.radial, lines.radial, atol=2e-3)
    np.testing.assert_allclose(found.twist, lines.twist, atol=1e-3)
    np.testing.assert_allclose(found.global_longitudinal, lines.global_longitudinal, atol=4e-3)


def test_a_heart_that_moves_along_its_axis_seems_to_strain_by_its_taper():
    step = 5e-3  # towards the apex
    frames = (MESH.points - [0, 0, step])[None]
    found = read_image(MESH, frames)
    seen = radii_at(levels() + step) / radii_at(levels()) - 1
    np.testing.assert_allclose(found.circumferential[0], seen, atol=1e-3)
    np.testing.assert_allclose(found.longitudinal, 0, atol=1e-3)
    np.testing.assert_allclose(read_material(MESH, frames).circumferential, 0, atol=1e-12)


def test_a_plane_that_the_base_has_left_is_not_read():
    deep = Beat(shorten=0.7)  # the base stays, the apex rises above the apical plane
    with_apex_gone = read(deep, SYSTOLE)
    assert np.isnan(with_apex_gone.circumferential[0, 2]).all()
    assert np.isfinite(with_apex_gone.circumferential[0, :2]).all()
    assert np.isnan(with_apex_gone.global_circumferential[0]).all()
    assert np.isfinite(with_apex_gone.circumferential[1]).all()


def test_surfaces_without_material_have_no_rotation():
    found = read(SYSTOLE, tagged=False)
    assert np.isnan(found.rotation).all()
    np.testing.assert_array_equal(found.radial, read(SYSTOLE).radial)


def traced(points, plane, pixel):
    """Return endo- and epicardium of one slice as traced on its picture, in plane coordinates."""
    n = 2 * int(45e-3 / pixel)
    thickness = 0.2e-3
    contours = []
    whole = []
    for shell in (cavity_shell(points, MESH), wall_shell(points, MESH)):
        flat = plane.flat(shell) / pixel + (n - 1) / 2
        height = (shell - plane.origin) @ plane.normal / thickness
        corners = np.concatenate([flat, height[..., None]], axis=-1)
        if np.linalg.det(np.stack([plane.across, plane.up, plane.normal])) < 0:
            corners = corners[:, ::-1]
        whole.append(filled_fraction(corners, (n, n)))
    for picture in (whole[0], whole[0] + whole[1]):
        longest = max(find_contours(picture, 0.5), key=len)
        contours.append((longest[:-1] - (n - 1) / 2) * pixel)
    return contours


def perimeter(contour):
    """Return a traced contour's length, by the radius that it has on average, m."""
    x, y = contour.T
    area = abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
    return 2 * np.sqrt(np.pi * area)


@pytest.mark.parametrize("pixel", [1.4e-3, 0.7e-3])
def test_the_reading_is_that_of_a_picture_of_the_model_to_a_part_of_a_pixel(pixel):
    views = plan_views(MESH)
    frames = np.stack([MESH.points, SYSTOLE(MESH.points)])
    rings = slice_outlines(MESH, frames, views)
    for points, slices in zip(frames, rings, strict=True):
        for plane, (inner, _, outer) in zip(views.slices, slices, strict=True):
            seen_in, seen_out = traced(points, plane, pixel)
            radii = [perimeter(contour) / (2 * np.pi) for contour in (inner, outer)]
            seen = [perimeter(contour) / (2 * np.pi) for contour in (seen_in, seen_out)]
            np.testing.assert_allclose(radii, seen, atol=0.1 * pixel)
            np.testing.assert_allclose(np.diff(radii), np.diff(seen), atol=0.1 * pixel)


def test_an_open_wall_is_refused_by_plane_and_layer():
    shallow = wall(rings=4, layers=1)
    facets = dict(shallow.facets)
    facets["epicardium"] = facets["epicardium"][: len(facets["epicardium"]) // 2]
    broken = type(shallow)(
        points=shallow.points,
        cells=shallow.cells,
        facets=facets,
        point_fields=shallow.point_fields,
    )
    with pytest.raises(InputError, match=r"basal short-axis plane .* midwall .* found 72 of 72"):
        read_material(broken, shallow.points[None])
