"""The wall through the contours of one phase: which points count, and how much."""

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.anatomy import HeartFrame
from cardiotwin.geometry.bases import Base, apex_heights, apex_points, slice_base, valve_base
from cardiotwin.geometry.measured import rings
from cardiotwin.geometry.stack import Stack
from cardiotwin.geometry.surfaces import Prolate, Wall, fit_surface
from cardiotwin.imaging.curves import polygon_area
from cardiotwin.imaging.examination import Contours, Structure, View

SAMPLES = 72  # points per closed outline
LONG_STEP = 2e-3  # m: between points of a long-axis contour
LONG_WEIGHT = 0.02  # of a long-axis point against the slices' points over the same length
ALONE_WEIGHT = 0.1  # of one beyond the slices
APEX_WEIGHT = 0.5  # of an extrapolated apex against its slice
ABOVE = 3e-3  # m: short-axis outlines farther above a tilted base are atrium or outflow
BELOW = 5e-3  # m: nearer the base than this long-axis contours turn in to the valve's hinges
EQUATOR = 0.3  # share of the length above the spheroids' centre
ROUNDEST = 0.35  # focus over half-length at least


def wall_through(contours: Contours, stack: Stack, frame: HeartFrame, smoothing: float) -> Wall:
    """Return the surfaces through the contours, below the valve or the top of the stack."""
    valve = valve_base(contours, frame)
    base = slice_base(stack, frame) if valve is None else valve
    prolate = _prolate(contours, stack, frame, base)
    endo, epi = (
        fit_surface(
            prolate, *_surface_points(contours, stack, prolate, base, structure), smoothing
        )
        for structure in (Structure.LV_ENDOCARDIUM, Structure.LV_EPICARDIUM)
    )
    return Wall(prolate=prolate, endo=endo, epi=epi, base=base)


def _prolate(contours: Contours, stack: Stack, frame: HeartFrame, base: Base) -> Prolate:
    """Return spheroids that follow the mean of the wall, about a centre line that may bend."""
    levels = rings(stack)
    middles = [level.centre for level in levels] + apex_points(contours, stack)
    centres = (np.array(middles) - frame.origin) @ frame.axes.T
    degree = 2 if len(centres) > 5 else 1
    bend = np.stack([np.polyfit(centres[:, 2], centres[:, k], degree) for k in range(2)], axis=1)
    apex = float(np.mean(apex_heights(contours, stack, frame)))
    length = float(base[0]) - apex
    centre = float(base[0]) - EQUATOR * length
    radii = [
        np.sqrt(polygon_area(outline) / np.pi)
        for level in levels
        for outline in (level.endocardium, level.epicardium)
        if outline is not None and level.closed
    ]
    half = centre - apex
    width = float(np.quantile(radii, 0.75))
    focus = np.sqrt(max(half**2 - width**2, (ROUNDEST * half) ** 2))
    return Prolate(frame=frame, centre=centre, focus=float(focus), bend=bend)


def _surface_points(
    contours: Contours, stack: Stack, prolate: Prolate, base: Base, structure: Structure
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, " n"]]:
    """Return the points that a surface should pass and their weights."""
    inner = structure is Structure.LV_ENDOCARDIUM
    points, weights, drawn = [], [], []
    for level in rings(stack):
        outline = level.endocardium if inner else level.epicardium
        if outline is not None:
            placed = _evenly(outline, SAMPLES, closed=inner or level.closed)
            placed = placed[_height_over(placed, prolate, base) < ABOVE]
            points.append(placed)
            weights.append(np.full(len(placed), level.thickness / SAMPLES))
            drawn.append(level.height)
    long_axis = contours.of(structure, View.LONG_AXIS)
    for curve in long_axis:
        low = _height_over(curve.points, prolate, base) < -BELOW
        if low.sum() > 2:
            length = np.linalg.norm(np.diff(curve.points[low], axis=0), axis=1).sum()
            placed = _evenly(curve.points[low], max(int(length / LONG_STEP), 2), closed=False)
            points.append(placed)
            height = placed @ stack.axis
            alone = (height < drawn[0]) | (height > drawn[-1])
            weights.append(np.where(alone, ALONE_WEIGHT, LONG_WEIGHT) * LONG_STEP)
    if not long_axis:
        height = apex_heights(contours, stack, prolate.frame)[0 if inner else 1]
        local = np.array([[*prolate.centre_line(np.array(height)), height]])
        points.append(prolate.world(local))
        weights.append(np.array([APEX_WEIGHT * stack.levels[0].thickness]))
    return np.concatenate(points), np.concatenate(weights)


def _height_over(
    points: Float[np.ndarray, "n 3"], prolate: Prolate, base: Base
) -> Float[np.ndarray, " n"]:
    local = prolate.local(points)
    return np.asarray(local[:, 2] - base[0] - local[:, :2] @ base[1:])


def _evenly(
    points: Float[np.ndarray, "_points 3"], count: int, *, closed: bool
) -> Float[np.ndarray, "_count 3"]:
    """Return points evenly spaced along a curve."""
    curve = np.concatenate([points, points[:1]]) if closed else points
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    even = np.linspace(0, along[-1], count, endpoint=not closed)
    return np.stack([np.interp(even, along, curve[:, k]) for k in range(3)], axis=1)


__all__ = ["BELOW", "wall_through"]
