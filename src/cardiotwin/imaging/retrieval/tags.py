"""Displacement in all frames of a tagged series by the phase of its harmonics (HARP).

Osman et al. (1999), MRM 42:1048-1060. The stripes k.X + phi that were made at the first frame are
straight there, and move on with the material X: the phase of a later harmonic at the place x less
that of the straight stripes is k.(X - x) = -k.u, u the displacement of what is there now. Turns
are followed through the wall and from frame to frame.
"""

import numpy as np
from jaxtyping import Bool, Float

from cardiotwin.errors import InputError
from cardiotwin.imaging.retrieval.harmonic_phase import WIDTH, harmonic, noise_gain
from cardiotwin.imaging.retrieval.phase import INVISIBLE
from cardiotwin.imaging.retrieval.result import Retrieval, Status
from cardiotwin.imaging.retrieval.turns import continuous_phases

NAMES = ("displacement_x", "displacement_y")


def tagged_motion(
    images: Float[np.ndarray, "t i j k waves"],
    mask: Bool[np.ndarray, "t i j k"],
    waves: Float[np.ndarray, "waves 2"],
    pixel: tuple[float, float],
    *,
    noise_sd: float,
    width: float = WIDTH,
) -> list[Retrieval]:
    """Return by frame the displacement, m, along rows (x) and columns (y) of the wall's pixels.

    Parameters
    ----------
    images
        Magnitudes, frames in time order; in the first nothing has moved since the tagging.
    mask
        Wall, by frame. Elsewhere nothing is retrieved.
    waves
        Wave vectors of the stripes of each image of a frame, rad/m.
    pixel
        Size along rows and columns, m.
    noise_sd
        Of one pixel of an image, in the images' unit. Neighbours share the error of a pixel:
        `independent_share` tells how many of them are independent.
    width
        Of the filter, as `harmonic` takes it.

    Raises
    ------
    InputError
        If the stripes run along one direction only, or the pixels do not show them.
    """
    if waves.shape != (2, 2) or abs(np.linalg.det(waves)) < 1e-3 * np.prod(
        np.linalg.norm(waves, axis=1)
    ):
        msg = (
            "Displacement in a plane needs two images of a frame with stripes in two directions, "
            f"found the wave vectors {waves.tolist()}. Give images of both."
        )
        raise InputError(msg)
    shape = images.shape[1:3]
    place = np.stack(
        np.meshgrid(
            *(np.arange(n) * step for n, step in zip(shape, pixel, strict=True)), indexing="ij"
        )
    )
    phases = np.zeros(images.shape)
    error = np.zeros(images.shape)
    for number, wave in enumerate(waves):
        vector = float(wave[0]), float(wave[1])
        stack = np.moveaxis(np.nan_to_num(images[..., number]), 3, 1)
        found = np.moveaxis(harmonic(stack, vector, pixel, width=width), 1, 3)
        straight = np.exp(-1j * np.tensordot(wave, place, 1))[None, :, :, None]
        found = found * straight
        start = np.where(mask[0], found[0], 0).sum(axis=(0, 1))
        phases[..., number] = np.angle(found * (start.conj() / np.maximum(np.abs(start), 1e-30)))
        sd = noise_sd * noise_gain(shape, vector, pixel, width)
        with np.errstate(divide="ignore"):
            error[..., number] = sd / np.abs(found)
    visible = mask & np.isfinite(images).all(axis=-1) & (error < 1 / INVISIBLE).all(axis=-1)
    whole = continuous_phases(phases, visible)
    inverse = -np.linalg.inv(waves)
    return [
        _retrieval(inverse, phase, sd, seen, inside)
        for phase, sd, seen, inside in zip(whole, error, visible, mask, strict=True)
    ]


def _retrieval(
    inverse: Float[np.ndarray, "axes waves"],
    phases: Float[np.ndarray, "i j k waves"],
    sd: Float[np.ndarray, "i j k waves"],
    visible: Bool[np.ndarray, "i j k"],
    inside: Bool[np.ndarray, "i j k"],
) -> Retrieval:
    values = phases @ inverse.T
    errors = np.sqrt(np.where(visible[..., None], sd, 0) ** 2 @ (inverse.T**2))
    status = np.full(visible.shape, int(Status.NO_SIGNAL))
    status[inside] = int(Status.NOT_IDENTIFIED)
    status[visible] = int(Status.FITTED)

    def shown(array: np.ndarray) -> dict[str, np.ndarray]:
        return {
            name: np.where(visible, array[..., axis], np.nan) for axis, name in enumerate(NAMES)
        }

    return Retrieval(
        values=shown(values),
        standard_errors=shown(errors),
        units=dict.fromkeys(NAMES, "m"),
        status=status,
        residual_sd=np.zeros(visible.shape),  # as many phases as unknowns
    )


__all__ = ["tagged_motion"]
