"""Material lines against motions in closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cardiotwin.errors import InputError
from cardiotwin.measurement import (
    annulus_descent,
    cavity_length,
    mark,
    plan_views,
    read_image,
    read_material,
)

from .walls import INNER, OUTER, TOP, Beat, arc, levels, radii_at, wall

MESH = wall()
SYSTOLE = Beat(drawn=0.35, shorten=0.83, twist=np.deg2rad(2.5) / 1e-2)


def moved(mesh, beat):
    return beat(mesh.points)[None]


def test_a_homogeneous_motion_is_read_to_the_last_digits():
    beat = Beat(scale=0.8, shorten=0.9)
    read = read_material(MESH, moved(MESH, beat))
    np.testing.assert_allclose(read.circumferential, -0.2, atol=1e-12)
    np.testing.assert_allclose(read.radial, -0.2, atol=1e-12)
    np.testing.assert_allclose(read.segment_circumferential[0, :16], -0.2, atol=1e-12)
    np.testing.assert_allclose(read.segment_radial[0, :16], -0.2, atol=1e-12)
    np.testing.assert_allclose(read.rotation, 0, atol=1e-12)
    exact = [arc(size, beat) / arc(size) - 1 for size in (INNER, OUTER)]
    np.testing.assert_allclose(read.global_longitudinal[0, [0, 2]], exact, atol=2e-4)
    np.testing.assert_allclose(
        annulus_descent(MESH, moved(MESH, Beat(shorten=0.9))), 0, atol=1e-12
    )
    np.testing.assert_allclose(
        cavity_length(MESH, moved(MESH, beat)), 0.9 * (TOP + INNER[1]), rtol=1e-9
    )


def errors(rings):
    mesh = wall(rings=rings, layers=rings // 4)
    read = read_material(mesh, moved(mesh, SYSTOLE))
    before = radii_at(levels())
    after = SYSTOLE.radius(before)
    thick = (after[:, 2] - after[:, 0]) / (before[:, 2] - before[:, 0]) - 1
    ring = np.abs(read.circumferential[0] - (after / before - 1)).max()
    radial = np.abs(read.radial[0] - thick).max()
    span = levels()[0] - levels()[2]
    twist = np.abs(read.twist[0] - SYSTOLE.twist * span).max()
    torsion = np.abs(read.torsion[0] - SYSTOLE.twist * before[[0, 2]].mean(axis=0)).max()
    return np.array([ring, radial, twist, torsion])


def test_thick_walled_contraction_and_torsion_converge_to_the_closed_form():
    coarse, fine = errors(4), errors(16)
    assert (fine < 1e-4).all()
    assert (np.log2(coarse / fine) / 2 > 2.2).all()


@settings(max_examples=8)
@given(
    vector=st.lists(st.floats(-2, 2), min_size=3, max_size=3),
    shift=st.lists(st.floats(-0.1, 0.1), min_size=3, max_size=3),
)
def test_a_rigid_motion_strains_twists_and_thickens_nothing(vector, shift):
    turn = Rotation.from_rotvec(vector).as_matrix()
    frames = (MESH.points @ turn.T + np.array(shift))[None]
    read = read_material(MESH, frames)
    for part in (read.longitudinal, read.circumferential, read.radial, read.twist):
        np.testing.assert_allclose(part, 0, atol=1e-9)


def test_the_apex_turns_counter_clockwise_seen_from_below_also_in_a_tilted_heart():
    turn = Rotation.from_rotvec([0.4, -0.9, 0.3]).as_matrix()
    mesh = wall()
    frames = (SYSTOLE(mesh.points) @ turn.T)[None]
    read = read_material(mesh, frames)
    expected = SYSTOLE.twist * (levels()[0] - levels()[2])
    np.testing.assert_allclose(read.twist[0], expected, rtol=2e-3)


def test_only_the_segment_that_thickens_is_read_to_thicken():
    angle = np.mod(np.arctan2(-MESH.points[:, 1], MESH.points[:, 0]), 2 * np.pi)
    inside = np.deg2rad([0, 60])  # segments 2 and 8
    here = np.clip(
        np.sin((angle - inside[0]) / (inside[1] - inside[0]) * np.pi) * (angle < inside[1]), 0, 1
    )
    outward = 1 + 0.1 * here * MESH.point_fields["transmural"]
    frames = (MESH.points * np.stack([outward, outward, np.ones_like(outward)], axis=1))[None]
    for read in (read_material(MESH, frames), read_image(MESH, frames)):
        most = np.argsort(read.segment_radial[0, :12])[-2:] + 1
        assert set(most) == {2, 8}
        beside = np.delete(read.segment_radial[0, :12], [1, 7])
        assert np.abs(beside).max() < 0.3 * read.segment_radial[0, [1, 7]].min()


def test_every_segment_has_its_longitudinal_strain_and_the_axis_only_there_none_round_it():
    read = read_material(MESH, moved(MESH, SYSTOLE))
    assert np.isfinite(read.segment_longitudinal).all()
    assert np.isnan(read.segment_circumferential[0, 16])
    total = read.segment_longitudinal[0]
    assert total.min() - 1e-12 <= read.global_longitudinal[0, 1] <= total.max() + 1e-12


def test_a_marked_point_stays_with_its_material():
    views = plan_views(MESH)
    rng = np.random.default_rng(3)
    cells = rng.integers(len(MESH.cells), size=50)
    positions = MESH.points[MESH.cells[cells, :4]].mean(axis=1)
    marks = mark(MESH, MESH.points, positions)
    np.testing.assert_allclose(marks.at(MESH.points), positions, atol=1e-9)
    linear = MESH.points @ np.array([[1.1, 0.2, 0], [0, 0.9, 0.1], [0.3, 0, 1]]) + 0.02
    expected = positions @ np.array([[1.1, 0.2, 0], [0, 0.9, 0.1], [0.3, 0, 1]]) + 0.02
    np.testing.assert_allclose(marks.at(linear), expected, atol=1e-9)
    with pytest.raises(InputError, match=r"outside the wall, found at \(0\.0, 0\.0, 20\.5\) mm"):
        mark(MESH, MESH.points, views.frame.origin[None])
