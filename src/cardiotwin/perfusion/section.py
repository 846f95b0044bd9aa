"""Slices of the mesh: what an image of the heart shows of its wall, and its pieces."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import points_within
from cardiotwin.geometry.volumes import cell_volumes
from cardiotwin.imaging.affine import spacing

DENSE = 1.0e6  # points in the mesh, so that voxels are told full from nearly full
INNERMOST = 0.15  # of the wall's depth, by which the mesh's cavity is seen
BINS = 72  # of the angle, in which the cavity's border is sought
RAYS, RINGS = 48, 12  # of places in the cavity


@dataclass(frozen=True, kw_only=True)
class Grid:
    """How a slice of the wall is divided: evenly in angle and in depth."""

    around: int = 24
    through: int = 2

    def __post_init__(self) -> None:
        """Refuse what is no division."""
        if self.around < 1 or self.through < 1:
            msg = f"Grid needs one piece or more, found {self.around} around, {self.through} deep."
            raise InputError(msg)

    @property
    def size(self) -> int:
        """Return how many pieces there are."""
        return self.around * self.through

    def number(
        self, angle: Float[np.ndarray, " n"], depth: Float[np.ndarray, " n"]
    ) -> Int[np.ndarray, " n"]:
        """Return the pieces' numbers, depth running fastest."""
        turn = (angle / (2 * np.pi)) % 1.0
        column = np.minimum((turn * self.around).astype(np.int64), self.around - 1)
        row = np.clip((depth * self.through).astype(np.int64), 0, self.through - 1)
        return np.asarray(column * self.through + row)


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """A slice of the mesh: points spread evenly in what the slice shows of its wall.

    Parameters
    ----------
    place
        In the plane of the images, along both axes, m.
    angle, depth
        About the middle of the cavity, rad, and from 0 at the endocardium to 1.
    cell, volume
        Of the mesh, and what a point stands for, m^3.
    thickness
        Of the slice, m.
    middle
        Of the cavity, m.
    n_cells
        Of the mesh.
    """

    place: Float[np.ndarray, "points 2"]
    angle: Float[np.ndarray, " points"]
    depth: Float[np.ndarray, " points"]
    cell: Int[np.ndarray, " points"]
    volume: Float[np.ndarray, " points"]
    thickness: float
    middle: Float[np.ndarray, "2"]
    n_cells: int

    def pieces(self, grid: Grid) -> Any:
        """Return the volume of each cell in each piece, m^3, a sparse matrix."""
        shape = (grid.size, self.n_cells)
        found = (self.volume, (grid.number(self.angle, self.depth), self.cell))
        return sparse.coo_array(found, shape=shape).tocsr()

    @cached_property
    def border(self) -> Float[np.ndarray, " rays"]:
        """Return the cavity's radius in even directions, the least over the slice, m."""
        found = np.full(RAYS, np.inf)
        np.minimum.at(found, self._ray(self.angle), np.linalg.norm(self.offset, axis=1))
        return np.where(np.isfinite(found), found, np.median(found[np.isfinite(found)]))

    @property
    def offset(self) -> Float[np.ndarray, "points 2"]:
        """Return the points from the middle of the cavity, m."""
        return np.asarray(self.place - self.middle)

    @cached_property
    def cavity(self) -> Float[np.ndarray, "places 2"]:
        """Return places spread evenly over the cavity, from its middle, m."""
        rays = 2 * np.pi * (np.arange(RAYS) + 0.5) / RAYS
        along = np.sqrt((np.arange(RINGS) + 0.5) / RINGS)[:, None] * self.border
        return np.stack([along * np.cos(rays), along * np.sin(rays)], -1).reshape(-1, 2)

    def _ray(self, angle: Float[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        turn = (angle / (2 * np.pi)) % 1.0
        return np.minimum((turn * RAYS).astype(np.int64), RAYS - 1)


def cut(
    mesh: TetMesh,
    points: Float[np.ndarray, "nodes 3"],
    *,
    affine: Float[np.ndarray, "4 4"],
    number: int,
    thickness: float,
) -> Section:
    """Return what a slice shows of a wall.

    Parameters
    ----------
    mesh, points
        The wall, and where its nodes are, m.
    affine
        Voxel index to world, m.
    number, thickness
        Of the slice, and m.

    Raises
    ------
    InputError
        If the slice does not cut the wall.
    """
    corners = mesh.cells[:, :4]
    within = points_within(max(4, round((6 * DENSE / len(corners)) ** (1 / 3)) - 2))
    places = (within @ points[corners]).reshape(-1, 3)
    index = (places - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    steps = spacing(affine)
    there = np.flatnonzero(np.abs(index[:, 2] - number) <= thickness / steps[2] / 2)
    depth = (mesh.point_fields["transmural"][corners] @ within.T).reshape(-1)[there]
    if not (depth < INNERMOST).any():
        msg = (
            f"Slice {number} does not cut the wall, which lies in slices {index[:, 2].min():.1f} "
            f"to {index[:, 2].max():.1f}. Look at the affine, or leave the slice out."
        )
        raise InputError(msg)
    place = index[there, :2] * steps[:2]
    middle = _middle(place[depth < INNERMOST])
    cell = there // len(within)
    return Section(
        place=place,
        angle=_angle(place - middle),
        depth=depth,
        cell=cell,
        volume=cell_volumes(mesh.points, mesh)[cell] / len(within),
        thickness=thickness,
        middle=middle,
        n_cells=len(corners),
    )


def _angle(offset: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, " n"]:
    return np.asarray(np.arctan2(offset[:, 1], offset[:, 0]))


def _middle(border: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "2"]:
    """Return the middle of the cavity: that of its border, taken evenly around."""
    middle = border.mean(axis=0)
    turn = _angle(border - middle) / (2 * np.pi) % 1.0
    bins = np.minimum((turn * BINS).astype(np.int64), BINS - 1)
    found = [border[bins == one].mean(axis=0) for one in np.unique(bins)]
    return np.asarray(np.mean(found, axis=0))


__all__ = ["Grid", "Section", "cut"]
