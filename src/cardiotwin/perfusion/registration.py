"""The heart held still over a first pass: each frame is moved onto what the series says of it.

Contrast changes from frame to frame more than motion does, so no frame serves as the target of
another. Each is moved onto its own image in the series' first principal components, which contrast
fills before motion does; the components grow as the motion shrinks: Melbourne et al. (2007),
Phys Med Biol 52:5147-5156, here for translations, in the plane, by Gauss and Newton's method.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from cardiotwin.errors import InputError

COMPONENTS = (1, 2, 3, 3)  # of each round, beside the mean
STEPS = 4  # of Gauss and Newton in a round
BLUR = 1.0  # voxels, of the images that are compared
FARTHEST = 0.25  # of the image: a longer shift is no breath


@dataclass(frozen=True, eq=False)
class Registered:
    """A series whose frames lie on each other.

    Parameters
    ----------
    images
        Moved; where nothing moved in, the nearest voxel's value.
    shifts
        Of the tissue in each frame as found, rows and columns, voxels; their medians are 0.
    left
        Root mean square of what the components leave of each frame, before and after, in the
        images' unit.
    """

    images: Float[np.ndarray, "rows columns frames"]
    shifts: Float[np.ndarray, "frames 2"]
    left: tuple[Float[np.ndarray, " frames"], Float[np.ndarray, " frames"]]


def hold_still(
    images: Float[np.ndarray, "rows columns frames"],
    region: Bool[np.ndarray, "..."] | None = None,
) -> Registered:
    """Return the frames moved onto each other.

    Parameters
    ----------
    images
        Signals or concentrations of one slice.
    region
        Where frames are compared, around the heart; None: everywhere but the border.

    Raises
    ------
    InputError
        If the series is too short, has holes, or the region lies outside of it.
    """
    rows, columns, n = images.shape
    if n < 2 * max(COMPONENTS) + 2 or not np.isfinite(images).all():
        msg = (
            f"A series of at least {2 * max(COMPONENTS) + 2} finite frames is needed, found {n} "
            f"with {int(np.isnan(images).sum())} holes. Fill them, or leave the frames out."
        )
        raise InputError(msg)
    if region is None:
        region = np.zeros((rows, columns), bool)
        region[rows // 8 : -(rows // 8) or None, columns // 8 : -(columns // 8) or None] = True
    if region.shape != (rows, columns) or not region.any():
        msg = (
            f"region has the shape {region.shape} and {int(region.sum())} voxels, the images "
            f"{(rows, columns)}. Draw it around the heart."
        )
        raise InputError(msg)
    blurred = ndimage.gaussian_filter(images, (BLUR, BLUR, 0.0), mode="nearest")
    shifts = np.zeros((n, 2))
    before = _left(blurred[region].T, max(COMPONENTS))
    for components in COMPONENTS:
        target = _in_components(_moved(blurred, shifts)[region].T, components)
        for frame in range(n):
            shifts[frame] = _follow(blurred[..., frame], target[frame], region, shifts[frame])
        shifts -= np.median(shifts, axis=0)
    limit = FARTHEST * np.array([rows, columns])
    shifts = np.clip(shifts, -limit, limit)
    after = _left(_moved(blurred, shifts)[region].T, max(COMPONENTS))
    return Registered(_moved(images, shifts), shifts, (before, after))


def _moved(images: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Return the frames with their tissue moved back by its shifts."""
    frames = [
        ndimage.shift(images[..., i], -shift, order=3, mode="nearest")
        for i, shift in enumerate(shifts)
    ]
    return np.stack(frames, -1)


def _in_components(series: np.ndarray, components: int) -> np.ndarray:
    """Return frames x voxels as their mean and first principal components have them."""
    mean = series.mean(0)
    left, values, right = np.linalg.svd(series - mean, full_matrices=False)
    kept = (left[:, :components] * values[:components]) @ right[:components]
    return np.asarray(mean + kept)


def _left(series: np.ndarray, components: int) -> np.ndarray:
    rest = series - _in_components(series, components)
    return np.asarray(np.sqrt(np.mean(rest**2, axis=1)))


def _follow(
    frame: np.ndarray, target: np.ndarray, region: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Return the shift of a frame from which it fits its target best."""
    best, shift, lowest = start, start.copy(), np.inf
    for _ in range(STEPS):
        moved = ndimage.shift(frame, -shift, order=3, mode="nearest")
        rest = moved[region] - target
        misfit = float(rest @ rest)
        if misfit >= lowest:
            break
        best, lowest = shift, misfit
        slopes = np.stack([slope[region] for slope in np.gradient(moved)], 1)
        normal = slopes.T @ slopes
        normal += 1e-6 * np.trace(normal) * np.eye(2) + 1e-300 * np.eye(2)
        # Moved back by more, a voxel shows what lay farther along: rest falls along the slopes.
        step = -np.linalg.solve(normal, slopes.T @ rest)
        shift = best + np.clip(step, -2.0, 2.0)
    return best


__all__ = ["Registered", "hold_still"]
