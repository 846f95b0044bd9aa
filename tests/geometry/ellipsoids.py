"""Ellipsoids drawn as a scanner would: known walls, short-axis contours, an RV beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cardiotwin.imaging.examination import (
    Contours,
    Curve,
    Examination,
    Phase,
    Slice,
    Structure,
    Subject,
    View,
)

AXIS = np.array([0.5, -0.6, 0.6]) / np.linalg.norm([0.5, -0.6, 0.6])  # apex to base in a person
ANTERIOR = np.array([0.43, 0.78, 0.45])
ANTERIOR = ANTERIOR - (ANTERIOR @ AXIS) * AXIS
ANTERIOR /= np.linalg.norm(ANTERIOR)
SEPTAL = np.cross(ANTERIOR, AXIS)
CENTRE = np.array([-0.02, 0.01, -0.04])


@dataclass(frozen=True, kw_only=True)
class Ellipsoid:
    """A wall between two ellipsoids about one centre, cut at `base` above it; lengths in m."""

    inner: tuple[float, float] = (25e-3, 68e-3)  # radius, half-length
    outer: tuple[float, float] = (34e-3, 76e-3)
    base: float = 20e-3
    bend: float = 0.0  # of the centre line at the apex

    def radius(self, which: tuple[float, float], height: np.ndarray | float) -> np.ndarray:
        return which[0] * np.sqrt(np.maximum(1 - (np.asarray(height) / which[1]) ** 2, 0))

    def centre_line(self, height: np.ndarray | float) -> np.ndarray:
        offset = (
            self.bend * (np.asarray(height) - self.base) ** 2 / (self.outer[1] + self.base) ** 2
        )
        return CENTRE + np.multiply.outer(offset, ANTERIOR)

    def volume(self, which: tuple[float, float], low: float, high: float) -> float:
        r, length = which
        low, high = max(low, -length), min(high, length)
        return np.pi * r**2 * (high - low - (high**3 - low**3) / (3 * length**2))

    @property
    def cavity(self) -> float:
        return self.volume(self.inner, -1, self.base)

    @property
    def wall(self) -> float:
        return self.volume(self.outer, -1, self.base) - self.cavity


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How an ellipsoid is drawn: slices downwards from the base, shifts of each, with an RV."""

    spacing: float = 8e-3
    top: float = 0.0  # depth of the stack's upper end below the base
    skip_apical: int = 0
    skip_basal: int = 0
    shifts: Mapping[int, np.ndarray] = field(default_factory=dict)
    rv: bool = True
    left_out: tuple[int, ...] = ()  # slices that are not drawn
    rv_above: float | None = None  # radial share of the RV in one slice more, without the LV


def draw(heart: Ellipsoid, how: Drawing, phase: Phase = Phase.END_DIASTOLE) -> Contours:
    turns = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    rim = np.cos(turns)[:, None] * ANTERIOR + np.sin(turns)[:, None] * SEPTAL
    heights = np.arange(heart.base - how.top - how.spacing / 2, -heart.outer[1], -how.spacing)
    heights = heights[heights > -heart.inner[1] + 2e-3][::-1]
    heights = heights[how.skip_apical : len(heights) - how.skip_basal]
    curves, slices = [], {}
    if how.rv_above is not None:
        heights = np.append(heights, heights[-1] + how.spacing)
    for k, height in enumerate(heights):
        if k in how.left_out:
            continue
        middle = heart.centre_line(height) + height * AXIS + how.shifts.get(k, np.zeros(3))
        outer = heart.radius(heart.outer, height)
        rings = [
            (Structure.LV_ENDOCARDIUM, middle + heart.radius(heart.inner, height) * rim),
            (Structure.LV_EPICARDIUM, middle + outer * rim),
        ]
        if how.rv:  # beside a third of the circumference, from angle zero
            arc = (turns >= 0) & (turns <= np.deg2rad(120))
            above = how.rv_above is not None and k == len(heights) - 1
            width = 3e-2 * (how.rv_above if above else 1.0)
            near, far = middle + (outer + 1e-4) * rim[arc], middle + (outer + width) * rim[arc]
            beside = (Structure.RV_ENDOCARDIUM, np.concatenate([near, far[::-1]]))
            rings = [beside] if above else [*rings, beside]
        curves += [
            Curve(structure=structure, points=points, slice_id=k, closed=True)
            for structure, points in rings
        ]
        slices[k] = Slice(
            origin=middle,
            row=1.4e-3 * SEPTAL,
            column=1.4e-3 * ANTERIOR,
            view=View.SHORT_AXIS,
            thickness=how.spacing,
        )
    return Contours(
        phase=phase,
        curves=tuple(curves),
        slices=slices,
        from_labels=True,
        source=Path("ellipsoid"),
    )


