"""Where blood is: tetrahedra that stand still or move with the wall, and their linear elements."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.sparse import csr_matrix

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import MovingCavity
from cardiotwin.geometry.regions import cell_sizes, linear_functions
from cardiotwin.imaging.phase_contrast import VoxelGrid

Nodes = Float[np.ndarray, "nodes 3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lumen:
    """The blood's room, by frame.

    Parameters
    ----------
    positions
        Of the nodes in each frame, m; one frame if nothing moves.
    cells
        Four nodes per tetrahedron, of positive volume.
    wall
        Nodes to which blood clings.
    open
        Nodes of the ends through which it flows.
    wall_velocity
        Of the nodes by frame, m/s; only those of the wall count.
    """

    positions: Float[np.ndarray, "frames nodes 3"]
    cells: Integer[np.ndarray, "cells 4"]
    wall: Bool[np.ndarray, " nodes"]
    open: Bool[np.ndarray, " nodes"]
    wall_velocity: Float[np.ndarray, "frames nodes 3"]

    def __post_init__(self) -> None:
        for frame, points in enumerate(self.positions):
            turned = int((cell_sizes(points, self.cells) <= 0).sum())
            if turned:
                msg = (
                    f"The lumen is folded in frame {frame}: {turned} of {len(self.cells)} cells "
                    "have no volume. Look at the wall of that frame."
                )
                raise InputError(msg)


def moving_lumen(cavity: MovingCavity, times: Float[np.ndarray, " frames"]) -> Lumen:
    """Return a ventricle's cavity at some times of its beat, s: its stubs' ends are open."""
    wall, end = (np.zeros(len(cavity.region.points), dtype=bool) for _ in range(2))
    for name, triangles in cavity.region.facets.items():
        (end if name in cavity.stubs else wall)[triangles] = True
    return Lumen(
        positions=np.stack([cavity.motion.positions(float(t)) for t in times]),
        cells=cavity.region.cells,
        wall=wall,
        open=end & ~wall,
        wall_velocity=np.stack([cavity.motion.velocity(float(t)) for t in times]),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Elements:
    """Integrals of linear elements on a mesh.

    Parameters
    ----------
    stiffness
        Of grad u . grad v, m.
    mass
        The lumped one, m^3.
    slopes
        By direction: of u_i d u_j / dx, m^2.
    """

    stiffness: csr_matrix
    mass: Float[np.ndarray, " nodes"]
    slopes: tuple[csr_matrix, csr_matrix, csr_matrix]


def elements(points: Nodes, cells: Integer[np.ndarray, "cells 4"]) -> Elements:
    """Return the integrals of linear elements."""
    n = len(points)
    sizes = cell_sizes(points, cells)
    gradients = shape_gradients(points, cells)
    rows, columns = np.repeat(cells, 4, axis=1).ravel(), np.tile(cells, (1, 4)).ravel()
    local = np.einsum("c,cai,cbi->cab", sizes, gradients, gradients)
    stiffness = csr_matrix((local.ravel(), (rows, columns)), shape=(n, n))
    mass = np.bincount(cells.ravel(), np.repeat(sizes / 4, 4), minlength=n)
    slopes = []
    for axis in range(3):
        part = np.repeat((sizes[:, None] / 4 * gradients[:, :, axis])[:, None, :], 4, axis=1)
        slopes.append(csr_matrix((part.ravel(), (rows, columns)), shape=(n, n)))
    return Elements(stiffness=stiffness, mass=mass, slopes=(slopes[0], slopes[1], slopes[2]))


def shape_gradients(
    points: Nodes, cells: Integer[np.ndarray, "cells 4"]
) -> Float[np.ndarray, "cells 4 3"]:
    """Return the gradients of the four linear functions of each cell, 1/m."""
    return np.ascontiguousarray(linear_functions(points, cells)[1].transpose(2, 1, 0))


def sampling(points: Nodes, cells: Integer[np.ndarray, "cells 4"], grid: VoxelGrid) -> csr_matrix:
    """Return the linear functions' values at the centres of a grid; rows outside are empty.

    Each cell tells which centres lie in it, so no point is missed, and one on a face counts once.
    """
    corners = np.ascontiguousarray(grid.indices(points)[cells].T)  # axes, corners, cells
    first = corners[:, 0]
    inverse = np.linalg.inv((corners[:, 1:] - corners[:, :1]).T).transpose(1, 2, 0)
    owner = np.full(int(np.prod(grid.shape)), -1, dtype=np.int32)
    for flat, cell in _centres(corners, inverse, grid.shape):
        owner[flat] = cell
    flat = np.flatnonzero(owner >= 0)
    cell = owner[flat]
    place = np.stack(np.unravel_index(flat, grid.shape))
    rest = np.einsum("ip,ijp->pj", place - first[:, cell], inverse[:, :, cell])
    shares = np.column_stack([1 - rest.sum(axis=1), rest])
    full = np.zeros(len(owner) + 1, dtype=np.int32)
    full[flat + 1] = 4
    starts = np.cumsum(full, dtype=np.int32)
    entries = (shares.ravel(), cells[cell].ravel().astype(np.int32), starts)
    found = csr_matrix(entries, shape=(len(owner), len(points)))
    found.eliminate_zeros()
    return found


def _centres(
    corners: Float[np.ndarray, "3 4 cells"],
    inverse: Float[np.ndarray, "3 3 cells"],
    shape: tuple[int, int, int],
) -> Iterator[tuple[Integer[np.ndarray, " some"], Integer[np.ndarray, " some"]]]:
    """Yield centres, by their number in the grid, and the cells they lie in.

    All cells whose boxes hold as many centres along each axis are looked at together.
    """
    last = np.array(shape)[:, None] - 1
    low = np.clip(np.ceil(corners.min(axis=1) - 1e-9), 0, last + 1).astype(np.int64)
    high = np.clip(np.floor(corners.max(axis=1) + 1e-9), -1, last).astype(np.int64)
    sizes, kind = np.unique(np.maximum(high - low + 1, 0), axis=1, return_inverse=True)
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    for number, size in enumerate(sizes.T):
        if not size.all():
            continue
        which = np.flatnonzero(kind.ravel() == number)
        box = np.indices(size).reshape(3, -1)
        own = inverse[:, :, which]
        begin = np.einsum("ic,ijc->jc", low[:, which] - corners[:, 0, which], own)
        rest = np.einsum("in,ijc->jcn", box, own, optimize=True) + begin[:, :, None]
        least = np.minimum(rest.min(axis=0), 1 - rest.sum(axis=0))
        cell, place = np.nonzero(least > -1e-9)
        yield strides @ (low[:, which[cell]] + box[:, place]), which[cell]


__all__ = ["Elements", "Lumen", "elements", "moving_lumen", "sampling", "shape_gradients"]
