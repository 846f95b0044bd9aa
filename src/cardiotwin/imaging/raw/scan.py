"""One scan before reconstruction: its read-outs, its protocol, its physiological traces."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Complex, Float, Integer


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """What was asked of the scanner; None or empty where a file does not say.

    Parameters
    ----------
    name
        Of the protocol, e.g. ``cine_sax``.
    trajectory
        ``cartesian``, ``radial``, ``goldenangle``, ``spiral``, ``epi`` or ``other``.
    encoded_matrix, encoded_field_of_view
        Samples and extent, m, along read-out and phase encoding (and slice), as encoded.
    matrix, field_of_view
        The same of the image that is wanted: without read-out oversampling.
    first_line, middle_line
        Lowest phase-encoding line of the file, and that of the middle of k-space.
    acceleration
        Undersampling along the phase encoding.
    repetition_time, echo_times, inversion_times
        s.
    flip_angle
        rad.
    field_strength
        T.
    """

    name: str
    trajectory: str = "cartesian"
    encoded_matrix: tuple[int, int, int]
    encoded_field_of_view: tuple[float, float, float]
    matrix: tuple[int, int, int]
    field_of_view: tuple[float, float, float]
    first_line: int = 0
    middle_line: int
    acceleration: int = 1
    repetition_time: float | None = None
    echo_times: tuple[float, ...] = ()
    inversion_times: tuple[float, ...] = ()
    flip_angle: float | None = None
    field_strength: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Readouts:
    """All read-outs in the order in which they were taken.

    Parameters
    ----------
    samples
        Complex samples by read-out, coil and sample.
    line, phase, slice_number, contrast, repetition, average, set_number
        Counters.
    time
        Since the scan began, s.
    since_r_wave
        Since the last R wave, s.
    centre_sample
        Sample at the middle of k-space.
    sample_time
        Between samples, s.
    positions
        k along read-out and phase encoding, cycles per encoded field of view, of a scan that is
        not Cartesian; otherwise None.
    calibration
        Read-outs that only tell the coils' sensitivities and are no part of an image; None: none.
    """

    samples: Complex[np.ndarray, "n coils samples"]
    line: Integer[np.ndarray, " n"]
    phase: Integer[np.ndarray, " n"]
    slice_number: Integer[np.ndarray, " n"]
    contrast: Integer[np.ndarray, " n"]
    repetition: Integer[np.ndarray, " n"]
    average: Integer[np.ndarray, " n"]
    set_number: Integer[np.ndarray, " n"]
    time: Float[np.ndarray, " n"]
    since_r_wave: Float[np.ndarray, " n"]
    centre_sample: Integer[np.ndarray, " n"]
    sample_time: float
    positions: Float[np.ndarray, "n samples 2"] | None = None
    calibration: Bool[np.ndarray, " n"] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """A physiological signal recorded with the scan.

    Parameters
    ----------
    kind
        ``ecg``, ``pulse``, ``respiratory``, ``trigger`` or ``other``.
    samples
        By channel: mV for an ECG, otherwise in arbitrary units.
    start
        Since the scan began, s.
    sample_time
        Between samples, s.
    """

    kind: str
    samples: Float[np.ndarray, "channels samples"]
    start: float
    sample_time: float


@dataclass(frozen=True, kw_only=True, eq=False)
class RawScan:
    """A scan.

    Parameters
    ----------
    protocol
        What was asked of the scanner.
    readouts
        What was received.
    affines
        Voxel index (read-out, phase encoding, slice) to world, m, by slice number: of the wanted
        image, each slice a volume of its own.
    noise
        Read-outs without excitation, by coil; None where none was measured.
    traces
        Physiological signals.
    source
        The file it was read from.
    """

    protocol: Protocol
    readouts: Readouts
    affines: Float[np.ndarray, "slices 4 4"]
    noise: Complex[np.ndarray, "coils samples"] | None = None
    traces: tuple[Trace, ...] = field(default=())
    source: Path | None = None


__all__ = ["Protocol", "RawScan", "Readouts", "Trace"]
