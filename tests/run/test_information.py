import json

import nibabel as nib
import numpy as np
import pytest
from scipy.io import savemat


@pytest.fixture
def cine(tmp_path):
    """Write a disc that beats, as whole numbers with noise of 5, and return its path."""
    y, x = np.mgrid[:48, :48] - 24
    radius = 12 + 4 * np.cos(2 * np.pi * np.arange(16) / 16)
    clean = 200 + 150 / (1 + np.exp(np.hypot(x, y)[..., None] - radius))
    noisy = clean + np.random.default_rng(0).normal(scale=5, size=clean.shape)
    path = tmp_path / "cine.nii.gz"
    image = nib.Nifti1Image(np.rint(noisy)[:, :, None].astype(np.int16), np.diag([1.4, 1.4, 8, 1]))
    image.header["pixdim"][4] = 0.04
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)
    return path


def test_images_tell_bits_with_their_noise_and_step(cine, tmp_path, command):
    folder = tmp_path / "out"
    code, out, err = command("information", f"path={cine}", f"output={folder}")
    assert (code, err) == (0, "")
    assert "bits_per_pixel: " in out
    page = json.loads((folder / "information.json").read_text())
    assert page["noise_sd"] == pytest.approx(5, rel=0.05)
    assert page["quantisation"] == 1.0
    assert page["data_bytes"] == 48 * 48 * 16 * 2
    assert 0 < page["bits_per_pixel"] < page["entropy_bits_per_pixel"]
    assert page["denoised_bits_per_pixel"] <= page["bits_per_pixel"] * (1 + 1e-9)
    assert (folder / "information.png").stat().st_size > 10_000


def test_a_perfusion_series_of_matlab_is_read(cine, tmp_path, command):
    values = nib.load(cine).get_fdata()[:, :, 0] * 0.01
    savemat(tmp_path / "perf.mat", {"data": values, "aif": values[0, 0]})
    words = (f"path={tmp_path / 'perf.mat'}", f"output={tmp_path / 'out'}")
    assert command("information", *words)[0] == 0
    page = json.loads((tmp_path / "out" / "information.json").read_text())
    assert [each["name"] for each in page["series"]] == ["perf data"]
    assert page["noise_sd"] == pytest.approx(0.05, rel=0.05)


def test_a_protocol_tells_bits_of_each_sequence(tmp_path, command):
    words = ("protocol=standard", f"output={tmp_path}", "protocol.sequences.ivim.snr=50")
    code, _, err = command("information", *words)
    assert (code, err) == (0, "")
    page = json.loads((tmp_path / "information.json").read_text())
    rows = page["sequences"]
    assert sum(row["gain_bits"] for row in rows.values()) == pytest.approx(page["bits_per_voxel"])
    assert set(page["best_order"].split()) == set(rows)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), r"takes a path or a protocol, found neither"),
        (("path=x", "protocol=standard"), r"takes a path or a protocol, found both"),
        (("protocol=standard", "+protocol.sequences.cine.coil=3"), r"coil|no option"),
    ],
)
def test_what_tells_nothing_is_refused(words, sentence, command):
    code, _, err = command("information", *words)
    assert code == 2
    assert sentence.split("|", maxsplit=1)[0] in err


@pytest.mark.real_data
def test_patient1s_cine_holds_a_bit_or_two_per_pixel(real_data, tmp_path, command):
    """The scanner interpolates, so every second pixel is taken."""
    words = (f"path={real_data / 'cine/patient1/nifti/Se5.nii.gz'}", f"output={tmp_path}")
    assert command("information", *words)[0] == 0
    page = json.loads((tmp_path / "information.json").read_text())
    assert page["pixel_stride"] == 2
    assert 0.5 < page["bits_per_pixel"] < 3


@pytest.mark.real_data
def test_a_filtered_first_pass_needs_its_noise_stated(real_data, tmp_path, command):
    path = f"path={real_data / 'perfusion/first_pass_rest'}"
    code, _, err = command("information", path, f"output={tmp_path}")
    assert code == 2
    assert "shows no noise" in err
    assert command("information", path, f"output={tmp_path}", "noise_sd=0.032")[0] == 0
