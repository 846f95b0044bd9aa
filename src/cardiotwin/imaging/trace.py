"""Contours traced round labels, finer than a pixel and true to the pixels' area.

In each slice the labelled region is smoothed by one pixel and the level whose outline encloses
the region's own area is taken (Lorensen & Cline 1987 in the plane; the level removes the
shrinking that smoothing brings).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage import measure

from cardiotwin.imaging.affine import slice_distance, to_world
from cardiotwin.imaging.examination import (
    Contours,
    Curve,
    LabelMap,
    Phase,
    Slice,
    Structure,
    Tissue,
    View,
)

SMALLEST = 20e-6  # m^2: a smaller patch of labels is noise
WALL_GAP = 0.15  # of the perimeter: where more wall is missing the epicardium is left open
LEAST_WALL = 1 / 3  # of the perimeter: an open ring with less is no wall to fit
ROOM = 4  # pixels round a patch, for the smoothing
NEAR = 1.5  # pixels: neighbouring labels' outlines are this close
FARTHEST_RV = 5e-3  # m: an RV cavity farther from the epicardium than this does not adjoin it

Mask = Bool[np.ndarray, "i j"]
Polygon = Float[np.ndarray, "_points 2"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Plane:
    """One slice of a label map: its masks and the lengths of its pixels' sides, m."""

    cavity: Mask
    filled: Mask
    rv: Mask
    steps: Float[np.ndarray, "2"]

    @property
    def pixel(self) -> float:
        """Return the mean side of a pixel, m."""
        return float(np.sqrt(np.prod(self.steps)))


def trace_labels(labels: LabelMap, phase: Phase) -> Contours:
    """Return the contours of the LV's cavity and wall and of the RV's cavity, slice by slice.

    The endocardium goes round the largest patch of cavity in a slice, papillary muscles
    included, the epicardium round cavity and myocardium together. A slice without cavity has an
    epicardium where it caps the apex, and none elsewhere. Where the ring is open (at the base)
    the epicardium is an open curve. The two points where the RV's cavity leaves the epicardium
    are landmarks.
    """
    planes = _planes(labels)
    curves: list[Curve] = []
    for k, plane in planes.items():
        curves += _traced(plane, labels.affine, k)
    slices = {
        k: Slice(
            origin=to_world(labels.affine, np.array([[0.0, 0.0, float(k)]]))[0],
            row=labels.affine[:3, 0],
            column=labels.affine[:3, 1],
            view=View.SHORT_AXIS,
            thickness=slice_distance(labels.affine),
        )
        for k in sorted({curve.slice_id for curve in curves})
    }
    return Contours(
        phase=phase, curves=tuple(curves), slices=slices, from_labels=True, source=labels.source
    )


def _planes(labels: LabelMap) -> dict[int, _Plane]:
    """Return the slices that hold anything, cleaned of islands."""
    steps = np.linalg.norm(labels.affine[:3, :2], axis=0)
    smallest = SMALLEST / float(np.prod(steps))
    found = {
        k: _plane(np.pad(labels.array[:, :, k], 1), smallest, steps)
        for k in range(labels.array.shape[2])
    }
    capped = _apical_caps({k: int(plane.cavity.sum()) for k, plane in found.items()})
    for k, plane in found.items():
        if not plane.cavity.any() and not (k in capped and _is_solid(plane.filled)):
            found[k] = replace(plane, filled=np.zeros_like(plane.filled))
    return found


def _plane(
    values: Integer[np.ndarray, "i j"], smallest: float, steps: Float[np.ndarray, "2"]
) -> _Plane:
    inside = (values == Tissue.LV_CAVITY) | (values == Tissue.MYOCARDIUM)
    filled = ndimage.binary_fill_holes(inside)
    cavity = largest_patch(ndimage.binary_fill_holes(values == Tissue.LV_CAVITY), smallest)
    return _Plane(
        cavity=cavity,
        filled=_patch_with(filled, cavity) if cavity.any() else largest_patch(filled, smallest),
        rv=_patches_above(values == Tissue.RV_CAVITY, smallest),
        steps=steps,
    )


