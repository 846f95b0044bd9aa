"""A closed cavity that moves with the measured endocardium."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

from cardiotwin.errors import Flag
from cardiotwin.geometry.cavity.disc import Window
from cardiotwin.geometry.cavity.frames import EndocardialFrames
from cardiotwin.geometry.cavity.lid import place_windows
from cardiotwin.geometry.cavity.motion import Motion, check_cells, fit_motion
from cardiotwin.geometry.cavity.placing import material_points, nodes
from cardiotwin.geometry.cavity.roof import roof_axes
from cardiotwin.geometry.cavity.template import CavityCells, CavityTemplate, cavity_cells
from cardiotwin.geometry.cavity.unfold import unfolded
from cardiotwin.geometry.regions import Region, cell_sizes

RIM = 60  # points that tell where the base is
ROOM = 0.9  # edges between two outlines in the lid
HARMONICS = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class MovingCavity:
    """The cavity of a beating left ventricle with its valves' stubs.

    Parameters
    ----------
    region
        At the beginning of the beat. Its boundary is ``lv_endocardium``, ``base`` (the lid
        beside the windows, and the stubs' sides), ``mitral`` and ``aortic`` (the stubs' ends).
    motion
        Of the region's nodes.
    windows
        The valves in the lid's disc.
    profile
        By valve: 1 in the middle of its stub's end, 0 at the rim and at all other nodes.
    stubs
        By valve: the nodes of its stub, layer by layer from the lid to the end.
    n_ventricle
        How many of the cells, the first ones, lie below the endocardium's rim.
    apex
        The node nearest to the apex.
    shrinkage
        Least volume of a cell over its mean during the beat.
    flags
        What the reader must know.
    """

    region: Region
    motion: Motion
    windows: tuple[Window, ...]
    profile: dict[str, Float[np.ndarray, " nodes"]]
    stubs: dict[str, Integer[np.ndarray, "layers _"]]
    n_ventricle: int
    apex: int
    shrinkage: float
    flags: tuple[Flag, ...]


def make_cavity(
    frames: EndocardialFrames,
    period: float,
    template: CavityTemplate | None = None,
    *,
    harmonics: int = HARMONICS,
) -> MovingCavity:
    """Return the cavity inside an endocardium.

    Parameters
    ----------
    frames
        Evenly spaced over the beat.
    period
        s.
    template
        How finely it is cut.
    harmonics
        Of the motion in time.

    Raises
    ------
    InputError
        If the motion folds the cavity, or a valve is not in the base.
    """
    template = template or CavityTemplate()
    turns = 2 * np.pi * np.arange(RIM) / RIM
    rims = frames.at(np.append(np.ones(RIM), 0.0), np.append(turns, 0.0))
    rims, apex = rims[:, :RIM], rims[:, RIM]
    middles = rims.mean(axis=1, keepdims=True)
    radii = np.linalg.norm(rims - middles, axis=2).mean(axis=1)
    lid_radius = template.widening * float(radii.max())
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    axes = roof_axes(rims - middles, circle, middles[:, 0] - apex)
    lids = middles + lid_radius * circle @ axes[:, :2]
    windows, flags = place_windows(lids, frames.valves, room=ROOM * template.edge)
    cells = cavity_cells(template, windows)
    u, angle = material_points(template, cells).T
    placed = np.stack([nodes(template, cells, found, lid_radius) for found in frames.at(u, angle)])
    motion = fit_motion(placed, period, harmonics)
    start = motion.positions(0.0)
    tetrahedra, facets = cells.cells, dict(cells.facets)
    if cell_sizes(start, tetrahedra).sum() < 0:  # the frames' angles run left-handed
        tetrahedra = tetrahedra[:, [1, 0, 2, 3]]
    motion = unfolded(motion, tetrahedra, _free(template, cells, len(start)))
    start = motion.positions(0.0)
    region = Region(points=start, cells=tetrahedra, facets=_outward(start, tetrahedra, facets))
    shrinkage = check_cells(region, motion)
    profile, stubs = {}, {}
    first = len(start) - sum(len(under) for under in cells.stub_nodes) * template.stub_layers
    lid = first - len(cells.disc.points)
    for window, under in zip(windows, cells.stub_nodes, strict=True):
        above = first + np.arange(len(under) * template.stub_layers).reshape(-1, len(under))
        first += above.size
        shape = np.zeros(len(start))
        shape[above[-1]] = _blunt(window, cells.disc.points[under])
        profile[window.name] = shape
        stubs[window.name] = np.concatenate([lid + under[None], above])
    return MovingCavity(
        region=region,
        motion=motion,
        windows=windows,
        profile=profile,
        stubs=stubs,
        n_ventricle=cells.n_ventricle,
        apex=int(np.argmin(np.hypot(*cells.disc.points.T))),
        shrinkage=shrinkage,
        flags=flags,
    )


def _free(
    template: CavityTemplate, cells: CavityCells, n_nodes: int
) -> Bool[np.ndarray, " nodes"]:
    """Return the nodes that no wall, lid or stub holds: those inside, and the collar's."""
    n_disc = len(cells.disc.points)
    rim = np.isclose(np.hypot(*cells.disc.points.T), 1)
    body = np.tile(~rim, (template.layers + 1, 1))
    body[0] = False
    collar = np.ones((template.collar_layers - 1, n_disc), dtype=bool)
    free = np.zeros(n_nodes, dtype=bool)
    free[: body.size] = body.ravel()
    free[body.size : body.size + collar.size] = collar.ravel()
    return free


def _blunt(window: Window, points: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, " points"]:
    """Return 1 - r^4, blunter than a developed flow's profile, which has no length to develop."""
    return np.asarray(np.maximum(1 - window.fraction(points) ** 4, 0) * 1.0)


def _outward(
    points: Float[np.ndarray, "nodes 3"],
    cells: np.ndarray,
    facets: dict[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Return the boundary's triangles with their normals out of the cells."""
    key = {
        tuple(sorted(side)): cell[k]
        for cell in cells.tolist()
        for k, side in enumerate(cell[:k] + cell[k + 1 :] for k in range(4))
    }
    turned = {}
    for name, triangles in facets.items():
        a, b, c = points[triangles].transpose(1, 0, 2)
        inner = points[[key[side] for side in map(tuple, np.sort(triangles, axis=1).tolist())]]
        inwards = np.einsum("ni,ni->n", np.cross(b - a, c - a), inner - a) > 0
        turned[name] = np.where(inwards[:, None], triangles[:, [0, 2, 1]], triangles)
    return turned


__all__ = ["MovingCavity", "make_cavity"]
