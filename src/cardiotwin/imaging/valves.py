"""Points of the mitral valve that a subject.yaml gives beside labels: where the ventricle ends."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.imaging.examination import Contours, Curve, Phase, Structure
from cardiotwin.imaging.quantities import check_keys
from cardiotwin.units import MM

KEY = "mitral_valve_mm"
PHASES = (Phase.END_DIASTOLE, Phase.END_SYSTOLE)
FEWEST = 2  # points: two tell a height
FAR = 40e-3  # m from the nearest drawn contour: not this heart's valve

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
            continue
        drawn = np.concatenate([curve.points for curve in result[phase].curves])
        gap = float(np.linalg.norm(drawn[None] - points[:, None], axis=2).min(axis=1).max())
        if gap > FAR:
            msg = (
                f"{KEY}.{phase.value} has a point {gap / MM:.0f} mm from the nearest contour. "
                "Give the image's world coordinates (RAS), in millimetres."
            )
            raise InputError(msg)
        landmark = Curve(
            structure=Structure.MITRAL_VALVE, points=points, slice_id=-1, closed=False
        )
        result[phase] = replace(result[phase], curves=(*result[phase].curves, landmark))
    return result
