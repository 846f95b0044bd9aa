"""A label stack of a plain heart, and the command line in this process."""

import nibabel as nib
import numpy as np
import pytest

from cardiotwin.run.main import main


@pytest.fixture
def labels(tmp_path):
    """Write a cup in ACDC's values, 10 slices of 8 mm, and return its path."""
    i, j, k = np.mgrid[:64, :64, :10]
    radius = np.hypot(i - 32, j - 32) * 1.5e-3
    height = k * 8e-3
    inner, outer = np.where(height > 0, 0.026, 0), np.where(height > 0, 0.036, 0.02)
    array = np.zeros((64, 64, 10), np.uint8)
    array[np.hypot(i - 8, j - 32) * 1.5e-3 < 0.014] = 1
    array[radius < outer] = 2
    array[radius < inner] = 3
    array[:, :, 9] = 0
    path = tmp_path / "heart.nii.gz"
    nib.save(nib.Nifti1Image(array, np.diag([1.5, 1.5, 8, 1])), path)
    return path


@pytest.fixture
def command(capfd):
    """Return a function: words in, (exit code, stdout, stderr) out."""

    def call(*words):
        code = main([str(word) for word in words])
        out = capfd.readouterr()
        return code, out.out, out.err

    return call
