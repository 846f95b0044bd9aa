"""Whether the whole ventricle was drawn: a good mesh of half a heart is a wrong heart.

Two missing basal slices change a ventricle's proportions; one leaves them within what people's
hearts have. Where neither the valve nor a slice above the base was drawn, that is said instead.
"""

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from cardiotwin.errors import Flag, InputError
from cardiotwin.geometry.anatomy import HeartFrame, PhaseFit
from cardiotwin.geometry.bases import valve_base
from cardiotwin.geometry.gaps import gaps
from cardiotwin.geometry.measured import rings, walled_share
from cardiotwin.geometry.stack import APART, SAME_PLANE, Level, Stack, usual_distance
from cardiotwin.imaging.curves import polygon_area
from cardiotwin.imaging.examination import Contours, Phase, Structure, View
from cardiotwin.imaging.phases import words
from cardiotwin.units import ML, MM

MISSING = 0.75  # slices: a longer gap between the last slice and the apex or the valve is missing
OPEN_APEX = 0.28  # of the widest cavity: a lowest slice as large does not border on the apex
ABOVE_EQUATOR = 0.22  # share of the length above the widest level: less when the base is cut off
SLENDER = 1.6  # length over width: a ventricle at least as long as this is not cut off
RV_ENDS = 0.75  # of the RV beside the top slice: with less the slice above lies beyond the base
THIN = 2.0 * MM
THIN_MEDIAN = 4.0 * MM  # half a healthy wall
THIN_SHARE = 0.03  # of the endocardium with a wall thinner than THIN
# Volume over that of the sphere as long as the ventricle: 0.15 to 0.86 in 1,991 healthy people
# and 300 after an infarct (Cardiac Atlas Project, clinical indices of lv-ortho-modes).
SPHERICITY = (0.11, 1.2)
LONGEST = 180 * MM  # from apex to base; half as much is usual
THICKENED = 0.05  # of the drawn wall: a mesh that adds more is not that wall


def completeness(
    contours: Contours, stack: Stack, frame: HeartFrame, systole: Stack | None = None
) -> tuple[Flag, ...]:
    """Return what is missing of the heart at end-diastole, with numbers."""
    found = [_apical(contours, stack), _basal(contours, stack, frame, systole)]
    found += [_left_out(stack), _thin(rings(stack)), _misnamed(stack), _axis(stack)]
    return tuple(flag for flag in found if flag is not None)


def _apical(contours: Contours, stack: Stack) -> Flag | None:
    """Judge by the apex drawn, else by the lowest slice's size and the ellipsoid that it implies.

    The size alone tells where slices are thick: a real apex is more pointed than an ellipsoid.
    """
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
    whole = capped or ratio < OPEN_APEX
    if (n_missing < MISSING and (drawn or whole)) or (capped and not drawn):
        return None
    sentence = (
        f"The lowest slice still holds {100 * ratio:.0f} % of the widest cavity: about "
        f"{max(n_missing, 1):.1f} slices seem to be missing towards the apex. The apex is "
        "extrapolated; volumes and apical strains are uncertain."
    )
    return Flag(name="missing_apical_slices", sentence=sentence)


def _basal(
    contours: Contours, stack: Stack, frame: HeartFrame, systole: Stack | None
) -> Flag | None:
    """Judge by the mitral valve where drawn, else by what lies above, else by proportions."""
    top = rings(stack)[-1]
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
    reason = _higher_elsewhere(contours, stack, systole)
    if reason is None and _seen_above(contours, stack):
        return None
    reason = reason or _cut_off(stack)
    if reason is not None:
        sentence = (
            f"{reason}: basal slices seem to be missing. Volumes are those of the slices given; "
            "the end-diastolic volume is too small."
        )
        return Flag(name="missing_basal_slices", sentence=sentence)
    sentence = (
        "Neither points of the mitral valve nor a slice above the base was drawn, so the base is "
        f"taken to be the top of slice {top.slice_id}. If one more belongs to the ventricle, the "
        f"end-diastolic volume is up to {top.cavity_area * top.thickness / ML:.0f} mL larger."
    )
    return Flag(name="base_not_verified", sentence=sentence)


def _higher_elsewhere(contours: Contours, stack: Stack, systole: Stack | None) -> str | None:
    """Return in words that end-systole, or the RV beyond an empty slice, reaches higher."""
    top = rings(stack)[-1]
    spacing = usual_distance(np.array([level.height for level in stack.levels]))
    if systole is not None:
        rise = float(rings(systole)[-1].centre @ stack.axis) - top.height
        if rise >= MISSING * spacing:
            return f"End-systole is drawn {rise / MM:.0f} mm higher than end-diastole"
    if top is not stack.levels[-1]:
        return None
    higher = [height - top.height for height in _rv_areas(contours, stack)]
    above = [rise for rise in higher if rise > SAME_PLANE]
    if not above or min(above) < APART * spacing:
        return None
    return f"The RV is drawn {min(above) / MM:.0f} mm higher than the LV, nothing between"


