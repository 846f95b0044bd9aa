from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from cardiotwin.imaging import LabelMap, Phase, Structure, Tissue, read_examination, trace_labels
from cardiotwin.imaging.curves import polygon_area, polygon_centroid
from cardiotwin.imaging.trace import outline

from .hearts import ellipsoid_heart, write

STEP = 1.25e-3  # m


def label_map(array):
    affine = np.diag([STEP, STEP, 8e-3, 1.0])
    return LabelMap(array=array, affine=affine, convention="acdc", source=Path("made"))


def distance_from(point, shape=(64, 64)):
    i, j = np.indices(shape)
    return np.hypot(i - point[0], j - point[1])


def ring(inner, outer, n_slices=5, centre=(31.3, 30.6)):
    away = distance_from(centre)
    plane = np.where(
        away <= inner, Tissue.LV_CAVITY, np.where(away <= outer, Tissue.MYOCARDIUM, 0)
    )
    return np.repeat(plane[:, :, None], n_slices, axis=2).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(
    radius=st.floats(2.5, 20),
    x=st.floats(29, 33),
    y=st.floats(29, 33),
    squeeze=st.floats(0.4, 1.0),
)
def test_an_outline_encloses_its_pixels_area_at_their_centroid(radius, x, y, squeeze):
    i, j = np.indices((64, 64))
    mask = (i - x) ** 2 + ((j - y) / squeeze) ** 2 <= radius**2
    polygon = np.column_stack([outline(mask), np.zeros(len(outline(mask)))])
    assert polygon_area(polygon) == pytest.approx(mask.sum(), rel=5e-3)
    centre = np.argwhere(mask).mean(axis=0)
    np.testing.assert_allclose(polygon_centroid(polygon)[:2], centre, atol=0.1)


def test_the_outline_of_a_disc_is_within_half_a_pixel_of_the_circle():
    polygon = outline(distance_from((31.3, 30.6)) <= 14.2)
    away = np.linalg.norm(polygon - [31.3, 30.6], axis=1)
    assert np.abs(away - 14.2).max() < 0.5
    assert abs(away.mean() - 14.2) < 0.05


def test_a_ring_has_both_contours_turning_about_the_normal():
    contours = trace_labels(label_map(ring(12, 19)), Phase.END_DIASTOLE)
    assert sorted(contours.slices) == [0, 1, 2, 3, 4]
    for curve in contours.curves:
        around = curve.points - curve.points.mean(axis=0)
        turn = np.cross(around, np.roll(around, -1, axis=0)).sum(axis=0)
        assert turn @ contours.slices[curve.slice_id].normal > 0
        assert curve.closed
    (inner, *_), (outer, *_) = (
        contours.of(Structure.LV_ENDOCARDIUM),
        contours.of(Structure.LV_EPICARDIUM),
    )
    assert polygon_area(outer.points) - polygon_area(inner.points) == pytest.approx(
        (ring(12, 19)[..., 0] == Tissue.MYOCARDIUM).sum() * STEP**2, rel=0.01
    )


def test_an_open_ring_has_an_open_epicardium_where_wall_is():
    labels = ring(12, 19)
    i, j = np.indices((64, 64))
    opening = (np.abs(np.arctan2(j - 30.6, i - 31.3)) < np.deg2rad(50)) & (labels[..., 4] == 2)
    labels[..., 4][opening] = 0
    contours = trace_labels(label_map(labels), Phase.END_DIASTOLE)
    closed = [curve.closed for curve in contours.of(Structure.LV_EPICARDIUM)]
    assert closed == [True] * 4 + [False]
    arc = contours.of(Structure.LV_EPICARDIUM)[-1].points / STEP
    angle = np.arctan2(arc[:, 1] - 30.6, arc[:, 0] - 31.3)
    assert np.abs(angle).min() > np.deg2rad(42)
    assert len(contours.of(Structure.LV_ENDOCARDIUM)) == 5


