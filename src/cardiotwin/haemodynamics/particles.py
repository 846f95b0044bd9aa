"""Where blood goes: particles carried through a mesh that moves, forwards or backwards in time.

Each particle knows its cell and finds the next one by walking through sides, so a step costs the
number of particles and not that of cells. Steps are Heun's (second order) in space at rest, with
the velocity made free of sources in each cell, so that particles keep the volume that they stand
for; what leaves by a named part of the boundary has left, and at any other the particle stays at
the wall.

Eriksson et al. (2010), JCMR 12:9; Bolger et al. (2007), ibid. 9:741-747 (the
four parts of a ventricle's blood).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.errors import InputError
from cardiotwin.geometry.regions import cell_sizes
from cardiotwin.haemodynamics.domain import Nodes
from cardiotwin.haemodynamics.solenoidal import FluxBalance, Fluxes, carried

WALL = -1
INSIDE = -1  # of `Paths.exit`: has not left
LONGEST = 200  # cells that a particle may pass in a step
ASTRAY = 1e-3  # share of the particles that may circle a wall's edge: they stay there
KINDS = ("direct", "retained", "delayed", "residual")  # blood, see `Components`
HAIR = 1e-9  # of a cell, by which a particle may lie outside

Cells = Integer[np.ndarray, "cells 4"]
Snapshots = Sequence[tuple[Nodes, Nodes]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Paths:
    """Where particles went.

    Parameters
    ----------
    exit
        By which of the named parts a particle left, by their order; -1: it has not.
    step
        At which step it left, or their number.
    places
        At the end, m; where it left for those that did.
    """

    exit: Integer[np.ndarray, " particles"]
    step: Integer[np.ndarray, " particles"]
    places: Float[np.ndarray, "particles 3"]


class Tracer:
    """Particles in the cells of a mesh.

    Parameters
    ----------
    cells
        Four nodes per tetrahedron.
    exits
        Triangles of the boundary by which particles leave, by name.
    """

    def __init__(self, cells: Cells, exits: Mapping[str, Integer[np.ndarray, "_ 3"]]) -> None:
        self.cells, self.names = cells, tuple(exits)
        self._across = _neighbours(cells, tuple(exits.values()))
        self._balance: FluxBalance | None = None

    def trace(
        self,
        snapshots: Snapshots,
        time_step: float,
        *,
        cell: Integer[np.ndarray, " particles"],
        shares: Float[np.ndarray, "particles 4"],
    ) -> Paths:
        """Follow particles from the first snapshot to the last.

        Parameters
        ----------
        snapshots
            Where the nodes are, m, and the blood's velocity there, m/s.
        time_step
            Between them, s; negative if they go backwards in time.
        cell, shares
            Where each particle begins: its cell, and the shares of the cell's corners.

        Raises
        ------
        InputError
            If the steps are so long that particles run through hundreds of cells.
        """
        cell, shares = cell.copy(), shares.copy()
        n_steps = len(snapshots) - 1
        gone, when = np.full(len(cell), INSIDE), np.full(len(cell), n_steps)
        places = _mixed(snapshots[0][0], self.cells, cell, shares)
        balance = self._balance or FluxBalance(snapshots[0][0], self.cells, self._across)
        self._balance = balance
        besides = balance.fluxes(*snapshots[0])
        for k in range(n_steps):
            on = np.flatnonzero(gone == INSIDE)
            (points, velocity), (later, changed) = snapshots[k], snapshots[k + 1]
            here = _mixed(points, self.cells, cell[on], shares[on])
            slope = self._speed(points, velocity, besides, cell[on], shares[on])
            tried, part, _ = self._walk(later, here + time_step * slope, cell[on])
            besides = balance.fluxes(later, changed)
            mean = (slope + self._speed(later, changed, besides, tried, part)) / 2
            found, part, left = self._walk(later, here + time_step * mean, cell[on])
            cell[on], shares[on], gone[on] = found, part, left
            when[on[left != INSIDE]] = k + 1
            places[on] = _mixed(later, self.cells, found, part)
        return Paths(exit=gone, step=when, places=places)

    def _speed(
        self, points: Nodes, velocity: Nodes, besides: Fluxes, cell: np.ndarray, shares: np.ndarray
    ) -> Float[np.ndarray, "particles 3"]:
        """Return the velocity of particles, m/s."""
        extra = carried(points[self.cells[cell]], besides[cell], shares)
        return np.asarray(_mixed(velocity, self.cells, cell, shares) + extra)

    def _walk(
        self,
        points: Nodes,
        targets: Float[np.ndarray, "particles 3"],
        cell: Integer[np.ndarray, " particles"],
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the cells that hold the targets, the corners' shares, and the exits.

        A particle goes through the open side that its target lies farthest behind; where only
        walls are in its way it stays in that cell, at the wall.
        """
        cell, exits = cell.copy(), np.full(len(cell), INSIDE)
        shares = np.empty((len(cell), 4))
        moving = np.arange(len(cell))
        for _ in range(LONGEST):
            part = _shares(points[self.cells[cell[moving]]], targets[moving])
            shares[moving] = part
            across = self._across[cell[moving]]
            behind = np.where(across == WALL, np.inf, part)
            rows, side = np.arange(len(part)), behind.argmin(axis=1)
            on = behind[rows, side] < -HAIR
            moving, following = moving[on], across[rows, side][on]
            leaving = following < WALL
            exits[moving[leaving]] = WALL - 1 - following[leaving]
            moving, following = moving[~leaving], following[~leaving]
            cell[moving] = following
            if len(moving) == 0:
                break
        if len(moving) > ASTRAY * len(cell):
            msg = (
                f"{len(moving)} of {len(cell)} particles passed more than {LONGEST} cells in a "
                "step. Give snapshots that follow each other more closely."
            )
            raise InputError(msg)
        held = np.maximum(shares, 0)
        return cell, held / held.sum(axis=1, keepdims=True), exits