def _cut_off(stack: Stack) -> str | None:
    """Return in words how little lies above the widest level, in a ventricle not long for it."""
    levels = [level for level in rings(stack) if level.usable]
    end = levels[-1].height + levels[-1].thickness / 2
    heights = np.array([level.height for level in levels])
    areas = np.array([level.cavity_area for level in levels])
    equator = _widest(heights, areas)
    length = end - (heights[0] - levels[0].thickness / 2)
    share = (end - equator) / length
    slenderness = length / np.sqrt(4 * areas.max() / np.pi)
    if share >= ABOVE_EQUATOR or slenderness >= SLENDER:
        return None
    return (
        f"Only {100 * share:.0f} % of the length lies above the widest level and the cavity is "
        f"{slenderness:.1f} times as long as wide"
    )


def _seen_above(contours: Contours, stack: Stack) -> bool:
    """Return whether a slice shows where the ventricle ends: no ring, or an RV that ends too."""
    top = rings(stack)[-1]
    if not top.closed or top is not stack.levels[-1]:
        return True
    areas = _rv_areas(contours, stack)
    above = [area for height, area in areas.items() if height > top.height + SAME_PLANE]
    beside = [area for height, area in areas.items() if height <= top.height + SAME_PLANE]
    return bool(above and beside) and above[0] < RV_ENDS * beside[-1]


def _rv_areas(contours: Contours, stack: Stack) -> dict[float, float]:
    """Return the RV's area, m^2, by the height of its slices, m, from apex to base."""
    areas: dict[float, float] = {}
    for curve in contours.of(Structure.RV_ENDOCARDIUM, View.SHORT_AXIS):
        if curve.slice_id not in stack.misnamed:
            height = round(float(contours.slices[curve.slice_id].origin @ stack.axis), 6)
            areas[height] = areas.get(height, 0.0) + polygon_area(curve.points)
    return dict(sorted(areas.items()))


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


def check_proportions(contours: Contours, stack: Stack) -> None:
    """Raise `InputError` where the ventricle is longer or, whole, shorter than people's."""
    levels = [level for level in rings(stack) if level.endocardium is not None]
    ends = levels[0], levels[-1]
    length = ends[1].height - ends[0].height + sum(level.thickness for level in ends) / 2
    volume = sum(level.cavity_area * level.thickness for level in levels)
    volume += sum(gap.cavity for gap in gaps(tuple(levels)))
    share = volume / (np.pi / 6 * length**3)
    least, most = SPHERICITY
    if length <= LONGEST and least <= share <= most:
        return
    if share > most and (_apical(contours, stack) or _cut_off(stack)):
        return
    what = "short" if share > most else "long"
    msg = (
        f"The left ventricle is too {what} at {words(contours.phase)}, found "
        f"{length / MM:.0f} mm along the axis for {volume / ML:.0f} mL of cavity: "
        f"{100 * share:.0f} % of the sphere of that length (people's hold 15 to 86 %, none is "
        f"longer than {LONGEST / MM:.0f} mm). Check the spacing of the slices in the header."
    )
    raise InputError(msg)


def check_thickness(fit: PhaseFit, levels: tuple[Level, ...], phase: Phase) -> None:
    """Raise `InputError` where the mesh had to be much thicker than a thin wall that was drawn."""
    added = fit.model_wall / fit.measured_wall - 1
    if added <= THICKENED or _thin(levels) is None:
        return
    wall = _thickness(levels)
    msg = (
        f"The wall at {words(phase)} is too thin to mesh as drawn, found "
        f"{np.median(wall) / MM:.1f} mm in the median (thinnest {wall.min() / MM:.1f} mm): "
        f"{fit.measured_wall / ML:.0f} mL of wall, {fit.model_wall / ML:.0f} mL in the soundest "
        "mesh. Check that the labels hold the whole wall and that the spacing is right."
    )
    raise InputError(msg)


def _thickness(levels: tuple[Level, ...]) -> Float[np.ndarray, " points"]:
    """Return the distance from the endocardium's points to the epicardium in each ring, m."""
    found = [
        cKDTree(level.epicardium).query(level.endocardium)[0]
        for level in levels
        if level.endocardium is not None and level.epicardium is not None and level.closed
    ]
    return np.concatenate([np.zeros(0), *found])


def _thin(levels: tuple[Level, ...]) -> Flag | None:
    wall = _thickness(levels)
    if len(wall) == 0:
        return None
    share, median = float((wall < THIN).mean()), float(np.median(wall))
    if share <= THIN_SHARE and median >= THIN_MEDIAN:
        return None
    thin = f"thinner than {THIN / MM:.0f} mm along {100 * share:.0f} % of the endocardium"
    if share < 0.005:  # would read 0 %
        thin = f"thinner than {THIN_MEDIAN / MM:.0f} mm in the median"
    sentence = (
        f"The wall is {thin} (thinnest {wall.min() / MM:.1f} mm, median {median / MM:.1f} mm). "
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


__all__ = ["check_proportions", "check_thickness", "completeness"]
