"""Images, labels and contours seen in a plane, turned to the heart's own directions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.ndimage import map_coordinates

from cardiotwin.imaging.examination import (
    Contours,
    ImageStack,
    LabelMap,
    Phase,
    Slice,
    Tissue,
    View,
)
from cardiotwin.viz.wall import Axes

PIXEL = 0.6e-3  # m, of the resampled pictures
NEAR_IN_TIME = 0.03  # s: a still image within this of a phase shows it
COVERED = 0.5  # share of a panel that an image must fill


@dataclass(frozen=True, kw_only=True, eq=False)
class Window:
    """A rectangle in an image plane.

    Parameters
    ----------
    centre
        Middle, m.
    right, up
        Unit vectors in the plane.
    half_width, half_height
        Half its size, m.
    """

    centre: Float[np.ndarray, "3"]
    right: Float[np.ndarray, "3"]
    up: Float[np.ndarray, "3"]
    half_width: float
    half_height: float

    @property
    def normal(self) -> Float[np.ndarray, "3"]:
        """Return the unit vector across the plane."""
        return np.asarray(np.cross(self.right, self.up))

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Return left, right, bottom, top from the middle, mm."""
        width, height = self.half_width * 1e3, self.half_height * 1e3
        return -width, width, -height, height

    def flat(self, points: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points 2"]:
        """Return in-plane coordinates of points, mm."""
        return np.asarray((points - self.centre) @ np.stack([self.right, self.up], axis=1) * 1e3)

    def grid(self) -> Float[np.ndarray, "rows columns 3"]:
        """Return the world positions of the picture's pixels, row 0 on top, m."""
        across = np.arange(-self.half_width + PIXEL / 2, self.half_width, PIXEL)
        down = np.arange(self.half_height - PIXEL / 2, -self.half_height, -PIXEL)
        return np.asarray(
            self.centre + across[None, :, None] * self.right + down[:, None, None] * self.up
        )


def window_on(plane: Slice, heart: Axes, middle: Float[np.ndarray, "3"], half: float) -> Window:
    """Return the window round `middle` in a slice's plane.

    Short axis: anterior up, septum to the left, which is the view from the apex (of a file that
    is a mirror image, the view that turns it back). Long axis: base up, and whichever of septum
    and anterior wall lies in the plane to the left.
    """
    normal = plane.normal
    short = plane.view is View.SHORT_AXIS
    up = heart.anterior if short else heart.apex_to_base
    up = up - normal * (up @ normal)
    up = up / np.linalg.norm(up)
    right = np.cross(up, normal)
    sides = (heart.septal,) if short else (heart.septal, heart.anterior)
    leftwards = max(sides, key=lambda side: abs(float(side @ right)))
    right = right if leftwards @ right < 0 else -right
    centre = middle - normal * ((middle - plane.origin) @ normal)
    return Window(
        centre=np.asarray(centre),
        right=np.asarray(right),
        up=np.asarray(up),
        half_width=half,
        half_height=half,
    )


def shifts(corrected: Contours, drawn: Contours | None) -> dict[int, Float[np.ndarray, "3"]]:
    """Return by how much each slice was moved, m; nothing where that is not known."""
    if drawn is None:
        return {}
    return {
        key: np.asarray(plane.origin - drawn.slices[key].origin)
        for key, plane in corrected.slices.items()
        if key in drawn.slices
    }


def picture(
    images: Sequence[ImageStack],
    grid: Float[np.ndarray, "rows columns 3"],
    phase: Phase,
    times: Mapping[str, float],
) -> tuple[Float[np.ndarray, "rows columns"], str] | None:
    """Return the image that fills most of a grid of positions, and its name.

    None where no image shows the phase there.
    """
    best, result = COVERED, None
    for stack in images:
        frame = frame_of(stack, phase, times.get(phase.value, np.nan))
        if frame is None:
            continue
        index = voxels(stack.affine, grid)
        inside = _inside(index, stack.array.shape[:3])
        covered = float(inside.mean())
        if covered > best:
            volume = stack.array[..., frame]
            volume = np.abs(volume) if np.iscomplexobj(volume) else volume
            best, result = covered, (_sample(volume.astype(np.float32), index, inside), stack.name)
    return result


def frame_of(stack: ImageStack, phase: Phase, time: float) -> int | None:
    """Return the frame that shows a phase, None where no frame does."""
    times = np.asarray(stack.frame_times, dtype=np.float64)
    time = 0.0 if phase is Phase.END_DIASTOLE and not np.isfinite(time) else time
    known = np.isfinite(times)
    if np.isfinite(time) and known.any() and (known.all() or phase is Phase.END_DIASTOLE):
        nearest = int(np.nanargmin(np.abs(times - time)))
        close = abs(times[nearest] - time) <= NEAR_IN_TIME
        return nearest if close or len(times) > 2 else None
    if phase is Phase.END_DIASTOLE:
        return 0
    return 1 if len(times) == 2 else None


def tissue(
    labels: LabelMap, grid: Float[np.ndarray, "rows columns 3"]
) -> Integer[np.ndarray, "rows columns"]:
    """Return the label of the nearest voxel at each position, background outside the map."""
    index = np.rint(voxels(labels.affine, grid)).astype(int)
    inside = np.all((index >= 0) & (index < labels.array.shape), axis=2)
    result = np.full(grid.shape[:2], Tissue.BACKGROUND.value)
    result[inside] = labels.array[tuple(index[inside].T)]
    return result


def voxels(
    affine: Float[np.ndarray, "4 4"], grid: Float[np.ndarray, "rows columns 3"]
) -> Float[np.ndarray, "rows columns 3"]:
    """Return voxel indices of world positions."""
    inverse = np.linalg.inv(affine)
    return np.asarray(grid @ inverse[:3, :3].T + inverse[:3, 3])


def _inside(
    index: Float[np.ndarray, "rows columns 3"], shape: tuple[int, ...]
) -> Bool[np.ndarray, "rows columns"]:
    return np.asarray(np.all((index >= -0.5) & (index <= np.array(shape) - 0.5), axis=2))


def _sample(
    volume: Float[np.ndarray, "i j k"],
    index: Float[np.ndarray, "rows columns 3"],
    inside: Bool[np.ndarray, "rows columns"],
) -> Float[np.ndarray, "rows columns"]:
    """Return the volume between its voxels in the plane, the nearest slice across it."""
    where = np.moveaxis(index, 2, 0).copy()
    where[2] = np.clip(np.rint(where[2]), 0, volume.shape[2] - 1)
    values = map_coordinates(volume, where, order=1, mode="nearest")
    return np.where(inside, values, np.nan).astype(np.float64)


__all__ = ["Window", "frame_of", "picture", "shifts", "tissue", "voxels", "window_on"]
