import json
import re

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging import Phase, Reading, Structure, Tissue, describe, read_examination
from cardiotwin.imaging.phases import label_volume, usable_slices
from cardiotwin.units import MMHG

from .hearts import as_ukbb, ellipsoid_heart, write

ED, ES = Phase.END_DIASTOLE, Phase.END_SYSTOLE
LABELS, AFFINE = ellipsoid_heart()
SMALL, _ = ellipsoid_heart(inner=(15.0, 15.0, 60.0), wall=15.0)
CAVITY = np.pi * 2 / 3 * 24 * 24 * 70 * 1e-9  # m^3, half an ellipsoid


def cavity(examination, phase):
    return label_volume(examination.labels[phase], Tissue.LV_CAVITY)


def names(flags):
    return {flag.name for flag in flags}


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_a_stack_with_trailing_singletons_is_one_phase(tmp_path, shape):
    path = write(tmp_path / "x.nii.gz", LABELS.reshape(LABELS.shape + shape), AFFINE)
    found = read_examination(path)
    assert set(found.contours) == {ED}
    assert cavity(found, ED) == pytest.approx(CAVITY, rel=0.03)
    assert "end_systole_missing" in names(found.flags)
    assert list(found.inputs) == [path.as_posix()]


def test_of_a_cine_the_largest_and_smallest_cavity_are_ed_and_es(tmp_path):
    middle, _ = ellipsoid_heart(inner=(19.0, 19.0, 65.0), wall=13.0)
    cine = np.stack([LABELS, middle, SMALL, middle], axis=3)
    found = read_examination(write(tmp_path / "cine.nii.gz", cine, AFFINE))
    assert cavity(found, ED) == pytest.approx(CAVITY, rel=0.03)
    assert cavity(found, ES) < 0.4 * CAVITY
    assert [contours.phase for contours in found.motion] == [ED, Phase.BETWEEN, ES, Phase.BETWEEN]


def test_of_a_cine_with_two_labelled_frames_only_these_count(tmp_path):
    empty = np.zeros_like(LABELS)
    path = write(tmp_path / "gt.nii", np.stack([empty, SMALL, empty, LABELS], axis=3), AFFINE)
    found = read_examination(path)
    assert cavity(found, ED) > cavity(found, ES)
    assert found.motion == ()
    chosen = read_examination(path, Reading(end_diastole_frame=1))
    assert set(chosen.contours) == {ED}
    with pytest.raises(InputError, match=r"end_systole_frame=0 has no left .* frames \[1, 3\]"):
        read_examination(path, Reading(end_systole_frame=0))


def test_two_files_are_ed_and_es_with_the_values_of_the_first(tmp_path):
    first = write(tmp_path / "a.nii.gz", as_ukbb(LABELS), AFFINE)
    second = write(tmp_path / "b.nii.gz", as_ukbb(SMALL), AFFINE)
    found = read_examination(first, Reading(end_systole=second))
    assert set(found.contours) == {ED, ES}
    assert found.labels[ES].convention.startswith("as at end-diastole: 1 LV_CAVITY")
    with pytest.raises(InputError, match=r"not smaller than end-diastole .* found 8\d.\d and 2\d"):
        read_examination(second, Reading(end_systole=first))


def test_a_folder_in_acdc_s_layout_is_understood(tmp_path):
    write(tmp_path / "patient001_frame01_gt.nii.gz", SMALL, AFFINE)
    write(tmp_path / "patient001_frame12_gt.nii.gz", LABELS, AFFINE)
    write(tmp_path / "patient001_4d.nii.gz", np.zeros((*LABELS.shape, 3), np.float32), AFFINE)
    found = read_examination(tmp_path)
    assert cavity(found, ED) > cavity(found, ES)
    assert [image.array.shape[3] for image in found.images] == [3]


def test_a_subject_folder_reads_names_numbers_and_cine(tmp_path):
    (tmp_path / "cine").mkdir()
    write(tmp_path / "cine" / "sa_ed_seg.nii.gz", as_ukbb(LABELS), AFFINE)
    write(tmp_path / "cine" / "sa_es_seg.nii.gz", as_ukbb(SMALL), AFFINE)
    write(tmp_path / "cine" / "sa_ed.nii.gz", LABELS.astype(np.int16), AFFINE)
    (tmp_path / "subject.yaml").write_text("id: S1\nlabels: ukbb\ncuff_systolic_mmhg: 120\n")
    found = read_examination(tmp_path)
    assert found.subject.identifier == "S1"
    assert found.subject.cuff_systolic == pytest.approx(120 * MMHG)
    assert found.labels[ED].convention == "ukbb"
    assert set(found.contours) == {ED, ES}
    assert len(found.images) == 1
    assert len(found.inputs) == 4


def test_names_in_subject_yaml_win(tmp_path):
    write(tmp_path / "one.nii.gz", LABELS, AFFINE)
    write(tmp_path / "two.nii.gz", SMALL, AFFINE)
    files = "files: {end_diastole: one.nii.gz, end_systole: two.nii.gz, image: two.nii.gz}"
    (tmp_path / "subject.yaml").write_text(files)
    found = read_examination(tmp_path / "subject.yaml")
    assert set(found.contours) == {ED, ES}
    assert [image.name for image in found.images] == ["two"]


def test_a_single_slice_missing_from_the_image_grid_does_not_shift_it(tmp_path):
    path = write(tmp_path / "seg_sa.nii.gz", LABELS, AFFINE)
    moved = AFFINE.copy()
    moved[:3, 3] += 2 * AFFINE[:3, 2]
    picture = write(tmp_path / "sa.nii.gz", LABELS[..., 2:].astype(np.float32), moved)
    found = read_examination(path)
    assert found.images[0].source == picture
    inside = found.images[0].affine @ [30, 33, 3, 1]
    np.testing.assert_allclose(inside[:3] * 1e3, (AFFINE @ [30, 33, 5, 1])[:3], atol=1e-3)


