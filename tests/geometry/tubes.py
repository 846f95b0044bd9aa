"""Two round-bottomed tubes in one wall: the simplest heart with two ventricles."""

import numpy as np

from cardiotwin.geometry.biventricular.lattice import DIVIDED, LARGE, all_divided, lattice_below
from cardiotwin.geometry.biventricular.solid import Tagged, boundary, largest_part
from cardiotwin.geometry.biventricular.stuffing import stuff
from cardiotwin.geometry.mesh import TETRAHEDRON_EDGES, TRIANGLE_EDGES, TetMesh
from cardiotwin.units import MM

TUBES = np.array([[0, 0], [29, 0]]) * MM  # two cavities side by side, one wall round both


def parts(points):
    """Return how far points lie outside two round-bottomed cavities and inside their wall, m."""

    def inside(centre, radius):
        below = points - [*centre, -20 * MM]
        below[:, 2] = np.minimum(below[:, 2], 0)
        return radius - np.linalg.norm(below, axis=1)

    left, right = (inside(centre, r) for centre, r in zip(TUBES, RADII, strict=True))
    outer = np.maximum(left + THICK, right + THIN)
    return np.stack([-left, -right, outer])


THICK, THIN = 6 * MM, 3 * MM
RADII = (15 * MM, 9 * MM)
AT = np.array([0, 18]) * MM  # a drill along x goes in at (y, z) = -AT
LOW, HIGH = np.array([-25, -25, -45]) * MM, np.array([45, 25, 0]) * MM


def thin_divided(middles, side):  # noqa: ARG001 - the walls are known
    """Return that cubes are small where the wall is that of the thin tube."""
    first, second = np.partition(parts(middles), 1, axis=0)[:2]
    return np.where(first + second < (THIN + THICK) / 2, DIVIDED, LARGE)


def two_tubes(edge, drill=0.0, sizes=all_divided):
    def function(points):
        return np.minimum(parts(points).min(axis=0), np.hypot(*(points[:, 1:] + AT).T) - drill)

    solid = largest_part(stuff(lattice_below(LOW, HIGH, edge, sizes=sizes), function))
    faces = boundary(solid.cells)
    tags = np.argmin(np.abs(parts(solid.points[faces].mean(axis=1))), axis=0)
    tags[solid.on_base[faces].all(axis=1)] = 3
    return Tagged(points=solid.points, cells=solid.cells, faces=faces, tags=tags)


def off(points, tags):
    found = np.concatenate([parts(points), points[None, :, 2]])
    return np.abs(np.take_along_axis(found, tags[None], axis=0)[0])


def of_order_two(mesh):
    """Return a mesh as the house's, its edges straight, with the field ``apicobasal``."""
    n = len(mesh.points)
    a, b = np.array(TETRAHEDRON_EDGES).T
    pairs = np.sort(np.stack([mesh.cells[:, a], mesh.cells[:, b]], axis=-1), axis=-1)
    codes, place = np.unique(pairs[..., 0] * n + pairs[..., 1], return_inverse=True)
    ends = np.stack(np.divmod(codes, n), axis=1)
    rims = np.sort(mesh.faces[:, TRIANGLE_EDGES], axis=-1)
    middles = n + np.searchsorted(codes, rims[..., 0] * n + rims[..., 1])
    points = np.concatenate([mesh.points, mesh.points[ends].mean(axis=1)])
    names = ("lv_endocardium", "rv_endocardium", "epicardium", "base")
    height = points[:, 2]
    return TetMesh(
        points=points,
        cells=np.hstack([mesh.cells, n + place.reshape(-1, 6)]),
        facets={
            name: np.hstack([mesh.faces, middles])[mesh.tags == k] for k, name in enumerate(names)
        },
        point_fields={"apicobasal": (height - height.min()) / np.ptp(height)},
    )
