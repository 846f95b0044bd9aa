"""Material points: marked in the wall of one frame, found again in every other.

A mark is a place in a quadratic tetrahedron, so its position in any frame is the weighted sum of
ten nodes: exact on the curved mesh, without any image noise.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from scipy.spatial import cKDTree

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import tetrahedron_shapes
from cardiotwin.units import MM

STARTS = 24  # samples nearest to a point, from which the curved map is inverted
STEPS = 8  # of Newton's iteration there
NEAR = 1e-6 * MM  # to a position, from which on Newton's iteration ends
BEYOND = 0.1  # barycentric: marks on a flat facet's chord lie this little outside curved cells
LATTICE = np.array(
    [(i, j, k) for k in range(4) for j in range(4 - k) for i in range(4 - j - k)], dtype=np.float64
)
SAMPLES = 0.25 + 0.9 * (LATTICE / 3 - 0.25)
"""Reference points spread over a tetrahedron, a little inside, where the curved map is regular."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tracers:
    """Marked material points.

    Parameters
    ----------
    nodes, weights
        Each point is the weighted sum of its cell's ten nodes.
    """

    nodes: Integer[np.ndarray, "marks 10"]
    weights: Float[np.ndarray, "marks 10"]

    def at(self, points: Float[np.ndarray, "*frames nodes 3"]) -> Float[np.ndarray, "... 3"]:
        """Return where the marks are when the mesh's nodes are at `points`, m."""
        held = points[..., self.nodes, :]
        return np.asarray(np.einsum("mn,...mni->...mi", self.weights, held))


def mark(
    mesh: TetMesh, points: Float[np.ndarray, "nodes 3"], positions: Float[np.ndarray, "marks 3"]
) -> Tracers:
    """Return the material points that are at `positions` when the nodes are at `points`.

    Raises
    ------
    InputError
        If a position lies outside the wall.
    """
    found = locate(mesh, points, positions)
    worst = int(found.beyond.argmax())
    if found.beyond[worst] > BEYOND:
        place = ", ".join(f"{round(x / MM, 1) + 0.0:.1f}" for x in positions[worst])
        msg = (
            f"A point to be marked lies outside the wall, found at ({place}) mm. "
            "Mark points between the endocardium and the epicardium of the same frame."
        )
        raise InputError(msg)
    return found.tracers


@dataclass(frozen=True, kw_only=True, eq=False)
class Located:
    """Positions sought in a wall.

    Parameters
    ----------
    tracers
        Their material points, extrapolated from the nearest cell where they lie outside.
    cell
        That cell.
    beyond
        By how much a barycentric coordinate there is negative: 0 inside the wall.
    """

    tracers: Tracers
    cell: Integer[np.ndarray, " marks"]
    beyond: Float[np.ndarray, " marks"]


def locate(
    mesh: TetMesh,
    points: Float[np.ndarray, "nodes 3"],
    positions: Float[np.ndarray, "marks 3"],
    *,
    starts: int = STARTS,
) -> Located:
    """Return where positions are in the wall when the nodes are at `points`.

    Few starts are enough in the wall's midst; at its border and in thin cells more of them find
    the cell.
    """
    nodes = points[mesh.cells]
    spread = np.einsum("qn,cni->cqi", tetrahedron_shapes(SAMPLES)[0], nodes).reshape(-1, 3)
    near = cKDTree(spread).query(positions, k=min(starts, len(spread)))[1]
    cells, start = np.divmod(near.reshape(len(positions), -1), len(SAMPLES))
    local = _inverted(nodes[cells], positions, SAMPLES[start])
    off = _outside(local)
    chosen = off.argmin(axis=1)[:, None]
    kept = np.take_along_axis(local, chosen[..., None], axis=1)[:, 0]
    cell = np.take_along_axis(cells, chosen, axis=1)[:, 0]
    return Located(
        tracers=Tracers(nodes=mesh.cells[cell], weights=tetrahedron_shapes(kept)[0]),
        cell=cell,
        beyond=np.take_along_axis(off, chosen, axis=1)[:, 0],
    )


def relocate(
    mesh: TetMesh,
    points: Float[np.ndarray, "nodes 3"],
    positions: Float[np.ndarray, "marks 3"],
    cell: Integer[np.ndarray, " marks"],
    *,
    starts: int = STARTS,
) -> Located:
    """Return what `locate` does, of positions most of which are in cells that are known."""
    centre = np.full((len(cell), 1, 3), 0.25)
    local = _inverted(points[mesh.cells[cell]][:, None], positions, centre)[:, 0]
    off = _outside(local)
    weights, cell = tetrahedron_shapes(local)[0], cell.copy()
    lost = np.flatnonzero(off > 0)
    if len(lost):
        found = locate(mesh, points, positions[lost], starts=starts)
        weights[lost], cell[lost], off[lost] = found.tracers.weights, found.cell, found.beyond
    return Located(tracers=Tracers(nodes=mesh.cells[cell], weights=weights), cell=cell, beyond=off)


def _outside(local: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n"]:
    """Return by how much the most negative barycentric coordinate is negative; 0 inside."""
    return np.asarray(np.maximum(np.maximum(-local.min(axis=-1), local.sum(axis=-1) - 1), 0.0))


def _inverted(
    nodes: Float[np.ndarray, "marks tried 10 3"],
    positions: Float[np.ndarray, "marks 3"],
    local: Float[np.ndarray, "marks tried 3"],
) -> Float[np.ndarray, "marks tried 3"]:
    """Return the reference coordinates of positions in curved cells, by Newton's iteration."""
    flat = nodes.reshape(-1, 10, 3)
    target = np.repeat(positions, local.shape[1], axis=0)
    found = local.reshape(-1, 3).copy()
    going = np.arange(len(found))
    for _ in range(STEPS):
        shapes, slopes = tetrahedron_shapes(found[going])
        missed = target[going] - np.einsum("mn,mni->mi", shapes, flat[going])
        far = np.abs(missed).max(axis=1) > NEAR
        going, missed, slopes = going[far], missed[far], slopes[far]
        if not len(going):
            break
        a, b, c = np.einsum("mni,mnk->kmi", flat[going], slopes)
        normals = np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)], axis=1)
        volume = np.einsum("mi,mi->m", a, normals[:, 0])
        volume[volume == 0] = np.inf  # a folded cell: stay
        found[going] += np.einsum("mki,mi->mk", normals, missed) / volume[:, None]
        found[going] = np.clip(found[going], -1.0, 2.0)  # a wrong cell may lead astray
    shapes = tetrahedron_shapes(found[going])[0]
    missed = np.linalg.norm(target[going] - np.einsum("mn,mni->mi", shapes, flat[going]), axis=1)
    found[going[missed > MM / 1000]] = 9.0  # did not converge: far outside
    return np.asarray(found.reshape(local.shape))


__all__ = ["Located", "Tracers", "locate", "mark", "relocate"]
