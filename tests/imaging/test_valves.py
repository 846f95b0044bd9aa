import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from cardiotwin.errors import InputError
from cardiotwin.imaging.examination import Phase, Structure
from cardiotwin.imaging.read import read_examination
from cardiotwin.imaging.sources import Reading
from cardiotwin.imaging.valves import parse_valves, with_valves

from .hearts import ellipsoid_heart, write

RING = [[10.0, 0.0, 40.0], [-10.0, 0.0, 42.0]]


def test_points_are_read_in_metres_by_phase():
    found = parse_valves({"end_systole": RING}, "subject.yaml")
    assert list(found) == [Phase.END_SYSTOLE]
    np.testing.assert_allclose(found[Phase.END_SYSTOLE][1], [-0.01, 0.0, 0.042])
    assert parse_valves(None, "subject.yaml") == {}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1, 2, 3]], r"mitral_valve_mm must map phases to points, found \[\[1"),
        ({"end_diastol": RING}, r"end_diastol"),
        ({"end_diastole": [[1, 2, 3]]}, r"at least 2 points of three numbers, found \[\[1"),
        ({"end_diastole": "here"}, r"at least 2 points of three numbers, found 'here'"),
    ],
)
def test_what_is_no_ring_is_refused(value, message):
    with pytest.raises(InputError, match=message):
        parse_valves(value, "subject.yaml")


@pytest.mark.real_data
def test_points_join_the_drawing_or_are_refused_from_afar(real_data):
    drawn = read_examination(real_data / "cine/autofd/A").contours
    ring = max(
        drawn[Phase.END_DIASTOLE].of(Structure.LV_ENDOCARDIUM), key=lambda c: c.points[:, 2].max()
    ).points[::20]
    joined = with_valves(drawn, {Phase.END_DIASTOLE: ring})
    assert len(joined[Phase.END_DIASTOLE].of(Structure.MITRAL_VALVE)) == 1
    with pytest.raises(InputError, match=r"end_systole was given, found no end-systole drawn"):
        with_valves(drawn, {Phase.END_SYSTOLE: ring})
    with pytest.raises(
        InputError, match=r"end_diastole is no mitral .*, found a point \d+ mm from"
    ):
        with_valves(drawn, {Phase.END_DIASTOLE: ring + 1.0})


@pytest.mark.real_data
@pytest.mark.parametrize("phase", [Phase.END_DIASTOLE, Phase.END_SYSTOLE])
def test_a_real_valve_is_taken_and_in_other_axes_or_units_refused(phase, real_data):
    drawn = read_examination(real_data / "cine/patient1/guidepoints").contours
    points = [c.points for c in drawn[phase].of(Structure.MITRAL_VALVE)]
    ring = np.concatenate(points)
    joined = with_valves(drawn, {phase: ring})
    assert len(joined[phase].of(Structure.MITRAL_VALVE)) == len(points) + 1
    with pytest.raises(
        InputError, match=r"ring that stands at \d+ degrees to the short|\d+ mm from"
    ):
        with_valves(drawn, {phase: ring * [-1, -1, 1]})
    with pytest.raises(InputError, match=r"found points at most 0.0\d+ mm apart \(10 to 70 mm"):
        with_valves(drawn, {phase: ring * 1e-3})


def test_the_valve_lies_at_the_end_of_the_slices_and_along_them(tmp_path):
    labels, affine = ellipsoid_heart()
    path = write(tmp_path / "heart.nii.gz", labels, affine)
    drawn = read_examination(path).contours
    plane = np.array([[14.0, 33, 10.4], [46, 33, 10.4], [30, 17, 10.4], [30, 49, 10.4]])
    ring = (plane @ affine[:3, :3].T + affine[:3, 3]) * 1e-3
    with_valves(drawn, {Phase.END_DIASTOLE: ring})
    across = affine[:3, 2] / 8.0 * 1e-3
    with pytest.raises(InputError, match=r"found a ring 3\d mm inside the drawn slices"):
        with_valves(drawn, {Phase.END_DIASTOLE: ring - 36 * across})
    steep = ring + np.outer([-25, 25, 0, 0], across)
    with pytest.raises(InputError, match=r"found a ring that stands at \d\d degrees"):
        with_valves(drawn, {Phase.END_DIASTOLE: steep})


@pytest.mark.real_data
def test_end_systole_of_another_place_is_refused(real_data, tmp_path):
    stack = nib.load(real_data / "cine/autofd/A/seg_sa_ED.nii.gz")
    labels = np.asarray(stack.dataobj).astype(np.uint8).squeeze()
    smaller = np.where(
        binary_erosion(labels == 1, iterations=3), 1, np.where(labels == 1, 2, labels)
    )
    affine = np.array(stack.affine)
    affine[:3, 3] += 500.0
    nib.save(nib.Nifti1Image(labels, stack.affine), tmp_path / "first.nii.gz")
    nib.save(nib.Nifti1Image(smaller.astype(np.uint8), affine), tmp_path / "second.nii.gz")
    with pytest.raises(InputError, match=r"End-systole lies \d+ mm from end-diastole"):
        read_examination(
            tmp_path / "first.nii.gz", Reading(end_systole=tmp_path / "second.nii.gz")
        )
