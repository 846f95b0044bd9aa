"""The short-axis stack of one phase: its slices in order, the heart's axis, its centre line."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.imaging.curves import polygon_area, polygon_centroid
from cardiotwin.imaging.examination import Contours, Curve, Phase, Structure, View
from cardiotwin.imaging.guide_contours import shares
from cardiotwin.imaging.phases import words

TILT = np.cos(np.deg2rad(20))  # a "short-axis" plane tilted more is another view, misnamed
APART = 1.5  # times the usual distance: neighbouring slices farther apart have a gap between them
SAME_PLANE = 1e-3  # m: slices nearer than this show one place twice
FEWEST = 4  # slices with cavity and wall at end-diastole
FEWEST_LATER = 3  # in other phases, where the cavity is shorter
ALIKE = 0.75  # ratio of the end slices' cavities above which they do not tell apex from base
RV_GROWTH = 0.4  # of the mean area from end to end: less does not tell apex from base
LV = (Structure.LV_ENDOCARDIUM, Structure.LV_EPICARDIUM)
TOWARDS_BASE = np.array([0.5, -0.6, 0.6])  # right, back, up: where the base lies in a person

Vector = Float[np.ndarray, "3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Level:
    """One short-axis slice of the left ventricle.

    Parameters
    ----------
    slice_id
        Key into `Contours.slices`.
    height
        Of the slice's middle along the axis, m.
    thickness
        Extent along the axis that it stands for, m.
    endocardium, epicardium
        Outlines in the world, m; None where there is none.
    closed
        Whether the epicardium goes all the way round.
    """

    slice_id: int
    height: float
    thickness: float
    endocardium: Float[np.ndarray, "_endo 3"] | None
    epicardium: Float[np.ndarray, "_epi 3"] | None
    closed: bool

    @property
    def usable(self) -> bool:
        """Return whether the slice shows cavity and wall."""
        return self.endocardium is not None and self.epicardium is not None

    @property
    def cavity_area(self) -> float:
        """Return the area of the cavity, m^2."""
        return 0.0 if self.endocardium is None else polygon_area(self.endocardium)

    @property
    def centre(self) -> Vector:
        """Return the mean of the outlines' centroids, m."""
        drawn = [self.endocardium] if self.endocardium is not None else []
        if self.epicardium is not None and (self.closed or not drawn):
            drawn.append(self.epicardium)
        centroids = np.array([polygon_centroid(outline) for outline in drawn])
        return np.asarray(centroids.mean(axis=0), dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """The slices of a phase from apex to base, and the axis across them.

    Parameters
    ----------
    levels
        In order of height.
    axis
        Unit normal of the slices, from apex to base.
    axis_assumed
        Whether the sign of the axis is a guess from where hearts lie in people.
    misnamed
        Slices called short-axis that are tilted against the others, left out here.
    grid
        Distance of a label map's slices, drawn or empty, m; None where contours were drawn.
    """

    levels: tuple[Level, ...]
    axis: Vector
    axis_assumed: bool
    misnamed: tuple[int, ...]
    grid: float | None

    @property
    def usable(self) -> tuple[Level, ...]:
        """Return the slices with cavity and wall."""
        return tuple(level for level in self.levels if level.usable)


def short_axis_stack(contours: Contours, axis: Vector | None = None) -> Stack:
    """Return the stack of a phase along its own axis, or with the sign of a given one.

    Raises
    ------
    InputError
        Where fewer than four slices (three after end-diastole) show both cavity and wall.
    """
    short = [k for k, plane in contours.slices.items() if plane.view is View.SHORT_AXIS]
    normals = np.array([contours.slices[k].normal for k in short]).reshape(-1, 3)
    if short:
        normals *= np.where(normals @ normals[len(normals) // 2] < 0, -1.0, 1.0)[:, None]
        normal = np.median(normals, axis=0)
        normal /= np.linalg.norm(normal)
        kept = normals @ normal >= TILT
    else:
        normal, kept = np.array([0.0, 0.0, 1.0]), np.zeros(0, dtype=bool)
    parallel = [k for k, keep in zip(short, kept, strict=True) if keep]
    levels = _levels(contours, parallel, normal)
    _check(levels, contours.phase)
    if axis is None:
        sign, assumed = _towards_base(contours, levels, normal)
    else:
        sign, assumed = float(np.sign(axis @ normal)), False
    flipped = [replace(level, height=sign * level.height) for level in levels]
    return Stack(
        levels=tuple(sorted(flipped, key=lambda level: level.height)),
        axis=sign * normal,
        axis_assumed=assumed,
        misnamed=tuple(k for k, keep in zip(short, kept, strict=True) if not keep),
        grid=contours.slices[parallel[0]].thickness if contours.from_labels else None,
    )


def _levels(contours: Contours, numbers: list[int], normal: Vector) -> list[Level]:
    planes = [contours.slices[k] for k in numbers]
    heights = np.array([float(plane.origin @ normal) for plane in planes])
    if contours.from_labels:
        thickness = _slabs(contours, numbers, heights)
    else:  # planes that another view's normal mixed up are counted anew
        thickness = shares(_without_gaps(heights)) if len(heights) else []
    found = []
    for k, height, extent in zip(numbers, heights, thickness, strict=True):
        endo = _largest(contours.of(Structure.LV_ENDOCARDIUM), k)
        epi = _largest(contours.of(Structure.LV_EPICARDIUM), k)
        if endo is None and epi is None:
            continue
        found.append(
            Level(
                slice_id=k,
                height=float(height),
                thickness=extent,
                endocardium=None if endo is None else endo.points,
                epicardium=None if epi is None else epi.points,
                closed=epi is not None and epi.closed,
            )
        )
    return found


def _slabs(
    contours: Contours, numbers: list[int], heights: Float[np.ndarray, " planes"]
) -> list[float]:
    """Return the extents of a label map's slices, m: the grid's, where most of it is drawn.

    Where every second slice or fewer are drawn, each reaches half way to its neighbours.
    """
    extents = np.array([contours.slices[k].thickness for k in numbers])
    held = {curve.slice_id for structure in LV for curve in contours.of(structure)}
    drawn = np.array([k in held for k in numbers], dtype=bool)
    if drawn.any() and usual_distance(heights[drawn]) >= APART * extents[0]:
        extents[drawn] = shares(_without_gaps(heights[drawn]))
    return [float(extent) for extent in extents]


def usual_distance(heights: Float[np.ndarray, " slices"]) -> float:
    """Return the distance of neighbouring slices, m: the lower quartile, as some may be missing.

    Not the shortest: one slice may be repeated a little beside itself.
    """
    steps = np.diff(np.sort(heights))
    apart = steps[steps > SAME_PLANE]
    return float(np.quantile(apart, 0.25, method="lower")) if len(apart) else 0.0


def _without_gaps(heights: Float[np.ndarray, " slices"]) -> Float[np.ndarray, " slices"]:
    """Return the heights moved together where slices are missing, so that none stands for them."""
    order = np.argsort(heights, kind="stable")
    steps = np.diff(heights[order], prepend=heights[order[0]])
    usual = usual_distance(heights)
    closed = np.empty_like(heights)
    closed[order] = np.cumsum(np.where(steps < APART * usual, steps, usual))
    return closed


def _largest(curves: tuple[Curve, ...], slice_id: int) -> Curve | None:
    here = [c for c in curves if c.slice_id == slice_id and len(c.points) >= 3]
    return max(here, key=lambda c: polygon_area(c.points), default=None)


def _check(levels: list[Level], phase: Phase) -> None:
    cavity = [level for level in levels if level.endocardium is not None]
    if cavity and not any(level.epicardium is not None for level in levels):
        msg = (
            f"The contours have a cavity in {len(cavity)} slices and no epicardium in any. "
            "A wall is needed: give labels or contours of the myocardium too."
        )
        raise InputError(msg)
    n_usable = sum(level.usable for level in levels)
    fewest = FEWEST if phase is Phase.END_DIASTOLE else FEWEST_LATER
    if n_usable < fewest:
        msg = (
            f"A left ventricle at {words(phase)} needs at least {fewest} "
            f"short-axis slices with cavity and wall, found {n_usable}. "
            "Give the whole stack from apex to base."
        )
        raise InputError(msg)


def _towards_base(contours: Contours, levels: list[Level], normal: Vector) -> tuple[float, bool]:
    """Return the sign that turns the normal from apex to base, and whether it is a guess.

    In this order: valve and apex landmarks; the RV, which widens towards the base; a cap of wall
    without cavity, and a ring that is not closed; the smaller cavity; how hearts lie in people.
    """
    valves = [c.points for c in contours.of(Structure.MITRAL_VALVE)]
    tips = [c.points for c in contours.of(Structure.APEX)]
    ordered = sorted(levels, key=lambda level: level.height)
    signs = [0.0]
    if valves:
        low = np.concatenate(tips) if tips else np.array([level.centre for level in levels])
        signs.append(float((np.concatenate(valves).mean(axis=0) - low.mean(axis=0)) @ normal))
    signs.append(_rv_widens(contours, ordered))
    first, last = ordered[0], ordered[-1]
    signs.append(float(first.endocardium is None) - float(last.endocardium is None))
    signs.append(float(first.usable and first.closed) - float(last.usable and last.closed))
    areas = (first.cavity_area, last.cavity_area)
    if min(areas) < ALIKE * max(areas):
        signs.append(areas[1] - areas[0])
    told = next((sign for sign in signs if sign != 0), 0.0)
    if told != 0:
        return float(np.sign(told)), False
    return (1.0 if normal @ TOWARDS_BASE > 0 else -1.0), True


def _rv_widens(contours: Contours, ordered: list[Level]) -> float:
    """Return the growth of the RV's area along the normal over its mean, 0 where it is small."""
    area: dict[int, float] = {}
    for curve in contours.of(Structure.RV_ENDOCARDIUM, View.SHORT_AXIS):
        area[curve.slice_id] = area.get(curve.slice_id, 0.0) + polygon_area(curve.points)
    pairs = [(level.height, area[level.slice_id]) for level in ordered if level.slice_id in area]
    if len(pairs) < FEWEST:
        return 0.0
    heights, areas = np.array(pairs).T
    growth = float(np.polyfit(heights, areas, 1)[0] * np.ptp(heights) / areas.mean())
    return growth if abs(growth) > RV_GROWTH else 0.0


__all__ = ["APART", "LV", "SAME_PLANE", "Level", "Stack", "short_axis_stack", "usual_distance"]
