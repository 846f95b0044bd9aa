"""A moving anatomy scanned as a segmented cine: from true frames to raw data.

Every slice is a breath-hold. Each line is taken from the moment of the beat at which it is
sampled, by every coil, with the phase of the field's inhomogeneity and correlated noise.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Complex, Float, Integer

from cardiotwin.errors import InputError
from cardiotwin.exam.cine_protocol import CineProtocol, MovingAnatomy
from cardiotwin.exam.electrocardiogram import SAMPLE_TIME, electrocardiogram
from cardiotwin.imaging.affine import spacing
from cardiotwin.imaging.encoding import (
    LineTiming,
    SegmentedCine,
    complex_noise,
    elliptic_body,
    noise_covariance,
    receive_sensitivity,
    segmented_cine,
    to_kspace,
    torso_array,
)
from cardiotwin.imaging.raw import Protocol, RawScan, Readouts, Trace

_NOISE_SAMPLES = 4096
_PAUSE = 12.0  # s between breath-holds


def scan_cine(
    anatomy: MovingAnatomy,
    protocol: CineProtocol,
    rng: np.random.Generator,
    *,
    name: str = "cine_sax",
) -> RawScan:
    """Return the raw data of all slices, in the order of their lines."""
    shape = anatomy.frames.shape[2:]
    mask = protocol.lines(shape[1], rng)
    n_lines = int(mask.sum(axis=1).max())
    order = segmented_cine(
        n_lines,
        n_phases=protocol.n_phases,
        views_per_segment=protocol.views(anatomy.period, n_lines),
        repetition_time=protocol.repetition_time,
    )
    _require_beat(order, anatomy)
    covariance = _noise_level(anatomy, protocol)
    parts, beats, clock = [], [], 0.0
    for number, frames in enumerate(anatomy.frames):
        lengths = _heartbeats(int(order.beat.max()) + 1, anatomy, protocol, rng)
        maps = slice_sensitivity(
            anatomy.affines[number], shape, n_coils=protocol.n_coils, heart=anatomy.heart
        )
        moving = _series(maps, frames, _field_phase(shape, protocol))
        clean = _sampled(moving, mask, order, lengths, anatomy)
        noise = complex_noise(covariance, clean.shape[1:], rng).astype(np.complex64)
        parts.append(_lines(clean + noise, mask, order, number, clock + _starts(lengths)))
        beats.append((clock, lengths))
        clock += float(lengths.sum()) + _PAUSE
    return RawScan(
        protocol=_protocol(protocol, anatomy, name),
        readouts=_joined(parts, protocol),
        affines=anatomy.affines,
        noise=complex_noise(covariance, (_NOISE_SAMPLES,), rng).astype(np.complex64),
        traces=(_trace(beats, clock, rng),),
    )


def _require_beat(order: SegmentedCine, anatomy: MovingAnatomy) -> None:
    last = float(order.since_r_wave.max())
    if last > anatomy.period:
        msg = (
            f"The {len(order.since_r_wave)} phases end {last:.3f} s after the R wave, found "
            f"a beat of {anatomy.period:.3f} s. Take fewer phases, fewer views_per_segment or a "
            "shorter repetition_time."
        )
        raise InputError(msg)


def _heartbeats(
    n_beats: int, anatomy: MovingAnatomy, protocol: CineProtocol, rng: np.random.Generator
) -> Float[np.ndarray, " beats"]:
    """Return the beats' lengths, s, none shorter than systole and a tenth of the beat."""
    lengths = anatomy.period * (1 + protocol.beat_spread * rng.standard_normal(n_beats))
    return np.maximum(lengths, anatomy.systole + 0.1 * anatomy.period)


def _starts(lengths: Float[np.ndarray, " beats"]) -> Float[np.ndarray, " beats"]:
    return np.concatenate([[0.0], np.cumsum(lengths)[:-1]])


def slice_sensitivity(
    affine: Float[np.ndarray, "4 4"],
    shape: tuple[int, ...],
    *,
    n_coils: int,
    heart: Float[np.ndarray, "3"],
) -> Complex[np.ndarray, "coils i j"]:
    """Return what each coil of the array round the chest sees of a slice's pixels."""
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    points = index @ affine[:3, :2].T + affine[:3, 3]
    return receive_sensitivity(torso_array(n_coils, heart), points).astype(np.complex64)


def _field_phase(shape: tuple[int, ...], protocol: CineProtocol) -> Complex[np.ndarray, "i j"]:
    """Return the phase of a smooth field at the echo: second-order shim left over."""
    i, j = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    frequency = protocol.field_spread * (0.5 * (i**2 - j**2) + 0.3 * i * j + 0.2 * j)
    return np.exp(1j * np.pi * frequency * protocol.repetition_time).astype(np.complex64)


