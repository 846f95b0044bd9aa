"""Raw data out: an ISMRMRD file, version 1, with header, read-outs, noise and waveforms.

Inati et al. (2017), MRM 77:411-421. Nothing is written that tells who the person is: no name,
number, date of birth or examination, institution or device.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ismrmrd import hdf5, xsd
from jaxtyping import Complex, Float

from cardiotwin.imaging.affine import LPS_TO_RAS
from cardiotwin.imaging.encoding.trajectory import GAMMA_HZ
from cardiotwin.imaging.raw.scan import Protocol, RawScan, Trace
from cardiotwin.units import MM, MS

NOISE_FLAG, LAST_FLAG = 1 << 18, 1 << 24  # ACQ_IS_NOISE_MEASUREMENT, ACQ_LAST_IN_MEASUREMENT
CALIBRATION_FLAG = 1 << 19  # ACQ_IS_PARALLEL_CALIBRATION: of that alone
TICK = 2.5 * MS  # of time stamps, as the scanners' converters write them
COUNTERS = {
    "kspace_encode_step_1": "line",
    "phase": "phase",
    "slice": "slice_number",
    "contrast": "contrast",
    "repetition": "repetition",
    "average": "average",
    "set": "set_number",
}
WAVEFORM_NUMBERS = {"ecg": 0, "pulse": 1, "respiratory": 2, "trigger": 3, "other": 4}
_CHUNK = 65535  # samples of a waveform: their count is a 16-bit number


def write_raw(scan: RawScan, path: Path) -> Path:
    """Write a scan and return its file, which the `ismrmrd` package opens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        group = file.create_group("dataset")
        text = group.create_dataset("xml", (1,), dtype=h5py.special_dtype(vlen=bytes))
        text[0] = xsd.ToXML(_header(scan)).encode("ascii")
        group.create_dataset("data", data=_acquisitions(scan), maxshape=(None,))
        if scan.traces:
            rows = [row for trace in scan.traces for row in _waveforms(trace)]
            group.create_dataset("waveforms", data=np.concatenate(rows), maxshape=(None,))
    return path


def _header(scan: RawScan) -> Any:
    protocol, readouts = scan.protocol, scan.readouts
    strength = protocol.field_strength
    coils = readouts.samples.shape[1]
    return xsd.ismrmrdHeader(
        version=1,
        measurementInformation=xsd.measurementInformationType(
            patientPosition=xsd.patientPositionType.HFS, protocolName=protocol.name
        ),
        acquisitionSystemInformation=xsd.acquisitionSystemInformationType(
            systemFieldStrength_T=strength, receiverChannels=coils
        ),
        experimentalConditions=xsd.experimentalConditionsType(
            H1resonanceFrequency_Hz=round(GAMMA_HZ * (strength or 0.0))
        ),
        encoding=[_encoding(scan)],
        sequenceParameters=_sequence(protocol),
        userParameters=xsd.userParametersType(
            userParameterDouble=[_named("time_stamp_unit_ms", TICK / MS)]
        ),
        waveformInformation=[_description(trace) for trace in scan.traces],
    )


def _encoding(scan: RawScan) -> Any:
    protocol, readouts = scan.protocol, scan.readouts

    def space(matrix: tuple[int, int, int], extent: tuple[float, float, float]) -> Any:
        voxels = dict(zip("xyz", matrix, strict=True))
        millimetres = {name: float(size / MM) for name, size in zip("xyz", extent, strict=True)}
        return xsd.encodingSpaceType(
            matrixSize=xsd.matrixSizeType(**voxels),
            fieldOfView_mm=xsd.fieldOfViewMm(**millimetres),
        )

    def limit(counter: np.ndarray) -> Any:
        return xsd.limitType(minimum=int(counter.min()), maximum=int(counter.max()), center=0)

    acceleration = xsd.accelerationFactorType(
        kspace_encoding_step_1=protocol.acceleration, kspace_encoding_step_2=1
    )
    return xsd.encodingType(
        encodedSpace=space(protocol.encoded_matrix, protocol.encoded_field_of_view),
        reconSpace=space(protocol.matrix, protocol.field_of_view),
        encodingLimits=xsd.encodingLimitsType(
            kspace_encoding_step_1=xsd.limitType(
                minimum=protocol.first_line,
                maximum=protocol.first_line + protocol.encoded_matrix[1] - 1,
                center=protocol.middle_line,
            ),
            **{
                name: limit(getattr(readouts, field))
                for name, field in COUNTERS.items()
                if name != "kspace_encode_step_1"
            },
        ),
        trajectory=xsd.trajectoryType(protocol.trajectory),
        parallelImaging=xsd.parallelImagingType(
            accelerationFactor=acceleration,
            calibrationMode=None
            if readouts.calibration is None
            else xsd.calibrationModeType.SEPARATE,
        ),
    )


def _named(name: str, value: float) -> Any:
    return xsd.userParameterDoubleType(name=name, value=value)


