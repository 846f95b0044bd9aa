"""The left ventricle as a part of a mesh of both, so that it is measured as one alone would be."""

import numpy as np
from jaxtyping import Integer

from cardiotwin.geometry.biventricular.coordinates import LEFT
from cardiotwin.geometry.biventricular.solid import FACES
from cardiotwin.geometry.mesh import TETRAHEDRON_EDGES, TRIANGLE_EDGES, TetMesh

KEPT = ("lv_endocardium", "base")


def has_right(mesh: TetMesh) -> bool:
    """Return whether the mesh is both ventricles."""
    return "rv_endocardium" in mesh.facets


def left_ventricle(mesh: TetMesh) -> TetMesh:
    """Return the left ventricle of a mesh, on the same nodes; one alone as it is."""
    return left_part(mesh) if has_right(mesh) else mesh


def left_part(mesh: TetMesh) -> TetMesh:
    """Return the LV's cells on the mesh's own nodes.

    What is neither its endocardium nor the base is its ``epicardium``: the septum's right side,
    and where the RV's wall goes on, too.
    """
    here = mesh.cell_fields["ventricle"] == LEFT
    cells = mesh.cells[here]
    faces = boundary_faces(cells)
    code = _codes(faces, len(mesh.points))
    named = {name: np.isin(code, _codes(mesh.facets[name], len(mesh.points))) for name in KEPT}
    outer = ~(named["lv_endocardium"] | named["base"])
    return TetMesh(
        points=mesh.points,
        cells=cells,
        facets={**{name: faces[on] for name, on in named.items()}, "epicardium": faces[outer]},
        point_fields=mesh.point_fields,
        cell_fields={name: field[here] for name, field in mesh.cell_fields.items()},
    )


def boundary_faces(cells: Integer[np.ndarray, "cells 10"]) -> Integer[np.ndarray, "faces 6"]:
    """Return the faces of only one cell with their middle nodes, outward."""
    middle = {frozenset(pair): 4 + k for k, pair in enumerate(TETRAHEDRON_EDGES)}
    local = [
        [*face, *(middle[frozenset((face[a], face[b]))] for a, b in TRIANGLE_EDGES)]
        for face in FACES.tolist()
    ]
    faces = cells[:, local].reshape(-1, 6)
    code = _codes(faces, int(cells.max()) + 1)
    _, place, counts = np.unique(code, return_inverse=True, return_counts=True)
    return np.asarray(faces[counts[place] == 1])


def _codes(faces: Integer[np.ndarray, "faces 6"], n: int) -> Integer[np.ndarray, " faces"]:
    """Return a number of each face that its corners alone determine."""
    low, middle, high = np.sort(faces[:, :3], axis=1).T
    return np.asarray((low * n + middle) * n + high)


__all__ = ["has_right", "left_part", "left_ventricle"]
