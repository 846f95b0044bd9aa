"""One clear line for each file that is not what it should be."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
from ismrmrd import xsd

from cardiotwin.errors import InputError
from cardiotwin.imaging.raw import cartesian_spectra, outline_raw, read_raw, write_raw

from .scans import scan


@pytest.fixture
def path(tmp_path):
    return write_raw(scan(), tmp_path / "cine.h5")


def rows_changed(path, change):
    with h5py.File(path, "r+") as file:
        rows = file["dataset/data"][()]
        change(rows)
        file["dataset/data"][...] = rows


def header_changed(path, change):
    with h5py.File(path, "r+") as file:
        header = xsd.CreateFromDocument(file["dataset/xml"][0])
        change(header)
        file["dataset/xml"][0] = xsd.ToXML(header).encode()


def refused(path, match):
    for reader in (read_raw, outline_raw):
        with pytest.raises(InputError, match=match) as caught:
            reader(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_file_cut_short_is_refused(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused(path, "cut short or no ISMRMRD file, found: ")


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "note.h5"
    path.write_text("not raw data at all, however long it may be")
    refused(path, "cut short or no ISMRMRD file, found: .*signature")


def test_an_absent_file_is_refused(tmp_path):
    refused(tmp_path / "cine.h5", "raw")


def test_a_file_without_read_outs_is_refused(path):
    with h5py.File(path, "r+") as file:
        del file["dataset/data"]
    refused(path, r"needs one data set with read-outs \(dataset/data\), found 0 in dataset")


def test_a_file_without_header_is_refused(path):
    with h5py.File(path, "r+") as file:
        del file["dataset/xml"]
    refused(path, r"needs a header \(dataset/xml\), found data, waveforms")


def test_numbers_in_the_place_of_read_outs_are_refused(path):
    with h5py.File(path, "r+") as file:
        del file["dataset/data"]
        file["dataset/data"] = np.zeros((4, 5))
    refused(path, "needs read-outs with head, data and traj, found plain numbers")


def test_a_word_where_a_number_belongs_is_refused(path):
    with h5py.File(path, "r+") as file:
        text = file["dataset/xml"][0]
        file["dataset/xml"][0] = text.replace(b">cartesian<", b">zigzag<")
    refused(path, "is no ISMRMRD header, found: .*zigzag")


@pytest.mark.parametrize("text", [b"<oops", b"<a/>", b""])
def test_a_header_of_another_kind_is_refused(path, text):
    with h5py.File(path, "r+") as file:
        file["dataset/xml"][0] = text
    refused(path, "is no ISMRMRD header, found: ")


def test_a_header_without_encoding_is_refused(path):
    header_changed(path, lambda header: header.encoding.clear())
    refused(path, "needs an encoding in its header, found none")


def test_a_field_of_view_of_nought_is_refused(path):
    def change(header):
        header.encoding[0].reconSpace.fieldOfView_mm.x = 0.0

    header_changed(path, change)
    refused(path, "field of view above nought, found .* over 0 x 30 x 8 mm")


def test_not_a_number_is_refused(path):
    def change(rows):
        for number in (4, 9):
            rows["data"][number][3] = np.nan

    rows_changed(path, change)
    refused(path, "needs finite samples, found NaN or infinity in 2 of 60 read-outs")


def test_coils_that_come_and_go_are_refused(path):
    def change(rows):
        rows["head"]["active_channels"][7] = 2

    rows_changed(path, change)
    refused(path, "needs as many coils in every read-out, found 2, 3")


def test_read_outs_of_two_lengths_are_refused(path):
    def change(rows):
        rows["head"]["number_of_samples"][7] = 9

    rows_changed(path, change)
    refused(path, "needs as many samples in every read-out, found 9, 12")


def test_samples_that_are_fewer_than_told_are_refused(path):
    def change(rows):
        rows["data"][7] = rows["data"][7][:10]

    rows_changed(path, change)
    refused(path, "needs 3 coils of 12 samples in every read-out, found 5 samples in read-out 7")


def test_noise_of_other_coils_is_refused(path):
    def change(rows):
        rows["head"]["active_channels"][0] = 1
        rows["head"]["number_of_samples"][0] = 60000

    rows_changed(path, change)
    refused(path, "needs the noise of all 3 coils, found that of 1")


def test_a_file_of_noise_alone_is_refused(path):
    def change(rows):
        rows["head"]["flags"] = 1 << 18

    rows_changed(path, change)
    refused(path, "needs read-outs of the image, found 61 others")


def test_a_missing_slice_is_named(path):
    def change(rows):
        rows["head"]["idx"]["slice"][rows["head"]["idx"]["slice"] == 1] = 3

    rows_changed(path, change)
    refused(path, "needs 4 slices, found none of slice 1, 2")


def test_directions_that_are_no_axes_are_refused(path):
    def change(rows):
        rows["head"]["read_dir"] = 0

    rows_changed(path, change)
    refused(path, "needs three unit axes at right angles, found ")


@pytest.mark.parametrize(
    ("field", "value", "match"),
    [
        ("position", np.nan, r"needs a place of every slice, found \[nan, nan, nan\]"),
        ("read_dir", np.nan, "needs three unit axes at right angles, found .*nan"),
        ("sample_time_us", 0, "needs a time from sample to sample above nought, found 0 us"),
        ("center_sample", 600, "middle of k-space among 12 samples, found sample 600"),
        ("trajectory_dimensions", 9, "two positions of every sample, found 9 dimensions"),
    ],
)
def test_read_outs_of_no_place_or_time_are_refused(path, field, value, match):
    def change(rows):
        rows["head"][field] = value

    rows_changed(path, change)
    refused(path, match)


def test_headers_of_no_time_or_size_are_refused(path):
    def unit(header):
        header.userParameters.userParameterDouble[0].value = 0.0

    header_changed(path, unit)
    refused(path, "needs a time stamp's unit above nought, found 0 ms")
    header_changed(path, lambda header: setattr(header.sequenceParameters, "TR", [-3.0]))
    header_changed(path, lambda header: header.userParameters.userParameterDouble.clear())
    refused(path, "needs a repetition time that is not negative, found -3 ms")

    def endless(header):
        header.encoding[0].reconSpace.fieldOfView_mm.y = np.nan

    header_changed(path, endless)
    refused(path, "field of view above nought, found .* x nan x 8 mm")


def test_a_waveform_that_breaks_off_is_refused(path):
    with h5py.File(path, "r+") as file:
        rows = file["dataset/waveforms"][()]
        rows["data"][0] = rows["data"][0][:17]
        file["dataset/waveforms"][...] = rows
    refused(path, "2 channels of 400 samples in its ecg waveform, found 17 samples")


def test_lines_outside_the_encoding_are_refused():
    plain = scan()
    beyond = replace(plain.readouts, line=plain.readouts.line + 4)
    with pytest.raises(InputError, match="has lines 4 to 13, found 10 in its header"):
        cartesian_spectra(replace(plain, readouts=beyond), 0)


def test_a_slice_that_is_not_there_is_refused():
    with pytest.raises(InputError, match=r"cine_sax has no slice 7 .* found slices 0 to 1"):
        cartesian_spectra(scan(), 7)
