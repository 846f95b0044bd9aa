"""Series whose images differ by what they encode: relaxation, diffusion, field, motion.

A series is a NIfTI file of magnitudes, `name.nii.gz`, with `name.json` beside it (the keys of BIDS
where it has them) and, where phases tell something, `name_phase.nii.gz` in rad.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Inexact

from cardiotwin.errors import Flag, InputError
from cardiotwin.imaging.encoded_header import header_beside, one_number, per_image
from cardiotwin.imaging.nifti import Volume, is_nifti, read_volume, stem
from cardiotwin.imaging.provenance import require_file

FOLDERS = ("mapping", "tagging", "flow")
PHASE = "_phase"
SATURATED = 1e-3  # share of voxels at the largest whole number that no image has by itself


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """What a series of a kind must say.

    Parameters
    ----------
    model
        Of `imaging.retrieval.fit`.
    argument, key, unit
        What the model calls it, the header's key, and the key's unit, SI.
    complex_signal
        Whether its phase is needed.
    """

    model: str
    argument: str
    key: str
    unit: float = 1.0
    complex_signal: bool = False


CONTRASTS: Mapping[str, Contrast] = {
    "molli": Contrast(model="molli", argument="inversion_time", key="InversionTime"),
    "sasha": Contrast(model="sasha", argument="saturation_time", key="SaturationTime"),
    "t2_prepared": Contrast(
        model="t2_prepared", argument="preparation_time", key="PreparationTime"
    ),
    "t2_star": Contrast(model="t2_star", argument="echo_time", key="EchoTime"),
    "water_fat": Contrast(
        model="water_fat", argument="echo_time", key="EchoTime", complex_signal=True
    ),
    "ivim": Contrast(model="ivim", argument="b_values", key="BValue", unit=1e6),
    "dense": Contrast(
        model="displacement",
        argument="encoding",
        key="DisplacementEncoding",
        complex_signal=True,
    ),
    "tagging": Contrast(model="harmonic_phase", argument="waves", key="TagWave"),
    "phase_contrast": Contrast(
        model="velocity", argument="encoding", key="VelocityEncoding", complex_signal=True
    ),
}
"""The kinds of series, by the header's key `Contrast`; b-values are in s/mm^2 there."""

ROWS = ("DisplacementEncoding", "VelocityEncoding", "TagWave")
"""Keys with two or three numbers for each image, one for each direction that is encoded."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EncodedSeries:
    """A series and what its images encode.

    Parameters
    ----------
    contrast
        Its kind, of `CONTRASTS`.
    signal
        By voxel and image, complex where the phase is needed.
    affine
        Voxel index to world, m.
    encoded
        One value, or one row, per image, SI.
    frame_times
        Of each image after the R wave, s, where it has several frames.
    field_strength
        T.
    noise_sd
        Of the images' real part at the heart, in the signal's unit; None where not told.
    flags
        What is doubtful in the images.
    source
        The file of magnitudes.
    """

    contrast: str
    signal: Inexact[np.ndarray, "i j k images"]
    affine: Float[np.ndarray, "4 4"]
    encoded: Float[np.ndarray, "images ..."]
    frame_times: Float[np.ndarray, " images"] | None
    field_strength: float
    noise_sd: float | None
    flags: tuple[Flag, ...]
    source: Path


def encoded_files(folder: Path) -> tuple[Path, ...]:
    """Return the series of a subject's folder: NIfTI files of magnitudes with a sidecar."""
    found: list[Path] = []
    for name in FOLDERS:
        place = folder / name
        if place.is_dir():
            items = [item for item in sorted(place.iterdir()) if is_nifti(item)]
            found += [item for item in items if not stem(item).endswith(PHASE)]
    return tuple(found)