def with_views(contours: Contours, heart: Ellipsoid, slips: Mapping[int, float]) -> Contours:
    """Return the contours with long-axis views, each drawn `slips` too far along the axis, m."""
    polar = np.linspace(-np.arccos(-heart.base / heart.inner[1]), 0, 60)
    polar = np.concatenate([polar, -polar[-2::-1]])
    curves, slices = list(contours.curves), dict(contours.slices)
    for k, slip in slips.items():
        way = np.cos(k) * ANTERIOR + np.sin(k) * SEPTAL
        slices[k] = Slice(
            origin=CENTRE,
            row=1.4e-3 * way,
            column=1.4e-3 * AXIS,
            view=View.LONG_AXIS,
            thickness=0.0,
        )
        for structure, (radius, length) in (
            (Structure.LV_ENDOCARDIUM, heart.inner),
            (Structure.LV_EPICARDIUM, heart.outer),
        ):
            across, height = radius * np.sin(polar), slip - length * np.cos(polar)
            points = CENTRE + np.outer(across, way) + np.outer(height, AXIS)
            curves.append(Curve(structure=structure, points=points, slice_id=k, closed=False))
    return replace(contours, curves=tuple(curves), slices=slices)


def examine(*drawn: Contours) -> Examination:
    return Examination(
        subject=Subject(identifier="ellipsoid"),
        contours={contours.phase: contours for contours in drawn},
        labels={},
        images=(),
        frame_times={},
    )


def moved(contours: Contours, rotation: np.ndarray, translation: np.ndarray) -> Contours:
    curves = tuple(
        replace(curve, points=curve.points @ rotation.T + translation) for curve in contours.curves
    )
    slices = {
        k: replace(
            plane,
            origin=rotation @ plane.origin + translation,
            row=rotation @ plane.row,
            column=rotation @ plane.column,
        )
        for k, plane in contours.slices.items()
    }
    return replace(contours, curves=curves, slices=slices)


def half_ellipsoid(u, angle, t):
    """Return a wall between two half ellipsoids, base at z = 0, apex below."""
    radius, length = 25e-3 + 10e-3 * t, 60e-3 + 8e-3 * t
    polar = u * np.pi / 2
    across = radius * np.sin(polar)
    # Angles turn left-handed about the axis from apex to base.
    return np.stack(
        [across * np.cos(angle), -across * np.sin(angle), -length * np.cos(polar)], axis=1
    )


def off_surface(points, heart, which):
    """Return the distance of points from an ellipsoid, m (to first order)."""
    height = (points - CENTRE) @ AXIS
    across = np.linalg.norm(points - heart.centre_line(height) - height[:, None] * AXIS, axis=1)
    level = np.hypot(across / which[0], height / which[1])
    slope = np.hypot(across / which[0] ** 2, height / which[1] ** 2) / level
    return np.abs(level - 1) / slope


def surface_error(anatomy, heart, phase=Phase.END_DIASTOLE):
    points, facets = anatomy.points[phase], anatomy.mesh.facets
    inner, outer = np.unique(facets["lv_endocardium"]), np.unique(facets["epicardium"])
    return np.concatenate(
        [
            off_surface(points[inner], heart, heart.inner),
            off_surface(points[outer], heart, heart.outer),
        ]
    )


def names(anatomy):
    return [flag.name for flag in anatomy.flags]
