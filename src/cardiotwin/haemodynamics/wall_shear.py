"""What the blood's friction does to the wall.

A linear velocity has one slope in a cell, so the stress is the mean over the cell at the wall: it
comes nearer to the truth to first order in the cells' height, from below in a boundary layer.

Ku et al. (1985), Arteriosclerosis 5:293-302 (oscillating shear index; He & Ku 1996, J Biomech Eng
118:74-82, in the form used here).
"""

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.geometry.cavity.motion import area_vectors
from cardiotwin.haemodynamics.domain import Nodes
from cardiotwin.haemodynamics.numbers import gradients

Triangles = Integer[np.ndarray, "triangles 3"]
Cells = Integer[np.ndarray, "cells 4"]


def cells_at(cells: Cells, triangles: Triangles) -> Integer[np.ndarray, " triangles"]:
    """Return the cell of each triangle of the boundary."""
    n = len(cells)
    sides = np.sort(np.concatenate([np.delete(cells, k, axis=1) for k in range(4)]), axis=1)
    base = int(cells.max()) + 1
    key = (sides[:, 0] * base + sides[:, 1]) * base + sides[:, 2]
    wanted = np.sort(triangles, axis=1)
    order = np.argsort(key)
    place = np.searchsorted(key[order], (wanted[:, 0] * base + wanted[:, 1]) * base + wanted[:, 2])
    return np.asarray(order[place] % n)


def wall_shear_stress(
    points: Nodes, cells: Cells, velocity: Nodes, triangles: Triangles, viscosity: float
) -> Float[np.ndarray, "triangles 3"]:
    """Return the tangential stress of the blood on the wall, Pa.

    Parameters
    ----------
    points, cells, velocity
        Of the blood: m, and m/s at the nodes.
    triangles
        Of the boundary, with normals out of the blood.
    viscosity
        Pa s.
    """
    slope = gradients(points, cells[cells_at(cells, triangles)], velocity)
    normal = area_vectors(points, triangles)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    strain = slope + slope.transpose(0, 2, 1)
    traction = -viscosity * np.einsum("tij,tj->ti", strain, normal)
    along = np.einsum("ti,ti->t", traction, normal)
    return np.asarray(traction - along[:, None] * normal)


def oscillating_shear_index(
    stress: Float[np.ndarray, "moments triangles 3"],
) -> Float[np.ndarray, " triangles"]:
    """Return 0 where the shear keeps its direction and 0.5 where it swings back and forth.

    (1 - |int tau dt| / int |tau| dt) / 2, of evenly spaced moments of a whole beat.
    """
    mean = np.linalg.norm(stress.mean(axis=0), axis=1)
    size = np.linalg.norm(stress, axis=2).mean(axis=0)
    return np.asarray(0.5 * (1 - mean / np.maximum(size, np.finfo(float).tiny)))


__all__ = ["cells_at", "oscillating_shear_index", "wall_shear_stress"]
