"""The wall's contours in an image plane: where rays from the cavity's middle meet its surfaces.

Endo- and epicardium are the surfaces' own sections; the mid-wall lies halfway between them, as
software draws it between the two contours of an image.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.biventricular.border import left_epicardium
from cardiotwin.geometry.mesh import TRIANGLE_EDGES, TetMesh
from cardiotwin.geometry.sections import fine_triangles
from cardiotwin.geometry.volumes import rim_nodes
from cardiotwin.measurement.views import ENDOCARDIUM, Plane

RAYS = 72  # round a short-axis slice: every 5 degrees, so that no piece crosses a segment's edge
FIRST = -60.0  # degrees: the segments' edges are multiples of 5 from here
SAMPLES = 40  # pieces of a long-axis contour on each side of the apex
SCAN = np.deg2rad(0.5)  # between the rays that find a long-axis contour
SEAM = 1e-6  # of a piece: rounding must not open a gap between neighbours for a ray
WIDEST = np.deg2rad(150)  # from the axis: no rim is seen farther up from the base's centre

Points = Float[np.ndarray, "nodes 3"]
Pieces = Float[np.ndarray, "pieces 2 2"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Outline:
    """Sections of the wall's two sides with a plane, as straight pieces in its coordinates, m."""

    inner: Float[np.ndarray, "inner 2 2"]
    outer: Float[np.ndarray, "outer 2 2"]


def outline(mesh: TetMesh, points: Points, plane: Plane) -> Outline:
    """Return the sections of the left ventricle's two surfaces in a wall of one or of both."""
    inner = fine_triangles(points, mesh, ENDOCARDIUM)
    outer = left_epicardium(points, mesh)
    return Outline(inner=_pieces(inner, plane), outer=_pieces(outer, plane))


def slice_angles() -> Float[np.ndarray, " rays"]:
    """Return the angles of the rays of a short-axis slice from the anterior insertion, rad."""
    return np.asarray(np.deg2rad(FIRST) + 2 * np.pi / RAYS * np.arange(RAYS))


def slice_contours(mesh: TetMesh, points: Points, plane: Plane) -> Float[np.ndarray, "3 rays 2"]:
    """Return endocardium, mid-wall and epicardium along rays from the cavity's middle, m.

    NaN where the plane does not meet the whole circumference of a surface.
    """
    cut = outline(mesh, points, plane)
    centre = _middle(cut.inner)
    angles = slice_angles()
    ways = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    inner = _reach(cut.inner, centre, ways)
    outer = _reach(cut.outer, centre, ways, beyond=inner)
    if np.isnan(inner).any():
        inner = outer = np.full(RAYS, np.nan)
    elif np.isnan(outer).any():
        outer = np.full(RAYS, np.nan)
    radii = np.stack([inner, (inner + outer) / 2, outer])
    return np.asarray(centre + radii[:, :, None] * ways)


def long_contours(mesh: TetMesh, points: Points, plane: Plane) -> Float[np.ndarray, "3 samples 2"]:
    """Return endocardium, mid-wall and epicardium from rim to rim through the apex, m.

    Samples lie evenly along each side of the two surfaces, the apex where the axis through the
    base's centre meets them; NaN where the plane does not meet a surface there.
    """
    cut = outline(mesh, points, plane)
    base = plane.flat(points[rim_nodes(mesh)].mean(axis=0))
    angles = np.arange(0, WIDEST, SCAN)
    sides = []
    for sign in (1.0, -1.0):
        ways = np.stack([sign * np.sin(angles), -np.cos(angles)], axis=1)
        inner = _reach(cut.inner, base, ways)
        outer = _reach(cut.outer, base, ways, beyond=np.nan_to_num(inner))
        sides.append(
            np.stack(
                [
                    _to_rim(cut.inner, base, ways, inner, sign),
                    _to_rim(cut.outer, base, ways, outer, sign),
                ]
            )
        )
    first, second = sides
    inner, outer = np.concatenate([first[:, ::-1], second[:, 1:]], axis=1)
    return np.stack([inner, (inner + outer) / 2, outer])