def test_metres_in_the_header_are_metres(tmp_path):
    in_metres = AFFINE * [[1e-3], [1e-3], [1e-3], [1]]
    path = write(tmp_path / "m.nii", LABELS, in_metres, xyz="meter")
    assert cavity(read_examination(path), ED) == pytest.approx(CAVITY, rel=0.03)


def brightness(labels):
    """Return an image whose blood is bright, with noise."""
    noise = np.random.default_rng(0).normal(0, 8, labels.shape)
    return (np.array([60.0, 190.0, 70.0, 200.0])[labels] + noise).astype(np.float32)


def test_an_image_whose_blood_is_elsewhere_is_flagged(tmp_path):
    path = write(tmp_path / "seg.nii", LABELS, AFFINE)
    right = write(tmp_path / "right.nii", brightness(LABELS), AFFINE)
    assert "image_contrast" not in names(read_examination(path, Reading(image=right)).flags)
    wrong = write(tmp_path / "wrong.nii", brightness(np.roll(LABELS, 14, axis=0)), AFFINE)
    assert "image_contrast" in names(read_examination(path, Reading(image=wrong)).flags)


def test_isotropic_voxels_are_cut_across_the_ring(tmp_path):
    labels, affine = ellipsoid_heart((64, 64, 48), spacing=(2.0, 2.0, 2.0))
    turned = write(tmp_path / "x.nii", np.moveaxis(labels, 2, 0), affine[:, [2, 0, 1, 3]])
    found = read_examination(turned)
    assert found.labels[ED].array.shape[2] == 48
    np.testing.assert_allclose(found.labels[ED].affine[:3, 2], affine[:3, 2] * 1e-3)
    assert cavity(found, ED) == pytest.approx(CAVITY, rel=0.01)


def test_check_says_what_is_there_and_what_is_missing(tmp_path):
    path = write(tmp_path / "seg.nii", LABELS, AFFINE)
    findings = describe(read_examination(path))
    text = "\n".join(findings.lines)
    assert "10 short-axis slices (9 with cavity and wall)" in text
    assert "1.5 x 1.5 x 8 mm" in text
    assert "inferred: 1 RV_CAVITY, 2 MYOCARDIUM, 3 LV_CAVITY (as acdc)" in text
    missing = {"end_systole_missing", "no_image"}
    assert names(findings.flags) == missing


def test_check_doubts_a_wall_that_changes_its_volume(tmp_path):
    thin, _ = ellipsoid_heart(inner=(15.0, 15.0, 60.0), wall=7.0)
    path = write(tmp_path / "ed.nii", LABELS, AFFINE)
    flags = describe(
        read_examination(path, Reading(end_systole=write(tmp_path / "es.nii", thin, AFFINE)))
    ).flags
    (flag,) = (flag for flag in flags if flag.name == "wall_volume_changes")
    assert re.search(r"wall is 110 mL at end-diastole and 40 mL at end-systole", flag.sentence)


@pytest.mark.real_data
@pytest.mark.parametrize("heart", "ABCD")
def test_autofd_folders_are_read_with_their_image_in_place(real_data, heart):
    found = read_examination(real_data / "cine" / "autofd" / heart)
    assert found.subject.identifier == heart
    assert found.labels[ED].convention.endswith("(as ukbb)")
    image, labels = found.images[0], found.labels[ED]
    offset = np.linalg.solve(labels.affine, image.affine)[:3, 3]
    np.testing.assert_allclose(offset, [0, 0, 3], atol=1e-3)
    assert names(found.flags) == {"end_systole_missing"}


@pytest.mark.real_data
def test_patient1_is_read_with_its_images_and_motion(real_data):
    folder = real_data / "cine" / "patient1"
    found = read_examination(folder)
    assert found.subject.identifier == "patient1"
    assert [found.contours[phase].source.name for phase in (ED, ES)] == [
        "GPFile_000.txt",
        "GPFile_009.txt",
    ]
    assert len(found.motion) == 25
    assert len(found.images) == 11
    assert found.flags == ()
    rr = [
        item["RR_ms"] for item in json.loads((folder / "nifti/series.json").read_text()).values()
    ]
    assert found.frame_times[ES] * 1e3 == pytest.approx(np.median(rr) * 9 / 25, rel=0.1)
    text = " ".join(describe(read_examination(folder / "guidepoints")).lines)
    edv, esv = (float(value) for value in re.findall(r"cavity ([\d.]+) mL", text))
    assert edv == pytest.approx(160, rel=0.02)  # the Simpson sums that come with the data
    assert esv == pytest.approx(51, rel=0.02)


@pytest.mark.real_data
def test_patient_1_has_two_frames_and_no_end_systole(real_data):
    found = read_examination(real_data / "cine" / "patient_1")
    assert set(found.contours) == {ED}
    (flag,) = (flag for flag in found.flags if flag.name == "frames_alike")
    assert re.search(r"cavities of \d{3} to \d{3} mL, too alike", flag.sentence)
    assert len(usable_slices(found.contours[ED])) == 16  # a seventeenth is tilted by 43 degrees
    thick = [found.contours[ED].slices[k].thickness * 1e3 for k in range(5, 18)]
    np.testing.assert_allclose(thick, 8.0, atol=0.01)
    for curve in found.contours[ED].of(Structure.LV_EPICARDIUM):
        steps = np.linalg.norm(np.diff(curve.points, axis=0), axis=1)
        assert steps.max() < 20e-3  # no line back and forth across the wall
    assert found.contours[ED].of(Structure.MITRAL_VALVE)
