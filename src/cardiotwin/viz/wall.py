"""The wall as pictures need it: fine triangles of its curved surfaces, its axes, its sections."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int64, Integer, Num
from scipy.spatial import cKDTree

from cardiotwin.geometry.biventricular.part import left_ventricle
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import triangle_shapes

Points = Float[np.ndarray, "points 3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """Flat triangles that follow a curved surface.

    Parameters
    ----------
    points
        Corners, m.
    triangles
        Outward by the right hand.
    weights, nodes
        Each corner is the weighted sum of six mesh nodes: so are its values.
    """

    points: Points
    triangles: Integer[np.ndarray, "triangles 3"]
    weights: Float[np.ndarray, "points 6"]
    nodes: Integer[np.ndarray, "points 6"]

    def values(self, nodal: Num[np.ndarray, "nodes ..."]) -> Float[np.ndarray, "points ..."]:
        """Return a nodal field at the corners."""
        return np.asarray(np.einsum("pn,pn...->p...", self.weights, nodal[self.nodes]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Axes:
    """Where the heart's directions are in the world.

    Parameters
    ----------
    apex_to_base, anterior, septal
        Unit vectors at right angles (septal only nearly so to anterior).
    """

    apex_to_base: Float[np.ndarray, "3"]
    anterior: Float[np.ndarray, "3"]
    septal: Float[np.ndarray, "3"]


@lru_cache(maxsize=4)
def _refined(pieces: int) -> tuple[Float[np.ndarray, "q 6"], Integer[np.ndarray, "t 3"]]:
    """Return shape values at, and triangles of, a reference triangle cut in `pieces` squared."""
    grid = [(i, j) for j in range(pieces + 1) for i in range(pieces + 1 - j)]
    number = {key: k for k, key in enumerate(grid)}
    up = [(number[i, j], number[i + 1, j], number[i, j + 1]) for i, j in grid if i + j < pieces]
    down = [
        (number[i + 1, j], number[i + 1, j + 1], number[i, j + 1])
        for i, j in grid
        if i + j < pieces - 1
    ]
    return triangle_shapes(np.array(grid) / pieces)[0], np.array(up + down)


def surface(mesh: TetMesh, points: Points, name: str, *, pieces: int = 3) -> Surface:
    """Return a named surface of the mesh with its nodes at `points`."""
    facets = mesh.facets[name]
    shapes, triangles = _refined(pieces)
    n_facets, n_local = len(facets), len(shapes)
    weights = np.tile(shapes, (n_facets, 1))
    nodes = np.repeat(facets, n_local, axis=0)
    fine = np.einsum("pn,pnk->pk", weights, points[nodes])
    # Facets share their edges: one corner each, so that shading is smooth across them.
    _, first, inverse = np.unique(
        np.rint(fine * 1e7).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    numbers = inverse.ravel().reshape(n_facets, n_local)[:, triangles].reshape(-1, 3)
    return Surface(
        points=fine[first], triangles=numbers, weights=weights[first], nodes=nodes[first]
    )


def nodal_mean(
    mesh: TetMesh, values: Num[np.ndarray, "cells ..."]
) -> Float[np.ndarray, "nodes ..."]:
    """Return a cell field at the nodes: the mean of the cells that meet there."""
    sums = np.zeros((len(mesh.points), *values.shape[1:]))
    counts = np.zeros(len(mesh.points))
    np.add.at(sums, mesh.cells, values[:, None])
    np.add.at(counts, mesh.cells, 1)
    return np.asarray(sums / counts.reshape(-1, *[1] * (values.ndim - 1)))


def axes(mesh: TetMesh) -> Axes:
    """Return the left ventricle's directions, from its surfaces and its segments."""
    mesh = left_ventricle(mesh)
    endo = mesh.points[np.unique(mesh.facets["lv_endocardium"])]
    rim = mesh.points[np.unique(mesh.facets["base"])].mean(axis=0)
    far = endo[np.argmax(np.linalg.norm(endo - rim, axis=1))]
    upwards = rim - far
    upwards = upwards / np.linalg.norm(upwards)
    anterior = _segment_direction(mesh, upwards, (1, 7, 13))
    septal = _segment_direction(mesh, upwards, (2, 3, 8, 9, 14))
    return Axes(apex_to_base=upwards, anterior=anterior, septal=septal)


