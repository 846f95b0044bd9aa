"""The template of a cavity: discs on top of each other, one connectivity for the whole beat.

The lowest disc is the apical cap of the endocardium, the rims of the others are rings of it, and
the highest is the roof over the base, in which the valves' windows are; a stub stands on each.
Where its nodes are in a frame, `placing` says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity.disc import Disc, Window, cut_disc
from cardiotwin.geometry.regions import boundary

ENDOCARDIUM, BASE = "lv_endocardium", "base"


@dataclass(frozen=True, kw_only=True)
class CavityTemplate:
    """How finely the cavity is cut, and what its stubs are.

    Parameters
    ----------
    edge
        Of the triangles of a cross-section, of its radius.
    layers
        From the cap to the lid.
    cap
        Share of the meridian, from the apex, that the lowest disc covers.
    collar_layers
        Between the endocardium's rim and the lid.
    collar_length
        How far the mitral ring lies above the rim, m.
    stub_layers
        Of each window's stub.
    stub_length
        m, by the name of the window.
    """

    edge: float = 0.115
    layers: int = 27
    cap: float = 0.1
    collar_layers: int = 3
    collar_length: float = 8e-3
    stub_layers: int = 4
    stub_length: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        limits = {"edge": (0.02, 0.16), "layers": (4, 400), "cap": (0.05, 0.5)}
        limits |= {"collar_layers": (2, 50), "collar_length": (1e-3, 3e-2)}
        limits["stub_layers"] = (1, 50)
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                msg = (
                    f"CavityTemplate.{name} must be {low:g} to {high:g}, found {value:g}. "
                    "The defaults cut a ventricle into some 40,000 cells."
                )
                raise InputError(msg)

    def length(self, window: str) -> float:
        """Return the length of a window's stub, m."""
        return {"mitral": 8e-3, "aortic": 15e-3, **(self.stub_length or {})}.get(window, 1e-2)


@dataclass(frozen=True, kw_only=True, eq=False)
class CavityCells:
    """What a template fixes.

    Parameters
    ----------
    disc
        Of each cross-section.
    windows
        In the lid.
    cells
        Four nodes per tetrahedron, positive where angle, radius and height are right-handed.
    n_ventricle
        How many of the cells, the first ones, lie below the endocardium's rim.
    facets
        Triangles of the boundary: ``lv_endocardium``, ``base`` (the collar, the lid outside the
        windows and the stubs' sides) and each window's name (its stub's end).
    stub_nodes
        Of the disc, that stand under each window's stub.
    """

    disc: Disc
    windows: tuple[Window, ...]
    cells: Integer[np.ndarray, "cells 4"]
    n_ventricle: int
    facets: Mapping[str, Integer[np.ndarray, "_ 3"]]
    stub_nodes: tuple[Integer[np.ndarray, " _"], ...]


def cavity_cells(template: CavityTemplate, windows: tuple[Window, ...]) -> CavityCells:
    """Return the nodes' order and the cells of a template with windows (kept for each)."""
    n_layers = template.layers + template.collar_layers
    return _cells(template.edge, n_layers, template.layers, template.stub_layers, windows)


@lru_cache(maxsize=8)
def _cells(
    edge: float, n_layers: int, n_body: int, n_stub: int, windows: tuple[Window, ...]
) -> CavityCells:
    disc = cut_disc(windows, edge)
    n_disc = len(disc.points)
    # Diagonals of the prisms' sides fall inwards, so no cell lies between cap and rim alone.
    order = np.argsort(np.argsort(np.hypot(*disc.points.T), kind="stable"))
    cells = [
        _prisms(disc.triangles, order, np.arange(n_disc) + n_disc * k, n_disc * (k + 1))
        for k in range(n_layers)
    ]
    ends, stub_nodes = {}, []
    start, lid = n_disc * (n_layers + 1), n_disc * n_layers
    for number, window in enumerate(windows):
        triangles = disc.triangles[disc.window == number]
        nodes = np.unique(triangles)
        lower = np.full(n_disc, -1)
        lower[nodes] = lid + nodes
        for _ in range(n_stub):
            upper = np.full(n_disc, -1)
            upper[nodes] = start + np.arange(len(nodes))
            cells.append(_joined(triangles, order, lower, upper))
            lower, start = upper, start + len(nodes)
        ends[window.name] = lower[triangles]
        stub_nodes.append(nodes)
    joined = np.concatenate(cells)
    facets = _named(boundary(joined), ends, n_disc * n_body, disc)
    return CavityCells(
        disc=disc,
        windows=windows,
        cells=joined,
        n_ventricle=3 * len(disc.triangles) * n_body,
        facets=facets,
        stub_nodes=tuple(stub_nodes),
    )


