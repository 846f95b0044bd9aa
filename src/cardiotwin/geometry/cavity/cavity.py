"""A closed cavity that moves with the measured endocardium."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Integer

from cardiotwin.errors import Flag
from cardiotwin.geometry.cavity.disc import Window
from cardiotwin.geometry.cavity.frames import EndocardialFrames
from cardiotwin.geometry.cavity.motion import Motion, check_cells, fit_motion
from cardiotwin.geometry.cavity.paced import Course, PacedMotion
from cardiotwin.geometry.cavity.placing import material_points, nodes
from cardiotwin.geometry.cavity.rings import Ring, place_rings
from cardiotwin.geometry.cavity.roof import Roof, roof_axes
from cardiotwin.geometry.cavity.template import CavityCells, CavityTemplate, cavity_cells
from cardiotwin.geometry.cavity.unfold import unfolded
from cardiotwin.geometry.cavity.windows import template_windows
from cardiotwin.geometry.regions import Region, cell_sizes

RIM = 60  # points that tell where the base is
LEVELS = 12  # rings of the endocardium that tell its volume
ROOM = 0.9  # edges between two outlines in the disc
HARMONICS = 6
RISE = 0.6  # of the rings' height that the roof's edge has


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
    brim, under
        Motion of the endocardium's upper end, point by point, and the nodes of the region's rim
        below them: on the aortic side the cavity's wall ends lower.
    cut
        Triangles of the region's section at its rim.
    windows
        The valves in the lid's disc.
    rings
        The valves over the base.
    profile
        By valve: 1 in the middle of its stub's end, 0 at the rim and at all other nodes.
    stubs
        By valve: the nodes of its stub, layer by layer from the roof to the end.
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
    brim: Motion
    under: Integer[np.ndarray, " rim"]
    cut: Integer[np.ndarray, "_ 3"]
    windows: tuple[Window, ...]
    rings: tuple[Ring, ...]
    profile: dict[str, Float[np.ndarray, " nodes"]]
    stubs: dict[str, Integer[np.ndarray, "layers _"]]
    n_ventricle: int
    apex: int
    shrinkage: float
    flags: tuple[Flag, ...]

    def ventricle_volume(self, time: float) -> float:
        """Return the volume within the endocardium, closed by a fan at its upper end, m^3."""
        points, brim = self.motion.positions(time), self.brim.positions(time)
        below = float(cell_sizes(points, self.region.cells[: self.n_ventricle]).sum())
        rim, middle = points[self.under], points[self.under].mean(axis=0)
        low, high, flat = rim - middle, brim - middle, points[self.cut] - middle
        onwards, ahead = np.roll(low, -1, axis=0), np.roll(high, -1, axis=0)
        sides = _enclosed(low, onwards, ahead) + _enclosed(low, ahead, high)
        fan = _enclosed(high, ahead, np.broadcast_to(high.mean(axis=0), high.shape))
        return below + abs(sides + fan - _enclosed(*flat.transpose(1, 0, 2)))

    def at_pace(self, course: Course) -> "MovingCavity":
        """Return the cavity whose shapes are met at other times, as `PacedMotion` has them."""
        motion, brim = (PacedMotion(shapes=m, course=course) for m in (self.motion, self.brim))
        return replace(self, motion=motion, brim=brim)


def _enclosed(
    a: Float[np.ndarray, "_n 3"], b: Float[np.ndarray, "_n 3"], c: Float[np.ndarray, "_n 3"]
) -> float:
    """Return the volume of tetrahedra from the origin, m^3."""
    return float((np.cross(a, b) * c).sum() / 6)


def make_cavity(
    frames: EndocardialFrames,
    period: float,
    template: CavityTemplate | None = None,
    *,
    harmonics: int = HARMONICS,
    sizes: Mapping[str, float] | None = None,
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
    sizes
        Diameters of the ``mitral`` and the ``aortic`` ring, m; without, as drawn or typical.

    Raises
    ------
    InputError
        If the motion folds the cavity, or a valve is not in the base.
    """
    template = template or CavityTemplate()
    roof, edges, flags = _roof(frames, template, dict(sizes or {}))
    windows = template_windows(roof.rings, edges, room=ROOM * template.edge)
    cells = cavity_cells(template, windows)
    u, angle = material_points(template, cells, roof).T
    found = frames.at(u, angle)
    placed = np.stack([nodes(template, cells, each, roof) for each in found])
    motion = fit_motion(placed, period, harmonics)
    disc = cells.disc.points
    around = np.flatnonzero(np.isclose(np.hypot(*disc.T), 1))
    onwards = np.argsort(np.arctan2(*disc[around].T[::-1]))
    brim = found[:, len(u) - len(around) :][:, onwards]
    rim_nodes = template.layers * len(disc)
    start = motion.positions(0.0)
    tetrahedra, facets = cells.cells, dict(cells.facets)
    if cell_sizes(start, tetrahedra).sum() < 0:  # the frames' angles run left-handed
        tetrahedra = tetrahedra[:, [1, 0, 2, 3]]
    motion = unfolded(motion, tetrahedra, _free(template, cells, len(start)))
    start = motion.positions(0.0)
    region = Region(points=start, cells=tetrahedra, facets=_outward(start, tetrahedra, facets))
    shrinkage = check_cells(region, motion)
    profile, stubs = {}, {}
    first = len(start) - sum(map(len, cells.stub_nodes)) * template.stub_layers
    lid = first - len(disc)
    for window, beneath in zip(windows, cells.stub_nodes, strict=True):
        above = first + np.arange(len(beneath) * template.stub_layers).reshape(-1, len(beneath))
        first += above.size
        shape = np.zeros(len(start))
        shape[above[-1]] = _blunt(window, disc[beneath])
        profile[window.name] = shape
        stubs[window.name] = np.concatenate([lid + beneath[None], above])
    return MovingCavity(
        region=region,
        motion=motion,
        brim=fit_motion(brim, period, harmonics),
        under=rim_nodes + around[onwards],
        cut=rim_nodes + cells.disc.triangles,
        windows=windows,
        rings=roof.rings,
        profile=profile,
        stubs=stubs,
        n_ventricle=cells.n_ventricle,
        apex=int(np.argmin(np.hypot(*cells.disc.points.T))),
        shrinkage=shrinkage,
        flags=flags,
    )