def _series(
    maps: Complex[np.ndarray, "coils i j"],
    frames: Complex[np.ndarray, "t i j"] | Float[np.ndarray, "t i j"],
    phase: Complex[np.ndarray, "i j"],
) -> Iterator[Complex[np.ndarray, "t i j"]]:
    """Yield the spectra that each coil sees of every true frame."""
    for coil in maps:
        yield to_kspace((coil * phase * frames).astype(np.complex64))


def _sampled(
    moving: Iterator[Complex[np.ndarray, "t i j"]],
    mask: Bool[np.ndarray, "p j"],
    order: SegmentedCine,
    lengths: Float[np.ndarray, " beats"],
    anatomy: MovingAnatomy,
) -> Complex[np.ndarray, "coils p i j"]:
    """Return the spectra by phase, every line from its own moment."""
    moments = order.in_the_true_beat(lengths, period=anatomy.period, systole=anatomy.systole)
    times = np.zeros(mask.shape)
    for phase, lines in enumerate(mask):
        times[phase, lines] = moments[phase, : lines.sum()]
    timing = LineTiming(frame_times=anatomy.frame_times, period=anatomy.period, line_times=times)
    return np.stack([timing.forward(spectra) for spectra in moving])


def _noise_level(
    anatomy: MovingAnatomy, protocol: CineProtocol
) -> Float[np.ndarray, "coils coils"]:
    """Return the coils' covariance that gives the wanted signal-to-noise at the heart."""
    coils = torso_array(protocol.n_coils, anatomy.heart)
    covariance = noise_covariance(coils, elliptic_body(anatomy.heart))
    seen = receive_sensitivity(coils, anatomy.heart[None])[:, 0]
    gain = float((seen.conj() @ np.linalg.solve(covariance, seen)).real)
    brightest = float(np.quantile(np.abs(anatomy.frames[:, 0]), 0.98))
    # Signal to noise as images have it: over the deviation of one of two parts.
    return covariance * (gain * 2 * (brightest / protocol.signal_to_noise) ** 2)


def _lines(
    kspace: Complex[np.ndarray, "coils p i j"],
    mask: Bool[np.ndarray, "p j"],
    order: SegmentedCine,
    number: int,
    starts: Float[np.ndarray, " beats"],
) -> dict[str, np.ndarray]:
    """Return one slice's read-outs in the order of time."""
    phase, line = np.nonzero(mask)
    place = (np.cumsum(mask, axis=1) - 1)[phase, line]
    since = order.since_r_wave[phase, place]
    time = starts[order.beat[phase, place]] + since
    first = np.argsort(time, kind="stable")
    return {
        "samples": kspace[:, phase, :, line][first],
        "line": line[first],
        "phase": phase[first],
        "slice_number": np.full(len(first), number),
        "time": time[first],
        "since_r_wave": since[first],
    }


def _joined(parts: list[dict[str, np.ndarray]], protocol: CineProtocol) -> Readouts:
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    n_samples = whole["samples"].shape[2]
    nought: Integer[np.ndarray, " n"] = np.zeros(len(whole["line"]), dtype=np.int64)
    return Readouts(
        **whole,
        contrast=nought,
        repetition=nought,
        average=nought,
        set_number=nought,
        centre_sample=nought + n_samples // 2,
        sample_time=protocol.dwell,
    )


def _protocol(protocol: CineProtocol, anatomy: MovingAnatomy, name: str) -> Protocol:
    n_read, n_lines = anatomy.frames.shape[2:]
    steps = spacing(anatomy.affines[0])
    matrix = (n_read, n_lines, 1)
    extent = (n_read * steps[0], n_lines * steps[1], steps[2])
    return Protocol(
        name=name,
        encoded_matrix=matrix,
        encoded_field_of_view=extent,
        matrix=matrix,
        field_of_view=extent,
        middle_line=n_lines // 2,
        acceleration=protocol.acceleration,
        repetition_time=protocol.repetition_time,
        echo_times=(0.5 * protocol.repetition_time,),
        flip_angle=protocol.flip,
        field_strength=protocol.field_strength,
    )


def _trace(
    beats: list[tuple[float, Float[np.ndarray, " beats"]]],
    end: float,
    rng: np.random.Generator,
) -> Trace:
    r_waves = np.concatenate([start + _starts(lengths) for start, lengths in beats])
    return Trace(
        kind="ecg",
        samples=electrocardiogram(r_waves, end, rng)[None],
        start=0.0,
        sample_time=SAMPLE_TIME,
    )


__all__ = ["scan_cine", "slice_sensitivity"]
