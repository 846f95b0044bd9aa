import re

import nibabel as nib
import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging import Phase, Reading, describe, read_examination

from .hearts import ellipsoid_heart, write

ED, ES = Phase.END_DIASTOLE, Phase.END_SYSTOLE
LABELS, AFFINE = ellipsoid_heart()
SMALL, _ = ellipsoid_heart(inner=(15.0, 15.0, 60.0), wall=15.0)
CINE = np.zeros((*LABELS.shape, 30), np.uint8)
CINE[..., 0], CINE[..., 11] = LABELS, SMALL
OF_THE_HEADER = {
    "orientation_missing",
    "voxel_sizes_missing",
    "voxel_sizes_negative",
    "voxel_sizes_differ",
    "sform_qform_differ",
    "slices_askew",
    "frame_times_implausible",
}


def turned(degrees):
    a = np.deg2rad(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
    return turn @ AFFINE


def slanted(degrees, axis):
    """Return the affine with one axis leant over the first pixel axis."""
    affine = AFFINE.copy()
    lean = np.linalg.norm(affine[:3, axis]) * np.tan(np.deg2rad(degrees))
    affine[:3, axis] += lean * AFFINE[:3, 0] / np.linalg.norm(AFFINE[:3, 0])
    return affine


def file_with(path, array=LABELS, *, sform=AFFINE, qform=None, pixdim=None, time=None):
    """Write a file whose header says what it is told to, contradictions and all."""
    image = nib.Nifti1Image(array, AFFINE)
    header = image.header
    header["sform_code"], header["qform_code"] = 0, 0
    if qform is not None:
        image.set_qform(qform, code=1, strip_shears=True)
    if sform is not None:
        image.set_sform(sform, code=1)
    unit, interval = time or ("sec", 1.0)
    header.set_xyzt_units("mm", unit)
    header["vox_offset"] = 352
    if array.ndim == 4:
        header["pixdim"][4] = interval
    if pixdim is not None:
        header["pixdim"][1:4] = pixdim
    path.write_bytes(header.binaryblock + bytes(4) + array.tobytes(order="F"))
    return path


def flags_of(path):
    return {flag.name: flag.sentence for flag in read_examination(path).flags}


@pytest.mark.parametrize(
    ("says", "flag"),
    [
        ({"qform": AFFINE}, None),
        ({"qform": turned(0.2)}, None),
        (
            {"qform": turned(30)},
            r"sform_qform_differ: .*by 30 degrees and up to 44 mm apart: the s",
        ),
        (
            {"qform": AFFINE * [1, 1, -1, 1]},
            r"sform_qform_differ: .*as mirror images and up to 176",
        ),
        ({"pixdim": [3, 3, 8]}, r"voxel_sizes_differ: .*found 1.5 x 1.5 x 8 by its sform and 3 x"),
        (
            {"pixdim": [0, 0, 0]},
            r"voxel_sizes_missing: .*found 0 x 0 x 0: .*1.5 x 1.5 x 8 in mill",
        ),
        ({"pixdim": [-1.5, 1.5, 8]}, None),
        ({"sform": None, "pixdim": [-1.5, 1.5, 8]}, r"voxel_sizes_negative: .*found -1.5 x 1.5"),
        ({"sform": slanted(2, 1)}, None),
        ({"sform": slanted(17, 2)}, r"slices_askew: The slices of x.nii are stacked 17 degrees"),
    ],
)
def test_what_a_header_says_twice_is_told_and_nothing_reaches_the_terminal(
    says, flag, tmp_path, capfd
):
    said = flags_of(file_with(tmp_path / "x.nii", **says))
    lines = [f"{name}: {said[name]}" for name in said if name in OF_THE_HEADER]
    if flag is None:
        assert lines == []
    else:
        assert any(re.match(flag, line) for line in lines), lines
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("says", "found"),
    [
        (
            {"qform": turned(0) * [2, 2, 1, 1]},
            r"two sizes, found 1.5 x 1.5 x 8 by its sform and 3",
        ),
        ({"sform": None, "pixdim": [0, 0, 0]}, r"found pixdim 0 x 0 x 0 and no sform"),
        ({"sform": slanted(36, 1)}, r"found pixels 36 degrees off a right angle \(at most 3\)"),
        ({"sform": slanted(40, 2)}, r"found slices stacked 40 degrees askew \(at most 30\)"),
    ],
)
def test_a_grid_that_cannot_be_meant_is_refused_with_its_numbers(says, found, tmp_path):
    with pytest.raises(InputError, match=found):
        read_examination(file_with(tmp_path / "x.nii", **says))


