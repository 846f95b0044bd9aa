import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiotwin.exam.rasterise import filled_fraction
from cardiotwin.exam.surfaces import cavity_boundary, enclosed_volume, wall_boundary
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.volumes import wall_volume

_FACES = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]


def box(low, high):
    corners = np.array([[(low, high)[n >> k & 1][k] for k in range(3)] for n in range(8)])
    quads = corners[np.array(_FACES)]
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(float)


@given(left=st.floats(-0.4, 2.4), width=st.floats(0.1, 4))
def test_a_box_fills_each_pixel_of_a_row_by_its_overlap(left, width):
    fraction = filled_fraction(box((left, -0.5, -0.5), (left + width, 0.5, 0.5)), (9, 1))
    pixels = np.arange(9)
    overlap = np.minimum(left + width, pixels + 0.5) - np.maximum(left, pixels - 0.5)
    np.testing.assert_allclose(fraction[:, 0], np.clip(overlap, 0, 1), atol=1e-9)


def test_half_a_slab_is_half_a_voxel():
    fraction = filled_fraction(box((-0.5, -0.5, -0.5), (3.5, 3.5, 0.0)), (4, 4))
    np.testing.assert_allclose(fraction, 0.5, atol=1e-9)


def test_a_surface_beyond_the_picture_fills_it_and_only_it():
    fraction = filled_fraction(box((-50, -50, -50), (50, 50, 50)), (5, 7))
    np.testing.assert_allclose(fraction, 1.0, atol=1e-9)
    assert filled_fraction(box((60, -50, -50), (70, 50, 50)), (5, 7)).max() == 0


def test_a_hole_is_empty():
    shell = np.concatenate([box((0, 0, -1), (8, 8, 1)), box((3, 3, -1), (5, 5, 1))[:, ::-1]])
    fraction = filled_fraction(shell, (9, 9))
    assert fraction[4, 4] == pytest.approx(0, abs=1e-9)
    assert fraction.sum() == pytest.approx(64 - 4, abs=1e-9)


def test_flat_triangles_reach_the_curved_volumes_to_second_order(heart):
    points, mesh = heart.beat.end_systole, heart.mesh
    for boundary, volume in ((cavity_boundary, cavity_volume), (wall_boundary, wall_volume)):
        exact = volume(points, mesh)
        error = [abs(enclosed_volume(boundary(points, mesh, cuts)) / exact - 1) for cuts in (2, 4)]
        assert np.log2(error[0] / error[1]) == pytest.approx(2, abs=0.1)
        assert error[1] < 0.003


def test_a_stack_without_gaps_holds_the_whole_heart(heart):
    """Partial volumes of contiguous slabs add up to the mesh's volumes."""
    steps = np.linalg.norm(heart.stack.affine[:3, :3], axis=0)
    gapless = type(heart.stack)(
        affine=heart.stack.affine @ np.diag([1, 1, heart.stack.thickness / steps[2], 1]),
        shape=(*heart.stack.shape[:2], 13),
        thickness=heart.stack.thickness,
    )
    voxel = steps[0] * steps[1] * heart.stack.thickness
    for boundary, volume in ((cavity_boundary, cavity_volume), (wall_boundary, wall_volume)):
        triangles = boundary(heart.beat.end_diastole, heart.mesh)
        filled = sum(
            filled_fraction(met, gapless.shape[:2]).sum()
            for met in gapless.slabs(triangles, np.zeros((13, 2)))
        )
        truth = volume(heart.beat.end_diastole, heart.mesh)
        assert filled * voxel == pytest.approx(truth, rel=0.003)
