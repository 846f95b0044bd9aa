"""A measured map of blood flow on the wall: values of pieces of it, with their errors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import sparse

from cardiotwin.errors import InputError
from cardiotwin.geometry.shapes import points_within
from cardiotwin.perfusion.darcy.porous import PorousWall

POINTS = 4  # along an edge of a cell, less one


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredMap:
    """Blood flow of some pieces of the wall.

    Parameters
    ----------
    weights
        Of each cell in each value, rows summing to 1 (a sparse matrix).
    values, sd
        m^3/(s kg).
    """

    weights: Any
    values: Float[np.ndarray, " values"]
    sd: Float[np.ndarray, " values"]

    def __post_init__(self) -> None:
        """Refuse a map that cannot be fitted, with what was found."""
        bad = ~np.isfinite(self.values) | ~(self.sd > 0)
        if bad.any():
            msg = (
                f"MeasuredMap needs known values with positive sd, found {int(bad.sum())} of "
                f"{len(bad)} without. Leave out what was not measured."
            )
            raise InputError(msg)
        if self.weights.shape[0] != len(self.values):
            msg = (
                f"MeasuredMap.weights must have a row for each value, found "
                f"{self.weights.shape[0]} rows and {len(self.values)} values."
            )
            raise InputError(msg)


def over_pieces(
    pieces: Any, values: Float[np.ndarray, " values"], sd: Float[np.ndarray, " values"]
) -> MeasuredMap:
    """Return the map of means over pieces, given the volume of each cell in each (sparse).

    Raises
    ------
    InputError
        If a piece has no cell.
    """
    volume = np.asarray(pieces.sum(axis=1)).ravel()
    empty = np.flatnonzero(volume <= 0)
    if len(empty):
        msg = (
            f"Each value must be of some cells, found {len(empty)} of {len(volume)} without, "
            f"the first is number {empty[0]}. Take coarser pieces, or a finer mesh."
        )
        raise InputError(msg)
    return MeasuredMap(weights=sparse.diags_array(1 / volume) @ pieces, values=values, sd=sd)


def wall_pieces(wall: PorousWall, n_along: int, n_around: int, n_through: int) -> Any:
    """Return the volume of each cell in each piece of the wall's own coordinates, m^3, sparse.

    Pieces are even in height (apex to base), angle and depth, numbered from 0 in that order. A
    cell is shared out by the coordinates at points within it, between those of its corners.
    """
    mesh, points = wall.mesh, points_within(POINTS)
    corners = mesh.cells[:, :4]
    height, depth = (
        mesh.point_fields[name][corners] @ points.T for name in ("apicobasal", "transmural")
    )
    turn = np.exp(1j * mesh.point_fields["rotational"][corners]) @ points.T
    shares = (height, np.angle(turn) / (2 * np.pi) % 1.0, depth)
    counts = (n_along, n_around, n_through)
    places = [
        np.clip((share * count).astype(np.int64), 0, count - 1)
        for share, count in zip(shares, counts, strict=True)
    ]
    piece = np.ravel_multi_index(places, counts).ravel()
    cell = np.repeat(np.arange(len(corners)), len(points))
    volume = wall.cell_volume[cell] / len(points)
    return sparse.coo_array((volume, (piece, cell)), shape=(np.prod(counts), len(corners))).tocsr()


__all__ = ["MeasuredMap", "over_pieces", "wall_pieces"]
