"""First passes as files, made of concentrations."""

import json

import nibabel as nib
import numpy as np
import pytest

from cardiotwin.perfusion.first_pass_signal import ReadOut, read_out_signal

AFFINE = np.diag([2.0, 2.0, 10.0, 1.0])  # mm
READ_OUT = ReadOut(saturation_time=0.1, repetition_time=2.2e-3, flip_angle=0.21, pulse=40.0)
FIELD = {"agent": "gadobutrol", "field_strength": 1.5}
T1 = 1.1  # s


@pytest.fixture(scope="session")
def made_signals():
    return _made_signals


@pytest.fixture(scope="session")
def write_first_pass():
    return _write_first_pass


def _made_signals(concentration, t1=T1):
    """Return the image without saturation, then those of the pass."""
    times = np.full_like(concentration, t1)
    first = read_out_signal(
        np.zeros_like(times[..., :1]), times[..., :1], READ_OUT, saturated=False, **FIELD
    )
    return np.concatenate([first, read_out_signal(concentration, times, READ_OUT, **FIELD)], -1)


def _write_first_pass(folder, images, time, aif=None, *, name="rest", affine=AFFINE, **changed):
    folder = folder / "perfusion"
    folder.mkdir(exist_ok=True, parents=True)
    nib.save(nib.Nifti1Image(images.astype(np.float32), affine), folder / f"{name}.nii.gz")
    header = {
        "DynamicTime": [None, *time.tolist()],
        "SaturationTime": READ_OUT.saturation_time,
        "RepetitionTime": READ_OUT.repetition_time,
        "FlipAngle": float(np.rad2deg(READ_OUT.flip_angle)),
        "CentrePulse": READ_OUT.pulse,
        "ContrastBolusIngredient": FIELD["agent"],
        "MagneticFieldStrength": FIELD["field_strength"],
        "SliceThickness": 8.0,
    }
    header = {key: value for key, value in (header | changed).items() if value != "none"}
    (folder / f"{name}.json").write_text(json.dumps(header))
    if aif is not None:
        rows = "\n".join(f"{t} {c}" for t, c in zip(time, aif, strict=True))
        (folder / f"{name}_aif.tsv").write_text(f"time concentration\n{rows}\n")
    return folder / f"{name}.nii.gz"