def largest_patch(mask: Mask, smallest: float = 0.0) -> Mask:
    """Return the largest connected patch of a mask, empty where it has fewer pixels than asked."""
    marks, n_patches = ndimage.label(mask)
    if n_patches == 0:
        return mask
    sizes = np.bincount(marks.ravel())[1:]
    best = int(np.argmax(sizes))
    return np.asarray(marks == best + 1) if sizes[best] >= smallest else np.zeros_like(mask)


def _patch_with(mask: Mask, seed: Mask) -> Mask:
    marks, _ = ndimage.label(mask)
    touched = np.bincount(marks[seed])
    touched[0] = 0
    return np.asarray(marks == int(np.argmax(touched)))


def _patches_above(mask: Mask, smallest: float) -> Mask:
    marks, _ = ndimage.label(mask)
    kept = np.bincount(marks.ravel()) >= smallest
    kept[0] = False
    return np.asarray(kept[marks])


def _is_solid(mask: Mask) -> bool:
    """Return whether a patch is a disc rather than a piece of a ring (area over the hull's)."""
    if not mask.any():
        return False
    size = np.argwhere(mask)
    spread = np.linalg.eigvalsh(np.cov(size.T)) if len(size) > 2 else np.array([0.0, 1.0])
    area_of_ellipse = 4 * np.pi * np.sqrt(max(float(np.prod(spread)), 0.0))
    centre = np.rint(size.mean(axis=0)).astype(int)
    return bool(mask[tuple(centre)] and len(size) > 0.8 * area_of_ellipse)


def _apical_caps(cavity: Mapping[int, int]) -> set[int]:
    """Return the slices beyond the cavity on the side where it is smaller."""
    held = [k for k, size in cavity.items() if size > 0]
    if not held:
        return set()
    low, high = min(held), max(held)
    if cavity[low] <= cavity[high]:
        return {k for k in cavity if k < low}
    return {k for k in cavity if k > high}


def _traced(plane: _Plane, affine: Float[np.ndarray, "4 4"], k: int) -> list[Curve]:
    """Return one slice's curves and landmarks in the world."""

    def curve(structure: Structure, polygon: Polygon, *, closed: bool = True) -> Curve:
        index = np.column_stack([polygon - 1, np.full(len(polygon), float(k))])
        return Curve(
            structure=structure, points=to_world(affine, index), slice_id=k, closed=closed
        )

    found = []
    endocardium = outline(plane.cavity) if plane.cavity.any() else None
    if endocardium is not None:
        found.append(curve(Structure.LV_ENDOCARDIUM, endocardium))
    if plane.filled.any():
        epicardium = outline(plane.filled)
        walled = _where_walled(plane, epicardium)
        if walled is None:
            found.append(curve(Structure.LV_EPICARDIUM, epicardium))
        elif len(walled) >= LEAST_WALL * len(epicardium):
            found.append(curve(Structure.LV_EPICARDIUM, walled, closed=False))
        insertions = _insertions(plane, epicardium)
        if insertions is not None:
            found.append(curve(Structure.RV_INSERTION, insertions, closed=False))
    marks, n_patches = ndimage.label(plane.rv)
    found += [
        curve(Structure.RV_ENDOCARDIUM, outline(marks == number + 1))
        for number in range(n_patches)
    ]
    return found


