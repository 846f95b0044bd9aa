"""Where the ventricle ends: the base's plane and the apex, as parts of the heart."""

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.anatomy import HeartFrame
from cardiotwin.geometry.measured import rings
from cardiotwin.geometry.stack import Level, Stack, Vector
from cardiotwin.imaging.curves import polygon_area
from cardiotwin.imaging.examination import Contours, Structure, View

TILT_SD = np.tan(np.deg2rad(15))  # of valve planes against the slices
POINT_SD = 3e-3  # m: of drawn valve points about their plane
THINNEST_APEX = 2.5e-3  # m
TIP = 3e-3  # m: height of a long-axis contour's tip
APEX_SHARE = 0.7  # of the lowest slice's wall: the wall thins towards the apex

Base = Float[np.ndarray, "3"]


def valve_base(contours: Contours, frame: HeartFrame) -> Base | None:
    """Return the plane through the mitral points, None where there are not two.

    (b0, b1, b2) of height = b0 + b1 x + b2 y in the frame; two points tell no tilt, and tilts
    far from hearts' are held back.
    """
    drawn = [curve.points for curve in contours.of(Structure.MITRAL_VALVE)]
    if not drawn or sum(len(points) for points in drawn) < 2:
        return None
    local = (np.concatenate(drawn) - frame.origin) @ frame.axes.T
    design = np.column_stack([np.ones(len(local)), local[:, :2]])
    hold = np.diag([0.0, 1.0, 1.0]) * (POINT_SD / TILT_SD) ** 2
    return np.asarray(np.linalg.solve(design.T @ design + hold, design.T @ local[:, 2]))


def slice_base(stack: Stack, frame: HeartFrame) -> Base:
    """Return the plane at the top of the most basal slice that is a ring of wall."""
    top = rings(stack)[-1]
    height = top.height + top.thickness / 2 - float(frame.origin @ stack.axis)
    return np.array([height, 0.0, 0.0])


def apex_heights(contours: Contours, stack: Stack, frame: HeartFrame) -> tuple[float, float]:
    """Return the heights of the cavity's and the wall's apex, m.

    Long-axis contours and a drawn apex tell them; else the areas of the last slices do, which
    fall linearly where a surface is round, held within a slice of the last one drawn.
    """
    origin = float(frame.origin @ stack.axis)
    with_cavity = [level for level in stack.levels if level.endocardium is not None]
    with_wall = [level for level in stack.levels if level.epicardium is not None]
    inner = _lowest(contours, Structure.LV_ENDOCARDIUM, frame)
    outer = _lowest(contours, Structure.LV_EPICARDIUM, frame)
    tips = [c.points for c in contours.of(Structure.APEX)]
    if tips:
        outer = float(((np.concatenate(tips) - frame.origin) @ frame.long_axis).min())
    if inner is None:
        inner = _closing(with_cavity, Structure.LV_ENDOCARDIUM) - origin
    if outer is None:
        outer = _closing(with_wall, Structure.LV_EPICARDIUM) - origin
        outer = min(outer, inner - _apical_wall(stack.usable[0]))
        inner = max(inner, outer + THINNEST_APEX)
    return inner, min(outer, inner - THINNEST_APEX)


def apex_points(contours: Contours, stack: Stack) -> list[Vector]:
    """Return the tips of the cavity in the long-axis contours, m: the centre line ends there."""
    tips = []
    for curve in contours.of(Structure.LV_ENDOCARDIUM, View.LONG_AXIS):
        heights = curve.points @ stack.axis
        if heights.min() < stack.usable[0].height:
            low = curve.points[heights < heights.min() + TIP]
            tips.append(np.asarray(low.mean(axis=0), dtype=np.float64))
    return tips


def _lowest(contours: Contours, structure: Structure, frame: HeartFrame) -> float | None:
    drawn = [c.points for c in contours.of(structure, View.LONG_AXIS)]
    if not drawn:
        return None
    return float(((np.concatenate(drawn) - frame.origin) @ frame.long_axis).min())


def _closing(levels: list[Level], structure: Structure) -> float:
    """Return the height where the area of the lowest slices falls to zero, m."""
    inner = structure is Structure.LV_ENDOCARDIUM
    outlines = [level.endocardium if inner else level.epicardium for level in levels[:3]]
    areas = [polygon_area(outline) for outline in outlines if outline is not None]
    lowest = levels[0]
    slope = max((areas[1] - areas[0]) / (levels[1].height - lowest.height), 1e-6)
    depth = np.clip(areas[0] / slope, 0.3 * lowest.thickness, 0.9 * lowest.thickness)
    return lowest.height - float(depth)


def _apical_wall(level: Level) -> float:
    """Return the wall's thickness to expect at the apex, m, from the lowest slice's."""
    if level.endocardium is None or level.epicardium is None:
        return THINNEST_APEX
    inner, outer = (
        np.sqrt(polygon_area(c) / np.pi) for c in (level.endocardium, level.epicardium)
    )
    return max(APEX_SHARE * float(outer - inner), THINNEST_APEX)


__all__ = ["Base", "apex_heights", "apex_points", "slice_base", "valve_base"]
