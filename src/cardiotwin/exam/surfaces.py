"""Closed triangle surfaces of what is in the image: LV cavity, LV wall, right ventricle."""

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.geometry.mesh import TRIANGLE_EDGES, TetMesh
from cardiotwin.geometry.shapes import triangle_shapes
from cardiotwin.geometry.volumes import rim_nodes


def wall_boundary(
    points: Float[np.ndarray, "nodes 3"], mesh: TetMesh, cuts: int = 4
) -> Float[np.ndarray, "triangles 3 3"]:
    """Return the wall's boundary, outward, each curved facet in cuts^2 flat triangles."""
    facets = np.concatenate(list(mesh.facets.values()))
    return flat_triangles(points, facets, cuts)


def cavity_boundary(
    points: Float[np.ndarray, "nodes 3"],
    mesh: TetMesh,
    cuts: int = 4,
    *,
    surface: str = "lv_endocardium",
) -> Float[np.ndarray, "triangles 3 3"]:
    """Return a cavity's boundary, outward, closed by the fan over the rim's centroid."""
    sides = flat_triangles(points, mesh.facets[surface], cuts)[:, ::-1]
    centroid = points[rim_nodes(mesh, surface)].mean(axis=0)
    start, end = rim_segments(points, mesh, surface, cuts)
    # The facets turn with the wall's outside on the right hand; their flipped rim turns back.
    lid = np.stack([np.broadcast_to(centroid, start.shape), start, end], axis=1)
    return np.concatenate([sides, lid])


def flat_triangles(
    values: Float[np.ndarray, "nodes components"],
    facets: Integer[np.ndarray, "facets 6"],
    cuts: int,
) -> Float[np.ndarray, "triangles 3 components"]:
    """Return nodal values at the corners of flat triangles that follow quadratic facets."""
    lattice, cells = _lattice(cuts)
    shapes, _ = triangle_shapes(lattice)
    corners = np.einsum("pn,fnc->fpc", shapes, values[facets])
    return np.asarray(corners[:, cells].reshape(-1, 3, values.shape[1]))


def rim_segments(
    values: Float[np.ndarray, "nodes components"], mesh: TetMesh, surface: str, cuts: int
) -> tuple[Float[np.ndarray, "segments components"], Float[np.ndarray, "segments components"]]:
    """Return start and end of straight pieces of a surface's rim, in the facets' turning sense."""
    on_rim = np.zeros(len(mesh.points), dtype=bool)
    on_rim[rim_nodes(mesh, surface)] = True
    facets = mesh.facets[surface]
    edges = np.concatenate([facets[:, [a, b, 3 + k]] for k, (a, b) in enumerate(TRIANGLE_EDGES)])
    edges = edges[on_rim[edges].all(axis=1)]
    s = np.linspace(0, 1, cuts + 1)
    shapes = np.stack([(1 - s) * (1 - 2 * s), s * (2 * s - 1), 4 * s * (1 - s)], axis=1)
    along = np.einsum("pn,enc->epc", shapes, values[edges])
    components = values.shape[1]
    return along[:, :-1].reshape(-1, components), along[:, 1:].reshape(-1, components)


def enclosed_volume(triangles: Float[np.ndarray, "triangles 3 3"]) -> float:
    """Return the volume inside closed, outward triangles, m^3."""
    a, b, c = (triangles - triangles.reshape(-1, 3).mean(axis=0)).transpose(1, 0, 2)
    return float(np.einsum("ti,ti->", a, np.cross(b, c)) / 6)


def _lattice(cuts: int) -> tuple[Float[np.ndarray, "points 2"], Integer[np.ndarray, "cells 3"]]:
    """Return an even lattice of the unit triangle and its cells, turning as the triangle does."""
    rows = [(i, j) for j in range(cuts + 1) for i in range(cuts + 1 - j)]
    number = {node: k for k, node in enumerate(rows)}
    cells = []
    for i, j in rows:
        if i + j < cuts:
            cells.append((number[i, j], number[i + 1, j], number[i, j + 1]))
        if i + j < cuts - 1:
            cells.append((number[i + 1, j], number[i + 1, j + 1], number[i, j + 1]))
    return np.array(rows) / cuts, np.array(cells)


__all__ = [
    "cavity_boundary",
    "enclosed_volume",
    "flat_triangles",
    "rim_segments",
    "wall_boundary",
]
