"""Images and labels lie where their affines put them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cardiotwin.imaging import read_examination
from cardiotwin.imaging.examination import ImageStack, LabelMap, Phase, Slice, Structure, View
from cardiotwin.viz.planes import frame_of, picture, shifts, tissue, window_on
from cardiotwin.viz.wall import Axes

ED, ES = Phase.END_DIASTOLE, Phase.END_SYSTOLE
HEART = Axes(
    apex_to_base=np.array([0.0, 0.0, 1.0]),
    anterior=np.array([0.0, 1.0, 0.0]),
    septal=np.array([1.0, 0.0, 0.0]),
)


def oblique(angles, spacing):
    """Return an affine about the origin of a 40 x 44 x 12 grid."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles).as_matrix() * spacing
    affine[:3, 3] = -affine[:3, :3] @ [19.5, 21.5, 5.5]
    return affine


def ramp(affine, frames=1):
    """Return an image whose intensity is 100 + its world position along (1, 2, 3), mm."""
    index = np.stack(np.meshgrid(*map(np.arange, (40, 44, 12)), indexing="ij"), axis=-1)
    world = index @ affine[:3, :3].T + affine[:3, 3]
    values = 100 + 1e3 * world @ [1.0, 2.0, 3.0]
    return stack(np.repeat(values[..., None], frames, axis=3), affine, np.zeros(frames))


def stack(array, affine, times):
    return ImageStack(
        array=array,
        affine=affine,
        frame_times=np.asarray(times, dtype=float),
        slice_thickness=8e-3,
        name="ramp",
        source=Path("ramp"),
    )


def plane(affine, k, view=View.SHORT_AXIS):
    return Slice(
        origin=affine[:3, 3] + k * affine[:3, 2],
        row=affine[:3, 0],
        column=affine[:3, 1],
        view=view,
        thickness=8e-3,
    )


@settings(max_examples=20, deadline=None)
@given(
    angles=st.tuples(*[st.floats(-0.5, 0.5)] * 3),
    flips=st.tuples(*[st.sampled_from([-1, 1])] * 3),
)
def test_a_slice_shows_what_the_world_holds_there_however_the_image_is_stored(angles, flips):
    affine = oblique(angles, np.array([2.0, 2.0, 8.0]) * 1e-3 * flips)
    window = window_on(plane(affine, 4), HEART, np.zeros(3), 0.02)
    grid = window.grid()
    image, name = picture([ramp(affine)], grid, ED, {})
    np.testing.assert_allclose(image, 100 + 1e3 * grid @ [1.0, 2.0, 3.0], atol=0.05)
    assert name == "ramp"


def test_a_short_axis_window_has_anterior_up_and_septum_left_also_in_a_mirrored_file():
    for side in (1.0, -1.0):
        affine = oblique((0.1, 0.2, 0.4), np.array([2.0 * side, 2.0, 8.0]) * 1e-3)
        window = window_on(plane(affine, 6), HEART, np.zeros(3), 0.05)
        assert window.flat(0.02 * HEART.anterior)[1] > 15
        assert window.flat(0.02 * HEART.septal)[0] < -15
        assert abs(window.right @ window.up) < 1e-12


def test_a_long_axis_window_has_the_base_up():
    affine = oblique((np.pi / 2, 0, 0), np.array([2.0, 2.0, 8.0]) * 1e-3)
    window = window_on(plane(affine, 5, View.LONG_AXIS), HEART, np.zeros(3), 0.05)
    assert window.flat(0.02 * HEART.apex_to_base)[1] == pytest.approx(20, abs=1e-6)


def test_an_image_beside_the_heart_is_not_shown():
    affine = oblique((0, 0, 0), np.array([2.0, 2.0, 8.0]) * 1e-3)
    grid = window_on(plane(affine, 5), HEART, np.zeros(3), 0.02).grid()
    away = affine.copy()
    away[0, 3] += 0.5
    assert picture([ramp(away)], grid, ED, {}) is None


@pytest.mark.parametrize(
    ("times", "phase", "time", "frame"),
    [
        ([0, 0.1, 0.2, 0.3], ES, 0.22, 2),
        ([0, 0.1, 0.2, 0.3], ED, np.nan, 0),
        ([0, 0.1, 0.2, 0.3], ES, np.nan, None),
        ([0, np.nan], ES, np.nan, 1),
        ([0, np.nan], ES, 0.3, 1),
        ([0], ED, np.nan, 0),
        ([0], ES, 0.3, None),
        ([0.3], ES, 0.31, 0),
        ([0.3], ED, 0.0, None),
        ([np.nan], ED, 0.0, 0),
    ],
)
def test_a_phase_is_shown_by_its_own_frame_or_not_at_all(times, phase, time, frame):
    image = stack(np.zeros((2, 2, 1, len(times))), np.eye(4), times)
    assert frame_of(image, phase, time) == frame


def test_labels_are_those_of_the_nearest_voxel_and_background_outside():
    array = np.zeros((4, 4, 2), dtype=np.int16)
    array[1, 2, 1] = 3
    labels = LabelMap(array=array, affine=np.eye(4), convention="acdc", source=Path("a"))
    grid = np.array([[[1.3, 1.8, 0.7], [9.0, 0.0, 0.0]]])
    np.testing.assert_array_equal(tissue(labels, grid), [[3, 0]])


def test_the_shift_of_a_slice_is_found_from_its_planes(hearts):
    drawn = hearts.drawn_contours(hearts.END_DIASTOLE, ED)
    moved = np.array([1e-3, -2e-3, 0])
    planes = {**drawn.slices, 3: replace(drawn.slices[3], origin=drawn.slices[3].origin + moved)}
    corrected = replace(drawn, slices=planes)
    found = shifts(corrected, drawn)
    np.testing.assert_allclose(found[3], moved)
    np.testing.assert_allclose(found[2], 0)
    assert shifts(corrected, None) == {}


@pytest.mark.real_data
@pytest.mark.parametrize("which", ["A", "B", "C", "D"])
def test_blood_is_bright_and_muscle_dark_where_a_real_stack_s_labels_say(real_data, which):
    """The label grid has 18 slices and the image 12: only the affines align them."""
    found = read_examination(real_data / "cine" / "autofd" / which)
    contours, labels = found.contours[ED], found.labels[ED]
    blood, muscle = [], []
    for curve in contours.of(Structure.LV_ENDOCARDIUM)[2:-2]:
        window = window_on(contours.slices[curve.slice_id], HEART, curve.points.mean(axis=0), 0.05)
        image, _ = picture(found.images, window.grid(), ED, {})
        values = tissue(labels, window.grid())
        blood.append(np.nanmedian(image[values == 3]))
        muscle.append(np.nanmedian(image[values == 2]))
    assert np.all(np.array(blood) > 2 * np.array(muscle))
