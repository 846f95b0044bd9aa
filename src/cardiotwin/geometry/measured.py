"""What the contours say by themselves: slabs, their volumes, and where the heart ends."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from skimage.measure import points_in_poly

from cardiotwin.geometry.gaps import gaps, whole_levels
from cardiotwin.geometry.stack import SAME_PLANE, Level, Stack
from cardiotwin.geometry.surfaces import Prolate
from cardiotwin.imaging.curves import polygon_area

RING = 2 / 3  # of the way round: with less wall a basal slice is no ring
PART = 0.5  # of the next slice's cavity: with less a basal slice is mostly outflow or atrium
RASTER = 48  # samples across a slab that the base cuts


@dataclass(frozen=True, kw_only=True)
class Extent:
    """Between which heights above the frame's origin volumes are compared, m."""

    low: float
    high: float


def rings(stack: Stack) -> tuple[Level, ...]:
    """Return the slices below the first basal one that is not a ring of wall round a cavity."""
    usable = stack.usable
    top = len(usable)
    while top > 1 and not _is_ring(usable[top - 1], usable[top - 2]):
        top -= 1
    highest = usable[top - 1].height
    return tuple(level for level in stack.levels if level.height <= highest)


def _is_ring(level: Level, below: Level) -> bool:
    if level.cavity_area < PART * below.cavity_area:
        return False
    return level.closed or walled_share(level) >= RING


def walled_share(level: Level) -> float:
    """Return the share of the circumference that the epicardium goes round."""
    if level.epicardium is None:
        return 0.0
    arms = level.epicardium - level.centre
    arms /= np.linalg.norm(arms, axis=1, keepdims=True)
    turns = np.arccos(np.clip(np.einsum("ni,ni->n", arms[1:], arms[:-1]), -1, 1))
    return 1.0 if level.closed else float(turns.sum() / (2 * np.pi))


def extent(levels: tuple[Level, ...], stack: Stack, prolate: Prolate) -> Extent:
    """Return from the lower end of the lowest slab with cavity to the upper end of the highest."""
    origin = float(prolate.frame.origin @ stack.axis)
    cavity = [level for level in levels if level.endocardium is not None]
    low = min(level.height - level.thickness / 2 for level in cavity) - origin
    high = max(level.height + level.thickness / 2 for level in levels) - origin
    return Extent(low=low, high=high)


def slab_volumes(
    levels: tuple[Level, ...], prolate: Prolate, base: Float[np.ndarray, "3"], between: Extent
) -> tuple[float, float]:
    """Return the cavity's and the wall's Simpson sums below the base, m^3.

    Area times thickness, and where the base cuts a slab, the part of it below; where slices are
    missing between others, the areas' cubic spline (a spheroid's area is quadratic in height).
    """
    whole = whole_levels(levels)
    cavity, filled = 0.0, 0.0
    for level in whole:
        inner = _slab(level.endocardium, level, prolate, base, between)
        outer = _slab(level.epicardium, level, prolate, base, between)
        cavity += inner
        filled += max(outer, inner)
    for low, high in _undrawn(whole, prolate):
        ends = (max(low, between.low), min(high, float(base[0])))
        cavity += _bridged([level.endocardium for level in whole], prolate, *ends)
        filled += _bridged([level.epicardium for level in whole], prolate, *ends)
    return cavity, filled - cavity


def _slab(
    outline: Float[np.ndarray, "points 3"] | None,
    level: Level,
    prolate: Prolate,
    base: Float[np.ndarray, "3"],
    between: Extent,
) -> float:
    if outline is None:
        return 0.0
    local = prolate.local(outline)
    height = float(local[:, 2].mean())
    low = max(height - level.thickness / 2, between.low)
    high = min(height + level.thickness / 2, between.high)
    lid = base[0] + local[:, :2] @ base[1:]
    area = polygon_area(outline)
    if lid.min() >= high or lid.max() <= low:
        return area * max(min(high, float(lid.max())) - low, 0.0)
    spans = [np.linspace(local[:, k].min(), local[:, k].max(), RASTER) for k in range(2)]
    grid = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 2)
    inside = grid[points_in_poly(grid, local[:, :2])]  # type: ignore[no-untyped-call]
    depth = np.clip(base[0] + inside @ base[1:], low, high) - low
    return area * float(depth.mean())


def _bridged(
    outlines: list[Float[np.ndarray, "_points 3"] | None],
    prolate: Prolate,
    low: float,
    high: float,
) -> float:
    """Return the volume between two heights that the areas of the outlines imply, m^3."""
    drawn = [outline for outline in outlines if outline is not None]
    heights = [float(prolate.local(outline)[:, 2].mean()) for outline in drawn]
    areas = [polygon_area(outline) for outline in drawn]
    order = np.argsort(heights)
    kept = order[np.diff(np.sort(heights), append=np.inf) > SAME_PLANE]
    spline = CubicSpline(np.array(heights)[kept], np.array(areas)[kept])
    return float(spline.integrate(low, max(high, low)))


def _undrawn(levels: tuple[Level, ...], prolate: Prolate) -> list[tuple[float, float]]:
    """Return the heights above the frame's origin between which no slab lies, m."""

    def height(level: Level) -> float:
        return float(prolate.local(level.centre[None])[0, 2])

    return [
        (
            height(gap.below) + gap.below.thickness / 2,
            height(gap.above) - gap.above.thickness / 2,
        )
        for gap in gaps(levels)
    ]


__all__ = ["Extent", "extent", "rings", "slab_volumes", "walled_share"]
