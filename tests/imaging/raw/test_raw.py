from dataclasses import replace

import h5py
import ismrmrd
import numpy as np
import pytest
from ismrmrd import xsd

from cardiotwin.errors import InputError
from cardiotwin.imaging.encoding import Whitening, sample_covariance, to_image, to_kspace
from cardiotwin.imaging.raw import cartesian_spectra, outline_raw, read_raw, write_raw

from .scans import affines, images, scan


@pytest.fixture
def path(tmp_path):
    return write_raw(scan(), tmp_path / "cine.h5")


def test_the_ismrmrd_package_opens_what_was_written(path):
    with ismrmrd.Dataset(path, mode="r") as data:
        header = xsd.CreateFromDocument(data.read_xml_header())
        assert data.number_of_acquisitions() == 1 + 2 * 3 * 10
        noise, line = data.read_acquisition(0), data.read_acquisition(1 + 37)
        last, wave = data.read_acquisition(60), data.read_waveform(0)
    assert noise.is_flag_set(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
    assert last.is_flag_set(ismrmrd.ACQ_LAST_IN_MEASUREMENT)
    expected = to_kspace(images())[1, :, 0, :, 7]
    np.testing.assert_array_equal(line.data, expected)
    assert (line.idx.slice, line.idx.phase, line.idx.kspace_encode_step_1) == (1, 0, 7)
    assert line.center_sample == 6
    assert line.physiology_time_stamp[0] == 40  # 0.1 s in 2.5 ms
    assert line.sample_time_us == pytest.approx(4)
    encoding = header.encoding[0]
    assert encoding.encodedSpace.matrixSize.x == 12
    assert encoding.reconSpace.fieldOfView_mm.y == pytest.approx(30)
    assert encoding.encodingLimits.slice.maximum == 1
    assert header.sequenceParameters.TE == [1.5]
    assert header.experimentalConditions.H1resonanceFrequency_Hz == 63866218
    assert wave.waveform_id == 0
    assert wave.data.shape == (2, 400)


def test_position_and_directions_are_the_slices_middle_in_lps(path):
    with ismrmrd.Dataset(path, mode="r") as data:
        line = data.read_acquisition(40)
    turn = np.diag([-1, -1, 1])
    affine = affines()[1]
    centre = turn @ (affine @ [6, 5, 0, 1])[:3] * 1e3
    np.testing.assert_allclose(line.position[:], centre, rtol=1e-5)
    across = turn @ affine[:3, 2] / 8e-3
    np.testing.assert_allclose(line.slice_dir[:], across, rtol=1e-5)


def test_a_scan_comes_back_as_it_was_written(path):
    found, flags = read_raw(path)
    expected = scan()
    assert flags == ()
    for name, value in vars(expected.protocol).items():
        assert getattr(found.protocol, name) == pytest.approx(value), name
    for name, value in vars(expected.readouts).items():
        if name in {"time", "since_r_wave"}:  # in steps of 2.5 ms
            np.testing.assert_allclose(getattr(found.readouts, name), value, atol=1.26e-3)
        elif value is not None:
            np.testing.assert_allclose(getattr(found.readouts, name), value, rtol=1e-6)
    np.testing.assert_allclose(found.affines, expected.affines, atol=1e-7)
    np.testing.assert_array_equal(found.noise, expected.noise)
    for trace, other in zip(found.traces, expected.traces, strict=True):
        assert trace.kind == other.kind
        assert trace.start == pytest.approx(other.start)
        assert trace.sample_time == pytest.approx(other.sample_time)
        np.testing.assert_allclose(trace.samples, other.samples, atol=2.0 / 2**16)


def test_an_outline_says_what_the_scan_holds(path):
    found, flags = outline_raw(path)
    scanned, same = read_raw(path)
    assert flags == same
    assert found.protocol == scanned.protocol
    shape = found.n_readouts, found.n_coils, found.n_samples
    assert shape == scanned.readouts.samples.shape
    assert found.n_slices == len(scanned.affines)
    assert found.noise == (scanned.noise is not None)
    assert found.traces == tuple(trace.kind for trace in scanned.traces)
    for name, number in found.counted.items():
        assert number == getattr(scanned.readouts, name).max() + 1 + 0 * number, name


def test_an_outline_looks_at_few_samples_and_at_all_heads(tmp_path):
    plain = scan()
    fields = {name: value for name, value in vars(plain.readouts).items() if value is not None}
    many = replace(
        plain.readouts,
        **{
            name: np.concatenate([value] * 4)
            for name, value in fields.items()
            if isinstance(value, np.ndarray)
        },
    )
    many.samples[1] = np.nan  # of 240: the first, the fifth, ... are looked at
    path = write_raw(replace(plain, readouts=many), tmp_path / "long.h5")
    assert outline_raw(path)[0].n_readouts == 240
    with pytest.raises(InputError, match="found NaN or infinity in 1 of 240 read-outs"):
        read_raw(path)


def test_a_radial_scan_keeps_its_trajectory(tmp_path):
    plain = scan()
    positions = np.random.default_rng(0).uniform(-0.5, 0.5, (60, 12, 2))
    written = replace(
        plain,
        protocol=replace(plain.protocol, trajectory="radial"),
        readouts=replace(plain.readouts, positions=positions),
    )
    found, _ = read_raw(write_raw(written, tmp_path / "radial.h5"))
    np.testing.assert_allclose(found.readouts.positions, positions, atol=1e-7)
    with pytest.raises(InputError, match="is not Cartesian, found a radial trajectory"):
        cartesian_spectra(found, 0)


def test_the_grid_gives_back_the_whitened_images(path):
    found, _ = read_raw(path)
    spectra = cartesian_spectra(found, 1)
    whitening = Whitening(covariance=sample_covariance(found.noise))
    np.testing.assert_allclose(to_image(spectra.kspace), whitening.forward(images()[1]), atol=1e-5)
    assert spectra.mask.all()
    np.testing.assert_allclose(spectra.phase_times, [0.1, 0.15, 0.2], atol=1.26e-3)
    np.testing.assert_allclose(spectra.affine, affines()[1], atol=1e-7)


def test_lines_left_out_are_nought_and_lines_taken_twice_are_averaged():
    plain = replace(scan(acceleration=2), noise=None)
    r = plain.readouts
    twice = {
        name: np.concatenate([value, value])
        for name, value in vars(r).items()
        if isinstance(value, np.ndarray)
    }
    twice["samples"] = np.concatenate([r.samples * 0.5, r.samples * 1.5])
    spectra = cartesian_spectra(replace(plain, readouts=replace(r, **twice)), 0)
    expected = to_kspace(images())[0]
    np.testing.assert_allclose(spectra.kspace[..., ::2], expected[..., ::2], atol=1e-6)
    assert not spectra.kspace[..., 1::2].any()
    assert spectra.mask.tolist() == [[True, False] * 5] * 3


def test_images_of_a_dynamic_are_not_averaged():
    plain = replace(scan(), noise=None)
    as_dynamic = replace(
        plain.readouts, repetition=plain.readouts.phase, phase=plain.readouts.phase * 0
    )
    found = cartesian_spectra(replace(plain, readouts=as_dynamic), 1, frames="repetition")
    np.testing.assert_allclose(found.kspace, to_kspace(images())[1], atol=1e-6)
    second = cartesian_spectra(replace(plain, readouts=as_dynamic), 1, repetition=2)
    np.testing.assert_allclose(second.kspace[:, 0], to_kspace(images())[1][:, 2], atol=1e-6)


def test_lines_of_calibration_are_no_part_of_an_image(tmp_path):
    plain = replace(scan(), noise=None)
    of_coils = plain.readouts.phase == 2
    marked = replace(
        plain,
        readouts=replace(plain.readouts, calibration=of_coils, phase=plain.readouts.phase % 2),
    )
    found, _ = read_raw(write_raw(marked, tmp_path / "marked.h5"))
    np.testing.assert_array_equal(found.readouts.calibration, of_coils)
    expected = to_kspace(images())[0]
    np.testing.assert_allclose(cartesian_spectra(found, 0).kspace, expected[:, :2], atol=1e-6)
    coils = cartesian_spectra(found, 0, calibration=True)
    np.testing.assert_allclose(coils.kspace[:, 0], expected[:, 2], atol=1e-6)
    with ismrmrd.Dataset(tmp_path / "marked.h5", mode="r") as data:
        line = data.read_acquisition(25)
        assert line.is_flag_set(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION)
        assert not data.read_acquisition(5).is_flag_set(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION)


def test_a_counter_that_numbers_no_images_is_refused():
    with pytest.raises(InputError, match=r"found frames=average and none beside it \(average\)"):
        cartesian_spectra(scan(), 0, frames="average")


def test_read_out_oversampling_and_a_partial_echo_are_put_right():
    """Twice the samples over twice the field of view, the first five never taken."""
    truth = np.zeros((2, 3, 3, 24, 10), np.complex64)
    truth[..., 6:18, :] = images()
    full = scan(truth)
    partial = replace(
        full,
        noise=None,
        protocol=replace(
            full.protocol, encoded_matrix=(24, 10, 1), encoded_field_of_view=(48e-3, 30e-3, 8e-3)
        ),
        readouts=replace(
            full.readouts,
            samples=full.readouts.samples[..., 5:],
            centre_sample=full.readouts.centre_sample * 0 + 7,
        ),
    )
    expected = to_kspace(truth)[0]
    expected[..., :5, :] = 0
    middle = to_image(expected)[..., 6:18, :]
    found = to_image(cartesian_spectra(partial, 0).kspace)
    np.testing.assert_allclose(found, middle, atol=1e-5)


def test_reversed_read_outs_are_turned_round(path):
    with h5py.File(path, "r+") as file:
        rows = file["dataset/data"][()]
        for row in rows[11:21]:
            row["head"]["flags"] |= 1 << 21
            row["head"]["center_sample"] = 12 - 1 - 6
            flipped = row["data"].view(np.complex64).reshape(3, 12)[:, ::-1]
            row["data"] = np.ascontiguousarray(flipped).view(np.float32).ravel()
        file["dataset/data"][...] = rows
    found, _ = read_raw(path)
    np.testing.assert_array_equal(found.readouts.samples, scan().readouts.samples)


def test_nothing_personal_is_written_and_what_others_wrote_is_told(path):
    with h5py.File(path, "r+") as file:
        header = xsd.CreateFromDocument(file["dataset/xml"][0])
        assert header.subjectInformation is None
        assert header.studyInformation is None
        header.subjectInformation = xsd.subjectInformationType(
            patientName="Jane", patientWeight_kg=60.0
        )
        header.acquisitionSystemInformation.institutionName = "A hospital"
        file["dataset/xml"][0] = xsd.ToXML(header).encode()
    _, flags = read_raw(path)
    assert [flag.name for flag in flags] == ["personal_data"]
    assert "its header has patientName, institutionName:" in flags[0].sentence
    assert "Jane" not in flags[0].sentence
