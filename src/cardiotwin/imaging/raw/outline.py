"""What a raw-data file holds, by its header and those of its read-outs: fast for a gigabyte."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cardiotwin.errors import Flag
from cardiotwin.imaging.provenance import require_file
from cardiotwin.imaging.raw.header import header_of, protocol_of, refuse, tick_of
from cardiotwin.imaging.raw.personal import personal_data
from cardiotwin.imaging.raw.read import (
    affines_of,
    complex_samples,
    kinds,
    one_value,
    opened,
    positions_of,
    require_finite,
    require_timed,
)
from cardiotwin.imaging.raw.scan import Protocol
from cardiotwin.imaging.raw.traces import read_traces
from cardiotwin.imaging.raw.write import COUNTERS

LOOKED_AT = 64  # read-outs whose samples are read, evenly over the scan


@dataclass(frozen=True, kw_only=True)
class RawOutline:
    """A scan without its samples.

    Parameters
    ----------
    protocol
        What was asked of the scanner.
    n_readouts, n_coils, n_samples, n_slices
        How many there are.
    counted
        How many different values each counter may have, by its name in `Readouts`.
    noise
        Whether noise was measured.
    traces
        Kinds of the physiological signals.
    source
        The file.
    """

    protocol: Protocol
    n_readouts: int
    n_coils: int
    n_samples: int
    n_slices: int
    counted: dict[str, int]
    noise: bool
    traces: tuple[str, ...]
    source: Path


def outline_raw(path: Path) -> tuple[RawOutline, tuple[Flag, ...]]:
    """Return what a file holds and what its reader must know.

    The heads of all read-outs are read, and the samples of `LOOKED_AT` of them: `read_raw` reads
    them all.

    Raises
    ------
    InputError
        As `read_raw` does, but for what is wrong in samples that are not looked at.
    """
    require_file(path, "raw")
    with opened(path) as group:
        header = header_of(group, path)
        head = group["data"].fields("head")[()]
        noise, kept = kinds(head, path)
        numbers = np.flatnonzero(kept)
        few = np.unique(np.linspace(0, len(numbers) - 1, LOOKED_AT).round().astype(int))
        rows = group["data"][numbers[few]]
        traces = group["waveforms"][()] if "waveforms" in group else None
    protocol = protocol_of(header, path)
    shown = head[kept]
    coils, n_samples = (
        one_value(shown, name, path) for name in ("active_channels", "number_of_samples")
    )
    require_timed(shown, protocol, n_samples, path)
    positions_of(rows, n_samples, path)
    require_finite(np.stack([complex_samples(row, coils, n_samples, path) for row in rows]), path)
    if noise.any() and one_value(head[noise], "active_channels", path) != coils:
        found = int(head[noise]["active_channels"][0])
        refuse(path, f"the noise of all {coils} coils", f"that of {found}")
    outline = RawOutline(
        protocol=protocol,
        n_readouts=len(shown),
        n_coils=coils,
        n_samples=n_samples,
        n_slices=len(affines_of(shown, protocol, path)),
        counted={field: int(shown["idx"][name].max()) + 1 for name, field in COUNTERS.items()},
        noise=bool(noise.any()),
        traces=tuple(one.kind for one in read_traces(traces, header, tick_of(header, path), path)),
        source=path,
    )
    return outline, personal_data(header, path)


__all__ = ["RawOutline", "outline_raw"]
