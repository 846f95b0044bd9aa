"""The raw data of a series beside the cine: read-outs with their times, noise, ECG and breath."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Integer

from cardiotwin.exam.electrocardiogram import SAMPLE_TIME, electrocardiogram
from cardiotwin.exam.perfusion_series import BREATH, FirstPass
from cardiotwin.exam.sequences import FIELD_STRENGTH
from cardiotwin.exam.series import LineTimes, Series
from cardiotwin.imaging.affine import spacing
from cardiotwin.imaging.raw import Protocol, RawScan, Readouts, Trace
from cardiotwin.units import MS

BEAT_SPREAD = 0.02  # standard deviation of the heartbeats' length as a share of the mean
PAUSE = 12.0  # s between breath-holds
DWELL = 4e-6  # s
BREATH_SAMPLE = 20 * MS


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceSamples:
    """What was received of one slice.

    Parameters
    ----------
    images
        Sampled lines of the images.
    lines
        Which lines these are.
    calibration
        Lines that tell the coils' sensitivities.
    calibration_lines
        Which lines these are.
    """

    images: Complex[np.ndarray, "images coils i lines"]
    lines: Integer[np.ndarray, " lines"]
    calibration: Complex[np.ndarray, "coils i middle"]
    calibration_lines: Integer[np.ndarray, " middle"]


def series_raw(
    series: Series,
    name: str,
    slices: list[SliceSamples],
    affines: Float[np.ndarray, "slices 4 4"],
    *,
    noise: Complex[np.ndarray, "coils samples"],
    period: float,
    rng: np.random.Generator,
) -> RawScan:
    """Return the raw data of all slices: each a breath-hold, or all in each beat of a first pass.

    The lines that tell the coils' sensitivities come in the pause before.
    """
    n_images, _, n_read, n_lines = slices[0].images.shape
    n_all = round(n_lines * series.acceleration)
    beat_length = 1 / series.rate if isinstance(series, FirstPass) else period
    timing = series.timing(n_lines, n_images, beat_length)
    parts, holds, clock, lengths = [], [], PAUSE, np.zeros(0)
    for number, one in enumerate(slices):
        if number == 0 or not isinstance(series, FirstPass):
            lengths = _beats(timing, beat_length, rng)
            holds.append((clock, lengths))
        starts = holds[-1][0] + np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
        parts += [
            _calibration(one, number, starts[0] - 1.0, series.line_time),
            _lines(series, one, number, timing, starts),
        ]
        if not isinstance(series, FirstPass):
            clock += float(lengths.sum()) + PAUSE
    end = holds[-1][0] + float(holds[-1][1].sum()) + 0.5 * PAUSE
    return RawScan(
        protocol=_protocol(series, name, affines, (n_read, n_all), period),
        readouts=_joined(parts, n_read),
        affines=affines,
        noise=noise,
        traces=(_ecg(holds, end, rng), _breath(holds, end, series, rng)),
    )


def _beats(
    timing: LineTimes, period: float, rng: np.random.Generator
) -> Float[np.ndarray, " beats"]:
    """Return the beats' lengths, s, none over before its last line."""
    count = int(timing.beat.max()) + 1
    lengths = period * (1 + BEAT_SPREAD * rng.standard_normal(count))
    return np.maximum(lengths, float(timing.since_r_wave.max()) + 10 * MS)


def _lines(
    series: Series,
    one: SliceSamples,
    number: int,
    timing: LineTimes,
    starts: Float[np.ndarray, " beats"],
) -> dict[str, np.ndarray]:
    """Return one slice's read-outs in the order of time."""
    n_images, coils, n_read, n_lines = one.images.shape
    since = timing.since_r_wave.ravel()
    time = starts[timing.beat.ravel()] + since
    first = np.argsort(time, kind="stable")
    image, line = np.divmod(np.arange(n_images * n_lines)[first], n_lines)
    nought = np.zeros(len(first), dtype=np.int64)
    counters = dict.fromkeys(("phase", "contrast", "repetition", "set_number"), nought)
    counters |= {name: value[image] for name, value in series.counters(n_images).items()}
    samples = one.images.transpose(0, 3, 1, 2).reshape(-1, coils, n_read)
    return {
        "samples": samples[first],
        "line": one.lines[line],
        "slice_number": nought + number,
        "time": time[first],
        "since_r_wave": since[first],
        "calibration": nought > 0,
        **counters,
    }


