import numpy as np
import pydicom
import pytest
from scipy.spatial.transform import Rotation

from cardiotwin.errors import InputError
from cardiotwin.imaging.beside import IDENTIFYING
from cardiotwin.imaging.dicom_encoded import write_encoded_dicom

TURN = Rotation.from_euler("xyz", [30, -20, 70], degrees=True).as_matrix()
HEADER = {
    "MagneticFieldStrength": 1.5,
    "FlipAngle": 12.0,
    "HeartPeriod": 0.8,
    "EchoTime": [1.4e-3, 3.1e-3, 4.8e-3],
    "SaturationTime": [None, 0.1, 0.2],
}


def affine():
    found = np.eye(4)
    found[:3, :3] = TURN * [1.4e-3, 1.6e-3, 20e-3]
    found[:3, 3] = [0.05, -0.02, 0.11]
    return found


def signal():
    rng = np.random.default_rng(0)
    return rng.normal(size=(5, 4, 2, 3)) + 1j * rng.normal(size=(5, 4, 2, 3))


def written(folder, images, header=HEADER):
    return write_encoded_dicom(images, affine(), header, folder, thickness=8e-3, series=10)


def pixels(data):
    return data.pixel_array.T * float(data.RescaleSlope) + float(data.RescaleIntercept)


def test_magnitudes_and_phases_come_back_to_half_a_step(tmp_path):
    images = signal()
    files = [pydicom.dcmread(path) for path in written(tmp_path / "echo_map", images)]
    assert len(files) == 2 * 2 * 3
    for data, (k, t) in zip(files, 2 * list(np.ndindex(2, 3)), strict=True):
        phase = data.ImageType[2] == "P"
        true = np.angle(images[:, :, k, t]) if phase else np.abs(images[:, :, k, t])
        assert np.abs(pixels(data) - true).max() <= 0.5001 * float(data.RescaleSlope)
    assert [data.ImageType[2] for data in files] == ["M"] * 6 + ["P"] * 6
    assert len({data.SeriesInstanceUID for data in files}) == 2
    assert len({data.SOPInstanceUID for data in files}) == 12
    assert len({data.FrameOfReferenceUID for data in files}) == 1


def test_an_image_says_what_it_encodes_and_where_it_lies(tmp_path):
    data = pydicom.dcmread(written(tmp_path / "echo_map", np.abs(signal()))[4])  # second slice
    assert float(data.EchoTime) == pytest.approx(3.1)
    assert data.ImageComments == "SaturationTime 0.1"
    assert data.HeartRate == 75
    assert float(data.SliceThickness) == pytest.approx(8)
    place = np.diag([-1, -1, 1]) @ (affine() @ [0, 0, 1, 1])[:3] * 1e3
    np.testing.assert_allclose(np.array(data.ImagePositionPatient, float), place, atol=1e-6)


def test_b_values_and_frames_have_their_own_attributes(tmp_path):
    header = {"MagneticFieldStrength": 3.0, "BValue": [0.0, 50.0, 400.0], "FrameTime": [0, 0, 0.2]}
    data = pydicom.dcmread(written(tmp_path / "ivim_map", np.abs(signal()), header)[2])
    assert data.DiffusionBValue == 400.0
    assert float(data.TriggerTime) == pytest.approx(200)


def test_nobody_is_named(tmp_path):
    for path in written(tmp_path / "t2_map", np.abs(signal())):
        data = pydicom.dcmread(path)
        assert not [name for name in IDENTIFYING if str(data.get(name, "") or "").strip()]


def test_values_that_are_no_numbers_are_refused(tmp_path):
    images = np.abs(signal())
    images[0, 0, 0, :2] = np.nan
    with pytest.raises(InputError, match="t2_map has 2 values that are no numbers"):
        written(tmp_path / "t2_map", images)
