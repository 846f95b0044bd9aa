"""Raw data in: an ISMRMRD file, checked once, as a scan."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Bool, Complex, Float, Integer, Shaped

from cardiotwin.errors import Flag, InputError
from cardiotwin.imaging.affine import LPS_TO_RAS
from cardiotwin.imaging.provenance import require_file
from cardiotwin.imaging.raw.header import header_of, protocol_of, refuse, tick_of
from cardiotwin.imaging.raw.personal import personal_data
from cardiotwin.imaging.raw.scan import Protocol, RawScan, Readouts
from cardiotwin.imaging.raw.traces import read_traces
from cardiotwin.imaging.raw.write import CALIBRATION_FLAG, COUNTERS, NOISE_FLAG
from cardiotwin.units import MM, MS

SUFFIXES = (".h5", ".mrd", ".hdf5")
_NOT_IMAGING = sum(1 << (bit - 1) for bit in (23, 24, 26, 27, 28))  # navigators, dummies, ...
_REVERSED = 1 << 21
_SQUARE = 1e-3  # of the axes' scalar products


def read_raw(path: Path) -> tuple[RawScan, tuple[Flag, ...]]:
    """Return the scan of a file and what its reader must know.

    Raises
    ------
    InputError
        If the file is none, is cut short, lacks its header or its read-outs, or contradicts
        itself.
    """
    require_file(path, "raw")
    with opened(path) as group:
        header = header_of(group, path)
        rows = group["data"][()]
        traces = group["waveforms"][()] if "waveforms" in group else None
    protocol = protocol_of(header, path)
    tick = tick_of(header, path)
    noise, kept = kinds(rows["head"], path)
    scan = RawScan(
        protocol=protocol,
        readouts=_readouts(rows[kept], protocol, tick, path),
        affines=affines_of(rows["head"][kept], protocol, path),
        noise=_noise(rows[noise], path),
        traces=read_traces(traces, header, tick, path),
        source=path,
    )
    _check_coils(scan, path)
    return scan, personal_data(header, path)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Yield the data set of a file; raise `InputError` where it cannot be read."""
    try:
        with h5py.File(path, "r") as file:
            yield data_set(file, path)
    except OSError as error:
        reason = " ".join(str(error).split())
        msg = f"{path} is cut short or no ISMRMRD file, found: {reason}. Copy or export it again."
        raise InputError(msg) from error


def kinds(
    head: Shaped[np.ndarray, " n"], path: Path
) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Return which read-outs are of noise, and which of the image or of its calibration."""
    noise = (head["flags"] & NOISE_FLAG) > 0
    kept = ~noise & ((head["flags"] & _NOT_IMAGING) == 0)
    if not kept.any():
        refuse(path, "read-outs of the image", f"{len(head)} others")
    return noise, kept


def data_set(file: Any, path: Path) -> Any:
    """Return the group of an open file that holds its read-outs."""
    groups = [name for name in file if isinstance(file[name], h5py.Group)]
    found = [name for name in groups if "data" in file[name]]
    if len(found) != 1:
        held = ", ".join(sorted(file)) or "nothing"
        refuse(path, "one data set with read-outs (dataset/data)", f"{len(found)} in {held}")
    group = file[found[0]]
    fields = group["data"].dtype.names or ()
    if not {"head", "data", "traj"} <= set(fields):
        refuse(path, "read-outs with head, data and traj", ", ".join(fields) or "plain numbers")
    return group


def _readouts(
    rows: Shaped[np.ndarray, " n"], protocol: Protocol, tick: float, path: Path
) -> Readouts:
    head = rows["head"]
    n_samples, coils = (
        one_value(head, "number_of_samples", path),
        one_value(head, "active_channels", path),
    )
    samples = np.stack([complex_samples(row, coils, n_samples, path) for row in rows])
    require_finite(samples, path)
    require_timed(head, protocol, n_samples, path)
    turned = (head["flags"] & _REVERSED) > 0
    samples[turned] = samples[turned, :, ::-1]
    centre = head["center_sample"].astype(int)
    centre[turned] = n_samples - 1 - centre[turned]
    counters = {field: head["idx"][name].astype(int) for name, field in COUNTERS.items()}
    counters["line"] -= protocol.first_line
    calibration = (head["flags"] & CALIBRATION_FLAG) > 0
    return Readouts(
        samples=samples,
        time=head["acquisition_time_stamp"] * tick,
        since_r_wave=head["physiology_time_stamp"][:, 0] * tick,
        centre_sample=centre,
        sample_time=float(head["sample_time_us"][0]) * 1e-6,
        positions=positions_of(rows, n_samples, path),
        calibration=calibration if calibration.any() else None,
        **counters,
    )


def require_timed(
    head: Shaped[np.ndarray, " n"], protocol: Protocol, n_samples: int, path: Path
) -> None:
    """Refuse read-outs and sequences without a time, or with a middle outside the samples."""
    step, centre = float(head["sample_time_us"][0]), int(head["center_sample"].max())
    if not 0 < step < np.inf:
        refuse(path, "a time from sample to sample above nought", f"{step:g} us")
    if centre >= n_samples:
        refuse(path, f"the middle of k-space among {n_samples} samples", f"sample {centre}")
    repetition, rate = protocol.repetition_time, protocol.acceleration
    if repetition is not None and not 0 <= repetition < np.inf:
        refuse(path, "a repetition time that is not negative", f"{repetition / MS:g} ms")
    if rate < 1:
        refuse(path, "an acceleration of 1 or more", f"{rate}")


def require_finite(samples: Complex[np.ndarray, "n coils samples"], path: Path) -> None:
    """Refuse read-outs that are no numbers."""
    if not np.isfinite(samples.view(np.float32)).all():
        bad = int((~np.isfinite(samples)).any(axis=(1, 2)).sum())
        refuse(path, "finite samples", f"NaN or infinity in {bad} of {len(samples)} read-outs")


def one_value(head: Shaped[np.ndarray, " n"], name: str, path: Path) -> int:
    """Return the coils or samples that all read-outs have."""
    found = np.unique(head[name])
    if len(found) > 1:
        told = ", ".join(str(value) for value in found[:4])
        words = {"active_channels": "coils", "number_of_samples": "samples"}[name]
        refuse(path, f"as many {words} in every read-out", f"{told}")
    return int(found[0])


def complex_samples(
    row: Any, coils: int, n_samples: int, path: Path
) -> Complex[np.ndarray, "coils samples"]:
    """Return a read-out's samples, as many as its head says."""
    data = np.asarray(row["data"], dtype=np.float32)
    if data.size != 2 * coils * n_samples:
        refuse(
            path,
            f"{coils} coils of {n_samples} samples in every read-out",
            f"{data.size // 2} samples in read-out {int(row['head']['scan_counter'])}",
        )
    return data.view(np.complex64).reshape(coils, n_samples)