@pytest.mark.parametrize("time", [("sec", 0.03), ("sec", 30), ("msec", 30), ("msec", 0.03)])
def test_seconds_and_milliseconds_are_told_apart_by_the_beat(time, tmp_path):
    found = read_examination(file_with(tmp_path / "x.nii", CINE, time=time))
    assert found.frame_times == {ED: 0.0, ES: 0.33}  # exactly, though a header is not


@pytest.mark.parametrize("unit", ["unknown", "sec", "msec"])
@pytest.mark.parametrize("frames", [[0, 11], range(30)])
def test_an_interval_of_one_is_no_time(unit, frames, tmp_path):
    path = file_with(tmp_path / "x.nii", CINE[..., list(frames)], time=(unit, 1))
    found = describe(read_examination(path))
    assert read_examination(path).frame_times == {}
    assert "no_times" in {flag.name for flag in found.flags}
    assert not any(" ms" in line for line in found.lines)


def test_a_heart_rate_stands_in_for_times_that_are_not_known(tmp_path):
    file_with(tmp_path / "x.nii", CINE, time=("sec", 1))
    (tmp_path / "subject.yaml").write_text("heart_rate_bpm: 60")
    assert read_examination(tmp_path).frame_times == pytest.approx({ED: 0.0, ES: 11 / 30})


def test_an_end_systole_out_of_the_beat_s_time_has_none(tmp_path):
    path = file_with(tmp_path / "x.nii", CINE, time=("sec", 0.08))
    assert read_examination(path).frame_times == {}
    sentence = flags_of(path)["frame_times_implausible"]
    assert "By the header's clock end-systole is 880 ms after the R wave" in sentence


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (nib.Nifti2Image, None),
        (nib.Nifti1Pair, None),
        (nib.AnalyzeImage, r"is no NIfTI file, found Spm2AnalyzeImage"),
    ],
)
def test_relatives_of_nifti_are_read_or_named(kind, sentence, tmp_path):
    path = tmp_path / f"x{kind.files_types[0][1]}"
    nib.save(kind(LABELS, AFFINE), path)
    if sentence is None:
        assert set(read_examination(path).contours) == {ED}
    else:
        with pytest.raises(InputError, match=sentence):
            read_examination(path)


def test_labels_stored_with_a_scale_are_whole_numbers_again(tmp_path):
    image = nib.Nifti1Image(LABELS * 0.9999, AFFINE)
    image.header.set_data_dtype(np.int16)
    nib.save(image, tmp_path / "x.nii.gz")
    assert (
        describe(read_examination(tmp_path / "x.nii.gz")).lines[2]
        == describe(read_examination(write(tmp_path / "y.nii", LABELS, AFFINE))).lines[2]
    )


@pytest.mark.parametrize(
    ("at", "value", "found"),
    [
        (42, np.full(3, 30000, "<i2"), r"x.nii is not a readable NIfTI file: .*49504 bytes found"),
        (42, np.full(1, -64, "<i2"), r"x.nii is not a readable NIfTI file: .*49504 bytes found"),
        (70, np.full(1, 9999, "<i2"), r"data code 9999 not recognized \(49504 bytes found\)"),
        (280, np.full(1, np.inf, "<f4"), r"affine of .*x.nii is not finite, found inf"),
    ],
)
def test_a_damaged_header_is_one_sentence(at, value, found, tmp_path):
    path = write(tmp_path / "x.nii", LABELS, AFFINE)
    content = bytearray(path.read_bytes())
    content[at : at + value.nbytes] = value.tobytes()
    path.write_bytes(content)
    with pytest.raises(InputError, match=found):
        read_examination(path)


def test_end_systole_on_another_grid_is_refused(tmp_path):
    first = write(tmp_path / "ed.nii", LABELS, AFFINE)
    lean = np.deg2rad(35)
    tilt = np.eye(3)
    tilt[1:, 1:] = [[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]]
    for affine, found in (
        (tilt @ AFFINE[:3, :3], r"tilted against end-diastole's, found 28 degrees, at most 20"),
        (AFFINE[:3, :3] / [1.5, 1.5, 8], r"wall is 110 mL at end-diastole and 6 mL at end-syst"),
    ):
        moved = np.eye(4)
        moved[:3, :3] = affine
        moved[:3, 3] = (AFFINE @ [30, 33, 5, 1])[:3] - affine @ [30, 33, 5]
        with pytest.raises(InputError, match=found):
            read_examination(first, Reading(end_systole=write(tmp_path / "es.nii", SMALL, moved)))


def test_a_single_voxel_is_refused_and_no_traceback(tmp_path):
    path = file_with(tmp_path / "x.nii", np.ones((1, 1, 1), np.uint8), sform=None, qform=AFFINE)
    with pytest.raises(InputError, match=r"single slice, found the shape"):
        read_examination(path)