def read_encoded(path: Path) -> EncodedSeries:
    """Return a series with what its images encode.

    Raises
    ------
    InputError
        If the images cannot be read, or their header does not say what they encode.
    """
    volume = read_volume(path)
    header = header_beside(path)
    kind = _kind(header, path)
    contrast = CONTRASTS[kind]
    n_images = volume.array.shape[3]
    encoded = contrast.unit * per_image(header, contrast.key, n_images, path)
    frames = None
    if "FrameTime" in header:
        frames = per_image(header, "FrameTime", n_images, path)
    signal, flags = _values(volume, path)
    if contrast.complex_signal:
        signal = signal * np.exp(1j * _phase(path, volume))
    if contrast.key in ROWS and not (encoded.ndim == 2 and encoded.shape[1] in (2, 3)):
        msg = (
            f"{contrast.key} of {stem(path)}.json must be two or three numbers for each image, "
            f"found {header[contrast.key][0]!r} for the first. Give one for each direction."
        )
        raise InputError(msg)
    if n_images > 1 and len(np.unique(encoded, axis=0)) == 1:
        msg = (
            f"{contrast.key} of {stem(path)}.json is the same for all {n_images} images, found "
            f"{header[contrast.key][0]!r}: they encode nothing. Give each image its own."
        )
        raise InputError(msg)
    return EncodedSeries(
        contrast=kind,
        signal=signal,
        affine=volume.affine,
        encoded=encoded,
        frame_times=frames,
        field_strength=one_number(header, "MagneticFieldStrength", path) or 1.5,
        noise_sd=one_number(header, "NoiseSD", path),
        flags=(*volume.flags, *flags),
        source=path,
    )


def _kind(header: Mapping[str, Any], path: Path) -> str:
    """Return what kind of series it is, by `Contrast` or by the one key that tells."""
    told = header.get("Contrast")
    if isinstance(told, str) and told in CONTRASTS:
        return told
    if told is None:
        has = [kind for kind, one in CONTRASTS.items() if isinstance(header.get(one.key), list)]
        keys = {CONTRASTS[kind].key for kind in has}
        if len(keys) == 1 and has[0] != "t2_star":
            return has[0]
    listed = ", ".join(CONTRASTS)
    found = "no Contrast" if told is None else f"Contrast {told!r}"
    msg = (
        f"{stem(path)}.json does not say what kind of series it is, found {found}. "
        f"Write Contrast, one of {listed}."
    )
    raise InputError(msg)


def _values(
    volume: Volume, path: Path
) -> tuple[Float[np.ndarray, "i j k images"], tuple[Flag, ...]]:
    """Return the magnitudes, NaN as they are, with a flag for those and for saturated ones."""
    signal = np.asarray(volume.array, dtype=np.float64)
    flags = []
    strange = ~np.isfinite(signal)
    if strange.all():
        msg = f"{path} has no pixel that is a number. Convert the series again."
        raise InputError(msg)
    if strange.any():
        text = (
            f"{path.name} has {int(strange.sum())} values that are no numbers, in "
            f"{int(strange.any(axis=3).sum())} voxels: these are left out."
        )
        flags.append(Flag(name="not_finite", sentence=text))
    negative = int((signal < 0).sum())
    if negative:
        text = (
            f"{path.name} has {negative} negative values, which no magnitude is: they are taken "
            "as signs. Check the scale if the images are magnitudes."
        )
        flags.append(Flag(name="negative", sentence=text))
    kind = volume.array.dtype
    if kind.kind in "iu":
        clipped = float((volume.array == np.iinfo(kind).max).mean())
        top = float((volume.array == volume.array.max()).mean())
        if clipped > 0 or top > SATURATED:
            text = (
                f"{path.name} is saturated: {100 * max(clipped, top):.2g} % of its values are "
                f"{int(volume.array.max())}, the largest. What is fitted there is wrong."
            )
            flags.append(Flag(name="saturated", sentence=text))
    return signal, tuple(flags)


def _phase(path: Path, volume: Volume) -> Float[np.ndarray, "i j k images"]:
    beside = path.with_name(path.name.replace(stem(path), f"{stem(path)}{PHASE}", 1))
    if not beside.is_file():
        msg = (
            f"{path} needs its phase, found no {beside.name}. Export phase images too, in rad "
            "as a NIfTI file of that name."
        )
        raise InputError(msg)
    require_file(beside, "phase")
    phase = read_volume(beside)
    if phase.array.shape != volume.array.shape or not np.allclose(phase.affine, volume.affine):
        msg = (
            f"{beside.name} is not the phase of {path.name}, found {phase.array.shape} and "
            f"{volume.array.shape}, or another place. Export both from the same series."
        )
        raise InputError(msg)
    values = np.asarray(phase.array, dtype=np.float64)
    if not np.isfinite(values).any():
        msg = f"{beside.name} has no pixel that is a number. Convert the series again."
        raise InputError(msg)
    if np.nanmax(np.abs(values)) > 2 * np.pi + 1e-3:
        msg = (
            f"{beside.name} is not in rad, found values up to {np.nanmax(np.abs(values)):.4g}. "
            "Scale the scanner's numbers to -pi..pi."
        )
        raise InputError(msg)
    return values


__all__ = ["CONTRASTS", "FOLDERS", "EncodedSeries", "encoded_files", "read_encoded"]
