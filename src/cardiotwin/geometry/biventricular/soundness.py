"""Whether straight tetrahedra are one wall of two ventricles: closed, whole, well shaped."""

import numpy as np
from jaxtyping import Integer
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cardiotwin.geometry.biventricular.solid import Tagged, boundary, shapes

SPHERE = 2  # Euler characteristic of a closed surface without handles
PATCHES = (
    # what each numbered surface should be, with its Euler characteristic
    ("the left endocardium", 1),
    ("the right endocardium", 1),
    ("the epicardium", 1),
    ("the base with its two openings", -1),
)


def failing(mesh: Tagged, least_angle: float) -> str | None:
    """Return in words what is wrong with a mesh, None for a sound one.

    Sound is a closed manifold boundary without handles, on which both cavities and the
    epicardium are one piece each with one rim, and cells of positive volume and good angles.
    """
    angles, volumes = shapes(mesh.points, mesh.cells)
    flat, angle = int((volumes <= 0).sum()), float(angles.min())
    if flat:
        return f"{flat} cells without volume"
    if angle < least_angle:
        return f"a dihedral angle of {np.degrees(angle):.1f} degrees"
    return _leaking(mesh) or next(
        (found for number in range(len(PATCHES)) if (found := _torn(mesh, number))), None
    )


def _leaking(mesh: Tagged) -> str | None:
    """Return in words where the boundary is not one closed manifold surface without handles."""
    edges, pieces, pinched, euler = _topology(boundary(mesh.cells))
    if edges:
        return f"{edges} boundary edges that do not join two faces"
    if pinched:
        return f"{pinched} points where the wall touches itself"
    if pieces != 1 or euler != SPHERE:
        return f"{pieces} surfaces with {(SPHERE * pieces - euler) / 2:g} holes through the wall"
    return None


def _torn(mesh: Tagged, number: int) -> str | None:
    """Return in words how a numbered surface is not one piece with its rims."""
    name, expected = PATCHES[number]
    patch = mesh.faces[mesh.tags == number]
    if len(patch) == 0:
        return f"{name} missing"
    _, pieces, _, euler = _topology(patch)
    if pieces != 1 or euler != expected:
        return f"{name} in {pieces} pieces with an Euler characteristic of {euler}"
    return None


def _topology(faces: Integer[np.ndarray, "faces 3"]) -> tuple[int, int, int, int]:
    """Return edges not of two faces, connected pieces, pinched nodes, Euler characteristic."""
    _, corners = np.unique(faces, return_inverse=True)
    corners = corners.reshape(faces.shape)
    n_nodes = int(corners.max()) + 1
    ends = np.sort(corners[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    code = ends[:, 0] * n_nodes + ends[:, 1]
    order = np.argsort(code, kind="stable")
    same = np.diff(code[order]) == 0
    pairs = order[1:][same], order[:-1][same]
    _, counts = np.unique(code, return_counts=True)
    pieces, fans = _parts(corners, pairs)
    return (
        int((counts != 2).sum()),
        pieces,
        fans - n_nodes,
        n_nodes - len(counts) + len(faces),
    )


def _parts(
    corners: Integer[np.ndarray, "faces 3"],
    pairs: tuple[Integer[np.ndarray, " pairs"], Integer[np.ndarray, " pairs"]],
) -> tuple[int, int]:
    """Return the number of connected surfaces, and of fans of faces round nodes."""
    n = len(corners)
    faces = [side // 3 for side in pairs]
    joined = coo_matrix((np.ones(len(faces[0]), dtype=np.int8), faces), shape=(n, n))
    surfaces = connected_components(joined, directed=False)[0]
    # Corner 3 f + k is node k of face f; two faces' corners are joined at both ends of an edge.
    ends = [[3 * (side // 3) + side % 3, 3 * (side // 3) + (side + 1) % 3] for side in pairs]
    flat = corners.ravel()
    first = np.concatenate(ends[0])
    straight = flat[ends[0][0]] == flat[ends[1][0]]
    second = np.concatenate(
        [np.where(straight, ends[1][0], ends[1][1]), np.where(straight, ends[1][1], ends[1][0])]
    )
    links = coo_matrix((np.ones(len(first), dtype=np.int8), (first, second)), shape=(3 * n, 3 * n))
    return int(surfaces), int(connected_components(links, directed=False)[0])


__all__ = ["failing"]
