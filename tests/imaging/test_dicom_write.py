from pathlib import Path

import numpy as np
import pydicom
import pytest
from scipy.spatial.transform import Rotation

from cardiotwin.errors import InputError
from cardiotwin.imaging.dicom import read_dicom
from cardiotwin.imaging.dicom_enhanced import write_enhanced_dicom
from cardiotwin.imaging.dicom_write import Acquisition, write_dicom
from cardiotwin.imaging.examination import ImageStack


def stack(top=1000):
    affine = np.eye(4)
    axes = Rotation.from_euler("xyz", [30, -20, 70], degrees=True).as_matrix()
    affine[:3, :3] = axes * [1.4e-3, 1.6e-3, 10e-3]
    affine[:3, 3] = [0.05, -0.02, 0.11]
    array = np.random.default_rng(0).integers(0, top, (9, 7, 3, 4)).astype(np.float32)
    return ImageStack(
        array=array,
        affine=affine,
        frame_times=0.018 + 0.036 * np.arange(4),
        slice_thickness=8e-3,
        name="cine_sax",
        source=Path("here"),
    )


ACQUISITION = Acquisition(
    heart_rate=1.1, repetition_time=3e-3, echo_time=1.5e-3, flip_angle=1.0, field_strength=1.5
)


def written(image, folder):
    return write_dicom(image, folder, ACQUISITION)


def test_what_is_written_is_read_in_the_same_place(tmp_path):
    image = stack()
    assert len(written(image, tmp_path)) == 12
    (found,) = read_dicom(tmp_path)
    np.testing.assert_array_equal(found.array, image.array)
    np.testing.assert_allclose(found.affine, image.affine, atol=1e-9)
    np.testing.assert_allclose(found.frame_times, image.frame_times, atol=1e-9)
    assert found.slice_thickness == pytest.approx(8e-3)


def test_files_are_valid_and_name_nobody(tmp_path):
    paths = written(stack(), tmp_path)
    data = pydicom.dcmread(paths[5])
    assert data.SOPClassUID == pydicom.uid.MRImageStorage
    assert data.file_meta.MediaStorageSOPInstanceUID == data.SOPInstanceUID
    assert len({pydicom.dcmread(path).SOPInstanceUID for path in paths}) == 12
    assert len({pydicom.dcmread(path).SeriesInstanceUID for path in paths}) == 1
    for name in ("PatientName", "PatientID", "PatientBirthDate", "StudyDate", "AccessionNumber"):
        assert str(data[name].value) == "", name
    assert "InstitutionName" not in data
    assert float(data.FlipAngle) == pytest.approx(57.2958, abs=1e-3)
    assert float(data.RepetitionTime) == 3


def test_the_same_stack_gives_the_same_files(tmp_path):
    one, two = (written(stack(), tmp_path / name)[3].read_bytes() for name in "ab")
    assert one == two


def test_values_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"between 0 and 65535 .* found 60 to 199613"):
        written(stack(top=200000), tmp_path)


def test_an_enhanced_file_holds_the_whole_stack_in_the_same_place(tmp_path):
    image = stack()
    path = write_enhanced_dicom(image, tmp_path / "dicom" / "cine.dcm", ACQUISITION)
    (found,) = read_dicom(tmp_path)
    np.testing.assert_array_equal(found.array, image.array)
    np.testing.assert_allclose(found.affine, image.affine, atol=1e-9)
    np.testing.assert_allclose(found.frame_times, image.frame_times, atol=1e-9)
    assert found.slice_thickness == pytest.approx(8e-3)
    data = pydicom.dcmread(path)
    assert data.SOPClassUID == pydicom.uid.EnhancedMRImageStorage
    assert data.NumberOfFrames == 12
    indices = [
        tuple(one.FrameContentSequence[0].DimensionIndexValues)
        for one in data.PerFrameFunctionalGroupsSequence
    ]
    assert indices == [(1, k, t) for k in (1, 2, 3) for t in (1, 2, 3, 4)]
    assert len(data.DimensionIndexSequence) == 3
    for name in ("PatientName", "PatientID", "PatientBirthDate", "StudyDate"):
        assert str(data[name].value) == "", name


def test_an_enhanced_file_refuses_what_does_not_fit(tmp_path):
    with pytest.raises(InputError, match="Scale the magnitudes"):
        write_enhanced_dicom(stack(top=200000), tmp_path / "x.dcm", ACQUISITION)
