"""Both ventricles as smooth solids: the cavities, and what the epicardium encloses."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from scipy import ndimage

from cardiotwin.geometry.anatomy import HeartFrame
from cardiotwin.geometry.biventricular.grid import (
    BAND,
    VOXEL,
    Grid,
    Level,
    one_solid,
    redistanced,
    smooth_max,
)
from cardiotwin.geometry.biventricular.lattice import DIVIDED, LARGE, LEFT_OUT
from cardiotwin.geometry.biventricular.right import RightCavity, cavity_values
from cardiotwin.geometry.measured import Extent, extent, rings, slab_volumes
from cardiotwin.geometry.stack import Stack
from cardiotwin.geometry.surfaces import Wall, normal_scale

ROOM = 12e-3  # m round the heart
ABOVE = 6e-3  # m above the base
FILLET = 4e-3  # m: over which the RV's wall joins the LV's
CLEFT = 5e-3  # m: radius of a ball that enters the clefts between the ventricles
NECK = 1.25e-3  # m: half the width of the narrowest neck in the RV's cavity
SMOOTHING = 0.8  # voxels
OUTER = 2  # the number of the epicardium
CUBES_PER_WALL = 1.8  # with fewer large cubes across, the lattice is refined
BEYOND = 1.2  # sides of a cube: farther from the wall, no cell that it is part of meets the wall
MOST_GROWTH = 1.5e-3  # m: surfaces are moved no more to match volumes
Points = Float[np.ndarray, "n 3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Shape:
    """The solids in the frame of the wall; the base is z = 0 in the base's own coordinates.

    Parameters
    ----------
    left, right
        The cavities.
    ventricle
        The LV with its wall.
    outer
        All that the epicardium encloses.
    axes, origin
        Rows and origin of the base's coordinates in the frame: across, across, normal.
    frame
        The heart's axes in the world.
    """

    left: Level
    right: Level
    ventricle: Level
    outer: Level
    axes: Float[np.ndarray, "3 3"]
    origin: Float[np.ndarray, "3"]
    frame: HeartFrame

    def local(self, points: Points) -> Points:
        """Return positions in the frame, m, of ones in the base's coordinates."""
        return np.asarray(points @ self.axes + self.origin)

    def wall(self, points: Points) -> Float[np.ndarray, " n"]:
        """Return the distance inside the wall, m, at points in the base's coordinates."""
        return self.parts(points).min(axis=0)

    def sizes(
        self, middles: Float[np.ndarray, "cubes 3"], side: float
    ) -> Integer[np.ndarray, " cubes"]:
        """Return which cubes lie outside the wall, and which where it is too thin for them.

        The wall is as thick as the distances to the two nearest surfaces together.
        """
        first, second = np.partition(self.parts(middles), 1, axis=0)[:2]
        size = np.where(first + second < CUBES_PER_WALL * side, DIVIDED, LARGE)
        return np.where(first > -BEYOND * side, size, LEFT_OUT)

    def parts(self, points: Points) -> Float[np.ndarray, "3 n"]:
        """Return the distances outside the two cavities and inside the epicardium, m."""
        local = self.local(points)
        return np.stack([self.part(number, local) for number in range(3)])

    def part(self, number: int, local: Points) -> Float[np.ndarray, " n"]:
        """Return one of the three distances at positions in the frame, m."""
        level = (self.left, self.right, self.outer)[number]
        return level.at(local) if number == OUTER else -level.at(local)


def shape_of(stack: Stack, wall: Wall, right: RightCavity, rv_wall: float) -> Shape:
    """Return the solids whose volumes are those drawn, with an RV wall of a thickness, m."""
    grid = _grid(wall, right, rv_wall)
    axes = _base_axes(wall.base)
    origin = np.array([0.0, 0.0, wall.base[0]])
    height = ((grid.points - origin) @ axes[2]).reshape(grid.shape)
    below = np.clip(0.5 - height / VOXEL, 0, 1)
    left, ventricle = _left(stack, wall, grid, below)
    cavity = Level(grid=grid, values=cavity_values(right, wall, grid))
    cavity = cavity.with_values(ndimage.gaussian_filter(cavity.values, SMOOTHING))
    among = below * _between(grid, right.between)
    cavity = _one_cavity(cavity.with_values(np.minimum(cavity.values, -ventricle.values)), height)
    cavity = cavity.grown_to(right.volume, among, MOST_GROWTH)
    cavity = _one_cavity(cavity.with_values(np.minimum(cavity.values, -ventricle.values)), height)
    cavity = redistanced(cavity)
    outer = smooth_max(ventricle.values, cavity.values + rv_wall, FILLET)
    return Shape(
        left=left,
        right=cavity,
        ventricle=ventricle,
        outer=ventricle.with_values(_closed(outer)),
        axes=axes,
        origin=origin,
        frame=wall.prolate.frame,
    )