def _pieces(triangles: Float[np.ndarray, "triangles 3 3"], plane: Plane) -> Pieces:
    """Return the straight pieces in which triangles meet a plane, in its coordinates, m."""
    # A corner exactly on the plane counts as above it, so that every piece has two ends.
    height = (triangles - plane.origin) @ plane.normal
    above = height >= 0
    through = above.any(axis=1) & ~above.all(axis=1)
    triangles, height, above = triangles[through], height[through], above[through]
    ends = np.full((len(triangles), 3, 3), np.nan)
    for k, (a, b) in enumerate(TRIANGLE_EDGES):
        meets = above[:, a] != above[:, b]
        share = (height[meets, a] / (height[meets, a] - height[meets, b]))[:, None]
        ends[meets, k] = triangles[meets, a] * (1 - share) + triangles[meets, b] * share
    found = ends[~np.isnan(ends[:, :, 0])].reshape(-1, 2, 3)
    return plane.flat(found)


def _middle(pieces: Pieces) -> Float[np.ndarray, "2"]:
    """Return the centroid of a closed outline's area, m; its pieces may be in any order."""
    if not len(pieces):
        return np.zeros(2)
    weights = np.linalg.norm(pieces[:, 1] - pieces[:, 0], axis=1)
    start = np.average(pieces.mean(axis=1), axis=0, weights=weights)
    a, b = pieces[:, 0] - start, pieces[:, 1] - start
    areas = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    return np.asarray(start + areas @ (a + b) / 3 / areas.sum())


def _reach(
    pieces: Pieces,
    centre: Float[np.ndarray, "2"],
    ways: Float[np.ndarray, "rays 2"],
    beyond: Float[np.ndarray, " rays"] | None = None,
) -> Float[np.ndarray, " rays"]:
    """Return how far each ray goes to the first piece `beyond` a distance, m; NaN without one."""
    a, b = pieces[:, 0] - centre, pieces[:, 1] - centre
    left = ways[:, :1] * a[:, 1] - ways[:, 1:] * a[:, 0]
    right = ways[:, :1] * b[:, 1] - ways[:, 1:] * b[:, 0]
    span = np.where(left == right, 1.0, left - right)
    share = left / span
    far = (ways @ a.T) * (1 - share) + (ways @ b.T) * share
    least = np.zeros(len(ways)) if beyond is None else beyond
    met = (share >= -SEAM) & (share <= 1 + SEAM) & (left != right)
    hit = met & (far > least[:, None])
    first = np.where(hit, far, np.inf).min(axis=1, initial=np.inf)
    return np.where(np.isfinite(first), first, np.nan)


def _to_rim(
    pieces: Pieces,
    base: Float[np.ndarray, "2"],
    ways: Float[np.ndarray, "rays 2"],
    reached: Float[np.ndarray, " rays"],
    sign: float,
) -> Float[np.ndarray, "_ 2"]:
    """Return one side of a surface, evenly from the apex to the end of its last piece, m."""
    seen = np.isfinite(reached)
    last = len(seen) if seen.all() else int(np.argmin(seen))
    if last < 2:
        return np.full((SAMPLES + 1, 2), np.nan)
    curve = base + reached[:last, None] * ways[:last]
    tip = curve[-1]
    # The piece that the last ray met ends at the rim: its end farther from the axis.
    a, b = pieces[:, 0], pieces[:, 1]
    along = b - a
    size = np.maximum(np.einsum("pi,pi->p", along, along), np.finfo(np.float64).tiny)
    share = np.clip(np.einsum("pi,pi->p", tip - a, along) / size, 0, 1)
    piece = int(np.argmin(np.linalg.norm(a + share[:, None] * along - tip, axis=1)))
    arms = pieces[piece] - base
    turned = np.arctan2(sign * arms[:, 0], -arms[:, 1])
    curve = np.vstack([curve, pieces[piece, np.argmax(turned)]])
    steps = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    way = np.concatenate([[0], np.cumsum(steps)])
    even = np.linspace(0, way[-1], SAMPLES + 1)
    return np.stack([np.interp(even, way, curve[:, k]) for k in range(2)], axis=1)


__all__ = ["RAYS", "SAMPLES", "long_contours", "outline", "slice_angles", "slice_contours"]
