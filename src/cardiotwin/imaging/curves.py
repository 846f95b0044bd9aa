"""Points drawn on a heart as ordered curves, open or closed."""

import numpy as np
from jaxtyping import Float, Integer
from scipy.spatial import cKDTree

JUMP = 6.0  # a step of this many usual steps is a gap, not a step along the curve
SHORTEST_JUMP = 6e-3  # m


def plane_axes(normal: Float[np.ndarray, "3"]) -> Float[np.ndarray, "2 3"]:
    """Return two unit vectors that with the unit normal make a right-handed frame."""
    aside = np.eye(3)[np.argmin(np.abs(normal))]
    first = np.cross(aside, normal)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(normal, first)])


def polygon_area(points: Float[np.ndarray, "points 3"]) -> float:
    """Return the area inside a closed planar polygon in space, m^2 (half the crosses' sum)."""
    around = points - points.mean(axis=0)
    crosses = np.cross(around, np.roll(around, -1, axis=0)).sum(axis=0)
    return float(np.linalg.norm(crosses) / 2)


def polygon_centroid(points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "3"]:
    """Return the centroid of the area inside a closed planar polygon, m."""
    middle = points.mean(axis=0)
    around = points - middle
    ahead = np.roll(around, -1, axis=0)
    crosses = np.cross(around, ahead)
    normal = crosses.sum(axis=0)
    total = np.linalg.norm(normal)
    if total == 0:
        return np.asarray(middle, dtype=np.float64)
    weights = crosses @ normal / total
    centres = (around + ahead) / 3
    return np.asarray(middle + (weights[:, None] * centres).sum(axis=0) / weights.sum())


def order_by_angle(
    points: Float[np.ndarray, "points 3"], normal: Float[np.ndarray, "3"]
) -> Integer[np.ndarray, " points"]:
    """Return the order of the points by angle about their centroid, positive about the normal."""
    flat = (points - points.mean(axis=0)) @ plane_axes(normal).T
    return np.argsort(np.arctan2(flat[:, 1], flat[:, 0]), kind="stable")


def perimeter(points: Float[np.ndarray, "points 3"]) -> float:
    """Return the length of a closed curve, m."""
    return float(np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1).sum())


def turned_about(
    points: Float[np.ndarray, "points 3"], normal: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "points 3"]:
    """Return a closed curve in the direction that is positive about the normal."""
    around = points - points.mean(axis=0)
    turn = np.cross(around, np.roll(around, -1, axis=0)).sum(axis=0) @ normal
    return points if turn >= 0 else points[::-1]


def from_longest_gap(points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 3"]:
    """Return a closed list of points started behind its longest step."""
    steps = np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1)
    return np.roll(points, -int(np.argmax(steps)), axis=0)


def without_repeats(points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "distinct 3"]:
    """Return the points without those that repeat an earlier one (within 1 micrometre)."""
    _, first = np.unique(np.rint(points * 1e6), axis=0, return_index=True)
    return points[np.sort(first)]


def is_ordered(points: Float[np.ndarray, "points 3"]) -> bool:
    """Return whether neighbours in the list are neighbours in space, for nine steps in ten."""
    if len(points) < 4:
        return True
    nearest = cKDTree(points).query(points, k=2)[0][:, 1]
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return bool(np.quantile(steps, 0.9) <= JUMP * max(float(np.median(nearest)), 1e-6))


def usual_step(points: Float[np.ndarray, "points 3"]) -> float:
    """Return the median step between successive points, m."""
    return float(np.median(np.linalg.norm(np.diff(points, axis=0), axis=1)))


def jump_length(points: Float[np.ndarray, "points 3"]) -> float:
    """Return the step, m, from which two successive points are taken to be two curves' ends."""
    return max(JUMP * usual_step(points), SHORTEST_JUMP)


def split_at_jumps(
    points: Float[np.ndarray, "points 3"],
) -> tuple[Float[np.ndarray, "_part 3"], ...]:
    """Return the open curves that an ordered list is made of.

    A list that starts in the middle of an arc has a jump inside and none between its last and
    first point; its last and first part are then joined.
    """
    if len(points) < 3:
        return (points,)
    limit = jump_length(points)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    parts = np.split(points, np.flatnonzero(steps > limit) + 1)
    if len(parts) > 1 and np.linalg.norm(points[0] - points[-1]) <= limit:
        parts = [np.concatenate([parts[-1], parts[0]]), *parts[1:-1]]
    return tuple(parts)


def joined_loop(
    arcs: tuple[Float[np.ndarray, "_points 3"], ...],
) -> Float[np.ndarray, "points 3"]:
    """Return one closed curve of arcs, each joined to the nearest end of what is left."""
    rest = list(arcs[1:])
    loop = arcs[0]
    while rest:
        gaps = [
            (float(np.linalg.norm(loop[-1] - arc[end])), number, end)
            for number, arc in enumerate(rest)
            for end in (0, -1)
        ]
        _, number, end = min(gaps)
        arc = rest.pop(number)
        loop = np.concatenate([loop, arc if end == 0 else arc[::-1]])
    return loop
