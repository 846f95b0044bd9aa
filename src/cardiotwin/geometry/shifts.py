"""In-plane shifts of slices that were taken in different breath-holds.

Each slice is taken to be displaced by a random amount from where the heart's centre line, smooth
but free to taper and bend, and the long-axis contours would have it. How large the displacements
are is itself estimated (largest marginal likelihood): a stack without shifts is left alone, and
one slice that is far off does not bend the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from cardiotwin.geometry.measured import rings
from cardiotwin.geometry.stack import LV, Stack, Vector
from cardiotwin.geometry.surfaces import OUTLIER, Wall, normal_scale
from cardiotwin.geometry.through import BELOW
from cardiotwin.imaging.curves import plane_axes
from cardiotwin.imaging.examination import Contours, Curve, Phase, Slice, Structure, View

BEND = 3e-3  # m: how far real centre lines leave a straight line (standard deviation)
BEND_LENGTH = 40e-3  # m: over which they do so
DRAWING = 0.4e-3  # m: a contour's centroid is known this well
CROSSING = 1.5e-3  # m: agreement of a long-axis contour with a short-axis one
SIZES = np.array([0.05, 0.3, 0.6, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]) * 1e-3  # m: tried for the shifts
USUAL, SPREAD = 1e-3, 1.0  # of shifts: log-normal prior on their size
HEAVY = 3.0  # degrees of freedom of the shifts' Student distribution: one may be very far off
ROUNDS = 4
AGAINST_SURFACE = 1e-3  # m: outlines leave a smooth surface by this much without any shift
STEP = 1e-4  # m: for differences
NEAR_PLANE = 4e-3  # m: a long-axis point this near a slice is compared with it


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceShifts:
    """How each slice was moved.

    Parameters
    ----------
    moved
        World displacement that was added, by slice, m.
    size
        Estimated standard deviation of the shifts in one direction, m.
    """

    moved: dict[int, Vector]
    size: float

    @property
    def largest(self) -> float:
        """Return the length of the longest shift, m."""
        return max((float(np.linalg.norm(shift)) for shift in self.moved.values()), default=0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Crossing:
    """Where a long-axis contour passes a slice: its offset along the plane's direction, m."""

    level: int
    view: int
    direction: Float[np.ndarray, "2"]
    offset: float


def slice_shifts(contours: Contours, stack: Stack) -> SliceShifts:
    """Return the displacements of the whole rings that make the stack one heart."""
    stack = replace(stack, levels=rings(stack))
    levels = stack.levels
    across = plane_axes(stack.axis)
    heights = np.array([level.height for level in levels])
    centres = np.array([across @ level.centre for level in levels])
    long_axis = sorted(k for k, s in contours.slices.items() if s.view is View.LONG_AXIS)
    crossings = [
        crossing
        for number, k in enumerate(long_axis)
        for crossing in _crossings(contours, stack, k, number, across)
    ]
    if len(levels) < 4:
        return SliceShifts(moved={}, size=0.0)
    size, sizes = 0.0, np.ones(len(levels))
    shifts, views = centres * 0.0, np.zeros(len(long_axis))
    for _ in range(ROUNDS):
        scores = [_score(heights, centres, trial * sizes) for trial in SIZES]
        size = float(SIZES[int(np.argmax(scores))])
        shifts, views = _most_likely(heights, centres, crossings, len(long_axis), size * sizes)
        far = np.sum(shifts**2, axis=1) / size**2
        sizes = np.sqrt((HEAVY + far) / (HEAVY + 2))
    moved = {level.slice_id: shift @ across for level, shift in zip(levels, shifts, strict=True)}
    for k, along in zip(long_axis, views, strict=True):
        moved[k] = along * _in_plane(contours.slices[k], stack.axis)
    return SliceShifts(moved=moved, size=size)


def shifted(contours: Contours, shifts: SliceShifts) -> Contours:
    """Return the contours with each slice, and what is drawn in it, moved."""

    def moved(curve: Curve) -> Curve:
        shift = shifts.moved.get(curve.slice_id, np.zeros(3))
        return replace(curve, points=curve.points + shift)

    slices = {
        k: replace(plane, origin=plane.origin + shifts.moved.get(k, np.zeros(3)))
        for k, plane in contours.slices.items()
    }
    return replace(contours, curves=tuple(moved(c) for c in contours.curves), slices=slices)