def _calibration(
    one: SliceSamples, number: int, start: float, line_time: float
) -> dict[str, np.ndarray]:
    count = len(one.calibration_lines)
    nought = np.zeros(count, dtype=np.int64)
    return {
        "samples": np.ascontiguousarray(one.calibration.transpose(2, 0, 1)),
        "line": one.calibration_lines,
        "slice_number": nought + number,
        "time": start + line_time * np.arange(count),
        "since_r_wave": np.zeros(count),
        "calibration": nought == 0,
        **dict.fromkeys(("phase", "contrast", "repetition", "set_number"), nought),
    }


def _joined(parts: list[dict[str, np.ndarray]], n_read: int) -> Readouts:
    order = np.argsort(np.concatenate([part["time"] for part in parts]), kind="stable")
    whole = {name: np.concatenate([part[name] for part in parts])[order] for name in parts[0]}
    nought: Integer[np.ndarray, " n"] = np.zeros(len(order), dtype=np.int64)
    return Readouts(**whole, average=nought, centre_sample=nought + n_read // 2, sample_time=DWELL)


def _protocol(
    series: Series,
    name: str,
    affines: Float[np.ndarray, "slices 4 4"],
    shape: tuple[int, int],
    period: float,
) -> Protocol:
    steps = spacing(affines[0])
    matrix = (*shape, 1)
    extent = (shape[0] * steps[0], shape[1] * steps[1], steps[2])
    told = series.sidecar(period)
    flip = told.get("FlipAngle")
    return Protocol(
        name=name,
        encoded_matrix=matrix,
        encoded_field_of_view=extent,
        matrix=matrix,
        field_of_view=extent,
        middle_line=shape[1] // 2,
        acceleration=series.acceleration,
        repetition_time=series.line_time,
        echo_times=tuple(getattr(series, "echo_time", ())),
        inversion_times=tuple(told.get("InversionTime", ())),
        flip_angle=None if flip is None else float(np.deg2rad(flip)),
        field_strength=FIELD_STRENGTH,
    )


Holds = list[tuple[float, Float[np.ndarray, " beats"]]]
"""Of each breath-hold, when it begins and its beats' lengths, s."""


def _ecg(holds: Holds, end: float, rng: np.random.Generator) -> Trace:
    r_waves = np.concatenate(
        [start + np.concatenate([[0.0], np.cumsum(beats)[:-1]]) for start, beats in holds]
    )
    return Trace(
        kind="ecg",
        samples=electrocardiogram(r_waves, end, rng)[None],
        start=0.0,
        sample_time=SAMPLE_TIME,
    )


def _breath(holds: Holds, end: float, series: Series, rng: np.random.Generator) -> Trace:
    """Return the bellows' signal: 0 held at the end of expiration, up to 1 in a breath."""
    time = BREATH_SAMPLE * np.arange(round(end / BREATH_SAMPLE))
    signal = 0.01 * rng.standard_normal(len(time))
    stops = [0.0, *(start + float(beats.sum()) for start, beats in holds)]
    starts = [*(start for start, _ in holds), end]
    for stop, start in zip(stops, starts, strict=True):
        breaths = max(1, round((start - stop) / BREATH))
        free = (time >= stop) & (time < start)
        turns = breaths * (time[free] - stop) / (start - stop)
        signal[free] += 0.5 * (1 - np.cos(2 * np.pi * turns))
    if isinstance(series, FirstPass):
        ((start, beats),) = holds
        during = (time >= start) & (time < start + float(beats.sum()))
        signal[during] += series.breath(time[during] - start)
    return Trace(kind="respiratory", samples=signal[None], start=0.0, sample_time=BREATH_SAMPLE)


__all__ = ["SliceSamples", "series_raw"]
