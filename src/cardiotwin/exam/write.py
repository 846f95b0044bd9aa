"""The files of the volunteer's subject folder: what anybody's examination looks like."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import yaml
from jaxtyping import Float, Num

from cardiotwin.imaging.raw import Trace
from cardiotwin.units import MM

TRUTH = "truth.json"
TRUE_WALL = "truth.npz"
COLUMNS = {"ecg": ("ecg", "ecg_mv"), "respiratory": ("respiration", "bellows")}
"""What the table of a physiological signal, and its column, are called."""


def write_series(
    path: Path,
    array: Num[np.ndarray, "i j k t"],
    affine: Float[np.ndarray, "4 4"],
    frame_interval: float,
) -> None:
    """Write a NIfTI series, its affine in millimetres as is usual; times start at the R wave."""
    millimetres = affine.copy()
    millimetres[:3] /= MM
    make: Any = nib.Nifti1Image  # nibabel's methods carry no types
    image = make(array, millimetres)
    image.header.set_xyzt_units("mm", "sec")
    steps = np.linalg.norm(millimetres[:3, :3], axis=0)
    image.header.set_zooms((*steps, frame_interval))
    image.set_sform(millimetres, code="scanner")
    image.set_qform(millimetres, code="scanner")
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)


def write_traces(traces: Iterable[Trace], folder: Path, name: str) -> None:
    """Write physiological signals as tables, one row a sample: `name_ecg.tsv`, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for trace in traces:
        kind, unit = COLUMNS[trace.kind]
        time = trace.start + trace.sample_time * np.arange(trace.samples.shape[1])
        np.savetxt(
            folder / f"{name}_{kind}.tsv",
            np.column_stack([time, trace.samples[0]]),
            fmt=("%.4f", "%.4f"),
            delimiter="\t",
            header=f"time_s\t{unit}",
            comments="",
        )


def write_yaml(path: Path, record: dict[str, Any]) -> None:
    """Write keys and values in the order given."""
    path.write_text(yaml.safe_dump(record, sort_keys=False), encoding="utf-8")


__all__ = ["TRUE_WALL", "TRUTH", "write_series", "write_traces", "write_yaml"]