def seeds(
    points: Nodes, cells: Cells
) -> tuple[np.ndarray, Float[np.ndarray, "cells 4"], Float[np.ndarray, " cells"]]:
    """Return one particle in the middle of each cell, and the volume it stands for, m^3."""
    volume = np.asarray(cell_sizes(points, cells))
    return np.arange(len(cells)), np.full((len(cells), 4), 0.25), volume


@dataclass(frozen=True, kw_only=True)
class Components:
    """The parts of a ventricle's end-diastolic blood by where it comes from and goes.

    Parameters
    ----------
    direct
        Came in this beat and is ejected in this beat.
    retained
        Came in this beat and stays.
    delayed
        Was there before and is ejected.
    residual
        Was there before and stays.
    """

    direct: float
    retained: float
    delayed: float
    residual: float


def components(
    forwards: Paths,
    backwards: Paths,
    volume: Float[np.ndarray, " particles"],
    *,
    aortic: int,
    mitral: int,
) -> Components:
    """Return the four parts, of the whole, from paths through systole and back through diastole.

    Parameters
    ----------
    forwards, backwards
        Of the same particles from end-diastole on, and back to the end-systole before.
    volume
        That each stands for, m^3.
    aortic, mitral
        Which of the exits is which valve's.
    """
    kind = kinds(forwards, backwards, aortic=aortic, mitral=mitral)
    shares = np.bincount(kind, weights=volume, minlength=len(KINDS)) / volume.sum()
    return Components(**dict(zip(KINDS, shares.tolist(), strict=True)))


def kinds(
    forwards: Paths, backwards: Paths, *, aortic: int, mitral: int
) -> Integer[np.ndarray, " particles"]:
    """Return which of `KINDS` each particle is; the arguments are those of `components`."""
    stays, old = forwards.exit != aortic, backwards.exit != mitral
    return np.asarray(stays + 2 * old)


def _mixed(
    nodal: Float[np.ndarray, "nodes 3"], cells: Cells, cell: np.ndarray, shares: np.ndarray
) -> Float[np.ndarray, "particles 3"]:
    return np.asarray(np.einsum("pk,pki->pi", shares, nodal[cells[cell]]))


def _shares(
    corners: Float[np.ndarray, "particles 4 3"], targets: Float[np.ndarray, "particles 3"]
) -> Float[np.ndarray, "particles 4"]:
    """Return the barycentric coordinates of points, each in a tetrahedron of its own."""
    a, b, c = (corners[:, 1:] - corners[:, :1]).transpose(1, 0, 2)
    d = targets - corners[:, 0]
    bc = np.cross(b, c)
    whole = np.einsum("pi,pi->p", a, bc)
    first = np.einsum("pi,pi->p", d, bc)
    second = np.einsum("pi,pi->p", d, np.cross(c, a))
    third = np.einsum("pi,pi->p", d, np.cross(a, b))
    rest = np.stack([first, second, third], axis=1) / whole[:, None]
    return np.column_stack([1 - rest.sum(axis=1), rest])


def _neighbours(
    cells: Cells, exits: Sequence[Integer[np.ndarray, "_ 3"]]
) -> Integer[np.ndarray, "cells 4"]:
    """Return the cell across the side opposite to each corner; -1 is the wall, -2, ... exits."""
    n = len(cells)
    sides = np.sort(np.concatenate([np.delete(cells, k, axis=1) for k in range(4)]), axis=1)
    key = (sides[:, 0] * (cells.max() + 1) + sides[:, 1]) * (cells.max() + 1) + sides[:, 2]
    order = np.argsort(key, kind="stable")
    twin = np.flatnonzero(key[order][1:] == key[order][:-1])
    across = np.full(4 * n, WALL)
    first, second = order[twin], order[twin + 1]
    across[first], across[second] = second % n, first % n
    for number, triangles in enumerate(exits):
        wanted = np.sort(triangles, axis=1).astype(np.int64)
        named = (wanted[:, 0] * (cells.max() + 1) + wanted[:, 1]) * (cells.max() + 1)
        on = np.isin(key, named + wanted[:, 2]) & (across == WALL)
        across[on] = WALL - 1 - number
    return np.asarray(across.reshape(4, n).T)


__all__ = ["KINDS", "Components", "Paths", "Tracer", "components", "kinds", "seeds"]
