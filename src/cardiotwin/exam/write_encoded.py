"""Files of a series that encodes: magnitudes, phases, header, and the arterial input."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from cardiotwin.exam.perfusion_series import FirstPass
from cardiotwin.exam.series_scan import ScannedSeries
from cardiotwin.imaging.encoded import PHASE
from cardiotwin.units import MM


def write_encoded(path: Path, scanned: ScannedSeries, header: Mapping[str, Any]) -> None:
    """Write magnitudes, phases in rad, and the header of a series."""
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = scanned.affine.copy()
    affine[:3] /= MM
    make: Any = nib.Nifti1Image  # nibabel's methods carry no types
    stem = path.name.removesuffix(".nii.gz")
    pictures = {stem: np.abs(scanned.images), f"{stem}{PHASE}": np.angle(scanned.images)}
    for name, values in pictures.items():
        image = make(values.astype(np.float32), affine)
        image.header.set_xyzt_units("mm")
        image.set_sform(affine, code="scanner")
        image.set_qform(affine, code="scanner")
        nib.save(image, path.with_name(f"{name}.nii.gz"))
    text = json.dumps(header, indent=2, allow_nan=False) + "\n"
    path.with_name(f"{stem}.json").write_text(text, encoding="utf-8")


def write_input(path: Path, series: FirstPass) -> None:
    """Write the arterial input, one row a beat."""
    np.savetxt(
        path,
        series.arterial_input(),
        fmt=("%.4f", "%.6f"),
        delimiter="\t",
        header="time_s\tblood_mmol_l",
        comments="",
    )


__all__ = ["write_encoded", "write_input"]