def _roof(
    frames: EndocardialFrames, template: CavityTemplate, sizes: Mapping[str, float]
) -> tuple[Roof, Float[np.ndarray, " rim"], tuple[Flag, ...]]:
    """Return the roof, how far its edge reaches on average over the beat, m, and flags."""
    turns = 2 * np.pi * np.arange(RIM) / RIM
    levels = np.append(np.arange(1, LEVELS + 1) / LEVELS, 0.9)
    found = frames.at(
        np.append(np.repeat(levels, RIM), 0.0), np.append(np.tile(turns, LEVELS + 1), 0.0)
    )
    rings, apex = found[:, :-1].reshape(len(found), -1, RIM, 3), found[:, -1]
    rim, below = rings[:, LEVELS - 1], rings[:, -1]
    middle = rim.mean(axis=1, keepdims=True)
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    axes = roof_axes(rim - middle, circle, middle[:, 0] - apex)
    flat = np.einsum("fkx,fyx->fky", rim - middle, axes)
    reach = np.hypot(flat[..., 0], flat[..., 1])
    valves = {
        name: tuple((p - m) @ a.T for p, m, a in zip(points, middle, axes, strict=False))
        for name, points in frames.valves.items()
    }
    widest = reach.mean(axis=1).argmax()
    low = np.einsum("lkx,yx->lky", rings[widest, -4:-1] - middle[widest], axes[widest])
    rings_of, flags = place_rings(
        flat[widest],
        np.hypot(low[..., 0], low[..., 1]).min(axis=0),
        valves,
        volume=float(_volumes(rings[:, :LEVELS], apex).max()),
        height=template.collar_length,
        sizes=sizes,
    )
    meridian = float(np.linalg.norm(rim - below, axis=2).mean() / 0.1)
    roof = Roof(rings=rings_of, rise=RISE * template.collar_length, per_meridian=meridian)
    edges = [np.hypot(*roof.edge(turns, each)[:, :2].T) for each in reach]
    return roof, np.mean(edges, axis=0), flags


def _volumes(
    rings: Float[np.ndarray, "frames levels angles 3"], apex: Float[np.ndarray, "frames 3"]
) -> Float[np.ndarray, " frames"]:
    """Return the volume within rings of the endocardium, closed by a fan at the last, m^3."""
    away = rings - apex[:, None, None]
    low = np.concatenate([np.zeros_like(away[:, :1]), away[:, :-1]], axis=1)
    a, b = low, np.roll(low, -1, axis=2)
    c, d = away, np.roll(away, -1, axis=2)
    sides = (np.cross(a, b) * d).sum(axis=-1) + (np.cross(a, d) * c).sum(axis=-1)
    top = away[:, -1]
    middle = top.mean(axis=1, keepdims=True)
    fan = (np.cross(top, np.roll(top, -1, axis=1)) * middle).sum(axis=-1)
    return np.asarray(np.abs(sides.sum(axis=(1, 2)) + fan.sum(axis=1)) / 6)


def _free(
    template: CavityTemplate, cells: CavityCells, n_nodes: int
) -> Bool[np.ndarray, " nodes"]:
    """Return the nodes that no wall, roof or stub holds: those inside, and the collar's."""
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
    """Return 1 - r^8, all but flat: at a valve a profile has had no length to develop."""
    return np.asarray(np.maximum(1 - window.fraction(points) ** 8, 0) * 1.0)


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