def _sequence(protocol: Protocol) -> Any:
    flip, repetition = protocol.flip_angle, protocol.repetition_time
    return xsd.sequenceParametersType(
        TR=[] if repetition is None else [repetition / MS],
        TE=[time / MS for time in protocol.echo_times],
        TI=[time / MS for time in protocol.inversion_times],
        flipAngle_deg=[] if flip is None else [float(np.rad2deg(flip))],
    )


def _acquisitions(scan: RawScan) -> np.ndarray:
    readouts = scan.readouts
    n_lines, coils, n_samples = readouts.samples.shape
    n_noise = 0 if scan.noise is None else 1
    rows = np.zeros(n_noise + n_lines, dtype=hdf5.acquisition_dtype)
    head = rows["head"]
    head["version"] = 1
    head["available_channels"] = head["active_channels"] = coils
    head["channel_mask"][:, 0] = (1 << coils) - 1 if coils < 64 else 2**64 - 1
    head["sample_time_us"] = readouts.sample_time * 1e6
    head["scan_counter"] = np.arange(len(rows))
    if scan.noise is not None:
        head["flags"][0] = NOISE_FLAG
        head["number_of_samples"][0] = scan.noise.shape[1]
        rows["data"][0] = _interleaved(scan.noise)
        rows["traj"][0] = np.zeros(0, np.float32)
    _place(head[n_noise:], scan)
    lines = head[n_noise:]
    lines["number_of_samples"] = n_samples
    lines["center_sample"] = readouts.centre_sample
    lines["acquisition_time_stamp"] = np.rint(readouts.time / TICK)
    lines["physiology_time_stamp"][:, 0] = np.rint(readouts.since_r_wave / TICK)
    for name, field in COUNTERS.items():
        lines["idx"][name] = getattr(readouts, field)
    lines["idx"]["kspace_encode_step_1"] += scan.protocol.first_line
    lines["flags"][-1] |= LAST_FLAG
    if readouts.calibration is not None:
        lines["flags"][readouts.calibration] |= CALIBRATION_FLAG
    positions = readouts.positions
    lines["trajectory_dimensions"] = 0 if positions is None else 2
    for number in range(n_lines):
        rows["data"][n_noise + number] = _interleaved(readouts.samples[number])
        path = np.zeros(0) if positions is None else positions[number].ravel()
        rows["traj"][n_noise + number] = path.astype(np.float32)
    return rows


def _place(head: np.ndarray, scan: RawScan) -> None:
    """Write where each slice's middle lies and how it is turned, LPS, mm."""
    matrix = np.array([*scan.protocol.matrix[:2], 1])
    for number, affine in enumerate(scan.affines):
        centre = affine[:3, :3] @ (matrix // 2) + affine[:3, 3]
        axes = LPS_TO_RAS @ (affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
        here = scan.readouts.slice_number == number
        head["position"][here] = LPS_TO_RAS @ centre / MM
        for name, axis in zip(("read_dir", "phase_dir", "slice_dir"), axes.T, strict=True):
            head[name][here] = axis


def _interleaved(samples: Complex[np.ndarray, "coils samples"]) -> Float[np.ndarray, " values"]:
    return np.ascontiguousarray(samples, dtype=np.complex64).view(np.float32).ravel()


def _description(trace: Trace) -> Any:
    offset, scale = _range(trace)
    pairs = (("offset", offset), ("scale", scale))
    return xsd.waveformInformationType(
        waveformName=trace.kind,
        waveformType=xsd.waveformInformationTypeWaveformType(trace.kind),
        userParameters=xsd.userParametersType(
            userParameterDouble=[_named(*pair) for pair in pairs]
        ),
    )


def _range(trace: Trace) -> tuple[float, float]:
    """Return offset and scale of a trace's whole numbers: value = offset + scale * number."""
    low, high = float(trace.samples.min()), float(trace.samples.max())
    return low, (high - low) / (2**16 - 1) or 1.0


def _waveforms(trace: Trace) -> list[np.ndarray]:
    offset, scale = _range(trace)
    whole = np.rint((trace.samples - offset) / scale).astype(np.uint32)
    rows: list[np.ndarray] = []
    for first in range(0, whole.shape[1], _CHUNK):
        part = np.ascontiguousarray(whole[:, first : first + _CHUNK])
        row = np.zeros(1, dtype=hdf5.waveform_dtype)
        head = row["head"]
        head["version"] = 1
        head["scan_counter"] = len(rows)
        head["time_stamp"] = round((trace.start + first * trace.sample_time) / TICK)
        head["channels"], head["number_of_samples"] = part.shape
        head["sample_time_us"] = trace.sample_time * 1e6
        head["waveform_id"] = WAVEFORM_NUMBERS[trace.kind]
        row["data"][0] = part.ravel()
        rows.append(row)
    return rows


__all__ = ["CALIBRATION_FLAG", "COUNTERS", "NOISE_FLAG", "TICK", "WAVEFORM_NUMBERS", "write_raw"]