def pooled(shifts: Mapping[Phase, SliceShifts]) -> dict[Phase, SliceShifts]:
    """Return the shifts with each slice's averaged over the phases that show it."""
    by_slice: dict[int, list[Vector]] = {}
    for found in shifts.values():
        for k, shift in found.moved.items():
            by_slice.setdefault(k, []).append(shift)
    mean = {k: np.asarray(np.mean(seen, axis=0)) for k, seen in by_slice.items()}
    return {phase: replace(found, moved=mean) for phase, found in shifts.items()}


def refined(shifts: SliceShifts, contours: Contours, stack: Stack, wall: Wall) -> SliceShifts:
    """Return the shifts after a look at the surfaces through all slices.

    Each plane is moved to where its outlines lie best on the surfaces, less where the stack as a
    whole shows that slices hardly moved: a slice across the axis, a long-axis view along it too,
    since a breath moves a heart mostly up and down.
    """
    prolate = wall.prolate
    trust = shifts.size**2 / (shifts.size**2 + AGAINST_SURFACE**2)
    moved = dict(shifts.moved)
    for level in rings(stack):
        rows, misfits = [], []
        for number, outline in enumerate((level.endocardium, level.epicardium)):
            if outline is None:
                continue
            angle = prolate.coordinates(outline)[2]
            misfits.append(_misfit(outline, wall, number))
            rows.append(np.column_stack([np.cos(angle), np.sin(angle), np.ones_like(angle)]))
        slip = np.linalg.lstsq(np.concatenate(rows), np.concatenate(misfits))[0]
        back = -trust * slip[:2] @ prolate.frame.axes[:2]
        moved[level.slice_id] = moved.get(level.slice_id, np.zeros(3)) + back
    for k, plane in contours.slices.items():
        if plane.view is View.LONG_AXIS:
            moved[k] = moved.get(k, np.zeros(3)) + trust * _view_shift(contours, k, stack, wall)
    return replace(shifts, moved=moved)


def _misfit(points: Float[np.ndarray, "n 3"], wall: Wall, number: int) -> Float[np.ndarray, " n"]:
    """Return how far outside the endo- (0) or epicardium (1) points lie, m."""
    radius, polar, angle = wall.prolate.coordinates(points)
    scale = normal_scale(radius, polar, wall.prolate.focus)
    return np.asarray((radius - wall.radii(polar, angle)[number]) * scale)


def _view_shift(contours: Contours, k: int, stack: Stack, wall: Wall) -> Vector:
    """Return the shift within a long-axis plane that brings its contours nearest the surfaces.

    One Gauss-Newton step, in which points far off count less.
    """
    across = _in_plane(contours.slices[k], stack.axis)
    ways = np.stack([across, np.cross(contours.slices[k].normal, across)])
    rows, misfits = [np.zeros((0, 2))], [np.zeros(0)]
    for number, structure in enumerate(LV):
        for curve in contours.of(structure):
            local = wall.prolate.local(curve.points)
            below = wall.base[0] + local[:, :2] @ wall.base[1:] - local[:, 2] > BELOW
            if curve.slice_id != k or not below.any():
                continue
            points = curve.points[below]
            misfit = _misfit(points, wall, number)
            slopes = [(_misfit(points + STEP * way, wall, number) - misfit) / STEP for way in ways]
            weight = 1 / np.hypot(1, misfit / OUTLIER)
            rows.append(np.stack(slopes, axis=1) * weight[:, None])
            misfits.append(misfit * weight)
    found = np.linalg.lstsq(np.concatenate(rows), -np.concatenate(misfits))[0]
    return np.asarray(found @ ways)


def _bends(heights: Float[np.ndarray, " k"]) -> Float[np.ndarray, "k k"]:
    """Return the covariance of a smooth centre line about a straight one, m^2."""
    apart = (heights[:, None] - heights[None, :]) / BEND_LENGTH
    return np.asarray(BEND**2 * np.exp(-0.5 * apart**2))


def _score(
    heights: Float[np.ndarray, " k"],
    centres: Float[np.ndarray, "k 2"],
    sizes: Float[np.ndarray, " k"],
) -> float:
    """Return the log marginal likelihood of shifts of a size, straight part projected out."""
    covariance = _bends(heights) + np.diag(DRAWING**2 + sizes**2)
    straight = np.column_stack([np.ones_like(heights), heights - heights.mean()])
    rest = np.linalg.svd(straight)[0][:, 2:]  # what a straight line cannot explain
    reduced = rest.T @ covariance @ rest
    residual = rest.T @ centres
    log_det = float(np.linalg.slogdet(reduced)[1])
    misfit = float(np.sum(residual * np.linalg.solve(reduced, residual)))
    prior = -0.5 * (np.log(float(np.median(sizes)) / USUAL) / SPREAD) ** 2
    return -0.5 * misfit - log_det + float(prior)