def positions_of(
    rows: Shaped[np.ndarray, " n"], n_samples: int, path: Path
) -> Float[np.ndarray, "n samples 2"] | None:
    """Return where samples lie in k-space; None of a Cartesian scan."""
    dimensions = int(rows["head"]["trajectory_dimensions"][0])
    if dimensions == 0:
        return None
    paths = [np.asarray(row["traj"], dtype=np.float64) for row in rows]
    if any(item.size != dimensions * n_samples for item in paths) or dimensions < 2:
        refuse(path, "two positions of every sample", f"{dimensions} dimensions")
    return np.stack(paths).reshape(len(rows), n_samples, dimensions)[..., :2]


def affines_of(
    head: Shaped[np.ndarray, " n"], protocol: Protocol, path: Path
) -> Float[np.ndarray, "slices 4 4"]:
    """Return voxel index to world of each slice, m."""
    numbers: Integer[np.ndarray, " n"] = head["idx"]["slice"].astype(int)
    missing = sorted(set(range(numbers.max() + 1)) - set(numbers.tolist()))
    if missing:
        told = ", ".join(str(number) for number in missing[:6])
        refuse(path, f"{numbers.max() + 1} slices", f"none of slice {told}")
    affines = []
    for number in range(numbers.max() + 1):
        row = head[np.argmax(numbers == number)]
        axes = np.stack([row[name] for name in ("read_dir", "phase_dir", "slice_dir")], axis=1)
        if not np.isfinite(row["position"]).all():
            refuse(path, "a place of every slice", f"{row['position'].tolist()}")
        if not np.abs(axes.T @ axes - np.eye(3)).max() <= _SQUARE:
            refuse(path, "three unit axes at right angles", f"{axes.T.round(3).tolist()}")
        steps = np.array(protocol.field_of_view) / np.array(protocol.matrix)
        affine = np.eye(4)
        affine[:3, :3] = LPS_TO_RAS @ axes.astype(float) * steps
        middle = np.array([*protocol.matrix[:2], 1]) // 2
        affine[:3, 3] = LPS_TO_RAS @ row["position"] * MM - affine[:3, :3] @ middle
        affines.append(affine)
    return np.stack(affines)


def _noise(
    rows: Shaped[np.ndarray, " n"], path: Path
) -> Complex[np.ndarray, "coils samples"] | None:
    if not len(rows):
        return None
    coils = one_value(rows["head"], "active_channels", path)
    parts = [
        complex_samples(row, coils, int(row["head"]["number_of_samples"]), path) for row in rows
    ]
    return np.concatenate(parts, axis=1)


def _check_coils(scan: RawScan, path: Path) -> None:
    coils = scan.readouts.samples.shape[1]
    if scan.noise is not None and len(scan.noise) != coils:
        refuse(path, f"the noise of all {coils} coils", f"that of {len(scan.noise)}")


__all__ = [
    "SUFFIXES",
    "affines_of",
    "complex_samples",
    "kinds",
    "one_value",
    "opened",
    "positions_of",
    "read_raw",
    "require_finite",
    "require_timed",
]
