"""Cells of a moving region kept from folding: the nodes round a bad one are placed anew.

Nodes placed inside a wall by a formula know nothing of the cells: where a ring of the wall is so
dented that its spokes cross, cells turn over. The nodes round these move along other Fourier
series of the same order, which distort the cells least from their rest shape over all of the beat:

    tr(F^T F) / (3 c^(2/3)) + (det F^2 + 1) / (2 c),   c = (det F + sqrt(eps^2 + det F^2)) / 2,

with F from rest (the mean over the beat) to the moment. While a cell is turned over, eps follows
its determinant down, and it costs more and more; with none, eps is small, and none turns again.

Garanzha, Kaporin, Kudryavtseva, Protais, Ray & Sokolov (2021), Foldover-free maps in 50 lines of
code, ACM Trans Graph 40:102, eqs. 2-4.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from cardiotwin.geometry.cavity.motion import PeriodicMotion, waves
from cardiotwin.geometry.regions import cell_sizes, cross, linear_functions

LEAST = 0.2  # of a cell's volume over its mean during the beat: below, it is bad
ENOUGH = 0.05  # with which it is left, once more nodes would have to move for it
AIM = 0.25  # of a cell's volume over that at rest: with all above it, no more is sought
OVERSAMPLED = 4  # moments of the beat per term of its series
MANY = 0.02  # of the cells: where more are bad the wall itself folds
REACHES = (2, 4, 7)  # edges from a bad cell within which nodes move: more where that is not enough
ROUNDS, STEPS = 10, 40
POLISHES = 2  # rounds when no cell is turned over any more
FLOOR = 1e-2  # of eps: a barrier without one stops the search for good
LOWEST = 0.05  # of the usual volume: a cell with less has no rest shape of its own
REGULAR = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / np.cbrt(2)

Cells = Integer[np.ndarray, "cells 4"]
Coefficients = Float[np.ndarray, "waves nodes 3"]


def unfolded(
    motion: PeriodicMotion, cells: Cells, free: Bool[np.ndarray, " nodes"]
) -> PeriodicMotion:
    """Return the motion, its free nodes near cells that fold, or nearly, moved otherwise.

    Parameters
    ----------
    motion
        Of all nodes.
    cells
        Of positive volume where they are not turned over.
    free
        Nodes that nothing holds.
    """
    bad = np.zeros(len(cells), dtype=bool)
    for reach in REACHES:
        worse = _bad(motion, cells, ENOUGH if bad.any() else LEAST)
        if not worse.any() or worse.mean() > MANY:
            break
        bad |= worse
        moving = _near(cells, bad, reach, len(free)) & free
        nodes = np.flatnonzero(moving)
        patch = _patch(motion, cells[moving[cells].any(axis=1)], nodes)
        coefficients = motion.coefficients.copy()
        coefficients[:, nodes] = _least_distorted(patch, coefficients[:, nodes])
        motion = replace(motion, coefficients=coefficients)
    return motion


def _bad(motion: PeriodicMotion, cells: Cells, least: float) -> Bool[np.ndarray, " cells"]:
    """Return which cells are at some moment smaller than a share of their mean."""
    n_moments = OVERSAMPLED * len(motion.coefficients)
    times = np.arange(n_moments) / n_moments * motion.period
    volumes = np.array([cell_sizes(motion.positions(float(t)), cells) for t in times])
    return np.asarray(volumes.min(axis=0) < least * np.abs(volumes.mean(axis=0)))


def _near(
    cells: Cells, bad: Bool[np.ndarray, " cells"], reach: int, n_nodes: int
) -> Bool[np.ndarray, " nodes"]:
    """Return the nodes within a number of edges of some cells."""
    near = np.zeros(n_nodes, dtype=bool)
    near[cells[bad]] = True
    for _ in range(reach - 1):
        near[cells[near[cells].any(axis=1)]] = True
    return near


@dataclass(frozen=True, kw_only=True, eq=False)
class _Patch:
    """Cells whose deformation depends on the nodes that move.

    Parameters
    ----------
    slopes
        From the nodes' places along an axis to F's row by cell, for each of its columns.
    held
        F's rows of the nodes that do not move, by axis.
    waves
        At the moments.
    """

    slopes: csr_matrix
    held: tuple[Float[np.ndarray, "rows moments"], ...]
    waves: Float[np.ndarray, "moments waves"]


def _patch(motion: PeriodicMotion, cells: Cells, moving: Integer[np.ndarray, " moving"]) -> _Patch:
    corners = motion.coefficients[0][cells]
    sizes = cell_sizes(motion.coefficients[0], cells)
    usual = float(np.median(np.abs(sizes)))
    corners[sizes < LOWEST * usual] = REGULAR * np.cbrt(6 * usual)
    own = np.arange(4 * len(cells)).reshape(-1, 4)
    slopes = linear_functions(corners.reshape(-1, 3), own)[1]
    rows = np.arange(3 * len(cells)).reshape(3, 1, -1)
    places = np.broadcast_to(rows, slopes.shape).ravel(), np.broadcast_to(cells.T, slopes.shape)
    shape = 3 * len(cells), motion.coefficients.shape[1]
    whole = csr_matrix((slopes.ravel(), (places[0], places[1].ravel())), shape=shape).tocsc()
    still = motion.coefficients.copy()
    still[:, moving] = 0
    n_moments = OVERSAMPLED * len(motion.coefficients)
    weights = waves(np.arange(n_moments) / n_moments, len(motion.coefficients) // 2)
    return _Patch(
        slopes=whole[:, moving].tocsr(),
        held=tuple((whole @ still[:, :, axis].T) @ weights.T for axis in range(3)),
        waves=weights,
    )


def _least_distorted(patch: _Patch, start: Coefficients) -> Coefficients:
    """Return the series of the moving nodes from a start on, until no cell is near to turning."""
    size = float(np.ptp(start[0], axis=0).max())
    found, polished = start.ravel() / size, 0
    for _ in range(ROUNDS):
        lowest = float(_deformed(patch, found.reshape(start.shape) * size)[1].min())
        polished += lowest > 0
        if lowest >= AIM or polished > POLISHES:
            break
        eps = np.hypot(FLOOR, 0.2 * min(lowest, 0.0))

        def cost(values: np.ndarray, eps: float = eps) -> tuple[float, np.ndarray]:
            value, slope = _distortion(patch, values.reshape(start.shape) * size, eps)
            return value, slope.ravel() * size

        options = {"maxiter": STEPS, "maxcor": 20, "ftol": 1e-7}
        found = minimize(cost, found, jac=True, method="L-BFGS-B", options=options).x
    return np.asarray(found.reshape(start.shape) * size)


def _deformed(
    patch: _Patch, series: Coefficients
) -> tuple[Float[np.ndarray, "3 3 cells moments"], Float[np.ndarray, "cells moments"]]:
    """Return F, by row and column, and det F."""
    n_moments = len(patch.waves)
    gradient = np.stack(
        [
            ((patch.slopes @ series[:, :, axis].T) @ patch.waves.T + held).reshape(
                3, -1, n_moments
            )
            for axis, held in enumerate(patch.held)
        ]
    )
    det = sum(x * y for x, y in zip(gradient[0], cross(gradient[1], gradient[2]), strict=True))
    return gradient, np.asarray(det)


def _distortion(
    patch: _Patch, series: Coefficients, eps: float
) -> tuple[float, Float[np.ndarray, "waves nodes 3"]]:
    """Return the cells' mean distortion, and its derivative by the series."""
    gradient, det = _deformed(patch, series)
    root = np.hypot(eps, det)
    floored = np.where(det > 0, det + root, eps**2 / (root + np.abs(det))) / 2
    shrunk = 3 * np.cbrt(floored) ** 2
    shape = (gradient**2).sum(axis=(0, 1)) / shrunk
    size = (det**2 + 1) / (2 * floored)
    by_det = det / floored - (2 / 3 * shape + size) / root
    derivative = []
    for axis, row in enumerate(gradient):
        cofactors = np.stack(cross(gradient[axis - 2], gradient[axis - 1]))
        by_row = (2 / shrunk * row + by_det * cofactors).reshape(-1, len(patch.waves))
        derivative.append((patch.slopes.T @ (by_row @ patch.waves)).T)
    return float((shape + size).mean()), np.stack(derivative, axis=2) / det.size


__all__ = ["unfolded"]