def _prisms(
    triangles: Integer[np.ndarray, "triangles 3"],
    order: Integer[np.ndarray, " disc"],
    lower: Integer[np.ndarray, " disc"],
    upper: int,
) -> Integer[np.ndarray, "cells 4"]:
    return _joined(triangles, order, lower, upper + np.arange(len(order)))


def _joined(
    triangles: Integer[np.ndarray, "triangles 3"],
    order: Integer[np.ndarray, " disc"],
    lower: Integer[np.ndarray, " disc"],
    upper: Integer[np.ndarray, " disc"],
) -> Integer[np.ndarray, "cells 4"]:
    """Return three tetrahedra per prism; each side's diagonal rises to its inner node."""
    rank = np.argsort(order[triangles], axis=1)
    a, b, c = np.take_along_axis(triangles, rank, axis=1).T
    even = np.linalg.det(np.eye(3)[rank]) > 0
    cells = np.stack(
        [
            np.stack([lower[a], lower[b], lower[c], upper[a]], axis=1),
            np.stack([lower[b], lower[c], upper[a], upper[b]], axis=1),
            np.stack([lower[c], upper[a], upper[b], upper[c]], axis=1),
        ],
        axis=1,
    )
    cells[~even] = cells[~even][:, :, [1, 0, 2, 3]]
    return cells.reshape(-1, 4)


def _named(
    sides: Integer[np.ndarray, "sides 3"],
    ends: Mapping[str, Integer[np.ndarray, "_ 3"]],
    top: int,
    disc: Disc,
) -> dict[str, Integer[np.ndarray, "_ 3"]]:
    """Return the boundary's triangles by name."""
    keys = [tuple(key) for key in np.sort(sides, axis=1).tolist()]
    facets = {}
    taken = np.zeros(len(sides), dtype=bool)
    for name, triangles in ends.items():
        wanted = {tuple(key) for key in np.sort(triangles, axis=1).tolist()}
        chosen = np.array([key in wanted for key in keys])
        facets[name] = sides[chosen]
        taken |= chosen
    rim = np.isclose(np.hypot(*disc.points.T), 1)
    n_disc = len(disc.points)
    below = (sides < top).any(axis=1)
    on_rim = (sides < top + n_disc).all(axis=1) & rim[sides % n_disc].all(axis=1)
    wall = (below | on_rim) & ~taken
    return {ENDOCARDIUM: sides[wall], BASE: sides[~wall & ~taken], **facets}


def reference_points(template: CavityTemplate, cells: CavityCells) -> Float[np.ndarray, "nodes 3"]:
    """Return each node's place in the template, whatever the endocardium: disc and height.

    The height goes from 0 (cap) to 1 (the endocardium's rim), 2 (lid) and 3 (the stubs' ends), so
    that cavities cut more or less finely from one endocardium are charts of the same space (but
    for the few nodes that `unfold` moved).
    """
    disc, n_disc = cells.disc.points, len(cells.disc.points)
    heights = [
        np.arange(template.layers + 1) / template.layers,
        1 + np.arange(1, template.collar_layers + 1) / template.collar_layers,
    ]
    body = np.repeat(np.concatenate(heights), n_disc)
    parts = [np.column_stack([np.tile(disc, (len(body) // n_disc, 1)), body])]
    for under in cells.stub_nodes:
        risen = 2 + np.arange(1, template.stub_layers + 1) / template.stub_layers
        along = np.repeat(risen, len(under))
        parts.append(np.column_stack([np.tile(disc[under], (len(risen), 1)), along]))
    return np.concatenate(parts)


__all__ = [
    "BASE",
    "ENDOCARDIUM",
    "CavityCells",
    "CavityTemplate",
    "cavity_cells",
    "reference_points",
]
