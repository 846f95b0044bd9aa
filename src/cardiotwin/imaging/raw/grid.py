"""Cartesian read-outs sorted onto the grid of k-space."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float

from cardiotwin.errors import InputError
from cardiotwin.imaging.encoding.fourier import to_image, to_kspace
from cardiotwin.imaging.encoding.noise import Whitening, sample_covariance
from cardiotwin.imaging.raw.scan import RawScan

FRAMES = ("phase", "repetition", "contrast", "set_number")
"""Counters that may number a series' images: of the beat, a dynamic, echoes, or sets."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Spectra:
    """One slice's k-space by coil and image.

    Parameters
    ----------
    kspace
        On the grid of the wanted image, its middle at n // 2, nought where nothing was sampled;
        with noise of unit variance in every channel where the noise was measured.
    mask
        Lines that were sampled, by image.
    phase_times
        Mean time of an image's lines after the R wave, s.
    affine
        Voxel index to world, m.
    """

    kspace: Complex[np.ndarray, "coils t i j"]
    mask: Bool[np.ndarray, "t j"]
    phase_times: Float[np.ndarray, " t"]
    affine: Float[np.ndarray, "4 4"]


def cartesian_spectra(
    scan: RawScan,
    slice_number: int,
    *,
    frames: str = "phase",
    calibration: bool = False,
    **at: int,
) -> Spectra:
    """Return a slice's k-space, whitened, repeated lines averaged, oversampling cut away.

    Parameters
    ----------
    scan, slice_number
        Of what.
    frames
        Counter that numbers the images, of `FRAMES`.
    calibration
        The read-outs that tell the coils' sensitivities, instead of those of the images.
    at
        Where the other counters of `FRAMES` stand; 0 where not given. Averages are averaged.

    Raises
    ------
    InputError
        If the scan is not Cartesian in the plane, or no line is of the slice and the counters.
    """
    protocol, readouts = scan.protocol, scan.readouts
    if readouts.positions is not None or protocol.trajectory != "cartesian":
        msg = (
            f"{_name(scan)} is not Cartesian, found a {protocol.trajectory} trajectory. Grid it "
            "with NonuniformFourier."
        )
        raise InputError(msg)
    if protocol.encoded_matrix[2] > 1:
        msg = (
            f"{_name(scan)} must encode slices one by one, found {protocol.encoded_matrix[2]} "
            "encoded partitions. Transform them first."
        )
        raise InputError(msg)
    here = _chosen(scan, slice_number, frames, at, calibration=calibration)
    kspace, counts, times = _sorted(scan, here, frames)
    kspace = _cut(kspace, protocol.matrix[0])
    if scan.noise is not None:
        kspace = Whitening(covariance=sample_covariance(scan.noise)).forward(kspace)
    return Spectra(
        kspace=kspace, mask=counts > 0, phase_times=times, affine=scan.affines[slice_number]
    )


def _chosen(
    scan: RawScan, slice_number: int, frames: str, at: Mapping[str, int], *, calibration: bool
) -> Bool[np.ndarray, " n"]:
    """Return which read-outs are of a slice and of the counters that do not number its images."""
    readouts = scan.readouts
    strange = sorted({frames, *at} - set(FRAMES)) or sorted({frames} & set(at))
    if strange:
        msg = (
            f"Images are numbered by one of {', '.join(FRAMES)} and the others stand still, found "
            f"frames={frames} and {', '.join(at) or 'none'} beside it ({strange[0]})."
        )
        raise InputError(msg)
    of_coils = readouts.calibration
    if of_coils is None:
        of_coils = np.zeros(len(readouts.line), dtype=bool)
    here = (readouts.slice_number == slice_number) & (of_coils == calibration)
    fixed = {name: at.get(name, 0) for name in FRAMES if name != frames}
    for name, value in fixed.items():
        here &= getattr(readouts, name) == value
    if not here.any():
        what = "calibration" if calibration else "images"
        told = ", ".join(f"{name.split('_')[0]} {value}" for name, value in fixed.items())
        msg = (
            f"{_name(scan)} has no slice {slice_number} ({what}, {told}), "
            f"found slices 0 to {readouts.slice_number.max()}. Count from 0."
        )
        raise InputError(msg)
    return np.asarray(here)


def _sorted(
    scan: RawScan, here: Bool[np.ndarray, " n"], frames: str
) -> tuple[Complex[np.ndarray, "coils t x j"], Float[np.ndarray, "t j"], Float[np.ndarray, " t"]]:
    """Return the mean spectrum of repeated lines, how often each was taken, and images' times."""
    protocol, readouts = scan.protocol, scan.readouts
    n_read, n_lines = protocol.encoded_matrix[0], protocol.matrix[1]
    lines = readouts.line[here] + protocol.first_line - protocol.middle_line + n_lines // 2
    phases = getattr(readouts, frames)[here]
    _require_inside(scan, lines, n_lines)
    samples = readouts.samples[here]
    n_phases, (_, coils, n_samples) = int(phases.max()) + 1, samples.shape
    whole = np.zeros((n_phases, n_lines, coils, n_read), dtype=samples.dtype)
    for centre in np.unique(readouts.centre_sample[here]):
        same = readouts.centre_sample[here] == centre
        first = n_read // 2 - int(centre)
        if first < 0 or first + n_samples > n_read:
            msg = (
                f"{_name(scan)} has read-outs of {n_samples} samples with their middle at "
                f"{centre}, found {n_read} encoded samples. Export it again."
            )
            raise InputError(msg)
        place = (phases[same], lines[same])
        np.add.at(whole[..., first : first + n_samples], place, samples[same])
    counts, times = np.zeros((n_phases, n_lines)), np.zeros(n_phases)
    np.add.at(counts, (phases, lines), 1.0)
    np.add.at(times, phases, readouts.since_r_wave[here])
    mean = whole / np.maximum(counts, 1)[..., None, None].astype(np.float32)
    spectra = np.ascontiguousarray(mean.transpose(2, 0, 3, 1))
    return spectra, counts, times / np.maximum(counts.sum(axis=1), 1)


def _cut(
    kspace: Complex[np.ndarray, "coils t x j"], n_wanted: int
) -> Complex[np.ndarray, "coils t i j"]:
    """Return the spectrum of the middle of the field of view: without read-out oversampling."""
    n_read = kspace.shape[-2]
    if n_read == n_wanted:
        return kspace
    first = n_read // 2 - n_wanted // 2
    image = to_image(kspace, (-2,))[..., first : first + n_wanted, :]
    return to_kspace(image, (-2,))


def _require_inside(scan: RawScan, lines: np.ndarray, n_lines: int) -> None:
    if lines.min() < 0 or lines.max() >= n_lines:
        msg = (
            f"{_name(scan)} has lines {lines.min()} to {lines.max()}, found {n_lines} in its "
            "header. Export the scan again, or correct the limits of its encoding."
        )
        raise InputError(msg)


def _name(scan: RawScan) -> str:
    return str(scan.source) if scan.source else f"scan {scan.protocol.name}"


__all__ = ["FRAMES", "Spectra", "cartesian_spectra"]
