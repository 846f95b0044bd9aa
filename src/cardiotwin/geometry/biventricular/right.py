"""The right ventricle's cavity between its outlines in the short-axis slices."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from skimage.measure import points_in_poly

from cardiotwin.errors import InputError
from cardiotwin.geometry.biventricular.grid import Grid
from cardiotwin.geometry.measured import Extent, extent, rings, slab_volumes
from cardiotwin.geometry.stack import SAME_PLANE, Level, Stack
from cardiotwin.geometry.surfaces import Wall
from cardiotwin.imaging.curves import polygon_area
from cardiotwin.imaging.examination import Contours, Structure, View

FEWEST = 3  # slices with the RV's cavity
SMALLEST = 20e-6  # m^2: a smaller patch is noise
CLOSING = 0.6  # of a slice's distance: below its lowest outline the cavity ends
STEEPEST_END = 0.9  # of the depth: the outline shrinks at least this fast there
CORNER = 0.25e-3  # m: outlines are sampled this finely
ROUNDING = 0.7  # voxels: smoothing of each slice's distances


@dataclass(frozen=True, kw_only=True, eq=False)
class RightCavity:
    """What was drawn of the right ventricle.

    Parameters
    ----------
    levels
        Its slices up to the base, in order of height.
    between
        The extent over which its volume is compared.
    volume
        Its slices' Simpson sum over that extent below the base, m^3.
    above
        Its slices beyond the LV's base, which are not meshed.
    """

    levels: tuple[Level, ...]
    between: Extent
    volume: float
    above: tuple[Level, ...] = ()

    @property
    def outlines(self) -> tuple[Float[np.ndarray, "_points 3"], ...]:
        """Return its slices' outlines in order of height, m."""
        return tuple(one.endocardium for one in self.levels if one.endocardium is not None)


def right_cavity(contours: Contours, stack: Stack, wall: Wall) -> RightCavity:
    """Return the RV's slices and their volume.

    Raises
    ------
    InputError
        Where fewer than three slices up to the base show it.
    """
    top = rings(stack)[-1]
    thick = {level.slice_id: level.thickness for level in stack.levels}
    largest: dict[int, Level] = {}
    for curve in contours.of(Structure.RV_ENDOCARDIUM, View.SHORT_AXIS):
        k, area = curve.slice_id, polygon_area(curve.points)
        if k in stack.misnamed or k not in contours.slices or area < SMALLEST:
            continue
        plane = contours.slices[k]
        height = float(plane.origin @ stack.axis)
        if k not in largest or area > largest[k].cavity_area:
            largest[k] = Level(
                slice_id=k,
                height=height,
                thickness=thick.get(k, plane.thickness),
                endocardium=curve.points,
                epicardium=curve.points,
                closed=True,
            )
    drawn = sorted(largest.values(), key=lambda level: level.height)
    levels = tuple(one for one in drawn if one.height <= top.height + SAME_PLANE)
    if len(levels) < FEWEST:
        msg = (
            f"A biventricular mesh needs the right ventricle's cavity in at least {FEWEST} "
            f"short-axis slices below the base, found {len(levels)}. "
            "Segment the right ventricle in more slices."
        )
        raise InputError(msg)
    between = extent(levels, stack, wall.prolate)
    return RightCavity(
        levels=levels,
        between=between,
        volume=slab_volumes(levels, wall.prolate, wall.base, between)[0],
        above=tuple(drawn[len(levels) :]),
    )


def cavity_values(right: RightCavity, wall: Wall, grid: Grid) -> Float[np.ndarray, "x y z"]:
    """Return the distance inside the cavity, m: each slice's own, smooth between the slices."""
    heights, distances = _slices(right, wall, grid)
    heights, distances = _closed_below(heights, distances)
    z = grid.heights
    between = PchipInterpolator(heights, distances.reshape(len(heights), -1), axis=0)
    values = between(np.clip(z, heights[0], heights[-1]))
    values -= np.maximum(heights[0] - z, 0)[:, None]
    return np.ascontiguousarray(values.T).reshape(grid.shape)


def _slices(
    right: RightCavity, wall: Wall, grid: Grid
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k x y"]]:
    """Return the heights of the slices, m, and the distance inside the outline in each, m."""
    flat = Grid(low=grid.low, shape=(*grid.shape[:2], 1)).points[:, :2]
    heights: list[float] = []
    distances: list[Float[np.ndarray, "x y"]] = []
    for outline in right.outlines:
        local = wall.prolate.local(outline)
        distance = _signed_distance(local[:, :2], flat).reshape(grid.shape[:2])
        distance = gaussian_filter(distance, ROUNDING)
        height = float(local[:, 2].mean())
        if heights and height - heights[-1] < SAME_PLANE:  # one place drawn twice
            distances[-1] = (distances[-1] + distance) / 2
            continue
        heights.append(height)
        distances.append(distance)
    return np.array(heights), np.stack(distances)


def _closed_below(
    heights: Float[np.ndarray, " k"], distances: Float[np.ndarray, "k x y"]
) -> tuple[Float[np.ndarray, " more"], Float[np.ndarray, "more x y"]]:
    """Return the slices with two more below them, in which the cavity has ended."""
    gap = float(heights[1] - heights[0])
    depth = CLOSING * min(gap, float(np.median(np.diff(heights))))
    lowest, next_up = distances[0], distances[1]
    shrunk = lowest - np.maximum(next_up - lowest, 0) * depth / gap
    ended = np.minimum(shrunk, lowest - STEEPEST_END * depth)
    ended = np.minimum(ended, lowest - lowest.max())
    beyond = ended - gap
    return (
        np.array([heights[0] - depth - gap, heights[0] - depth, *heights]),
        np.concatenate([beyond[None], ended[None], distances]),
    )


def _signed_distance(
    outline: Float[np.ndarray, "corners 2"], points: Float[np.ndarray, "n 2"]
) -> Float[np.ndarray, " n"]:
    """Return the distance of points from a closed outline, positive inside, m."""
    ahead = np.roll(outline, -1, axis=0)
    lengths = np.linalg.norm(ahead - outline, axis=1)
    parts = np.maximum(np.ceil(lengths / CORNER).astype(int), 1)
    which = np.repeat(np.arange(len(outline)), parts)
    share = (np.arange(len(which)) - np.repeat(np.cumsum(parts) - parts, parts)) / parts[which]
    fine = outline[which] + share[:, None] * (ahead - outline)[which]
    inside = points_in_poly(points, outline)  # type: ignore[no-untyped-call]
    distance = cKDTree(fine).query(points)[0]
    return np.asarray(np.where(inside, distance, -distance))


__all__ = ["RightCavity", "cavity_values", "right_cavity"]
