"""Volumes and areas of the wall, exact for order-2 geometry (cavities: `closure`).

By the divergence theorem V = 1/3 integral of x . n over the closed surface. On a quadratic
triangle the integrand is a polynomial of degree four, which the rule below integrates exactly.
"""

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.geometry.mesh import TRIANGLE_EDGES, TetMesh
from cardiotwin.geometry.shapes import INNER, INNER_WEIGHTS, jacobians, triangle_shapes

# Degree 4, points and weights (sum 1/2): Dunavant (1985), doi:10.1002/nme.1620210612.
_A, _B = 0.445948490915965, 0.091576213509771
_POINTS = np.array(
    [(_A, _A), (1 - 2 * _A, _A), (_A, 1 - 2 * _A), (_B, _B), (1 - 2 * _B, _B), (_B, 1 - 2 * _B)]
)
_WEIGHTS = np.repeat([0.223381589678011 / 2, 0.109951743655322 / 2], 3)


def triangle_rule() -> tuple[Float[np.ndarray, "q 2"], Float[np.ndarray, " q"]]:
    """Return points and weights that are exact for all that is integrated here."""
    return _POINTS, _WEIGHTS


def cone_volume(
    points: Float[np.ndarray, "nodes 3"],
    facets: Integer[np.ndarray, "facets 6"],
    tip: Float[np.ndarray, "3"],
) -> float:
    """Return the signed volume between quadratic facets and a tip, m^3.

    Positive where the facets' normals point away from the tip.
    """
    shapes, gradients = triangle_shapes(_POINTS)
    nodes = points[facets] - tip
    x = np.einsum("qn,fni->fqi", shapes, nodes)
    tangents = np.einsum("qnk,fni->kfqi", gradients, nodes)
    flux = np.einsum("fqi,fqi->fq", x, np.cross(tangents[0], tangents[1]))
    return float(flux.sum(axis=0) @ _WEIGHTS / 3)


def area_vector(
    points: Float[np.ndarray, "nodes 3"], facets: Integer[np.ndarray, "facets 6"]
) -> Float[np.ndarray, "3"]:
    """Return the integral of the normal over quadratic facets, m^2."""
    first, second = _tangents(points, facets)
    return np.asarray(np.einsum("q,fqi->i", _WEIGHTS, np.cross(first, second)))


def facet_rule(
    points: Float[np.ndarray, "nodes 3"], facets: Integer[np.ndarray, "facets 6"]
) -> tuple[
    Float[np.ndarray, "q 6"], Float[np.ndarray, "facets q"], Float[np.ndarray, "facets q 3"]
]:
    """Return shape functions, weights with the area, m^2, and positions of the facets' rule."""
    first, second = _tangents(points, facets)
    shapes = triangle_shapes(_POINTS)[0]
    areas = np.linalg.norm(np.cross(first, second), axis=2) * _WEIGHTS
    return shapes, areas, np.einsum("qn,fni->fqi", shapes, points[facets])


def _tangents(
    points: Float[np.ndarray, "nodes 3"], facets: Integer[np.ndarray, "facets 6"]
) -> tuple[Float[np.ndarray, "facets q 3"], Float[np.ndarray, "facets q 3"]]:
    slopes = triangle_shapes(_POINTS)[1]
    first, second = np.einsum("qnk,fni->kfqi", slopes, points[facets])
    return first, second


def rim_nodes(mesh: TetMesh, surface: str = "lv_endocardium") -> Integer[np.ndarray, " nodes"]:
    """Return the nodes that a surface shares with the base."""
    return np.intersect1d(mesh.facets[surface], mesh.facets["base"])


def edge_nodes(facets: Integer[np.ndarray, "facets 6"]) -> Integer[np.ndarray, " nodes"]:
    """Return the nodes on the edges of a surface, which only one of its facets has."""
    edges = np.concatenate([facets[:, [a, b, 3 + k]] for k, (a, b) in enumerate(TRIANGLE_EDGES)])
    _, number, count = np.unique(edges[:, 2], return_inverse=True, return_counts=True)
    return np.unique(edges[count[number] == 1])


def cell_volumes(
    points: Float[np.ndarray, "nodes 3"], mesh: TetMesh
) -> Float[np.ndarray, " cells"]:
    """Return the volume of each curved cell, m^3."""
    return np.asarray(np.linalg.det(jacobians(points, mesh, INNER)) @ INNER_WEIGHTS)


def wall_volume(points: Float[np.ndarray, "nodes 3"], mesh: TetMesh) -> float:
    """Return the volume of the wall, m^3, from the facets that close its boundary."""
    middle = np.asarray(points.mean(axis=0), dtype=np.float64)
    return sum(cone_volume(points, facets, middle) for facets in mesh.facets.values())


__all__ = [
    "area_vector",
    "cone_volume",
    "edge_nodes",
    "facet_rule",
    "rim_nodes",
    "triangle_rule",
    "wall_volume",
]
