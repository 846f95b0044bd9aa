import json

import nibabel as nib
import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging.beside import describe_beside
from cardiotwin.imaging.encoded import read_encoded

RNG = np.random.default_rng(0)
MAGNITUDE = RNG.uniform(1, 2, (4, 3, 2, 3)).astype(np.float32)
T2 = {"Contrast": "t2_prepared", "PreparationTime": [0.0, 0.025, 0.055]}
AFFINE = np.diag([2.0, 2.0, 8.0, 1.0])


def save(folder, values, header, *, phase=None, affine=AFFINE):
    path = folder / "mapping" / "map.nii.gz"
    path.parent.mkdir(exist_ok=True)
    pictures = {path: values}
    if phase is not None:
        pictures[path.with_name("map_phase.nii.gz")] = phase
    for name, array in pictures.items():
        image = nib.Nifti1Image(array, affine)
        image.header.set_xyzt_units("mm")
        image.set_sform(affine, code="scanner")
        nib.save(image, name)
    if header is not None:
        path.with_name("map.json").write_text(json.dumps(header))
    return path


def test_a_series_comes_back_with_what_its_images_encode(tmp_path):
    series = read_encoded(save(tmp_path, MAGNITUDE, T2 | {"NoiseSD": 0.02}))
    np.testing.assert_allclose(series.signal, MAGNITUDE)
    np.testing.assert_allclose(series.encoded, [0, 0.025, 0.055])
    assert series.noise_sd == 0.02
    assert series.affine[0, 0] == pytest.approx(2e-3)
    assert describe_beside(tmp_path).lines == (
        (
            "series map.nii.gz: t2 prepared, 3 images by preparation time, 4 x 3 x 2 voxels of "
            "2 x 2 x 8 mm"
        ),
    )


def test_b_values_are_read_in_s_per_square_metre_and_no_saturation_as_an_endless_wait(tmp_path):
    found = read_encoded(save(tmp_path, MAGNITUDE, {"BValue": [0, 50, 400]}))
    assert found.contrast == "ivim"
    np.testing.assert_allclose(found.encoded, [0, 50e6, 400e6])
    header = {"Contrast": "sasha", "SaturationTime": [None, 0.3, 0.6]}
    np.testing.assert_allclose(
        read_encoded(save(tmp_path, MAGNITUDE, header)).encoded, [np.inf, 0.3, 0.6]
    )


def test_complex_series_take_their_phase_from_the_file_beside(tmp_path):
    phase = RNG.uniform(-np.pi, np.pi, MAGNITUDE.shape).astype(np.float32)
    header = {"Contrast": "water_fat", "EchoTime": [1e-3, 2e-3, 3e-3]}
    found = read_encoded(save(tmp_path, MAGNITUDE, header, phase=phase)).signal
    np.testing.assert_allclose(found, MAGNITUDE * np.exp(1j * phase), rtol=1e-6)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, r"no header beside it, found no map\.json"),
        ([1], r"holds no keys, found list"),
        ({"EchoTime": 0.01}, r"does not say what kind of series it is, found no Contrast"),
        ({"Contrast": "t9"}, r"found Contrast 't9'"),
        ({"Contrast": "molli"}, r"has no InversionTime, found Contrast"),
        (
            {"Contrast": "molli", "InversionTime": [0.1, 1.1]},
            r"one value for each of the 3 images, found 2",
        ),
        (
            {"Contrast": "molli", "InversionTime": [100, 1100, 180]},
            r"InversionTime of map\.json must lie between 0 and 20, found 100",
        ),
        (
            {"Contrast": "ivim", "BValue": [0, "fifty", 400]},
            r"must be numbers, found \[0, 'fifty'",
        ),
        ({"Contrast": "ivim", "BValue": [0, -50, 400]}, r"between 0 and 10000, found -50"),
        ({"Contrast": ["ivim"], "BValue": [0, 50, 400]}, r"found Contrast \['ivim'\]"),
        ({"Contrast": "ivim", "BValue": [50, 50, 50]}, r"the same for all 3 images, found 50"),
        (T2 | {"NoiseSD": "loud"}, r"NoiseSD of map\.json must be a number .* found 'loud'"),
        (T2 | {"NoiseSD": -1}, r"NoiseSD of map\.json must be a number .* found -1"),
        (T2 | {"MagneticFieldStrength": "1.5T"}, r"between 0.01 and 25, found '1.5T'"),
        (T2 | {"MagneticFieldStrength": 15000}, r"between 0.01 and 25, found 15000"),
        (T2 | {"FrameTime": [0, 400, 800]}, r"FrameTime .* between 0 and 10, found 400"),
        (
            {"Contrast": "tagging", "TagWave": [1, 2, 3]},
            r"TagWave of map\.json must be two or three numbers for each image, found 1",
        ),
        ({"Contrast": "t2_prepared", "PreparationTime": 3}, r"must be numbers, found 3"),
        (
            {"Contrast": "water_fat", "EchoTime": [1e-3, 2e-3, 3e-3]},
            r"needs its phase, found no map_phase\.nii\.gz",
        ),
    ],
)
def test_a_header_that_does_not_tell_is_refused_in_one_line(tmp_path, header, message):
    path = save(tmp_path, MAGNITUDE, header)
    with pytest.raises(InputError, match=message) as refused:
        read_encoded(path)
    assert "\n" not in str(refused.value)


def test_a_header_that_is_no_json_is_refused(tmp_path):
    path = save(tmp_path, MAGNITUDE, T2)
    path.with_name("map.json").write_text("{")
    with pytest.raises(InputError, match=r"map\.json is not JSON, found Expecting"):
        read_encoded(path)


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        (np.full(MAGNITUDE.shape, 4095.0), r"is not in rad, found values up to 4095"),
        (np.full(MAGNITUDE.shape, np.nan), r"map_phase\.nii\.gz has no pixel that is a number"),
        (np.zeros((4, 3, 2, 2)), r"is not the phase of map\.nii\.gz, found \(4, 3, 2, 2\)"),
    ],
)
def test_a_phase_that_is_none_is_refused(tmp_path, phase, message):
    header = {"Contrast": "water_fat", "EchoTime": [1e-3, 2e-3, 3e-3]}
    with pytest.raises(InputError, match=message):
        read_encoded(save(tmp_path, MAGNITUDE, header, phase=phase.astype(np.float32)))


def test_values_that_are_no_numbers_are_counted_and_none_at_all_refused(tmp_path):
    values = MAGNITUDE.copy()
    values[0, 0, 0, :2] = np.nan
    (flag,) = read_encoded(save(tmp_path, values, T2)).flags
    assert flag.sentence.startswith("map.nii.gz has 2 values that are no numbers, in 1 voxels")
    with pytest.raises(InputError, match="has no pixel that is a number"):
        read_encoded(save(tmp_path, np.full_like(values, np.nan), T2))


def test_negative_magnitudes_are_told(tmp_path):
    values = MAGNITUDE.copy()
    values[0, 0, 0, :2] *= -1
    (flag,) = read_encoded(save(tmp_path, values, T2)).flags
    assert flag.sentence.startswith("map.nii.gz has 2 negative values, which no magnitude is")


def test_saturated_pixels_are_told(tmp_path):
    values = (1000 * MAGNITUDE).astype(np.int16)
    values[1, 1, :, 0] = 4095
    (flag,) = read_encoded(save(tmp_path, values, T2)).flags
    assert flag.name == "saturated"
    assert "2.8 % of its values are 4095" in flag.sentence
