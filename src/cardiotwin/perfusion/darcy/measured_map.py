"""A measured map of blood flow on the wall: values of pieces of it, with their errors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Integer
from scipy import sparse

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.perfusion.darcy.porous import PorousWall


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


def grouped(
    wall: PorousWall,
    group: Integer[np.ndarray, " cells"],
    values: Float[np.ndarray, " values"],
    sd: Float[np.ndarray, " values"],
) -> MeasuredMap:
    """Return the map of values over groups of cells (their numbers by cell; -1 of none).

    Raises
    ------
    InputError
        If a value is of no cell.
    """
    empty = np.setdiff1d(np.arange(len(values)), group)
    if len(empty):
        msg = (
            f"Each value must be of some cells, found {len(empty)} of {len(values)} without, "
            f"the first is number {empty[0]}. Take coarser pieces, or a finer mesh."
        )
        raise InputError(msg)

    inside = group >= 0
    cells = np.flatnonzero(inside)
    volume = np.bincount(group[inside], wall.cell_volume[inside], len(values))
    entries = wall.cell_volume[cells] / volume[group[cells]]
    shape = (len(values), len(group))
    weights = sparse.csr_array((entries, (group[cells], cells)), shape=shape)
    return MeasuredMap(weights=weights, values=values, sd=sd)


def wall_pieces(
    mesh: TetMesh, n_along: int, n_around: int, n_through: int
) -> Integer[np.ndarray, " cells"]:
    """Return the piece of each cell on a grid of the wall's own coordinates.

    Pieces are even in height (apex to base), angle and depth, numbered from 0 in that order; a
    cell is of the piece that its middle is in.
    """
    corners = mesh.cells[:, :4]
    height, depth = (
        mesh.point_fields[name][corners].mean(axis=1) for name in ("apicobasal", "transmural")
    )
    angle = np.angle(np.exp(1j * mesh.point_fields["rotational"][corners]).sum(axis=1))
    shares = (height, angle / (2 * np.pi) % 1.0, depth)
    counts = (n_along, n_around, n_through)
    places = [
        np.minimum((share * count).astype(np.int64), count - 1)
        for share, count in zip(shares, counts, strict=True)
    ]
    return np.asarray(np.ravel_multi_index(places, counts))


__all__ = ["MeasuredMap", "grouped", "wall_pieces"]
