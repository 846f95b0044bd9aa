"""Functions of the position sampled on a regular grid in the heart's frame."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from scipy.spatial import cKDTree

VOXEL = 1.25e-3  # m
BAND = 9e-3  # m: distances are true this far from a surface
APART = 0.7  # voxels between neighbouring crossings of a surface and the grid's lines
FLATTEST = 0.3  # slope of a distance: less is a ridge between two surfaces
RAMP = 1.0  # voxels over which a voxel counts as part inside


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """Where the samples lie.

    Parameters
    ----------
    low
        Position of the first sample in the heart's frame, m.
    shape
        Number of samples along each axis.
    """

    low: Float[np.ndarray, "3"]
    shape: tuple[int, int, int]

    @property
    def heights(self) -> Float[np.ndarray, " z"]:
        """Return the samples' heights, m."""
        return np.asarray(self.low[2] + VOXEL * np.arange(self.shape[2]))

    @property
    def points(self) -> Float[np.ndarray, "samples 3"]:
        """Return the samples' positions, the last axis fastest, m."""
        steps = [self.low[k] + VOXEL * np.arange(n) for k, n in enumerate(self.shape)]
        return np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)


@dataclass(frozen=True, kw_only=True, eq=False)
class Level:
    """A smooth solid: where the samples are positive, about the distance inside its surface, m."""

    grid: Grid
    values: Float[np.ndarray, "x y z"]

    def at(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
        """Return the values at positions in the frame, m (linear between samples)."""
        index = (points - self.grid.low).T / VOXEL
        found = ndimage.map_coordinates(self.values, index, order=1, mode="nearest")
        return np.asarray(found, dtype=np.float64)

    def with_values(self, values: Float[np.ndarray, "x y z"]) -> "Level":
        """Return other values on the same grid."""
        return replace(self, values=values)

    def volume(self, among: Float[np.ndarray, "x y z"]) -> float:
        """Return the volume inside, samples counted by their share `among`, m^3."""
        inside = np.clip(self.values / (RAMP * VOXEL) + 0.5, 0, 1)
        return float((inside * among).sum() * VOXEL**3)

    def grown_to(self, volume: float, among: Float[np.ndarray, "x y z"], most: float) -> "Level":
        """Return the solid grown or shrunk evenly to a volume, by at most a distance, m."""
        shift, step = 0.0, most / 8
        for _ in range(8):
            here = self.with_values(self.values + shift)
            excess = here.volume(among) - volume
            slope = (here.with_values(here.values + step).volume(among) - volume - excess) / step
            if abs(excess) < 1e-4 * volume or slope <= 0:
                break
            shift = float(np.clip(shift - excess / slope, -most, most))
        return self.with_values(self.values + shift)


def step_to_zero(
    function: Callable[[Float[np.ndarray, "n 3"]], Float[np.ndarray, " n"]],
    points: Float[np.ndarray, "n 3"],
    difference: float,
    *,
    flat: Bool[np.ndarray, " n"],
) -> Float[np.ndarray, "n 3"]:
    """Return Newton's step to a function's zero along its slope, m; where `flat`, within z.

    The function is about a distance: where it is much flatter than one, the step is shortened.
    """
    slope = np.stack(
        [function(points + difference * e) - function(points - difference * e) for e in np.eye(3)],
        axis=1,
    ) / (2 * difference)
    slope[flat, 2] = 0.0
    steep = np.maximum(np.sum(slope**2, axis=1, keepdims=True), FLATTEST**2)
    return np.asarray(-function(points)[:, None] * slope / steep)


def smooth_max(
    a: Float[np.ndarray, "x y z"], b: Float[np.ndarray, "x y z"], width: float
) -> Float[np.ndarray, "x y z"]:
    """Return the larger of two, rounded where they differ by less than a width."""
    near = np.maximum(width - np.abs(a - b), 0)
    return np.asarray(np.maximum(a, b) + near**2 / (4 * width))


def one_solid(inside: Bool[np.ndarray, "x y z"]) -> Bool[np.ndarray, "x y z"]:
    """Return the largest connected part of a solid, its holes filled."""
    marks, n_parts = ndimage.label(inside)
    if n_parts > 1:
        inside = marks == 1 + int(np.argmax(np.bincount(marks.ravel())[1:]))
    return np.asarray(ndimage.binary_fill_holes(inside))


def redistanced(level: Level) -> Level:
    """Return the same surface with the signed distance from it in a band about it."""
    values = level.values
    crossings, normals = _crossings(values)
    inside = values > 0
    shell = ndimage.binary_dilation(inside, iterations=2)
    shell &= ~ndimage.binary_erosion(inside, iterations=2)
    band = ndimage.binary_dilation(shell, iterations=int(np.ceil(BAND / VOXEL)))
    places = np.argwhere(band)
    far, nearest = cKDTree(crossings).query(places)
    along = np.abs(np.einsum("ni,ni->n", places - crossings[nearest], normals[nearest]))
    beside = np.sqrt(np.maximum(far**2 - along**2, 0))
    # Above the nearest crossing the surface goes on as a plane, but no farther than to the next.
    distance = np.hypot(along, np.maximum(beside - APART, 0)) * VOXEL
    found = np.full(values.shape, BAND + VOXEL)
    found[band] = np.minimum(distance, BAND + VOXEL)
    return level.with_values(np.where(inside, found, -found))


def _crossings(
    values: Float[np.ndarray, "x y z"],
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 3"]]:
    """Return where the function crosses zero along the grid's lines, and its direction there."""
    slopes = np.stack(np.gradient(values), axis=-1)
    points, normals = [], []
    for axis, step in enumerate(np.eye(3, dtype=np.int64)):
        ends = np.swapaxes(values, 0, axis)
        place = np.argwhere(np.swapaxes((ends[:-1] > 0) != (ends[1:] > 0), 0, axis))
        here, there = tuple(place.T), tuple((place + step).T)
        share = (values[here] / (values[here] - values[there]))[:, None]
        points.append(place + share * step)
        normals.append(slopes[here] * (1 - share) + slopes[there] * share)
    normal = np.concatenate(normals)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return np.concatenate(points), normal / np.maximum(length, np.finfo(np.float64).tiny)


__all__ = [
    "BAND",
    "VOXEL",
    "Grid",
    "Level",
    "one_solid",
    "redistanced",
    "smooth_max",
    "step_to_zero",
]
