import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging import Reading, read_examination

from .hearts import ellipsoid_heart, write, write_guide_points

LABELS, AFFINE = ellipsoid_heart()


def scaled(factor):
    return AFFINE * [[factor], [factor], [factor], [1]]


BAD = {
    "empty": (np.zeros_like(LABELS), AFFINE, r"is empty: every voxel is 0"),
    "cavity_alone": (np.where(LABELS == 3, 1, 0), AFFINE, r"single label, found \d+ voxels"),
    "no_wall": (np.where(LABELS == 2, 0, LABELS), AFFINE, r"no ring of myocardium .* 0 % of its"),
    "three_slices": (
        np.where(np.isin(np.arange(12), [6, 7, 8]), LABELS, 0),
        AFFINE,
        r"too few usable slices at end-diastole, found 3",
    ),
    "metres_called_mm": (LABELS, scaled(1e-3), r"found 8.\d+e-08 mL .* metres called millimetres"),
    "mm_called_metres": (LABELS, scaled(1e3), r"found 8.\d+e\+10 mL .* millimetres called metres"),
    "half_the_spacing": (LABELS, scaled(0.5), r"LV cavity .* found 1\d.\d+ mL \(15 to 700 mL"),
    "not_finite": (LABELS, np.where(np.eye(4) == 1, np.nan, AFFINE), r"affine of .* not finite"),
    "singular": (LABELS, AFFINE * [1, 1, 0, 1], r"affine of .* is singular"),
    "an_image": (
        np.arange(LABELS.size).reshape(LABELS.shape),
        AFFINE,
        r"not a segmentation: found",
    ),
    "fractions": (LABELS * 0.37, AFFINE, r"not a segmentation: found values such as 0.37"),
    "negative": (LABELS.astype(np.int16) - 1, AFFINE, r"found values from -1 to 2"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_labels_are_refused_with_what_was_found(tmp_path, case):
    array, affine, found = BAD[case]
    header = nib.Nifti1Header()
    header.set_data_dtype(np.float32 if array.dtype.kind == "f" else np.int32)
    image = nib.Nifti1Image(array.astype(header.get_data_dtype()), None, header)
    image.header.set_sform(affine, code=1)
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, tmp_path / "x.nii")
    with pytest.raises(InputError, match=found):
        read_examination(tmp_path / "x.nii")


def test_a_cavity_in_pieces_is_flagged_or_refused(tmp_path):
    islands = LABELS.copy()
    islands[2:10, 40:60, 4:9][islands[2:10, 40:60, 4:9] == 0] = 3
    path = write(tmp_path / "x.nii", islands, AFFINE)
    (flag,) = (f for f in read_examination(path).flags if f.name == "cavity_in_pieces")
    assert re.search(r"found 93.5 mL of cavity labelled .* 84.3 mL in the largest", flag.sentence)
    both = write(tmp_path / "y.nii", np.where(LABELS == 1, 3, LABELS), AFFINE)
    with pytest.raises(InputError, match=r"in pieces, found 1\d\d.\d mL .* and \d+.\d mL"):
        read_examination(both)


def test_an_explicit_convention_without_wall_is_refused(tmp_path):
    path = write(tmp_path / "x.nii", LABELS, AFFINE)
    with pytest.raises(InputError, match=r"no myocardium: .* found the values \[1, 2, 3\]"):
        read_examination(path, Reading(labels="1=rv,2=background,3=lv"))


def test_a_truncated_file_is_refused(tmp_path):
    for name in ("x.nii", "y.nii.gz"):
        path = write(tmp_path / name, LABELS, AFFINE)
        path.write_bytes(path.read_bytes()[:1000])
        with pytest.raises(InputError, match=r"not a readable NIfTI file: .*1000 bytes found"):
            read_examination(path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "x.nii").write_text("a letter")
    with pytest.raises(InputError, match=r"x.nii is not a readable NIfTI file: .*8 bytes found"):
        read_examination(tmp_path / "x.nii")


def test_a_path_that_does_not_exist_is_refused_with_its_neighbours(tmp_path):
    (tmp_path / "heart.nii").write_text("")
    with pytest.raises(InputError, match=r"path does not exist: .*hearts.nii .*holds heart.nii"):
        read_examination(tmp_path / "hearts.nii")
    with pytest.raises(InputError, match=r"end_systole does not exist: .*es.nii"):
        read_examination(
            write(tmp_path / "a.nii", LABELS, AFFINE), Reading(end_systole=tmp_path / "es.nii")
        )


def test_folders_that_say_too_little_or_too_much_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"has no segmentation, found nothing"):
        read_examination(tmp_path)
    for name in "abc":
        write(tmp_path / f"{name}_seg.nii", LABELS, AFFINE)
    with pytest.raises(InputError, match=r"several segmentations, found a_seg.nii, b_seg.nii, c"):
        read_examination(tmp_path)


def test_an_image_of_another_place_is_refused(tmp_path):
    path = write(tmp_path / "seg.nii", LABELS, AFFINE)
    elsewhere = AFFINE.copy()
    elsewhere[:3, 3] += 500
    picture = write(tmp_path / "other.nii", LABELS.astype(np.float32), elsewhere)
    with pytest.raises(InputError, match=r"affines do not reconcile, found 0 % of the heart"):
        read_examination(path, Reading(image=picture))


def test_a_text_file_is_not_taken_for_its_folder(tmp_path):
    write(tmp_path / "seg.nii", LABELS, AFFINE)
    (tmp_path / "notes.txt").write_text("a letter")
    with pytest.raises(InputError, match=r"must be a segmentation, found the text file .*notes.t"):
        read_examination(tmp_path / "notes.txt")


def test_a_file_of_guide_points_stands_for_its_folder(tmp_path):
    write_guide_points(tmp_path, [(35, 44), (20, 35)])
    found = read_examination(tmp_path / "GPFile_001.txt")
    assert (
        found.contours.keys() == read_examination(tmp_path / "SliceInfoFile.txt").contours.keys()
    )


def test_a_folder_linked_into_itself_is_searched_once(tmp_path):
    write(tmp_path / "a_seg.nii", LABELS, AFFINE)
    (tmp_path / "again").symlink_to(tmp_path)
    assert list(read_examination(tmp_path).inputs) == [str(tmp_path / "a_seg.nii")]


def test_a_link_to_itself_does_not_exist(tmp_path):
    (tmp_path / "x.nii").symlink_to(tmp_path / "x.nii")
    with pytest.raises(InputError, match=r"path does not exist: .*x.nii"):
        read_examination(tmp_path / "x.nii")


def test_what_may_not_be_read_is_named(tmp_path, monkeypatch):
    path = write(tmp_path / "seg.nii", LABELS, AFFINE)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(InputError, match=r"may not be read, found .*seg.nii closed"):
        read_examination(path)


def test_a_device_is_no_file():
    with pytest.raises(InputError, match=r"found a device or a pipe: /dev/null"):
        read_examination(Path("/dev/null"))


def test_a_single_slice_with_its_slices_as_frames_is_refused(tmp_path):
    path = write(tmp_path / "x.nii", LABELS[:, :, None, :], AFFINE)
    with pytest.raises(InputError, match=r"single slice, found the shape \(64, 64, 1, 12\)"):
        read_examination(path)


def test_colours_are_no_labels(tmp_path):
    colours = np.zeros(LABELS.shape, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(colours, AFFINE), tmp_path / "x.nii")
    with pytest.raises(InputError, match=r"values of type \[\('R', 'u1'\)"):
        read_examination(tmp_path / "x.nii")
