"""The wall as a solid that can be cut open, with a colour for each value."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Integer
from matplotlib import colormaps
from matplotlib.colors import Normalize

from cardiotwin.geometry.biventricular.part import has_right
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.viz.layers import Layer
from cardiotwin.viz.wall import axes, nodal_mean, section, surface

Points = Float[np.ndarray, "points 3"]

# The quadratic tetrahedron's ten nodes (VTK's order) as eight straight ones: four at the corners,
# four round the diagonal from node 4 to node 9.
EIGHTHS = np.array(
    [
        (0, 4, 6, 7),
        (4, 1, 5, 8),
        (6, 5, 2, 9),
        (7, 8, 9, 3),
        (4, 9, 6, 7),
        (4, 9, 7, 8),
        (4, 9, 8, 5),
        (4, 9, 5, 6),
    ]
)


def opened_towards(mesh: TetMesh) -> Float[np.ndarray, "3"]:
    """Return the direction from which a wall is cut open: the LV's side, or both cavities'."""
    heart = axes(mesh)
    return heart.anterior if has_right(mesh) else -heart.septal


def half_wall(
    mesh: TetMesh,
    points: Points,
    cell_values: Float[np.ndarray, " cells"],
    towards: Float[np.ndarray, "3"],
    *,
    scale: Normalize,
    colour_map: str,
) -> Layer:
    """Return what is left of the wall when the half that faces `towards` is taken off."""
    origin = points[np.unique(mesh.facets["base"])].mean(axis=0)
    heights = (origin - points) @ towards
    values = nodal_mean(mesh, cell_values)
    kept, triangles, weights = _cut(mesh, heights)
    return Layer(
        points=_mix(points, kept, weights),
        triangles=triangles,
        colours=colormaps[colour_map](scale(_mix(values, kept, weights)))[:, :3],
    )


def cut(
    mesh: TetMesh, points: Points, towards: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "pieces 2 3"]:
    """Return the outline of the face that `half_wall` opens, in straight pieces."""
    origin = points[np.unique(mesh.facets["base"])].mean(axis=0)
    shapes = [surface(mesh, points, name) for name in mesh.facets]
    return np.concatenate(
        [section(shape.points, shape.triangles, origin, towards) for shape in shapes]
    )


def _mix(
    values: Float[np.ndarray, "nodes ..."],
    pairs: Integer[np.ndarray, "points 2"],
    weights: Float[np.ndarray, " points"],
) -> Float[np.ndarray, "points ..."]:
    """Return values between pairs of nodes, `weights` being the share of the second."""
    share = weights.reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray(values[pairs[:, 0]] * (1 - share) + values[pairs[:, 1]] * share)


def _cut(
    mesh: TetMesh, heights: Float[np.ndarray, " nodes"]
) -> tuple[
    Integer[np.ndarray, "points 2"],
    Integer[np.ndarray, "triangles 3"],
    Float[np.ndarray, " points"],
]:
    """Return the boundary of the part above height zero.

    Its corners are mesh nodes or lie on edges between two: pairs of nodes and a weight.
    """
    faces = np.concatenate([_quarters(facets) for facets in mesh.facets.values()])
    tets = mesh.cells[:, EIGHTHS].reshape(-1, 4)
    polygons = [_clipped(face, heights) for face in faces.tolist()]
    polygons += [_cross_section(tet, heights) for tet in tets[_crossed(tets, heights)].tolist()]
    return _joined(polygons, heights)


def _joined(
    polygons: Sequence[Sequence[tuple[int, int]]], heights: Float[np.ndarray, " nodes"]
) -> tuple[
    Integer[np.ndarray, "points 2"],
    Integer[np.ndarray, "triangles 3"],
    Float[np.ndarray, " points"],
]:
    """Return polygons as triangles with shared corners."""
    pairs: dict[tuple[int, int], int] = {}
    triangles = []
    for polygon in polygons:
        corners = [pairs.setdefault(pair, len(pairs)) for pair in polygon]
        triangles += [(corners[0], corners[k], corners[k + 1]) for k in range(1, len(corners) - 1)]
    ends = np.array(list(pairs))
    start, stop = heights[ends[:, 0]], heights[ends[:, 1]]
    span = np.where(ends[:, 0] == ends[:, 1], 1.0, start - stop)
    return ends, np.array(triangles), np.where(ends[:, 0] == ends[:, 1], 0.0, start / span)


def _quarters(facets: Integer[np.ndarray, "facets 6"]) -> Integer[np.ndarray, "triangles 3"]:
    pieces = np.array([(0, 3, 5), (3, 1, 4), (5, 4, 2), (3, 4, 5)])
    return np.asarray(facets[:, pieces].reshape(-1, 3))


def _crossed(
    tets: Integer[np.ndarray, "tets 4"], heights: Float[np.ndarray, " nodes"]
) -> Bool[np.ndarray, " tets"]:
    above = heights[tets] > 0
    return np.asarray(above.any(axis=1) & ~above.all(axis=1))


def _clipped(face: list[int], heights: Float[np.ndarray, " nodes"]) -> list[tuple[int, int]]:
    """Return a triangle's part above zero (Sutherland & Hodgman 1974)."""
    polygon = []
    for here, there in zip(face, face[1:] + face[:1], strict=True):
        if heights[here] > 0:
            polygon.append((here, here))
        if (heights[here] > 0) != (heights[there] > 0):
            polygon.append((min(here, there), max(here, there)))
    return polygon


def _cross_section(tet: list[int], heights: Float[np.ndarray, " nodes"]) -> list[tuple[int, int]]:
    """Return where a tetrahedron's edges meet height zero, in order round the section."""
    above = [node for node in tet if heights[node] > 0]
    below = [node for node in tet if heights[node] <= 0]
    order = [(a, b) for a in above for b in below]
    if len(order) == 4:
        order = [order[0], order[1], order[3], order[2]]
    return [(min(a, b), max(a, b)) for a, b in order]


__all__ = ["cut", "half_wall", "opened_towards"]
