"""A cine's images as they are stored: NIfTI and DICOM."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.exam.cine_protocol import CineProtocol
from cardiotwin.exam.stack import Stack
from cardiotwin.exam.write import write_series
from cardiotwin.imaging.dicom_write import Acquisition, write_dicom
from cardiotwin.imaging.examination import ImageStack


def write_cine_images(
    stored: Integer[np.ndarray, "i j k t"],
    times: Float[np.ndarray, " t"],
    stack: Stack,
    protocol: CineProtocol,
    *,
    path: Path,
    name: str,
    period: float,
    series: int,
) -> None:
    """Write whole numbers to a NIfTI file at `path`, and to `dicom/name` of its examination.

    Parameters
    ----------
    stored, times, stack
        Images, their times after the R wave, s, and where they lie.
    protocol, period
        How they were taken; the beat, s.
    path, name, series
        Of the NIfTI file in a folder of the examination; name and number of the series.
    """
    write_series(path, stored, stack.affine, period / len(times))
    write_dicom(
        ImageStack(
            array=stored.astype(np.float32),
            affine=stack.affine,
            frame_times=times,
            slice_thickness=stack.thickness,
            name=name,
            source=path.parent,
        ),
        path.parents[1] / "dicom" / name,
        Acquisition(
            heart_rate=1 / period,
            repetition_time=protocol.repetition_time,
            echo_time=0.5 * protocol.repetition_time,
            flip_angle=protocol.flip,
            field_strength=protocol.field_strength,
        ),
        series=series,
    )


__all__ = ["write_cine_images"]
