"""Whether the whole ventricle was drawn: a good mesh of half a heart is a wrong heart."""

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from cardiotwin.errors import Flag
from cardiotwin.geometry.anatomy import HeartFrame
from cardiotwin.geometry.bases import valve_base
from cardiotwin.geometry.measured import rings, walled_share
from cardiotwin.geometry.stack import Level, Stack
from cardiotwin.imaging.examination import Contours, Structure, View
from cardiotwin.units import ML, MM

MISSING = 0.75  # slices: a longer gap between the last slice and the apex or the valve is missing
ABOVE_EQUATOR = 0.22  # share of the length above the widest level: less when the base is cut off
SLENDER = 1.6  # length over width: a ventricle at least as long as this is not cut off
THIN = 2.0 * MM
THIN_SHARE = 0.03  # of the endocardium with a wall thinner than THIN


def completeness(contours: Contours, stack: Stack, frame: HeartFrame) -> tuple[Flag, ...]:
    """Return what is missing of the heart at end-diastole, with numbers."""
    found = [_apical(contours, stack), _basal(contours, stack, frame)]
    found += [_left_out(stack), _thin(stack), _misnamed(stack), _axis(stack)]
    return tuple(flag for flag in found if flag is not None)


def _apical(contours: Contours, stack: Stack) -> Flag | None:
    """Judge by the apex drawn, else by the ellipsoid through the lowest and the widest slice."""
    usable = stack.usable
    lowest, widest = usable[0], max(usable, key=lambda level: level.cavity_area)
    drawn = [c.points for c in contours.of(Structure.APEX)]
    drawn += [c.points for c in contours.of(Structure.LV_ENDOCARDIUM, View.LONG_AXIS)]
    ratio = min(lowest.cavity_area / widest.cavity_area, 0.99)
    if drawn:
        depth = lowest.height - float((np.concatenate(drawn) @ stack.axis).min())
    else:
        depth = (widest.height - lowest.height) * (1 / np.sqrt(1 - ratio) - 1)
        if lowest is widest:
            depth = np.inf
    n_missing = (depth - lowest.thickness / 2) / lowest.thickness
    capped = stack.levels[0].height < lowest.height - lowest.thickness / 2
    if n_missing < MISSING or (capped and not drawn):
        return None
    sentence = (
        f"The lowest slice still holds {100 * ratio:.0f} % of the widest cavity: about "
        f"{n_missing:.1f} slices seem to be missing towards the apex. The apex is extrapolated; "
        "volumes and apical strains are uncertain."
    )
    return Flag(name="missing_apical_slices", sentence=sentence)


def _basal(contours: Contours, stack: Stack, frame: HeartFrame) -> Flag | None:
    """Judge by the mitral valve where drawn, else by how little lies above the widest level."""
    levels = [level for level in rings(stack) if level.usable]
    top = levels[-1]
    end = top.height + top.thickness / 2
    valve = valve_base(contours, frame)
    if valve is not None:
        gap = float(frame.origin @ stack.axis) + valve[0] - end
        if gap < MISSING * top.thickness:
            return None
        sentence = (
            f"The slices end {gap / MM:.0f} mm below the mitral valve "
            f"({gap / top.thickness:.1f} slices missing towards the base). The gap is filled by "
            "extrapolation; basal volumes are uncertain."
        )
        return Flag(name="missing_basal_slices", sentence=sentence)
    heights = np.array([level.height for level in levels])
    areas = np.array([level.cavity_area for level in levels])
    equator = _widest(heights, areas)
    length = end - (heights[0] - levels[0].thickness / 2)
    share = (end - equator) / length
    slenderness = length / np.sqrt(4 * areas.max() / np.pi)
    if share >= ABOVE_EQUATOR or slenderness >= SLENDER or len(levels) < len(stack.usable):
        return None
    sentence = (
        f"Only {100 * share:.0f} % of the length lies above the widest level and the cavity is "
        f"{slenderness:.1f} times as long as wide: basal slices seem to be missing. Volumes are "
        "those of the slices given; the end-diastolic volume is too small."
    )
    return Flag(name="missing_basal_slices", sentence=sentence)


def _widest(heights: Float[np.ndarray, " k"], areas: Float[np.ndarray, " k"]) -> float:
    """Return the height of the largest area, by a parabola through it and its neighbours, m."""
    k = int(np.argmax(areas))
    if k in (0, len(areas) - 1):
        return float(heights[k])
    a, b, _ = np.polyfit(heights[k - 1 : k + 2], areas[k - 1 : k + 2], 2)
    return float(-b / (2 * a))


def _left_out(stack: Stack) -> Flag | None:
    kept = {level.slice_id for level in rings(stack)}
    above: list[Level] = [level for level in stack.usable if level.slice_id not in kept]
    if not above:
        return None
    volume = sum(level.cavity_area * level.thickness for level in above) / ML
    lowest = above[0]
    sentence = (
        f"{len(above)} basal slice(s) with {volume:.1f} mL of cavity lie above the base: in the "
        f"lowest of them wall goes {100 * walled_share(lowest):.0f} % of the way round and the "
        f"cavity is {lowest.cavity_area / 1e-4:.1f} cm2. They are outflow or atrium here."
    )
    return Flag(name="basal_slices_left_out", sentence=sentence)


def _thin(stack: Stack) -> Flag | None:
    distances = [
        cKDTree(level.epicardium).query(level.endocardium)[0]
        for level in rings(stack)
        if level.endocardium is not None and level.epicardium is not None and level.closed
    ]
    if not distances:
        return None
    wall = np.concatenate(distances)
    share = float((wall < THIN).mean())
    if share <= THIN_SHARE:
        return None
    sentence = (
        f"The wall is thinner than {THIN / MM:.0f} mm along {100 * share:.0f} % of the "
        f"endocardium (thinnest {wall.min() / MM:.1f} mm, median {np.median(wall) / MM:.1f} mm). "
        "Stresses there are uncertain, and the labels may be wrong."
    )
    return Flag(name="thin_wall", sentence=sentence)


def _misnamed(stack: Stack) -> Flag | None:
    if not stack.misnamed:
        return None
    numbers = ", ".join(str(k) for k in stack.misnamed)
    sentence = (
        f"Slice(s) {numbers} are called short-axis but are tilted by more than 20 degrees against "
        "the others; they were left out."
    )
    return Flag(name="misnamed_slices", sentence=sentence)


def _axis(stack: Stack) -> Flag | None:
    if not stack.axis_assumed:
        return None
    ends = [level.cavity_area / 1e-4 for level in (stack.levels[0], stack.levels[-1])]
    sentence = (
        f"Nothing tells apex from base: the cavity is {ends[0]:.1f} and {ends[1]:.1f} cm2 "
        "in the end slices. The base was assumed to lie right, back and up in the world."
    )
    return Flag(name="apex_side_assumed", sentence=sentence)


__all__ = ["completeness"]