def _segment_direction(
    mesh: TetMesh, upwards: Float[np.ndarray, "3"], numbers: tuple[int, ...]
) -> Float[np.ndarray, "3"]:
    """Return the unit vector across the long axis from the middle to some segments."""
    middles = mesh.points[mesh.cells[:, :4]].mean(axis=1)
    there = np.isin(mesh.cell_fields["aha_segment"], numbers)
    towards = middles[there].mean(axis=0) - middles.mean(axis=0)
    towards = towards - upwards * (towards @ upwards)
    return np.asarray(towards / np.linalg.norm(towards))


def section(
    points: Points,
    triangles: Integer[np.ndarray, "triangles 3"],
    origin: Float[np.ndarray, "3"],
    normal: Float[np.ndarray, "3"],
) -> Float[np.ndarray, "pieces 2 3"]:
    """Return the straight pieces in which triangles meet a plane."""
    # A corner exactly on the plane counts as above it, so that every piece has two ends.
    heights = (points - origin) @ normal
    above = heights >= 0
    crossed = triangles[above[triangles].any(axis=1) & ~above[triangles].all(axis=1)]
    ends = []
    for start, stop in ((0, 1), (1, 2), (2, 0)):
        a, b = crossed[:, start], crossed[:, stop]
        meets = above[a] != above[b]
        span = np.where(meets, heights[a] - heights[b], 1.0)
        where = points[a] + (heights[a] / span)[:, None] * (points[b] - points[a])
        ends.append(np.where(meets[:, None], where, np.nan))
    candidates = np.stack(ends, axis=1)
    found = ~np.isnan(candidates[:, :, 0])
    return np.asarray(candidates[found].reshape(-1, 2, 3))


def joined(
    pieces: Float[np.ndarray, "pieces 2 2"],
) -> list[Float[np.ndarray, "_points 2"]]:
    """Return straight pieces (mm or pixels) as curves, each as long as its pieces' ends meet."""
    keys = np.rint(pieces * 1e4).astype(np.int64)
    ends: dict[tuple[int, int], list[int]] = {}
    for number, pair in enumerate(keys):
        for end in pair:
            ends.setdefault((int(end[0]), int(end[1])), []).append(number)
    free = set(range(len(pieces)))
    chains = []
    while free:
        # An open curve must be started at an end, so look for one before taking any piece.
        start = next(
            (
                n
                for n in free
                if any(len(free & set(ends[tuple(e)])) == 1 for e in keys[n].tolist())
            ),
            next(iter(free)),
        )
        chains.append(_chain(start, pieces, keys, ends, free))
    return chains


def _chain(
    start: int,
    pieces: Float[np.ndarray, "pieces 2 2"],
    keys: Int64[np.ndarray, "pieces 2 2"],
    ends: Mapping[tuple[int, int], list[int]],
    free: set[int],
) -> Float[np.ndarray, "_points 2"]:
    first, last = keys[start].tolist()
    flip = len(free & set(ends[tuple(first)])) > 1
    free.discard(start)
    track = [pieces[start][1], pieces[start][0]] if flip else [pieces[start][0], pieces[start][1]]
    here = tuple(first if flip else last)
    while follow := free & set(ends[here]):
        number = follow.pop()
        free.discard(number)
        near, far = keys[number].tolist()
        forwards = tuple(near) == here
        track.append(pieces[number][1 if forwards else 0])
        here = tuple(far if forwards else near)
    return np.array(track)


def thickness(mesh: TetMesh, points: Points) -> Float[np.ndarray, " nodes"]:
    """Return the LV's wall thickness at its outer nodes, m, NaN elsewhere.

    The distance to the nearest point of the endocardium, as wall thickness is measured on images.
    """
    mesh = left_ventricle(mesh)
    endo = surface(mesh, points, "lv_endocardium", pieces=4)
    outer = np.unique(mesh.facets["epicardium"])
    result = np.full(len(points), np.nan)
    result[outer] = cKDTree(endo.points).query(points[outer])[0]
    return result


__all__ = [
    "Axes",
    "Surface",
    "axes",
    "joined",
    "nodal_mean",
    "section",
    "surface",
    "thickness",
]
