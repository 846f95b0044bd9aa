import numpy as np
import pydicom
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging.beside import describe_beside
from cardiotwin.imaging.raw import write_raw

from .raw.scans import scan
from .test_dicom_write import stack, written


def test_raw_data_are_told_in_one_line(tmp_path):
    write_raw(scan(acceleration=2), tmp_path / "raw" / "cine.h5")
    (line,) = describe_beside(tmp_path).lines
    assert line == (
        "raw cine.h5: cine_sax, cartesian, 30 read-outs of 12 samples by 3 coils, 2 slices, "
        "3 phases, pixels 2 x 3 mm, TR 3 ms, noise measured, ecg, respiratory"
    )
    assert describe_beside(tmp_path).flags == ()


def test_a_broken_raw_file_is_told_before_anything_runs(tmp_path):
    path = write_raw(scan(), tmp_path / "raw" / "cine.h5")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"cine\.h5 is cut short"):
        describe_beside(tmp_path)


def test_our_own_dicom_names_nobody_and_others_are_told(tmp_path):
    files = written(stack(), tmp_path / "dicom")
    assert describe_beside(tmp_path).flags == ()
    data = pydicom.dcmread(files[3])
    data.PatientName, data.StudyDate = "Doe^Jane", "20240229"
    data.save_as(files[3])
    (flag,) = describe_beside(tmp_path).flags
    assert flag.name == "personal_data"
    assert "they have PatientName, StudyDate:" in flag.sentence
    assert "Doe" not in flag.sentence


def test_a_file_alone_has_nothing_beside(tmp_path):
    path = tmp_path / "labels.nii"
    np.zeros(3).tofile(path)
    assert describe_beside(path).lines == ()


@pytest.mark.real_data
def test_the_published_dicom_of_a_patient_is_looked_through(real_data):
    (flag,) = describe_beside(real_data / "cine" / "patient1" / "dicom_raw").flags
    assert "they have PatientName, PatientID, StudyDate, StudyID:" in flag.sentence


def test_headers_that_name_somebody_are_told(tmp_path):
    place = tmp_path / "mapping"
    place.mkdir()
    (place / "t1.json").write_text('{"PatientName": "Doe^Jane", "AcquisitionDate": "19991231"}')
    (flag,) = describe_beside(tmp_path).flags
    assert flag.name == "personal_data"
    assert "they have PatientName, AcquisitionDate: cardiotwin copies none" in flag.sentence
    assert "Doe" not in flag.sentence
