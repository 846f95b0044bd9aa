"""The mesh's section brought to a slice's images.

Images of a first pass and the mesh are of other breath-holds and other moments of the beat. So a
section is shifted in the plane, and made smaller or larger, until its cavity lies on what is full
of agent when the arterial input is, and its wall on what is not.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from scipy.optimize import minimize

from cardiotwin.errors import InputError
from cardiotwin.perfusion.section import Grid, Section

FARTHEST = 20e-3  # m: a longer shift is another heart
SIZES = (0.75, 0.85, 0.95, 1.05)  # from which the search begins: the wall may be filled or not
PURE, NEARLY = 0.9, 0.75  # of a voxel: what counts as wall, and what does between such voxels
FEWEST = 0.25  # of what a whole voxel of wall holds: less is no wall at all
LARGEST = 1.1  # the mesh is of end-diastole: the cavity is hardly wider in any image
SEEN = 0.5  # of the variation between cavity and wall that a section must explain
POINTS = 4000  # of the section, by which it is placed


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """A section in a slice's images.

    Parameters
    ----------
    shift, size
        Of the section, m along both axes, and its factor about the middle of the cavity.
    explained
        Of the variation between cavity and wall in the images.
    wall
        Voxels that are wall through and through.
    pool
        Those in the cavity.
    angle, depth
        Of each voxel of the wall, else NaN.
    """

    shift: Float[np.ndarray, "2"]
    size: float
    explained: float
    wall: Bool[np.ndarray, "i j"]
    pool: Bool[np.ndarray, "i j"]
    angle: Float[np.ndarray, "i j"]
    depth: Float[np.ndarray, "i j"]

    def pieces(self, grid: Grid) -> Int[np.ndarray, "i j"]:
        """Return the piece of each voxel of the wall, -1 elsewhere."""
        found = np.full(self.wall.shape, -1)
        found[self.wall] = grid.number(self.angle[self.wall], self.depth[self.wall])
        return found


def place(
    section: Section, blood: Float[np.ndarray, "i j"], step: Float[np.ndarray, "2"]
) -> Placed:
    """Return where a section lies in the images.

    Parameters
    ----------
    section
        Of the mesh.
    blood
        What is high where the left ventricle's blood is, and low in its wall.
    step
        Size of the voxels, m.

    Raises
    ------
    InputError
        If the images show no such cavity and wall near it.
    """
    smooth = ndimage.gaussian_filter(blood, 0.5, mode="nearest")
    inner, outer = section.cavity, section.offset
    outer = outer[:: max(1, len(outer) // POINTS)]
    offset = np.concatenate([inner, outer])
    high = np.repeat([True, False], [len(inner), len(outer)])
    weight = np.repeat([0.5 / len(inner), 0.5 / len(outer)], [len(inner), len(outer)])

    def unexplained(given: Float[np.ndarray, "3"]) -> float:
        """Return the variation within cavity and wall over that of both."""
        at = (section.middle + given[:2] * FARTHEST + given[2] * offset) / step
        seen = ndimage.map_coordinates(smooth, at.T, order=1, mode="nearest")
        means = [np.average(seen[part], weights=weight[part]) for part in (high, ~high)]
        if means[0] <= means[1]:
            return 1.0
        apart = seen - np.where(high, *means)
        return float(weight @ apart**2 / (weight @ (seen - np.mean(means)) ** 2))

    starts = [
        np.array([x, y, size])
        for x in (-0.6, 0.0, 0.6)
        for y in (-0.6, 0.0, 0.6)
        for size in SIZES
    ]
    best = min(starts, key=unexplained)
    found = minimize(
        unexplained,
        best,
        method="Nelder-Mead",
        options={"initial_simplex": best + 0.15 * np.eye(4, 3, -1), "xatol": 2e-3, "fatol": 1e-5},
    )
    shift, size, explained = found.x[:2] * FARTHEST, float(found.x[2]), 1 - float(found.fun)
    if explained < SEEN or np.abs(found.x[:2]).max() > 1 or not 0 < size <= LARGEST:
        msg = (
            f"The images show no cavity and wall like the mesh's: the best place explains "
            f"{100 * explained:.0f} % of what varies, {1e3 * np.linalg.norm(shift):.0f} mm off "
            f"and {size:.2f} times as wide."
        )
        raise InputError(msg)
    return _placed(section, (shift, size, explained), blood.shape, step)


def _placed(
    section: Section,
    found: tuple[Float[np.ndarray, "2"], float, float],
    shape: tuple[int, ...],
    step: Float[np.ndarray, "2"],
) -> Placed:
    shift, size, explained = found
    at = section.middle + shift + size * section.offset
    index = np.rint(at / step).astype(np.int64)
    inside = ((index >= 0) & (index < shape)).all(axis=1)
    where = np.ravel_multi_index(tuple(index[inside].T), shape)
    weight = section.volume[inside]

    def total(values: Float[np.ndarray, " points"]) -> Float[np.ndarray, "i j"]:
        sums = np.bincount(where, weight * values, minlength=int(np.prod(shape)))
        return np.asarray(sums.reshape(shape))

    held, angle = total(np.ones(len(weight))), section.angle[inside]
    share = held * size**2 / (np.prod(step) * section.thickness)
    turn = np.arctan2(total(np.sin(angle)), total(np.cos(angle)))
    depth = total(section.depth[inside]) / np.maximum(held, np.finfo(np.float64).tiny)
    border = ndimage.binary_fill_holes(ndimage.binary_closing(share > FEWEST, iterations=2))
    pool = border & (share <= FEWEST)
    wall = ndimage.binary_closing(share >= PURE) & (share >= NEARLY)  # of the points' own lattice
    return Placed(
        shift=shift,
        size=size,
        explained=explained,
        wall=wall,
        pool=pool,
        angle=np.where(wall, turn, np.nan),
        depth=np.where(wall, depth, np.nan),
    )


__all__ = ["Placed", "place"]
