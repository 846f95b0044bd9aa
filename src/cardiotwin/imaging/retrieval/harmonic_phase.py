"""Displacement from tagged images by the phase of their harmonic (HARP).

Osman et al. (1999), MRM 42:1048-1060. Tags that a preparation puts on the tissue at k.X stay with
the material X, so the phase of the image's part about k is k.X(x): with tags in two directions its
change since the tagging is -k.u at each place x, u the displacement of what is there now.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Complex, Float

from cardiotwin.errors import InputError
from cardiotwin.imaging.retrieval.phase import INVISIBLE, WRAPPED
from cardiotwin.imaging.retrieval.result import Retrieval, Status

WIDTH = 0.35  # of the filter's Gaussian, in units of the tags' frequency


def harmonic(
    images: Float[np.ndarray, "*frames rows columns"],
    wave: tuple[float, float],
    pixel: tuple[float, float],
    *,
    width: float = WIDTH,
) -> Complex[np.ndarray, "*frames rows columns"]:
    """Return the images' part about the tags' frequency: its phase is that of the tags.

    Parameters
    ----------
    images
        Tagged, along rows and columns.
    wave
        Wave vector of the tags along rows and columns, rad/m (2 pi over their distance).
    pixel
        Size along rows and columns, m.
    width
        Standard deviation of the Gaussian filter, in units of the tags' frequency.

    Raises
    ------
    InputError
        If the pixels are too large to show such tags.
    """
    if max(abs(k * step) for k, step in zip(wave, pixel, strict=True)) >= np.pi:
        distance = 2 * np.pi / np.hypot(*wave)
        msg = (
            f"Tags {distance * 1e3:.2g} mm apart are not shown by pixels of {pixel[0] * 1e3:.2g} "
            f"x {pixel[1] * 1e3:.2g} mm. Give the wave vector in rad/m and the pixels in m."
        )
        raise InputError(msg)
    rows, columns = (
        2 * np.pi * np.fft.fftfreq(count, step)
        for count, step in zip(images.shape[-2:], pixel, strict=True)
    )
    return np.asarray(np.fft.ifft2(np.fft.fft2(images) * _passed(rows, columns, wave, width)))


def _passed(
    rows: Float[np.ndarray, " rows"],
    columns: Float[np.ndarray, " columns"],
    wave: tuple[float, float],
    width: float,
) -> Float[np.ndarray, "rows columns"]:
    """Return what the filter lets pass of each spatial frequency, rad/m."""
    away = (rows[:, None] - wave[0]) ** 2 + (columns - wave[1]) ** 2
    return np.asarray(np.exp(-away / (2 * width**2 * (wave[0] ** 2 + wave[1] ** 2))))


def tagged_displacement(
    first: Sequence[Float[np.ndarray, "rows columns"]],
    now: Sequence[Float[np.ndarray, "rows columns"]],
    waves: Sequence[tuple[float, float]],
    pixel: tuple[float, float],
    *,
    noise_sd: float,
    width: float = WIDTH,
) -> Retrieval:
    """Return the displacement along rows (x) and columns (y) of what is at each pixel now, m.

    Parameters
    ----------
    first, now
        Images right after tagging and at the time of interest, one per direction of tags.
    waves
        Wave vector of the tags of each pair, rad/m.
    pixel
        Size along rows and columns, m.
    noise_sd
        Of one pixel of an image, in the images' unit.
    width
        As `harmonic` takes it: a wider filter follows finer motion and passes more noise.

    Raises
    ------
    InputError
        If the tags run along one direction only, or the pixels do not show them.
    """
    directions = np.array(waves)
    if directions.shape != (2, 2) or abs(np.linalg.det(directions)) < 1e-3 * np.prod(
        np.linalg.norm(directions, axis=1)
    ):
        msg = (
            f"Displacement in a plane needs tags in two directions, found the wave vectors "
            f"{[tuple(wave) for wave in waves]}. Give images of both."
        )
        raise InputError(msg)
    changes, variances, clear = [], [], np.ones(now[0].shape, dtype=bool)
    for before, after, wave in zip(first, now, waves, strict=True):
        start, end = (harmonic(image, wave, pixel, width=width) for image in (before, after))
        sd = noise_sd * noise_gain(now[0].shape, wave, pixel, width)
        changes.append(np.angle(end * start.conj()))
        with np.errstate(divide="ignore"):
            variances.append((sd / np.abs(end)) ** 2 + (sd / np.abs(start)) ** 2)
        clear &= np.minimum(np.abs(start), np.abs(end)) > INVISIBLE * sd
    inverse = -np.linalg.inv(directions)
    solution = np.einsum("aw,wij->aij", inverse, np.stack(changes))
    spread = np.sqrt(np.einsum("aw,wij->aij", inverse**2, np.stack(variances)))
    status = np.full(now[0].shape, int(Status.FITTED))
    status[(np.abs(changes) > WRAPPED).any(axis=0)] = int(Status.AT_BOUND)
    status[~clear] = int(Status.NOT_IDENTIFIED)
    fitted = status == Status.FITTED
    names = ("displacement_x", "displacement_y")
    return Retrieval(
        values={n: np.where(fitted, u, np.nan) for n, u in zip(names, solution, strict=True)},
        standard_errors={
            n: np.where(fitted, e, np.nan) for n, e in zip(names, spread, strict=True)
        },
        units=dict.fromkeys(names, "m"),
        status=status,
        residual_sd=np.zeros(now[0].shape),  # as many phases as unknowns
    )


def noise_gain(
    shape: tuple[int, ...], wave: tuple[float, float], pixel: tuple[float, float], width: float
) -> float:
    """Return the noise of the real part of a harmonic over that of a pixel."""
    rows, columns = (
        2 * np.pi * np.fft.fftfreq(count, step) for count, step in zip(shape, pixel, strict=True)
    )
    return float(np.sqrt(np.mean(_passed(rows, columns, wave, width) ** 2) / 2))


__all__ = ["harmonic", "noise_gain", "tagged_displacement"]