def _one_cavity(cavity: Level, height: Float[np.ndarray, "x y z"]) -> Level:
    """Return the largest part of a cavity below the base and what is above, smoothed."""
    inside, above = cavity.values > 0, height > VOXEL
    core = one_solid((cavity.values > NECK) & ~above)
    kept = ndimage.binary_dilation(core, iterations=4) & inside | core | (inside & above)
    filled = np.where(kept & ~inside, VOXEL, cavity.values)
    others = ndimage.binary_dilation(inside & ~kept, iterations=2)
    others &= ~ndimage.binary_dilation(kept, iterations=2)
    cleared = np.where(inside & ~kept, -VOXEL, np.where(others, -BAND, filled))
    return cavity.with_values(ndimage.gaussian_filter(cleared, SMOOTHING))


def _closed(outer: Float[np.ndarray, "x y z"]) -> Float[np.ndarray, "x y z"]:
    """Return a solid without clefts too narrow for a ball, nor pits that only the base opens."""
    near = outer > -CLEFT
    for k in range(near.shape[2]):
        near[:, :, k] = ndimage.binary_fill_holes(near[:, :, k])
    depth = ndimage.distance_transform_edt(near) * VOXEL - CLEFT - VOXEL / 2
    depth = ndimage.gaussian_filter(depth, SMOOTHING)
    closed = smooth_max(outer, depth - VOXEL / 2, VOXEL)
    whole = one_solid(closed > 0)
    found = np.where(whole, np.maximum(closed, VOXEL / 4), np.minimum(closed, -VOXEL / 4))
    return np.asarray(found)


def _left(
    stack: Stack, wall: Wall, grid: Grid, below: Float[np.ndarray, "x y z"]
) -> tuple[Level, Level]:
    """Return the LV's cavity, and it with its wall, with the volumes that were drawn."""
    levels = rings(stack)
    between = extent(levels, stack, wall.prolate)
    volumes = slab_volumes(levels, wall.prolate, wall.base, between)
    among = below * _between(grid, between)
    radius, polar, angle = wall.prolate.coordinates(wall.prolate.world(grid.points))
    scale = normal_scale(radius, polar, wall.prolate.focus)
    found = [
        Level(grid=grid, values=((surface - radius) * scale).reshape(grid.shape))
        for surface in _tabled(wall, polar, angle)
    ]
    wanted = (volumes[0], sum(volumes))
    cavity, whole = (
        level.grown_to(volume, among, MOST_GROWTH)
        for level, volume in zip(found, wanted, strict=True)
    )
    return cavity, whole


def _tabled(
    wall: Wall, polar: Float[np.ndarray, " n"], angle: Float[np.ndarray, " n"]
) -> list[Float[np.ndarray, " n"]]:
    """Return `wall.radii`, linear between directions a degree apart, to 0.01 mm."""
    steps = np.ceil(np.rad2deg(np.ptp(polar))), 360.0
    starts, spans = (polar.min(), -np.pi), (np.ptp(polar), 2 * np.pi)
    ticks = [
        start + np.linspace(0, span, int(n) + 1)
        for start, span, n in zip(starts, spans, steps, strict=True)
    ]
    table = [part.ravel() for part in np.meshgrid(*ticks, indexing="ij")]
    turned = np.mod(angle + np.pi, 2 * np.pi)
    index = [(polar - starts[0]) * steps[0] / spans[0], turned * steps[1] / spans[1]]
    shape = len(ticks[0]), len(ticks[1])
    return [
        np.asarray(ndimage.map_coordinates(one.reshape(shape), index, order=1))
        for one in wall.radii(*table)
    ]


def _between(grid: Grid, extent: Extent) -> Float[np.ndarray, "x y z"]:
    """Return the share of each sample's voxel between two heights of the frame."""
    z = grid.heights
    share = np.clip((z - extent.low) / VOXEL + 0.5, 0, 1)
    share *= np.clip((extent.high - z) / VOXEL + 0.5, 0, 1)
    return np.broadcast_to(share, grid.shape)


def _grid(wall: Wall, right: RightCavity, rv_wall: float) -> Grid:
    """Return a grid with room for both ventricles, from below the apex to above the base."""
    angle = np.linspace(0, 2 * np.pi, 73)[:-1]
    u, turn = (part.ravel() for part in np.meshgrid(np.linspace(0, 1, 21), angle, indexing="ij"))
    outside = wall.prolate.local(wall.surface(u, turn, np.ones_like(u)))
    rv = wall.prolate.local(np.concatenate(right.outlines))
    low = np.minimum(outside.min(axis=0), rv.min(axis=0) - rv_wall) - ROOM
    high = np.maximum(outside.max(axis=0), rv.max(axis=0) + rv_wall) + ROOM
    corners = np.stack(np.meshgrid([low[0], high[0]], [low[1], high[1]]), axis=-1).reshape(-1, 2)
    high[2] = float((wall.base[0] + corners @ wall.base[1:]).max()) + ABOVE
    shape = np.ceil((high - low) / VOXEL).astype(int) + 1
    return Grid(low=low, shape=(int(shape[0]), int(shape[1]), int(shape[2])))


def _base_axes(base: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """Return two directions in the base and its normal, right-handed, near the frame's own."""
    normal = np.array([-base[1], -base[2], 1.0])
    normal /= np.linalg.norm(normal)
    first = np.array([1.0, 0.0, 0.0]) - normal[0] * normal
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(normal, first), normal])


__all__ = ["Shape", "shape_of"]
