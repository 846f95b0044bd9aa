import json
import re

import nibabel as nib
import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.geometry import fit


@pytest.fixture
def open_below(labels):
    """Take the closed bottom of the cup away and return its path."""
    image = nib.load(labels)
    array = np.asanyarray(image.dataobj).copy()
    array[:, :, 0] = 0
    nib.save(nib.Nifti1Image(array, image.affine), labels)
    return labels


def test_geometry_s_volumes_and_flags_stand_beside_the_reader_s(open_below, command):
    code, out, _ = command("check", f"path={open_below}")
    assert code == 0
    drawn, fitted = (
        float(re.search(pattern, out)[1])
        for pattern in (r"end-diastole: cavity ([\d.]+) mL", r"fitted: cavity ([\d.]+) mL")
    )
    assert fitted == pytest.approx(drawn, rel=0.02)
    assert "! missing_apical_slices: The lowest slice still holds" in out
    assert "! end_diastolic_pressure_assumed" in out
    voxels = np.count_nonzero(np.asanyarray(nib.load(open_below).dataobj) == 1)
    right = float(re.search(r"right ventricle at end-diastole: cavity ([\d.]+) mL", out)[1])
    assert right == pytest.approx(voxels * 1.5 * 1.5 * 8e-3, rel=0.03)
    names = re.findall(r"^! (\w+):", out, re.MULTILINE)
    assert len(names) == len(set(names))


def test_a_heart_that_geometry_refuses_is_refused_after_what_was_read(
    labels, command, monkeypatch
):
    def refuse(*_):
        msg = "The contours fold the wall."
        raise InputError(msg)

    monkeypatch.setattr(fit, "fit_anatomy", refuse)
    code, out, err = command("check", f"path={labels}")
    assert (code, err) == (2, "cardiotwin: The contours fold the wall.\n")
    assert re.search(r"end-diastole: cavity \d", out)


def test_a_diastolic_point_of_another_heart_is_refused_as_the_twin_refuses_it(labels, command):
    point = "[{volume_ml: 400, pressure_mmhg: 15, sd_mmhg: 1}]"
    (labels.parent / "subject.yaml").write_text(
        f"id: x\nfiles: {{labels: {labels.name}}}\ndiastolic_points: {point}\n"
    )
    code, out, err = command("check", f"path={labels.parent}")
    assert code == 2
    assert re.search(r"point has the volume 400 mL, found \d+\.?\d* mL at end-diastole", err)
    assert "end-diastole fitted: cavity" in out


@pytest.mark.parametrize("job", ["check", "twin"])
@pytest.mark.parametrize("key", ["path", "image"])
def test_an_empty_path_is_refused_and_not_the_folder_we_stand_in(
    job, key, labels, command, monkeypatch
):
    monkeypatch.chdir(labels.parent)
    for word in (f"{key}=", f"{key}= "):
        code, out, err = command(job, f"path={labels}", word)
        assert (code, out) == (2, "")
        assert err.startswith(f"cardiotwin: {key} is empty, found '")


@pytest.mark.parametrize("pairs", ["1=rv,2=myo,3=lv", "RV:1/MYO:2/LV:3"])
def test_label_pairs_need_no_quotes(pairs, labels, command):
    code, out, err = command("check", f"path={labels}", f"labels={pairs}")
    assert code == 0, err
    assert f"labels {pairs}\n" in out


def test_a_home_of_nobody_is_a_name_like_any_other(command):
    code, _, err = command("check", "path=~nobody-of-this-name/x.nii")
    assert code == 2
    assert "path does not exist: ~nobody-of-this-name/x.nii" in err


def first_pass(folder, times):
    """Write a first pass of 8 frames beside a subject's labels."""
    (folder / "perfusion").mkdir()
    images = np.full((12, 12, 2, 9), 20, dtype=np.int16)
    images[..., 0] = 100
    images[4:8, 4:8, :, 4:] = 60
    affine = np.diag([1.5, 1.5, 8.0, 1.0])
    nib.save(nib.Nifti1Image(images, affine), folder / "perfusion" / "rest.nii.gz")
    header = {
        "DynamicTime": times,
        "MagneticFieldStrength": 1.5,
        "ContrastBolusIngredient": "gadobutrol",
        "SaturationTime": 0.1,
        "RepetitionTime": 0.0022,
        "FlipAngle": 12.0,
        "CentrePulse": 40.0,
    }
    (folder / "perfusion" / "rest.json").write_text(json.dumps(header))


def test_a_first_pass_is_told(labels, command):
    first_pass(labels.parent, [None, *range(8)])
    code, out, _ = command("check", f"path={labels.parent}")
    assert code == 0
    assert (
        "first pass rest.nii.gz: 8 frames in 7 s and one without saturation, the bolus from frame "
        "3 on, gadobutrol at 1.5 T, 12 x 12 x 2 voxels of 1.5 x 1.5 x 8 mm, no arterial input"
    ) in out


def test_a_first_pass_without_times_is_refused(labels, command):
    first_pass(labels.parent, list(range(5)))
    code, _, err = command("check", f"path={labels.parent}")
    assert code == 2
    assert re.search(r"DynamicTime of rest.json must have a number .* 9 images.* found 5", err)
