"""One frame of guide points as `Contours`: names, planes, order, closed curves."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

from cardiotwin.imaging import curves
from cardiotwin.imaging.examination import Contours, Curve, Phase, Slice, Structure, View
from cardiotwin.imaging.guide_points import GuidePoints

LANDMARKS = {
    "MITRAL_VALVE": Structure.MITRAL_VALVE,
    "AORTA_VALVE": Structure.AORTIC_VALVE,
    "AORTIC_VALVE": Structure.AORTIC_VALVE,
    "TRICUSPID_VALVE": Structure.TRICUSPID_VALVE,
    "PULMONARY_VALVE": Structure.PULMONARY_VALVE,
    "APEX_POINT": Structure.APEX,
    "RV_INSERT": Structure.RV_INSERTION,
}
RV_PARTS = ("RV_FREEWALL", "RV_SEPTUM", "RV_ENDOCARDIAL")
SAME_PLANE = 1e-3  # m
TILT = np.cos(np.deg2rad(20))
FARTHEST_SEPTUM = 8e-3  # m, of its end from the free wall's
NO_WALL = 0.2e-3  # m: contours traced round pixels coincide where there is no wall
OPEN_SHARE = 0.15  # of the perimeter: a longer gap leaves a short-axis contour open

Points = Float[np.ndarray, "_points 3"]


def guide_contours(
    guide: GuidePoints, affines: Mapping[int, Float[np.ndarray, "4 4"]], phase: Phase
) -> Contours:
    """Return the frame's curves and landmarks.

    The LV epicardium is drawn as two parts in these files, the free wall (``LV_EPICARDIAL``)
    and, where the RV adjoins, the septum (``RV_SEPTUM``); both make one closed curve here.
    """
    views = {
        slice_id: View.SHORT_AXIS if name.startswith("SAX") else View.LONG_AXIS
        for name, slice_id in guide.points
        if name.startswith(("SAX", "LAX"))
    }
    slices = slice_planes(affines, views)
    found: list[Curve] = []
    for slice_id, view in views.items():
        prefix = "SAX_" if view is View.SHORT_AXIS else "LAX_"
        parts = {
            name.removeprefix(prefix): curves.without_repeats(points)
            for (name, where), points in guide.points.items()
            if where == slice_id and name.startswith(prefix)
        }
        build = _short_axis if view is View.SHORT_AXIS else _long_axis
        found += build(parts, slice_id, slices[slice_id].normal)
    for (name, slice_id), points in guide.points.items():
        if name in LANDMARKS:
            found.append(
                Curve(
                    structure=LANDMARKS[name],
                    points=points,
                    slice_id=slice_id if slice_id in slices else -1,
                    closed=False,
                )
            )
    return Contours(
        phase=phase, curves=tuple(found), slices=slices, from_labels=False, source=guide.source
    )


def slice_planes(
    affines: Mapping[int, Float[np.ndarray, "4 4"]], views: Mapping[int, View]
) -> dict[int, Slice]:
    """Return the image planes with contours.

    A short-axis plane stands for half the way to each neighbour (an end plane for as much beyond
    as before it, but not for more than 1.5 times the usual distance; planes within 1 mm share).
    A long-axis plane has no thickness, nor has one that is called short-axis and tilted against
    the others.
    """
    thickness = dict.fromkeys(views, 0.0)
    short = _parallel(affines, [k for k, view in views.items() if view is View.SHORT_AXIS])
    if short:
        normal = affines[short[0]][:3, 2]
        normal = normal / np.linalg.norm(normal)
        heights = np.array([float(affines[slice_id][:3, 3] @ normal) for slice_id in short])
        thickness |= dict(zip(short, shares(heights), strict=True))
    return {
        slice_id: Slice(
            origin=affines[slice_id][:3, 3],
            row=affines[slice_id][:3, 0],
            column=affines[slice_id][:3, 1],
            view=view,
            thickness=thickness[slice_id],
        )
        for slice_id, view in views.items()
    }


def _parallel(affines: Mapping[int, Float[np.ndarray, "4 4"]], short: list[int]) -> list[int]:
    """Return the largest set of planes that are parallel to one of them, in their order."""
    normals = {k: affines[k][:3, 2] / np.linalg.norm(affines[k][:3, 2]) for k in short}
    sets = [[k for k in short if abs(normals[k] @ normals[other]) >= TILT] for other in short]
    return max(sets, key=len, default=[])


def shares(heights: Float[np.ndarray, " planes"]) -> list[float]:
    """Return the extent along the axis that each plane stands for, m."""
    levels: list[list[int]] = []
    for number in np.argsort(heights, kind="stable"):
        if levels and heights[number] - heights[levels[-1][0]] <= SAME_PLANE:
            levels[-1].append(int(number))
        else:
            levels.append([int(number)])
    if len(levels) == 1:
        return [0.0] * len(heights)
    level_heights = np.array([heights[level].mean() for level in levels])
    gaps = np.diff(level_heights)
    beyond = np.minimum(gaps[[0, -1]], 1.5 * np.median(gaps))
    extents = (np.append(beyond[0], gaps) + np.append(gaps, beyond[1])) / 2
    result = [0.0] * len(heights)
    for level, extent in zip(levels, extents, strict=True):
        for number in level:
            result[number] = float(extent) / len(level)
    return result


def _short_axis(
    parts: Mapping[str, Points], slice_id: int, normal: Float[np.ndarray, "3"]
) -> list[Curve]:
    found = []
    if "LV_ENDOCARDIAL" in parts:
        found += _loop(Structure.LV_ENDOCARDIUM, parts["LV_ENDOCARDIAL"], slice_id, normal)
    if "LV_EPICARDIAL" in parts:
        walled = _with_wall_behind(parts["LV_EPICARDIAL"], parts.get("LV_ENDOCARDIAL"))
        whole = _with_septum(walled, parts.get("RV_SEPTUM"), normal)
        found += _loop(Structure.LV_EPICARDIUM, whole, slice_id, normal)
    arcs = tuple(
        arc
        for name in RV_PARTS
        if name in parts and len(parts[name]) > 1
        for arc in curves.split_at_jumps(_in_order(parts[name], normal))
    )
    if arcs:
        loop = curves.joined_loop(tuple(sorted(arcs, key=len, reverse=True)))
        found.append(_curve(Structure.RV_ENDOCARDIUM, loop, slice_id, closed=_closes(loop)))
    if "RV_EPICARDIAL" in parts:
        found += _open(Structure.RV_EPICARDIUM, parts["RV_EPICARDIAL"], slice_id, normal)
    return found


def _long_axis(
    parts: Mapping[str, Points], slice_id: int, normal: Float[np.ndarray, "3"]
) -> list[Curve]:
    found = []
    for name, points in parts.items():
        if name == "LV_ENDOCARDIAL":
            found += _open(Structure.LV_ENDOCARDIUM, points, slice_id, normal)
        elif name == "LV_EPICARDIAL":
            found += _open(Structure.LV_EPICARDIUM, points, slice_id, normal)
        elif name in RV_PARTS:
            found += _open(Structure.RV_ENDOCARDIUM, points, slice_id, normal)
        elif name == "RV_EPICARDIAL":
            found += _open(Structure.RV_EPICARDIUM, points, slice_id, normal)
    if "LV_EPICARDIAL" in parts and "RV_SEPTUM" in parts:
        found += _open(Structure.LV_EPICARDIUM, parts["RV_SEPTUM"], slice_id, normal)
    return found


def _with_wall_behind(epicardium: Points, endocardium: Points | None) -> Points:
    """Return the epicardium without the points on the endocardium, where the ring is open."""
    if endocardium is None:
        return epicardium
    return np.asarray(epicardium[cKDTree(endocardium).query(epicardium)[0] > NO_WALL])


def _with_septum(
    free_wall: Points, septum: Points | None, normal: Float[np.ndarray, "3"]
) -> Points:
    """Return the free wall and, where its ends meet them, the septal points in its angular gap."""
    if len(free_wall) < 3:
        return free_wall
    arc = curves.from_longest_gap(_in_order(free_wall, normal))
    if septum is None:
        return arc
    bridge = _in_order(septum[_in_gap(arc, septum, normal)], normal)
    if len(bridge) == 0:
        return arc
    if np.linalg.norm(arc[-1] - bridge[0]) > np.linalg.norm(arc[-1] - bridge[-1]):
        bridge = bridge[::-1]
    reach = max(np.linalg.norm(arc[-1] - bridge[0]), np.linalg.norm(bridge[-1] - arc[0]))
    meets = reach <= max(FARTHEST_SEPTUM, 0.5 * np.linalg.norm(arc[-1] - arc[0]))
    return np.concatenate([arc, bridge]) if meets else arc


def _in_gap(
    drawn: Points, added: Points, normal: Float[np.ndarray, "3"]
) -> Bool[np.ndarray, " added"]:
    """Return which added points lie between drawn ones 15 degrees apart, seen from the middle."""
    both = np.concatenate([drawn, added])
    flat = (both - both.mean(axis=0)) @ curves.plane_axes(normal).T
    angles = np.arctan2(flat[:, 1], flat[:, 0])
    limits = np.sort(angles[: len(drawn)])
    after = np.searchsorted(limits, angles[len(drawn) :]) % len(limits)
    width = (limits - np.roll(limits, 1)) % (2 * np.pi)
    return np.asarray(width[after] > np.deg2rad(15))


def _in_order(points: Points, normal: Float[np.ndarray, "3"]) -> Points:
    return points if curves.is_ordered(points) else points[curves.order_by_angle(points, normal)]


def _closes(points: Points) -> bool:
    """Return whether no step of the loop is longer than the share that leaves it open."""
    steps = np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1)
    return len(points) >= 3 and float(steps.max()) <= OPEN_SHARE * float(steps.sum())


def _loop(
    structure: Structure, points: Points, slice_id: int, normal: Float[np.ndarray, "3"]
) -> list[Curve]:
    """Return a contour once round the LV, positive about the normal, open if it has a gap."""
    if len(points) < 3:
        return []
    by_angle = points[curves.order_by_angle(points, normal)]
    shorter = min((points, by_angle), key=curves.perimeter)  # arcs that overlap run back and forth
    ordered = curves.turned_about(shorter, normal)
    if len(points) <= 8 or _closes(ordered):
        return [_curve(structure, ordered, slice_id, closed=True)]
    return [_curve(structure, curves.from_longest_gap(ordered), slice_id, closed=False)]


def _open(
    structure: Structure, points: Points, slice_id: int, normal: Float[np.ndarray, "3"]
) -> list[Curve]:
    return [
        _curve(structure, part, slice_id, closed=False)
        for part in curves.split_at_jumps(_in_order(points, normal))
    ]


def _curve(structure: Structure, points: Points, slice_id: int, *, closed: bool) -> Curve:
    return Curve(
        structure=structure,
        points=np.ascontiguousarray(points, dtype=np.float64),
        slice_id=slice_id,
        closed=closed,
    )
