"""The heart held still over a first pass: each frame is moved onto what the series says of it.

Contrast changes from frame to frame more than motion does, so no frame serves as the target of
another. Each is moved onto its own image in the series' first principal components, which contrast
fills before motion does; the components grow as the motion shrinks: Melbourne et al. (2007),
Phys Med Biol 52:5147-5156. The motion is a shift in the plane, an affine map, or a free form of
cubic B-splines (Rueckert et al. 1999, IEEE Trans Med Imaging 18:712-721), by Gauss and Newton's
method; beyond a shift it is drawn towards rigidity by a prior strain, against the noise that the
components leave.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from scipy.interpolate import BSpline

from cardiotwin.errors import InputError

COMPONENTS = (1, 2, 3, 3, 3)  # of each round, beside the mean
STEPS = 4  # of Gauss and Newton in a round
BLUR = 1.0  # voxels, of the images that are compared
FARTHEST = 0.25  # of the image: a longer shift is no breath
LONGEST_STEP, SETTLED = 2.0, 0.01  # voxels; the step after one so short is far shorter
MOTIONS = ("shift", "affine", "free_form")
KNOTS = 5  # spans of the free form across the image
UNTOLD = 0.2  # voxels, standard error of a shift from which a frame does not tell it
STRAIN = 0.06  # prior standard deviation between neighbouring control points: mild
CORRELATED = 4 * np.pi * BLUR**2  # voxels that share their noise after the blur


@dataclass(frozen=True, eq=False)
class Registered:
    """A series whose frames lie on each other.

    Parameters
    ----------
    images
        Moved; where nothing moved in, the nearest voxel's value.
    shifts
        Of the tissue in each frame as found, rows and columns, the mean of the region, voxels;
        their medians are 0 over the frames that show the heart.
    displacements
        Of the tissue in each frame from where it lies in `images`, rows and columns, voxels.
    left
        Root mean square of what the components leave of each frame, before and after, in the
        images' unit.
    """

    images: Float[np.ndarray, "rows columns frames"]
    shifts: Float[np.ndarray, "frames 2"]
    displacements: Float[np.ndarray, "frames 2 rows columns"]
    left: tuple[Float[np.ndarray, " frames"], Float[np.ndarray, " frames"]]


@dataclass(frozen=True, eq=False)
class _Form:
    """Displacements as sums of functions, and the precision of their weights, 1/voxel^2."""

    functions: np.ndarray  # number, rows, columns
    precision: np.ndarray  # number, number

    def displacement(self, weights: np.ndarray) -> np.ndarray:
        """Return rows and columns of each voxel, voxels, of weights 2 x number."""
        return np.tensordot(weights, self.functions, 1)


def hold_still(
    images: Float[np.ndarray, "rows columns frames"],
    region: Bool[np.ndarray, "..."] | None = None,
    *,
    motion: str = "shift",
) -> Registered:
    """Return the frames moved onto each other.

    Parameters
    ----------
    images
        Signals or concentrations of one slice.
    region
        Where frames are compared, around the heart; None: everywhere but the border.
    motion
        One of `MOTIONS`.

    Raises
    ------
    InputError
        If the series is too short, has holes, or the region lies outside of it.
    """
    rows, columns, n = images.shape
    if motion not in MOTIONS:
        msg = f"motion must be one of {', '.join(MOTIONS)}, found {motion!r}. Choose one."
        raise InputError(msg)
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
    before = _left(blurred[region].T, max(COMPONENTS))
    found = np.zeros((n, 2, rows, columns))
    for kind in MOTIONS[: MOTIONS.index(motion) + 1]:
        # A form that bends starts from what a stiffer one found, with all components.
        rounds = COMPONENTS if kind == MOTIONS[0] else COMPONENTS[-2:]
        found = _hold(images, blurred, region, found, _form(kind, region.shape), rounds=rounds)
    after = _left(carried_back(blurred, found)[region].T, max(COMPONENTS))
    shifts = found[:, :, region].mean(-1)
    return Registered(carried_back(images, found), shifts, found, (before, after))


def _hold(
    images: np.ndarray,
    blurred: np.ndarray,
    region: np.ndarray,
    start: np.ndarray,
    form: _Form,
    *,
    rounds: tuple[int, ...],
) -> np.ndarray:
    """Return displacements: those of the start and, in a form, what it left."""
    n = blurred.shape[-1]
    weights = np.zeros((n, 2, len(form.functions)))
    limit = FARTHEST * np.array(region.shape)[:, None, None]
    noise = _noise(images)
    splines = [ndimage.spline_filter(blurred[..., i], 3, mode="nearest") for i in range(n)]
    box = _box(region)
    near = _Form(form.functions[:, *box], form.precision)
    grid = np.indices(region.shape)[:, *box] + start[:, :, *box]
    inside = region[box]
    for components in rounds:
        places = [grid[i] + near.displacement(own) for i, own in enumerate(weights)]
        series = np.stack([_at(splines[i], own[:, inside]) for i, own in enumerate(places)])
        target = _in_components(series, components)
        misfit = np.mean((series - target) ** 2, axis=1)
        prior = CORRELATED * float(np.median(misfit)) * form.precision
        for i in range(n):
            weights[i] = _follow(
                splines[i], target[i], inside, near, weights[i], grid=grid[i], prior=prior
            )
        told = _told(target, region, noise)
        weights -= np.median(weights[told], axis=0)
        weights[~told] = 0.0
    whole = start + np.stack([form.displacement(own) for own in weights])
    return np.asarray(np.clip(whole, -limit, limit))


def _noise(images: np.ndarray) -> float:
    """Return the variance of the noise, from what neighbours leave: Immerkaer (1996).

    Computer Vision and Image Understanding 64:300-302, by the median instead of the mean.
    """
    mask = np.outer([1, -2, 1], [1, -2, 1])[..., None] / 6
    rest = np.abs(ndimage.convolve(images, mask, mode="nearest"))
    return float((1.4826 * np.median(rest)) ** 2)


def _told(target: np.ndarray, region: np.ndarray, noise: float) -> np.ndarray:
    """Return the frames that show where the heart is; all, where none does.

    The standard error of a shift is known from the target's slopes: the blur lowers the noise's
    variance by the number of voxels that then share it.
    """
    inner = ndimage.binary_erosion(region)
    image = np.zeros(region.shape)
    slopes = np.empty(len(target))
    for i, own in enumerate(target):
        image[region] = own
        slopes[i] = min(np.sum(slope[inner] ** 2) for slope in np.gradient(image))
    told = slopes * UNTOLD**2 > noise
    return told if told.any() else np.ones_like(told)


def _form(kind: str, shape: tuple[int, ...]) -> _Form:
    """Return the functions of a motion over an image."""
    if kind == "shift":
        return _Form(np.ones((1, *shape)), np.zeros((1, 1)))
    if kind == "affine":
        axes = [np.arange(m) - 0.5 * (m - 1) for m in shape]
        along = np.stack(np.meshgrid(*axes, indexing="ij"))
        functions = np.concatenate([np.ones((1, *shape)), along])
        return _Form(functions, np.diag([0.0, STRAIN**-2, STRAIN**-2]))
    lines = []
    for m in shape:
        span = (m - 1) / KNOTS
        knots = span * (np.arange(KNOTS + 7) - 3)
        lines.append(BSpline.design_matrix(np.arange(m) * (1 - 1e-12), knots, 3).toarray())
    functions = np.einsum("ia,jb->abij", *lines)
    number = KNOTS + 3
    difference = np.diff(np.eye(number), axis=0)
    span = min(shape) / KNOTS
    stiff = difference.T @ difference / (STRAIN * span) ** 2
    one = np.eye(number)
    precision = np.kron(stiff, one) + np.kron(one, stiff)
    return _Form(functions.reshape(-1, *shape), precision)


def carried_back(
    images: Float[np.ndarray, "rows columns frames"],
    displacements: Float[np.ndarray, "frames 2 rows columns"],
) -> Float[np.ndarray, "rows columns frames"]:
    """Return the frames with their tissue moved back by its displacements, voxels."""
    grid = np.indices(images.shape[:2])
    frames = [
        ndimage.map_coordinates(images[..., i], grid + own, order=3, mode="nearest")
        for i, own in enumerate(displacements)
    ]
    return np.stack(frames, -1)


def _box(region: np.ndarray) -> tuple[slice, slice]:
    """Return the rows and columns of a region with its neighbours, for slopes."""
    ends = [np.flatnonzero(region.any(axis=axis))[[0, -1]] for axis in (1, 0)]
    rows, columns = (slice(max(first - 1, 0), last + 2) for first, last in ends)
    return rows, columns


def _at(spline: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return an image, given by its spline, at rows and columns."""
    return np.asarray(
        ndimage.map_coordinates(spline, places, order=3, mode="nearest", prefilter=False)
    )


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
    spline: np.ndarray,
    target: np.ndarray,
    region: np.ndarray,
    form: _Form,
    weights: np.ndarray,
    *,
    grid: np.ndarray,
    prior: np.ndarray,
) -> np.ndarray:
    """Return the weights of a frame, rows and columns x functions, that fit its target best."""
    functions = form.functions[:, region]
    number = len(functions)
    stiff = np.kron(np.eye(2), prior)
    best, lowest = weights, np.inf
    for _ in range(STEPS):
        moved = _at(spline, grid + form.displacement(weights))
        rest = moved[region] - target
        flat = weights.reshape(-1)
        cost = float(rest @ rest + flat @ stiff @ flat)
        if cost >= lowest:
            break
        best, lowest = weights, cost
        slopes = [slope[region] for slope in np.gradient(moved)]
        columns = np.concatenate([slope * functions for slope in slopes])
        normal = columns @ columns.T + stiff
        normal += (1e-6 * np.trace(normal) / len(normal) + 1e-300) * np.eye(2 * number)
        # Moved back by more, a voxel shows what lay farther along: rest falls along the slopes.
        step = -np.linalg.solve(normal, columns @ rest + stiff @ flat).reshape(2, number)
        longest = np.abs(form.displacement(step)).max()
        weights = best + step * min(1.0, LONGEST_STEP / max(longest, 1e-300))
        if longest < SETTLED:
            return weights
    return best


__all__ = ["MOTIONS", "Registered", "carried_back", "hold_still"]
