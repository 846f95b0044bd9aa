"""The body-centred cubic lattice that isosurface stuffing starts from, cut flat at the base.

Labelle & Shewchuk (2007), Isosurface stuffing, ACM Trans Graph 26:57, doi:10.1145/1276377.1276448.
A plane of black nodes is the base; the cells that it would cut are replaced by their lower
halves, whose fourth node is the middle of a cube's top face.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

AXES = ((0, 1, 2), (1, 2, 0), (2, 0, 1))


@dataclass(frozen=True, kw_only=True, eq=False)
class Lattice:
    """Nodes and cells below the plane z = 0.

    Parameters
    ----------
    edge
        Side of the cubes, m.
    places
        Doubled integer coordinates of the nodes: even black, odd red, (odd, odd, 0) on the base.
    points
        Their positions, m.
    cells
        Four nodes each, of any orientation.
    """

    edge: float
    places: Integer[np.ndarray, "nodes 3"]
    points: Float[np.ndarray, "nodes 3"]
    cells: Integer[np.ndarray, "cells 4"]

    @property
    def on_base(self) -> Bool[np.ndarray, " nodes"]:
        """Return which nodes lie in the base's plane."""
        return np.asarray(self.places[:, 2] == 0)


def lattice_below(
    low: Float[np.ndarray, "3"],
    high: Float[np.ndarray, "3"],
    edge: float,
    offset: tuple[float, float] = (0.0, 0.0),
) -> Lattice:
    """Return the lattice over a box below z = 0, moved in the plane by shares of its edge."""
    n = np.ceil((high - low) / edge).astype(np.int64) + 1
    n[2] = int(np.ceil(-low[2] / edge)) + 1
    black = np.stack(np.meshgrid(*(np.arange(k + 1) for k in n), indexing="ij"), axis=-1)
    red = np.stack(np.meshgrid(*(np.arange(k) for k in n), indexing="ij"), axis=-1)
    top = np.stack(np.meshgrid(*(np.arange(k) for k in n[:2]), indexing="ij"), axis=-1)
    up = np.array([0, 0, n[2]])
    doubled = [
        2 * (black - up).reshape(-1, 3),
        2 * (red - up).reshape(-1, 3) + 1,
        np.concatenate([2 * top + 1, np.zeros_like(top[..., :1])], axis=-1).reshape(-1, 3),
    ]
    starts = np.cumsum([0, *(len(part) for part in doubled)])
    numbers = [
        np.arange(a, b).reshape(block.shape[:-1])
        for a, b, block in zip(starts[:-1], starts[1:], (black, red, top), strict=True)
    ]
    places = np.concatenate(doubled)
    start = np.array([low[0] + offset[0] * edge, low[1] + offset[1] * edge, 0.0])
    return Lattice(
        edge=edge,
        places=places,
        points=places * (edge / 2) + start,
        cells=np.concatenate([*_between(*numbers[:2]), _under_base(*numbers)]),
    )


def _between(
    black: Integer[np.ndarray, "bx by bz"], red: Integer[np.ndarray, "rx ry rz"]
) -> list[Integer[np.ndarray, "cells 4"]]:
    """Return the cells round each edge between two cubes' centres, for the three directions."""
    cells = []
    for order in AXES:
        blacks, reds = black.transpose(order), red.transpose(order)
        first, second = reds[:-1], reds[1:]
        face = blacks[1:-1]
        ring = (face[:, :-1, :-1], face[:, 1:, :-1], face[:, 1:, 1:], face[:, :-1, 1:])
        cells += [
            np.stack([ring[k], ring[(k + 1) % 4], first, second], axis=-1).reshape(-1, 4)
            for k in range(4)
        ]
    return cells


def _under_base(
    black: Integer[np.ndarray, "bx by bz"],
    red: Integer[np.ndarray, "rx ry rz"],
    top: Integer[np.ndarray, "rx ry"],
) -> Integer[np.ndarray, "cells 4"]:
    face, centre = black[:, :, -1], red[:, :, -1]
    ring = (face[:-1, :-1], face[1:, :-1], face[1:, 1:], face[:-1, 1:])
    cells = [np.stack([ring[k], ring[(k + 1) % 4], centre, top], axis=-1) for k in range(4)]
    return np.concatenate([part.reshape(-1, 4) for part in cells])


__all__ = ["Lattice", "lattice_below"]
