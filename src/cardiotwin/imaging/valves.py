"""Points of the mitral valve that a subject.yaml gives beside labels: where the ventricle ends."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.imaging.examination import Contours, Curve, Phase, Structure, View
from cardiotwin.imaging.phases import words
from cardiotwin.imaging.quantities import check_keys
from cardiotwin.units import MM

KEY = "mitral_valve_mm"
PHASES = (Phase.END_DIASTOLE, Phase.END_SYSTOLE)
FEWEST = 2  # points: two tell a height
FAR = 40e-3  # m from the nearest contour of the left ventricle: not this heart's valve
WIDTH = (10e-3, 70e-3)  # m between the ring's farthest points, from infants to dilated hearts
STEEPEST = 45.0  # degrees between the ring and the short-axis slices
INSIDE = 0.4  # of the drawn height, from its nearer end: the valve is not in the middle

Valves = Mapping[Phase, Float[np.ndarray, "points 3"]]


def parse_valves(value: Any, source: str) -> Valves:
    """Return the points by phase, RAS+ world, m; raise `InputError` where they are none."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        msg = f"{source}: {KEY} must map phases to points, found {value!r}. Name a phase first."
        raise InputError(msg)
    check_keys(value, [phase.value for phase in PHASES], f"{source}, {KEY}")
    return {
        Phase(name): _points(points, f"{source}: {KEY}.{name}") for name, points in value.items()
    }


def _points(points: Any, where: str) -> Float[np.ndarray, "points 3"]:
    try:
        found = np.array(points, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.zeros(0)
    if (
        found.ndim != 2
        or found.shape[1] != 3
        or len(found) < FEWEST
        or not np.isfinite(found).all()
    ):
        msg = (
            f"{where} needs at least {FEWEST} points of three numbers, found {points!r}. Write "
            "[[x, y, z], ...] in the image's world millimetres."
        )
        raise InputError(msg)
    return found * MM


def with_valves(contours: Mapping[Phase, Contours], valves: Valves) -> dict[Phase, Contours]:
    """Return the phases' contours with the valve's points among their landmarks."""
    result = dict(contours)
    for phase, points in valves.items():
        if phase not in result:
            msg = (
                f"{KEY}.{phase.value} was given, found no {words(phase)} drawn. Give its "
                "segmentation, or leave its points out."
            )
            raise InputError(msg)
        wrong = _misplaced(points, result[phase])
        if wrong:
            msg = (
                f"{KEY}.{phase.value} is no mitral valve of this heart, found {wrong}. Give the "
                "image's world coordinates in millimetres, RAS: right, front and head are "
                "positive (LPS has the first two reversed)."
            )
            raise InputError(msg)
        landmark = Curve(
            structure=Structure.MITRAL_VALVE, points=points, slice_id=-1, closed=False
        )
        result[phase] = replace(result[phase], curves=(*result[phase].curves, landmark))
    return result


def _misplaced(points: Float[np.ndarray, "points 3"], contours: Contours) -> str:
    """Return what no mitral valve does: in width, distance, tilt or height; else nothing."""
    width = float(np.linalg.norm(points[:, None] - points[None], axis=2).max())
    if not WIDTH[0] <= width <= WIDTH[1]:
        return (
            f"points at most {width / MM:.3g} mm apart ({WIDTH[0] / MM:g} to {WIDTH[1] / MM:g} mm "
            "are a ring)"
        )
    cavity = contours.of(Structure.LV_ENDOCARDIUM, View.SHORT_AXIS)
    wall = (*contours.of(Structure.LV_ENDOCARDIUM), *contours.of(Structure.LV_EPICARDIUM))
    drawn = np.concatenate([curve.points for curve in wall])
    gap = float(np.linalg.norm(drawn[None] - points[:, None], axis=2).min(axis=1).max())
    if gap > FAR:
        return f"a point {gap / MM:.0f} mm from the left ventricle's nearest contour"
    normal = contours.slices[cavity[len(cavity) // 2].slice_id].normal
    tilt = float(np.rad2deg(np.arcsin(min(np.ptp(points @ normal) / width, 1.0))))
    if tilt > STEEPEST:
        return f"a ring that stands at {tilt:.0f} degrees to the short-axis slices"
    levels = np.array([curve.points.mean(axis=0) @ normal for curve in cavity])
    height = float(points.mean(axis=0) @ normal)
    inside = min(height - levels.min(), levels.max() - height)
    if inside > INSIDE * np.ptp(levels):
        return f"a ring {inside / MM:.0f} mm inside the drawn slices, in the ventricle's middle"
    return ""
