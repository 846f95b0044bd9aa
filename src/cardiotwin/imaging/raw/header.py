"""The header of a raw-data file: what was asked of the scanner."""

import warnings
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from ismrmrd import xsd
from xsdata.exceptions import ConverterWarning, ParserError

from cardiotwin.errors import InputError
from cardiotwin.imaging.raw.scan import Protocol
from cardiotwin.imaging.raw.write import TICK
from cardiotwin.units import MM, MS


def header_of(group: Any, path: Path) -> Any:
    """Return the header of a data set."""
    if "xml" not in group:
        refuse(path, "a header (dataset/xml)", ", ".join(sorted(group)))
    text = group["xml"][0]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConverterWarning)  # a word where a number belongs
            return xsd.CreateFromDocument(text)
    except (ParserError, ConverterWarning, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        msg = (
            f"The header of {path} is no ISMRMRD header, found: {reason}. Export the file again "
            "with a current converter."
        )
        raise InputError(msg) from error


def protocol_of(header: Any, path: Path) -> Protocol:
    """Return what a header says was asked of the scanner."""
    if not header.encoding:
        refuse(path, "an encoding in its header", "none")
    encoding, sequence = header.encoding[0], header.sequenceParameters
    lines = encoding.encodingLimits.kspace_encoding_step_1
    system, parallel = header.acquisitionSystemInformation, encoding.parallelImaging
    measurement = header.measurementInformation
    encoded, wanted = encoding.encodedSpace, encoding.reconSpace
    flips = sequence.flipAngle_deg if sequence else []
    return Protocol(
        name=(measurement and measurement.protocolName) or path.stem,
        trajectory=encoding.trajectory.value,
        encoded_matrix=_matrix(encoded),
        encoded_field_of_view=_extent(encoded, path),
        matrix=_matrix(wanted),
        field_of_view=_extent(wanted, path),
        first_line=lines.minimum if lines else 0,
        middle_line=lines.center if lines else encoded.matrixSize.y // 2,
        acceleration=parallel.accelerationFactor.kspace_encoding_step_1 if parallel else 1,
        repetition_time=sequence.TR[0] * MS if sequence and sequence.TR else None,
        echo_times=tuple(time * MS for time in sequence.TE) if sequence else (),
        inversion_times=tuple(time * MS for time in sequence.TI) if sequence else (),
        flip_angle=float(np.deg2rad(flips[0])) if flips else None,
        field_strength=system.systemFieldStrength_T if system else None,
    )


def _matrix(space: Any) -> tuple[int, int, int]:
    return space.matrixSize.x, space.matrixSize.y, space.matrixSize.z


def _extent(space: Any, path: Path) -> tuple[float, float, float]:
    extent = space.fieldOfView_mm
    sizes = np.array([extent.x, extent.y, extent.z, *_matrix(space)])
    if not (np.isfinite(sizes) & (sizes > 0)).all():
        refuse(
            path,
            "a matrix and a field of view above nought",
            f"{_matrix(space)} voxels over {extent.x:g} x {extent.y:g} x {extent.z:g} mm",
        )
    return extent.x * MM, extent.y * MM, extent.z * MM


def tick_of(header: Any, path: Path) -> float:
    """Return what a time stamp counts, s: 2.5 ms, unless the header says otherwise."""
    given = header.userParameters.userParameterDouble if header.userParameters else []
    told = {item.name: item.value for item in given}
    tick = float(told.get("time_stamp_unit_ms", TICK / MS)) * MS
    if not 0 < tick < np.inf:
        refuse(path, "a time stamp's unit above nought", f"{tick / MS:g} ms")
    return tick


def refuse(path: Path, needed: str, found: str) -> NoReturn:
    """Raise `InputError`: a file lacks what it needs."""
    msg = f"{path} needs {needed}, found {found}. Export the whole scan again."
    raise InputError(msg)


__all__ = ["header_of", "protocol_of", "refuse", "tick_of"]
