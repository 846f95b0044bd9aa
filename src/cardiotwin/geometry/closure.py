"""How a cavity is closed at the base, and the volume that it then holds.

A valve's ring is no line: the lid hangs on the base over its width, most of all near the cavity.
For each ring on it, from the cavity's rim to the next edge, the endocardium, the base within the
ring and a fan from there to the lid's middle c close the cavity. Seen from c a fan encloses
nothing, and the mean over the rings is one integral,

    V = -1/3 int l (x - c) . n dA over endocardium and base,

where l is one on the endocardium and on the base the share of the rings that lie farther out: the
square of the share of the way to the next edge that is left, which quadratic facets hold exactly
and nowhere negative however few span the wall. The middle is the mean of the ring by l, every
piece of its length alike. All these volumes are the same where the base is flat, as images have
it. V turns and shifts with the wall, it is a cubic polynomial of the nodes, and its derivative,
which is what a pressure does to a wall (`mechanics.lid`), is the pressure on the endocardium and a
load spread over the ring, nowhere on a line.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Integer
from scipy.spatial import cKDTree

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import triangle_shapes
from cardiotwin.geometry.volumes import edge_nodes, facet_rule, rim_nodes, triangle_rule

Nodes = Float[np.ndarray, "nodes 3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Closure:
    """The surface that closes a cavity.

    Parameters
    ----------
    facets
        Of the endocardium and of the base.
    share
        l at the nodes (nought away from these facets).
    tip
        Shares of the nodes, of sum one, in the lid's middle.
    """

    facets: Integer[np.ndarray, "facets 6"]
    share: Float[np.ndarray, " nodes"]
    tip: Float[np.ndarray, " nodes"]

    def middle(self, points: Nodes) -> Float[np.ndarray, "3"]:
        """Return the lid's middle c, m."""
        return np.asarray(self.tip @ points)

    def volume(self, points: Nodes) -> float:
        """Return the cavity's volume, m^3."""
        x, first, second = self._at(points)
        flux = np.einsum("fqi,fqi->fq", x, np.cross(first, second))
        return float(np.sum(self._weights() * flux) / -3)

    def gradient(self, points: Nodes) -> Nodes:
        """Return the volume's derivative by every node's position, m^2."""
        x, first, second = self._at(points)
        shapes, slopes = triangle_shapes(triangle_rule()[0])
        weights = self._weights() / -3
        gradient = self._by_node(weights, shapes, np.cross(first, second), points)
        gradient += self._by_node(weights, slopes[:, :, 0], np.cross(second, x), points)
        gradient += self._by_node(weights, slopes[:, :, 1], np.cross(x, first), points)
        return np.asarray(gradient + self.tip[:, None] * self.area(points) / 3)

    def area(self, points: Nodes) -> Float[np.ndarray, "3"]:
        """Return the integral of l n, m^2: three times the volume's derivative by c."""
        _, first, second = self._at(points)
        return np.asarray(np.einsum("fq,fqi->i", self._weights(), np.cross(first, second)))

    def area_gradient(self, points: Nodes) -> Float[np.ndarray, "3 nodes 3"]:
        """Return the derivative of each component of `area` by every node's position, m."""
        _, first, second = self._at(points)
        slopes, weights = triangle_shapes(triangle_rule()[0])[1], self._weights()
        return np.stack(
            [
                self._by_node(weights, slopes[:, :, 0], np.cross(second, unit), points)
                + self._by_node(weights, slopes[:, :, 1], np.cross(unit, first), points)
                for unit in np.eye(3)
            ]
        )

    def _at(self, points: Nodes) -> tuple[Float[np.ndarray, "facets q 3"], ...]:
        """Return x - c and both tangents at the facets' rule."""
        shapes, slopes = triangle_shapes(triangle_rule()[0])
        nodes = points[self.facets] - self.middle(points)
        first, second = np.einsum("qnk,fni->kfqi", slopes, nodes)
        return np.einsum("qn,fni->fqi", shapes, nodes), first, second

    def _weights(self) -> Float[np.ndarray, "facets q"]:
        points, weights = triangle_rule()
        return np.asarray(self.share[self.facets] @ triangle_shapes(points)[0].T * weights)

    def _by_node(
        self,
        weights: Float[np.ndarray, "facets q"],
        factors: Float[np.ndarray, "q 6"],
        vectors: Float[np.ndarray, "facets q 3"],
        points: Nodes,
    ) -> Nodes:
        by_facet = np.einsum("fq,qn,fqi->fni", weights, factors, vectors, optimize=True)
        result = np.zeros_like(points)
        np.add.at(result, self.facets.ravel(), by_facet.reshape(-1, 3))
        return result


@lru_cache(maxsize=16)
def closure_of(mesh: TetMesh, surface: str = "lv_endocardium") -> Closure:
    """Return what closes a surface's cavity, by the base as the mesh has it."""
    share = np.zeros(len(mesh.points))
    base = np.unique(mesh.facets["base"])
    rim = rim_nodes(mesh, surface)
    away = np.setdiff1d(edge_nodes(mesh.facets["base"]), rim)
    inward, outward = (
        cKDTree(mesh.points[nodes]).query(mesh.points[base])[0] for nodes in (rim, away)
    )
    width = np.ones(len(mesh.points))
    width[base] = inward + outward
    share[base] = (outward / width[base]) ** 2
    share[mesh.facets[surface]] = 1.0
    return Closure(
        facets=np.concatenate([mesh.facets[surface], mesh.facets["base"]]),
        share=share,
        tip=_tip(mesh, share, width),
    )


def _tip(
    mesh: TetMesh, share: Float[np.ndarray, " nodes"], width: Float[np.ndarray, " nodes"]
) -> Float[np.ndarray, " nodes"]:
    """Return shares of the nodes in the mean of the ring: of the base by l and by its width."""
    facets = mesh.facets["base"]
    shapes, areas, _ = facet_rule(mesh.points, facets)
    density = areas * (share[facets] @ shapes.T) / (width[facets] @ shapes.T)
    weights = np.zeros(len(mesh.points))
    np.add.at(weights, facets.ravel(), np.einsum("fq,qn->fn", density, shapes).ravel())
    return np.asarray(weights / weights.sum())


def cavity_volume(points: Nodes, mesh: TetMesh, surface: str = "lv_endocardium") -> float:
    """Return the volume of a surface's cavity, m^3, with the wall's nodes where `points` are."""
    return closure_of(mesh, surface).volume(points)


def cavity_volume_gradient(points: Nodes, mesh: TetMesh, surface: str = "lv_endocardium") -> Nodes:
    """Return the derivative of `cavity_volume` by every node's position, m^2."""
    return closure_of(mesh, surface).gradient(points)


__all__ = ["Closure", "cavity_volume", "cavity_volume_gradient", "closure_of"]
