"""Lengths of material lines of the wall, and how they change as its nodes move.

The lines are those along which tagging reads strain (`measurement.material`): mid-wall contours of
three short-axis slices, in all and by AHA segment, and of three long-axis views.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.measurement.contours import RAYS, SAMPLES
from cardiotwin.measurement.material import long_marks, slice_marks
from cardiotwin.measurement.sectors import slice_segments
from cardiotwin.measurement.tracers import Tracers
from cardiotwin.measurement.views import SLICES, VIEWS, plan_views

MIDWALL = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Lines:
    """Sums of the lengths of straight pieces between marks.

    Parameters
    ----------
    names
        Of the lines: ``longitudinal_VIEW``, ``circumferential_SLICE``, ``circumferential_NUMBER``
        (of an AHA segment).
    tracers
        The marks.
    ends
        Marks at which each piece begins and ends.
    pieces
        Which pieces are each line's.
    """

    names: tuple[str, ...]
    tracers: Tracers
    ends: Integer[np.ndarray, "pieces 2"]
    pieces: Bool[np.ndarray, "lines pieces"]

    def lengths(self, points: Float[np.ndarray, "batch nodes 3"]) -> Float[np.ndarray, "batch _"]:
        """Return the lengths, m, where the mesh's nodes are at `points`."""
        marks = self.tracers.at(points)
        along = marks[:, self.ends[:, 1]] - marks[:, self.ends[:, 0]]
        return np.asarray(np.linalg.norm(along, axis=-1) @ self.pieces.T)

    def slopes(
        self,
        points: Float[np.ndarray, "batch nodes 3"],
        moves: Float[np.ndarray, "moves nodes 3"],
    ) -> Float[np.ndarray, "batch lines moves"]:
        """Return how fast the lengths change as the nodes move."""
        marks = self.tracers.at(points)
        along = marks[:, self.ends[:, 1]] - marks[:, self.ends[:, 0]]
        along /= np.linalg.norm(along, axis=-1, keepdims=True)
        moved = self.tracers.at(moves)
        change = moved[:, self.ends[:, 1]] - moved[:, self.ends[:, 0]]
        by_piece = np.einsum("bpi,mpi->bmp", along, change)
        return np.asarray(np.swapaxes(by_piece @ self.pieces.T, 1, 2))


def strain_lines(mesh: TetMesh) -> Lines:
    """Return the lines of a left ventricle's mesh at end-diastole."""
    views = plan_views(mesh)
    rings, long = slice_marks(mesh, views), long_marks(mesh, views)
    first = np.arange(len(SLICES) * 3 * RAYS).reshape(len(SLICES), 3, RAYS)[:, MIDWALL]
    second = np.arange(len(VIEWS) * 3 * (2 * SAMPLES + 1)).reshape(len(VIEWS), 3, -1)[:, MIDWALL]
    second += len(rings.nodes)
    around = np.stack([first, np.roll(first, -1, axis=1)], axis=-1).reshape(-1, 2)
    along = np.stack([second[:, :-1], second[:, 1:]], axis=-1).reshape(-1, 2)
    n_around, n_along = len(around), len(along)
    rows: dict[str, np.ndarray] = {}
    for k, name in enumerate(VIEWS):
        rows[f"longitudinal_{name}"] = np.concatenate(
            [np.zeros(n_around, bool), np.repeat(np.arange(len(VIEWS)) == k, 2 * SAMPLES)]
        )
    nothing = np.zeros(n_along, bool)
    for k, name in enumerate(SLICES):
        ring = np.repeat(np.arange(len(SLICES)) == k, RAYS)
        rows[f"circumferential_{name}"] = np.concatenate([ring, nothing])
    segments = np.asarray(slice_segments()).ravel()
    for number in np.unique(segments[segments > 0]):
        rows[f"circumferential_{number}"] = np.concatenate([segments == number, nothing])
    return Lines(
        names=tuple(rows),
        tracers=Tracers(
            nodes=np.concatenate([rings.nodes, long.nodes]),
            weights=np.concatenate([rings.weights, long.weights]),
        ),
        ends=np.concatenate([around, along]),
        pieces=np.stack(list(rows.values())),
    )


__all__ = ["Lines", "strain_lines"]