def test_a_slice_without_cavity_counts_at_the_apex_and_not_at_the_base():
    labels = ring(12, 19, n_slices=7)
    labels[..., 1][distance_from((31.3, 30.6)) <= 12] = Tissue.MYOCARDIUM
    labels[..., 1][distance_from((31.3, 30.6)) <= 8] = Tissue.LV_CAVITY
    labels[..., 0] = np.where(distance_from((31.3, 30.6)) <= 9, Tissue.MYOCARDIUM, 0)
    labels[..., 6] = np.where(distance_from((20, 20)) <= 6, Tissue.MYOCARDIUM, 0)
    contours = trace_labels(label_map(labels), Phase.END_DIASTOLE)
    assert [curve.slice_id for curve in contours.of(Structure.LV_ENDOCARDIUM)] == [1, 2, 3, 4, 5]
    assert [curve.slice_id for curve in contours.of(Structure.LV_EPICARDIUM)] == [0, 1, 2, 3, 4, 5]


def test_the_insertions_are_where_the_rv_leaves_the_epicardium():
    labels = ring(12, 18)
    beside = (distance_from((15.0, 30.6)) <= 13) & (labels[..., 0] == 0)
    labels[beside] = Tissue.RV_CAVITY
    contours = trace_labels(label_map(labels), Phase.END_DIASTOLE)
    found = contours.of(Structure.RV_INSERTION)[2].points[:, :2] / STEP
    # Two circles, radii 18 and 13, centres 16.3 apart, cross at +-46.0 degrees from their axis.
    cosine = (18**2 + 16.3**2 - 13**2) / (2 * 18 * 16.3)
    angle = np.arctan2(found[:, 1] - 30.6, -(found[:, 0] - 31.3))
    np.testing.assert_allclose(np.sort(angle), np.arccos(cosine) * np.array([-1, 1]), atol=0.12)


orders = st.permutations([0, 1, 2])
flips = st.tuples(*[st.booleans()] * 3)


@settings(max_examples=12, deadline=None)
@given(order=orders, flip=flips)
def test_permuted_and_flipped_axes_give_the_same_contours_in_the_world(
    tmp_path_factory, order, flip
):
    labels, affine = ellipsoid_heart()
    folder = tmp_path_factory.mktemp("axes")
    straight = read_examination(write(folder / "a_seg.nii.gz", labels, affine))
    turned, moved = np.transpose(labels, order), affine[:, [*order, 3]]
    for axis in np.flatnonzero(flip):
        turned = np.flip(turned, axis)
        moved[:3, 3] += (turned.shape[axis] - 1) * moved[:3, axis]
        moved[:3, axis] *= -1
    other = read_examination(write(folder / "b_seg.nii.gz", turned, moved))
    for structure in (Structure.LV_ENDOCARDIUM, Structure.LV_EPICARDIUM, Structure.RV_INSERTION):
        one, two = (
            np.concatenate([c.points for c in e.contours[Phase.END_DIASTOLE].of(structure)])
            for e in (straight, other)
        )
        distance = np.concatenate([cKDTree(one).query(two)[0], cKDTree(two).query(one)[0]])
        between = 0.2e-3 if structure is Structure.RV_INSERTION else 0.85e-3  # half a step
        assert distance.max() < between
        assert len(one) == pytest.approx(len(two), rel=0.02)
    areas = [
        sum(polygon_area(c.points) for c in e.contours[Phase.END_DIASTOLE].curves if c.closed)
        for e in (straight, other)
    ]
    assert areas[0] == pytest.approx(areas[1], rel=1e-3)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("heart", "cavity", "wall"),
    [("A", 188, 132), ("B", 208, 123), ("C", 157, 84), ("D", 150, 100)],
)
def test_traced_volumes_are_the_published_voxel_counts(real_data, heart, cavity, wall):
    folder = real_data / "cine" / "autofd" / heart
    contours = read_examination(folder).contours[Phase.END_DIASTOLE]

    def volume(structure):
        curves = contours.of(structure)
        return 1e6 * sum(
            polygon_area(c.points) * contours.slices[c.slice_id].thickness for c in curves
        )

    assert volume(Structure.LV_ENDOCARDIUM) == pytest.approx(cavity, abs=0.6)
    outer = volume(Structure.LV_EPICARDIUM)
    assert outer - volume(Structure.LV_ENDOCARDIUM) == pytest.approx(wall, rel=0.03)
