"""Waveforms of a raw-data file: the physiological signals recorded with the scan."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from cardiotwin.errors import InputError
from cardiotwin.imaging.raw.scan import Trace
from cardiotwin.imaging.raw.write import WAVEFORM_NUMBERS

KINDS = {number: kind for kind, number in WAVEFORM_NUMBERS.items()}


def read_traces(
    rows: Shaped[np.ndarray, " n"] | None, header: Any, tick: float, path: Path
) -> tuple[Trace, ...]:
    """Return the signals, each joined from its pieces; raise `InputError` for a broken one."""
    if rows is None:
        return ()
    described = {item.waveformType.value: item for item in header.waveformInformation}
    found = []
    for number in dict.fromkeys(rows["head"]["waveform_id"].tolist()):
        pieces = rows[rows["head"]["waveform_id"] == number]
        kind = KINDS.get(number, "other")
        offset, scale = _range(described.get(kind))
        parts = [_piece(row, kind, path) for row in pieces]
        found.append(
            Trace(
                kind=kind,
                samples=offset + scale * np.concatenate(parts, axis=1).astype(np.float64),
                start=float(pieces["head"]["time_stamp"][0]) * tick,
                sample_time=float(pieces["head"]["sample_time_us"][0]) * 1e-6,
            )
        )
    return tuple(found)


def _piece(row: Any, kind: str, path: Path) -> Shaped[np.ndarray, "channels samples"]:
    shape = int(row["head"]["channels"]), int(row["head"]["number_of_samples"])
    data = np.asarray(row["data"], dtype=np.uint32)
    if data.size != shape[0] * shape[1]:
        msg = (
            f"{path} needs {shape[0]} channels of {shape[1]} samples in its {kind} waveform, "
            f"found {data.size} samples. Export the whole scan again."
        )
        raise InputError(msg)
    return data.reshape(shape)


def _range(described: Any) -> tuple[float, float]:
    given = described.userParameters.userParameterDouble if described else []
    told = {item.name: item.value for item in given}
    return told.get("offset", 0.0), told.get("scale", 1.0)


__all__ = ["read_traces"]