def outline(mask: Mask) -> Polygon:
    """Return the closed outline of one filled patch in pixel indices, about one point a pixel.

    Its area is the number of pixels; it turns from the first index's axis to the second's.
    Slender patches that a full pixel's smoothing would tear are smoothed less.
    """
    filled = np.pad(ndimage.binary_fill_holes(mask), ROOM)
    size = float(filled.sum())
    found = []
    for width in (1.0, 0.5, 0.25):
        smooth = ndimage.gaussian_filter(filled.astype(np.float64), width)
        polygon = _enclosing(smooth, size)
        found.append((abs(abs(signed_area(polygon)) / size - 1), polygon))
        if found[-1][0] < 5e-3:
            break
    polygon = min(found, key=lambda item: item[0])[1]
    return (polygon if signed_area(polygon) > 0 else polygon[::-1]) - ROOM


def _enclosing(smooth: Float[np.ndarray, "i j"], size: float) -> Polygon:
    """Return the level line that encloses `size` pixels (secants on the level)."""
    highest = float(smooth.max())
    level = min(0.5, 0.6 * highest)
    step = 0.1 * level
    polygon = _level_line(smooth, level)
    lower = abs(signed_area(_level_line(smooth, level - step)))
    slope = max((lower - abs(signed_area(polygon))) / step, 1e-3)
    for _ in range(8):
        error = abs(signed_area(polygon)) - size
        if abs(error) < 2e-4 * size:
            break
        level = float(np.clip(level + error / slope, 0.05 * highest, 0.95 * highest))
        polygon = _level_line(smooth, level)
    return polygon


def _level_line(smooth: Float[np.ndarray, "i j"], level: float) -> Polygon:
    """Return the longest closed level line, its points evenly spaced, first not repeated."""
    lines: list[Polygon] = measure.find_contours(smooth, level)  # type: ignore[no-untyped-call]
    line = max(lines, key=len)
    lengths = np.linalg.norm(np.diff(line, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    n_points = max(16, round(along[-1]))
    even = np.linspace(0, along[-1], n_points, endpoint=False)
    return np.column_stack([np.interp(even, along, line[:, axis]) for axis in range(2)])


def signed_area(polygon: Polygon) -> float:
    """Return the area of a closed polygon, positive from the first axis to the second."""
    x, y = polygon.T
    return float(0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))


def _where_walled(plane: _Plane, epicardium: Polygon) -> Polygon | None:
    """Return the part of an open ring's epicardium that has wall behind it; None if it is closed.

    The wall ends where the outline of cavity and wall runs along that of the cavity.
    """
    if not plane.cavity.any():
        return None
    rim = plane.cavity & ~ndimage.binary_erosion(plane.filled)
    if not rim.any():
        return None
    bare = cKDTree(np.argwhere(rim)).query(epicardium)[0] < 1.0
    if bare.mean() <= WALL_GAP:
        return None
    return longest_run(epicardium, ~bare)


def longest_run(points: Polygon, kept: Bool[np.ndarray, " points"]) -> Polygon:
    """Return the kept points of a closed list in order, starting after its longest gap."""
    number = np.flatnonzero(kept)
    if len(number) == 0:
        return points[:0]
    gaps = (number - np.roll(number, 1) - 1) % len(points)
    return points[np.roll(number, -int(np.argmax(gaps)))]


def _refined(polygon: Polygon, parts: int = 8) -> Polygon:
    """Return a closed polygon with each side cut into parts."""
    share = np.arange(parts)[None, :, None] / parts
    sides = polygon[:, None] + share * (np.roll(polygon, -1, axis=0) - polygon)[:, None]
    return np.asarray(sides.reshape(-1, 2))


def _insertions(plane: _Plane, epicardium: Polygon) -> Float[np.ndarray, "2 2"] | None:
    """Return the ends of the arc of the epicardium along which the RV's cavity lies."""
    if not plane.rv.any():
        return None
    fine = _refined(epicardium)
    distance = cKDTree(np.argwhere(plane.rv)).query(fine)[0]
    if distance.min() * plane.pixel > FARTHEST_RV:
        return None
    arc = longest_run(fine, distance <= distance.min() + NEAR)
    if len(arc) < 4 or np.linalg.norm(arc[-1] - arc[0]) < 3:
        return None
    return arc[[0, -1]]
