"""Parts of a wall: volumes between two heights, outlines in a plane, distances from surfaces."""

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

from cardiotwin.geometry.mesh import TRIANGLE_EDGES, TetMesh
from cardiotwin.geometry.shapes import triangle_shapes
from cardiotwin.geometry.volumes import rim_nodes

FINE = 4  # pieces that each edge of a facet is cut into
Triangles = Float[np.ndarray, "triangles 3 3"]


def fine_triangles(
    points: Float[np.ndarray, "nodes 3"], mesh: TetMesh, surface: str, pieces: int = FINE
) -> Triangles:
    """Return a surface's curved facets as small flat triangles, m."""
    lattice = [(i, j) for j in range(pieces + 1) for i in range(pieces + 1 - j)]
    number = {place: k for k, place in enumerate(lattice)}
    upright = [
        (number[i, j], number[i + 1, j], number[i, j + 1]) for i, j in lattice if i + j < pieces
    ]
    inverted = [
        (number[i + 1, j], number[i + 1, j + 1], number[i, j + 1])
        for i, j in lattice
        if i + j < pieces - 1
    ]
    values = triangle_shapes(np.array(lattice) / pieces)[0]
    fine = np.einsum("qn,fni->fqi", values, points[mesh.facets[surface]])
    return np.asarray(fine[:, np.array(upright + inverted)].reshape(-1, 3, 3))


def lid_triangles(
    points: Float[np.ndarray, "nodes 3"], mesh: TetMesh, surface: str = "lv_endocardium"
) -> Triangles:
    """Return the fan that closes a cavity over its rim's centroid, facing out of the cavity."""
    rim = rim_nodes(mesh, surface)
    centroid = points[rim].mean(axis=0)
    facets = mesh.facets[surface]
    share = np.linspace(0, 1, FINE + 1)[:, None]
    pieces = []
    for middle, (a, b) in enumerate(TRIANGLE_EDGES):
        on_rim = np.isin(facets[:, [a, b]], rim).all(axis=1) & np.isin(facets[:, 3 + middle], rim)
        start, end, half = (points[facets[on_rim, k]][:, None] for k in (a, b, 3 + middle))
        curve = (
            start * (1 - share) * (1 - 2 * share)
            + end * share * (2 * share - 1)
            + half * 4 * share * (1 - share)
        )
        tip = np.broadcast_to(centroid, curve[:, 1:].shape)
        # The endocardium's facets face the cavity, so their edges run with the lid's outward side.
        pieces.append(np.stack([tip, curve[:, :-1], curve[:, 1:]], axis=2).reshape(-1, 3, 3))
    return np.concatenate(pieces)


def cavity_shell(
    points: Float[np.ndarray, "nodes 3"], mesh: TetMesh, surface: str = "lv_endocardium"
) -> Triangles:
    """Return the closed surface of a cavity, facing out of it."""
    endocardium = fine_triangles(points, mesh, surface)[:, ::-1]
    return np.concatenate([endocardium, lid_triangles(points, mesh, surface)])


def wall_shell(points: Float[np.ndarray, "nodes 3"], mesh: TetMesh) -> Triangles:
    """Return the closed surface of the wall, facing out of it."""
    return np.concatenate([fine_triangles(points, mesh, name) for name in mesh.facets])


def volume_between(
    shell: Triangles, axis: Float[np.ndarray, "3"], low: float, high: float
) -> float:
    """Return the volume inside a closed surface between two heights along an axis, m^3.

    The field (height held between low and high) times the axis has divergence one between them
    and zero elsewhere; its flux is summed at the middles of the triangles' edges.
    """
    normals = np.cross(shell[:, 1] - shell[:, 0], shell[:, 2] - shell[:, 0]) / 2
    heights = shell @ axis
    middles = np.clip((heights + np.roll(heights, -1, axis=1)) / 2, low, high) - low
    return float(np.sum(middles.mean(axis=1) * (normals @ axis)))


def outline_at(
    triangles: Triangles, origin: Float[np.ndarray, "3"], normal: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "_points 3"]:
    """Return where a surface passes through a plane, in order round the middle, m."""
    side = (triangles - origin) @ normal
    ends = []
    for a, b in TRIANGLE_EDGES:
        through: Bool[np.ndarray, " triangles"] = side[:, a] * side[:, b] < 0
        share = (side[through, a] / (side[through, a] - side[through, b]))[:, None]
        ends.append(triangles[through, a] * (1 - share) + triangles[through, b] * share)
    points = np.concatenate(ends)
    if len(points) < 3:
        return np.zeros((0, 3))
    first = points[0] - points.mean(axis=0)
    around = points - points.mean(axis=0)
    angle = np.arctan2(around @ np.cross(normal, first), around @ first)
    return np.asarray(points[np.argsort(angle)], dtype=np.float64)


def distances(triangles: Triangles, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
    """Return the distance of points from a finely triangulated surface, m.

    Above the nearest triangle the distance is along its normal; beyond its reach, from its edge.
    """
    centres = triangles.mean(axis=1)
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    reach = np.linalg.norm(triangles - centres[:, None], axis=2).max(axis=1)
    far, nearest = cKDTree(centres).query(points)
    along = np.einsum("ni,ni->n", points - centres[nearest], normals[nearest])
    beside = np.sqrt(np.maximum(far**2 - along**2, 0))
    beyond = np.maximum(beside - reach[nearest], 0)
    return np.asarray(np.hypot(along, beyond), dtype=np.float64)


__all__ = [
    "cavity_shell",
    "distances",
    "fine_triangles",
    "lid_triangles",
    "outline_at",
    "volume_between",
    "wall_shell",
]
