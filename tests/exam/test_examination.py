import json

import ismrmrd
import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.exam import Scan, Volunteer
from cardiotwin.exam.battery import Battery
from cardiotwin.exam.cine_protocol import CineProtocol
from cardiotwin.exam.examination import make_examination
from cardiotwin.imaging import Phase, describe, read_examination
from cardiotwin.imaging.check import volumes
from cardiotwin.imaging.dicom import read_dicom
from cardiotwin.imaging.raw import read_raw

pytestmark = pytest.mark.slow  # one whole examination, coarse

PROTOCOL = CineProtocol(n_phases=5, n_coils=4, acceleration=2)


@pytest.fixture(scope="module")
def examined(tmp_path_factory, systole):
    volunteer = Volunteer(
        scan=Scan(
            pixel=2.8e-3, matrix=(104, 88), n_slices=8, slice_distance=13e-3, slice_thickness=8e-3
        )
    )
    place = tmp_path_factory.mktemp("examined") / "subject"
    return make_examination(volunteer, PROTOCOL, place, systole)


def test_an_examination_is_read_like_anybodys(examined):
    found = read_examination(examined)
    assert found.images[0].array.shape == (104, 88, 8, 5)
    truth = json.loads((examined / "truth.json").read_text())
    stroke = [volumes(found, phase)[0] * 1e6 for phase in (Phase.END_DIASTOLE, Phase.END_SYSTOLE)]
    model = truth["geometry"]["model"]
    assert stroke[0] == pytest.approx(model["edv_ml"], rel=0.2)  # eight slices, 13 mm apart
    assert stroke[1] < 0.6 * stroke[0]
    assert truth["protocol"]["n_phases"] == 5
    course = np.array(truth["beat"]["lv_volume_ml"])
    assert course[0] == pytest.approx(model["edv_ml"])
    assert course.min() < 1.1 * model["esv_ml"]
    assert describe(found).lines


def test_raw_data_images_and_dicom_are_of_one_heart(examined):
    scan, flags = read_raw(examined / "raw/cine_sax.h5")
    assert flags == ()
    assert scan.readouts.samples.shape == (8 * 5 * 44, 4, 104)
    image = read_examination(examined).images[0]
    (dicom,) = read_dicom(examined / "dicom/cine_sax")
    np.testing.assert_allclose(dicom.array, image.array)
    np.testing.assert_allclose(dicom.affine, image.affine, atol=1e-6)
    np.testing.assert_allclose(
        scan.affines[3][:3, 3], (image.affine @ [0, 0, 3, 1])[:3], atol=1e-6
    )
    with ismrmrd.Dataset(examined / "raw/cine_sax.h5", mode="r") as data:
        assert data.number_of_acquisitions() == 1 + 8 * 5 * 44


def test_two_processes_write_what_one_does(examined, tmp_path, systole):
    volunteer = Volunteer(
        scan=Scan(
            pixel=2.8e-3, matrix=(104, 88), n_slices=8, slice_distance=13e-3, slice_thickness=8e-3
        )
    )
    battery = Battery(series=("t2_map",), raw=False)
    place = tmp_path / "again"
    make_examination(volunteer, PROTOCOL, place, systole, battery=battery, processes=2)
    for name in ("cine/sa.nii.gz", "cine/sa_seg.nii.gz", "subject.yaml"):
        assert (place / name).read_bytes() == (examined / name).read_bytes()
    assert (place / "mapping/t2_map.nii.gz").is_file()
    truth = json.loads((place / "truth.json").read_text())
    assert truth["series"]["t2_map"]["file"] == "mapping/t2_map.nii.gz"


def test_the_heart_beats_in_the_images(examined):
    """The blood pool is as bright as the truth and its cut through the heart shrinks."""
    found = read_examination(examined)
    image = found.images[0].array
    pool = found.labels[Phase.END_DIASTOLE].array[..., 3] == 3
    emptied = pool & (found.labels[Phase.END_SYSTOLE].array[..., 3] == 2)
    assert emptied.sum() > 20
    frames = json.loads((examined / "truth.json").read_text())["beat"]["lv_volume_ml"]
    late = int(np.argmin(frames))
    first, last = image[..., 3, 0], image[..., 3, late]
    assert last[emptied].mean() < 0.7 * first[emptied].mean()


def test_the_electrocardiogram_has_a_row_for_each_sample(examined):
    table = np.loadtxt(examined / "physio/cine_sax_ecg.tsv", skiprows=1)
    assert np.allclose(np.diff(table[:, 0]), 2.5e-3)
    assert table[:, 1].max() > 1.0


def test_a_folder_that_holds_something_is_refused(tmp_path, systole):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(InputError, match="must be a new or an empty folder"):
        make_examination(Volunteer(), PROTOCOL, tmp_path, systole)