def _most_likely(
    heights: Float[np.ndarray, " k"],
    centres: Float[np.ndarray, "k 2"],
    crossings: list[_Crossing],
    n_views: int,
    sizes: Float[np.ndarray, " k"],
) -> tuple[Float[np.ndarray, "k 2"], Float[np.ndarray, " views"]]:
    """Return the slices' and the long-axis planes' shifts, m.

    Minimised: (c + s)' P (c + s) + sum of |s|^2 / sizes^2 + |l|^2 / usual^2
    + sum of (s . d - l - offset)^2 / crossing^2, P the precision of centre lines about straight.
    """
    k = len(heights)
    straight = np.column_stack([np.ones(k), heights - heights.mean()])
    rest = np.linalg.svd(straight)[0][:, 2:]
    covariance = rest.T @ (_bends(heights) + DRAWING**2 * np.eye(k)) @ rest
    smooth = rest @ np.linalg.solve(covariance, rest.T)
    matrix = np.zeros((2 * k + n_views,) * 2)
    load = np.zeros(2 * k + n_views)
    matrix[: 2 * k, : 2 * k] = np.kron(smooth, np.eye(2))
    load[: 2 * k] = -(smooth @ centres).ravel()
    usual = np.full(n_views, np.median(sizes))
    matrix += np.diag(1 / np.concatenate([np.repeat(sizes, 2), usual]) ** 2)
    for crossing in crossings:
        row = np.zeros(len(load))
        row[2 * crossing.level : 2 * crossing.level + 2] = crossing.direction
        row[2 * k + crossing.view] = -1.0
        matrix += np.outer(row, row) / CROSSING**2
        load += row * crossing.offset / CROSSING**2
    solution = np.linalg.solve(matrix, load)
    return solution[: 2 * k].reshape(k, 2), solution[2 * k :]


def _crossings(
    contours: Contours, stack: Stack, k: int, view: int, across: Float[np.ndarray, "2 3"]
) -> list[_Crossing]:
    """Return where a long-axis plane's contours pass the slices, endo- and epicardium apart."""
    plane = contours.slices[k]
    way = _in_plane(plane, stack.axis)
    normal = plane.normal - (plane.normal @ stack.axis) * stack.axis
    normal /= np.linalg.norm(normal)
    found = []
    for structure in LV:
        drawn = [c.points for c in contours.of(structure) if c.slice_id == k]
        if not drawn:
            continue
        points = np.concatenate(drawn)
        for number, level in enumerate(stack.levels):
            outline = (
                level.endocardium if structure is Structure.LV_ENDOCARDIUM else level.epicardium
            )
            if outline is None or (structure is Structure.LV_EPICARDIUM and not level.closed):
                continue
            near = points[np.abs(points @ stack.axis - level.height) < NEAR_PLANE]
            cut = _cut(outline, (outline - plane.origin) @ normal)
            offset = _middle_offset(near @ way, cut @ way)
            if offset is not None:
                found.append(
                    _Crossing(level=number, view=view, direction=across @ way, offset=offset)
                )
    return found


def _middle_offset(
    drawn: Float[np.ndarray, " _drawn"], cut: Float[np.ndarray, " _cut"]
) -> float | None:
    """Return by how much the middle of two walls lies farther along than a slice has it, m."""
    if len(cut) != 2 or len(drawn) < 2:
        return None
    upper: Bool[np.ndarray, " _drawn"] = drawn > cut.mean()
    if upper.all() or not upper.any():
        return None
    middle = (drawn[upper].mean() + drawn[~upper].mean()) / 2
    return float(middle - cut.mean())


def _cut(
    outline: Float[np.ndarray, "points 3"], side: Float[np.ndarray, " points"]
) -> Float[np.ndarray, "_cuts 3"]:
    """Return where a closed outline passes through a plane, given its points' signed distances."""
    ahead, side_ahead = np.roll(outline, -1, axis=0), np.roll(side, -1)
    through = side * side_ahead < 0
    share = (side / np.where(through, side - side_ahead, 1.0))[through, None]
    return np.asarray(outline[through] * (1 - share) + ahead[through] * share)


def _in_plane(plane: Slice, axis: Vector) -> Vector:
    """Return the unit vector in a long-axis plane across the axis."""
    way = np.cross(axis, plane.normal)
    return np.asarray(way / np.linalg.norm(way), dtype=np.float64)


__all__ = ["SliceShifts", "pooled", "refined", "shifted", "slice_shifts"]
