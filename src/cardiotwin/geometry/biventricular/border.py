"""The left ventricle's outer surface in a mesh of both, cut through the cells where they join.

Cells belong to one ventricle or the other, so that a border of cells is a saw. Here it is where
the depth below the surface of the LV's wall (``left_depth``) is nought, linear between the nodes.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.geometry.biventricular.coordinates import DEPTH
from cardiotwin.geometry.biventricular.part import has_right, left_part
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.sections import Triangles, fine_triangles

OUTER = ("epicardium", "rv_endocardium")
# A curved triangle's, and a curved tetrahedron's, straight parts by their nodes in VTK's order.
TRIANGLES = np.array([(0, 3, 5), (3, 1, 4), (5, 4, 2), (3, 4, 5)])
TETRAHEDRA = np.array(
    [
        *((0, 4, 6, 7), (4, 1, 5, 8), (6, 5, 2, 9), (7, 8, 9, 3)),
        *((4, 9, 6, 7), (4, 9, 7, 8), (4, 9, 8, 5), (4, 9, 5, 6)),
    ]
)
Nodes = Float[np.ndarray, "nodes 3"]
Corners = tuple[Integer[np.ndarray, "_ 3"], Integer[np.ndarray, "_ 3"]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Border:
    """Triangles whose corners lie between two nodes each.

    Parameters
    ----------
    first, second
        The nodes.
    share
        Of the way from the first to the second.
    """

    first: Integer[np.ndarray, "triangles 3"]
    second: Integer[np.ndarray, "triangles 3"]
    share: Float[np.ndarray, "triangles 3"]

    def triangles(self, points: Nodes) -> Triangles:
        """Return them where the nodes are, m."""
        share = self.share[..., None]
        return np.asarray(points[self.first] * (1 - share) + points[self.second] * share)


def left_epicardium(points: Nodes, mesh: TetMesh) -> Triangles:
    """Return the outer surface of the left ventricle's wall, septum and all, m.

    A mesh of both ventricles without depths (of an older file) is cut along its cells.
    """
    if not has_right(mesh):
        return fine_triangles(points, mesh, "epicardium")
    if DEPTH not in mesh.point_fields:
        return fine_triangles(points, left_part(mesh), "epicardium")
    return left_border(mesh).triangles(points)


@lru_cache(maxsize=4)
def left_border(mesh: TetMesh) -> Border:
    """Return where the LV's wall ends: at its own surface, the RV's cavity, and the RV's wall."""
    depth = mesh.point_fields[DEPTH]
    outer = np.concatenate([mesh.facets[name] for name in OUTER])
    parts = (
        *_clipped(outer[:, TRIANGLES].reshape(-1, 3), depth),
        *_levels(mesh.cells[:, TETRAHEDRA].reshape(-1, 4), depth),
    )
    first, second = (np.concatenate([part[k] for part in parts]) for k in range(2))
    a, b = depth[first], depth[second]
    share = np.where(first == second, 0.0, a / np.where(a == b, 1.0, a - b))
    return Border(first=first, second=second, share=share)


def _clipped(
    triangles: Integer[np.ndarray, "triangles 3"], depth: Float[np.ndarray, " nodes"]
) -> list[Corners]:
    """Return what of straight triangles is not outside, as corners between two nodes."""
    n_inside = (depth[triangles] >= 0).sum(axis=1)
    whole = triangles[n_inside == 3]
    one, far, other = _ordered(triangles[n_inside == 1], depth).T
    near, next_, out = _ordered(triangles[n_inside == 2], depth).T
    return [
        (whole, whole),
        _corners((one, one), (one, far), (one, other)),
        _corners((near, near), (next_, next_), (next_, out)),
        _corners((near, near), (next_, out), (near, out)),
    ]


def _levels(
    cells: Integer[np.ndarray, "cells 4"], depth: Float[np.ndarray, " nodes"]
) -> list[Corners]:
    """Return where the depth is nought in straight tetrahedra, as corners between two nodes."""
    n_inside = (depth[cells] >= 0).sum(axis=1)
    found = []
    for count in (1, 3):
        a, b, c, d = _ordered(cells[n_inside == count], depth).T
        found.append(
            _corners((a, b), (a, c), (a, d)) if count == 1 else _corners((a, d), (b, d), (c, d))
        )
    a, b, c, d = _ordered(cells[n_inside == 2], depth).T
    return [
        *found,
        _corners((a, c), (a, d), (b, d)),
        _corners((a, c), (b, d), (b, c)),
    ]


def _ordered(
    simplices: Integer[np.ndarray, "simplices corners"], depth: Float[np.ndarray, " nodes"]
) -> Integer[np.ndarray, "simplices corners"]:
    """Return simplices with the corners that are inside first."""
    order = np.argsort(depth[simplices] < 0, axis=1, kind="stable")
    return np.take_along_axis(simplices, order, axis=1)


def _corners(*pairs: tuple[Integer[np.ndarray, " n"], Integer[np.ndarray, " n"]]) -> Corners:
    first, second = (np.stack([pair[k] for pair in pairs], axis=1) for k in range(2))
    return first, second


__all__ = ["Border", "left_border", "left_epicardium"]
