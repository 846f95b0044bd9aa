"""Velocity and displacement from the phase of encoded images: linear least squares.

The phase of image e is phi + k_e.v for velocity (k_e in rad s/m: phase contrast) and phi - k_e.u
for displacement (k_e in rad/m: the stimulated echo of DENSE), with an unknown phi. The phases are
taken relative to the first image, so that each difference of encodings may turn by half a turn.
Pelc et al. (1991), JMRI 1:405-413.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Inexact, Int

from cardiotwin.errors import InputError
from cardiotwin.imaging.retrieval.result import Retrieval, Status

ENCODED: Mapping[str, tuple[str, float]] = {"velocity": ("m/s", 1.0), "displacement": ("m", -1.0)}
AXES = "xyz"
WRAPPED = 0.97 * np.pi  # rad: a difference of phases beyond it may have gone round
INVISIBLE = 3.0  # times its noise, below which a magnitude has no phase to tell


def motion_from_phase(
    name: str,
    signal: Inexact[np.ndarray, "*voxels images"],
    *,
    noise_sd: float | None,
    **acquisition: Any,
) -> Retrieval:
    """Return velocity or displacement along the encoded axes, with standard errors.

    Parameters
    ----------
    name
        velocity or displacement.
    signal
        Complex images, one per encoding, along the last dimension.
    noise_sd
        Of the real part of one image, in the signal's unit; None: from the residual phases, where
        there are more images than unknowns.
    acquisition
        `encoding`: images x axes, rad s/m or rad/m.

    Raises
    ------
    InputError
        If the encoding does not belong to the signal, or leaves an axis unknown.
    """
    encoding = _encoding(name, signal, acquisition)
    phases = relative_phases(signal)
    found = motion_from_relative(name, signal, phases, encoding, noise_sd=noise_sd)
    wrapped = (np.abs(phases) > WRAPPED).any(-1) & found.fitted
    return _without(found, wrapped, Status.AT_BOUND)


def relative_phases(
    signal: Inexact[np.ndarray, "*voxels images"],
) -> Float[np.ndarray, "*voxels images"]:
    """Return the phases from that of the first image, within half a turn, rad."""
    return np.asarray(np.angle(signal * signal[..., :1].conj()))


def motion_from_relative(
    name: str,
    signal: Inexact[np.ndarray, "*voxels images"],
    phases: Float[np.ndarray, "*voxels images"],
    encoding: Float[np.ndarray, "images axes"],
    *,
    noise_sd: float | None,
) -> Retrieval:
    """Return what `motion_from_phase` does, from phases whose turns are known, rad."""
    unit, sign = ENCODED[name]
    design = np.hstack([np.ones((len(encoding), 1)), sign * encoding])
    if noise_sd is None and len(design) <= design.shape[1]:
        msg = (
            f"{len(design)} images of {design.shape[1]} unknowns show no noise: give noise_sd, "
            "the standard deviation of the real part of one image."
        )
        raise InputError(msg)
    inverse = np.linalg.pinv(design)
    solution = phases @ inverse.T
    left = phases - solution @ design.T
    size = np.abs(signal)
    if noise_sd is None:
        freedom = len(design) - design.shape[1]
        sd = np.sqrt((left**2 * size**2).sum(-1) / freedom)
    else:
        sd = np.full(signal.shape[:-1], noise_sd)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (sd[..., None] / size) ** 2 @ (inverse.T**2)
    status = _status(signal, sd)
    fitted = status == Status.FITTED
    columns = range(1, design.shape[1])
    names = [f"{name}_{AXES[axis]}" for axis in range(encoding.shape[1])]
    values = [np.where(fitted, solution[..., i], np.nan) for i in columns]
    errors = [np.where(fitted, np.sqrt(spread[..., i]), np.nan) for i in columns]
    return Retrieval(
        values=dict(zip(names, values, strict=True)),
        standard_errors=dict(zip(names, errors, strict=True)),
        units=dict.fromkeys(names, unit),
        status=status,
        residual_sd=np.sqrt(np.mean((left * size) ** 2, axis=-1)),
    )


def _encoding(
    name: str, signal: Inexact[np.ndarray, "*voxels images"], acquisition: Mapping[str, Any]
) -> Float[np.ndarray, "images axes"]:
    if set(acquisition) != {"encoding"} or not np.iscomplexobj(signal):
        msg = (
            f"{name} takes complex images and their encoding, found {signal.dtype} and "
            f"{', '.join(acquisition) or 'nothing'}. Give encoding=images x axes."
        )
        raise InputError(msg)
    encoding = np.asarray(acquisition["encoding"], dtype=float)
    fits = encoding.ndim == 2 and len(encoding) == signal.shape[-1] and encoding.shape[1] <= 3
    if not fits or np.linalg.matrix_rank(encoding - encoding[:1]) < encoding.shape[1]:
        msg = (
            f"The encoding of {signal.shape[-1]} images must be images x axes and tell every axis "
            f"apart, found the shape {encoding.shape}. Give one row per image, with differences "
            "along each axis."
        )
        raise InputError(msg)
    return encoding


def _status(
    signal: Inexact[np.ndarray, "*voxels images"],
    sd: Float[np.ndarray, "*voxels"],
) -> Int[np.ndarray, "*voxels"]:
    status = np.full(signal.shape[:-1], int(Status.FITTED))
    status[(np.abs(signal) < INVISIBLE * sd[..., None]).any(-1)] = int(Status.NOT_IDENTIFIED)
    empty = ~np.isfinite(signal).all(-1) | (np.abs(signal) == 0).any(-1)
    status[empty] = int(Status.NO_SIGNAL)
    return status


def _without(found: Retrieval, voxels: Bool[np.ndarray, "*voxels"], reason: Status) -> Retrieval:
    """Return a retrieval without some voxels."""
    return replace(
        found,
        values={name: np.where(voxels, np.nan, each) for name, each in found.values.items()},
        standard_errors={
            name: np.where(voxels, np.nan, each) for name, each in found.standard_errors.items()
        },
        status=np.where(voxels, int(reason), found.status),
    )


__all__ = ["ENCODED", "motion_from_phase", "motion_from_relative", "relative_phases"]
