"""The roof over the base: a smooth surface from the endocardium's rim to the valves' rings.

The rings keep their size and shape in a beat and move as one rigid body: its middle is the rim's,
its plane the rim's mean one, and it turns as the rim does. The roof's edge lies a little above the
rim and no nearer to the middle than a margin round the rings; from there to the rings the roof
is a membrane, each node at the mean of its neighbours (harmonic). On the aortic side the rim is
lower, since that valve lies beside the mitral one and reaches down the septum.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Integer
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

from cardiotwin.geometry.cavity.disc import Window, cut_disc
from cardiotwin.geometry.cavity.rings import Ring
from cardiotwin.units import MM

MARGIN = 2 * MM  # of the roof's edge round the rings
DROP = 1 * MM  # of the edge below a ring, along its axis: the stub goes on, without a lip
SOFT = 2 * MM  # over which the edge turns from the rim to the rings
TRACT = 8 * MM  # of the roof's edge above the rim below the aortic ring
LOWEST = 0.25  # of the meridian that the rim may be lower
INWARDS = 0.92  # of the rim's reach that the edge above it has: a dome begins
SMOOTH = 5  # waves round the edge: it does not follow a dent of the rim
LEAST = 0.35  # of the edge's mean reach that it has in any direction
DIRECTIONS = 720

Points = Float[np.ndarray, "points 2"]
Rings = Float[np.ndarray, "*frames disc 3"]


@dataclass(frozen=True, kw_only=True)
class Roof:
    """What covers the base.

    Parameters
    ----------
    rings
        Of the valves, in the lid's axes.
    rise
        Of the roof's edge above the rim, m.
    per_meridian
        Length of the whole meridian at the rim's slope, m.
    """

    rings: tuple[Ring, ...]
    rise: float
    per_meridian: float

    @property
    def lowest(self) -> float:
        """Return the height of the roof's edge at the lowest of the rings, m."""
        return float(min(*(_outline(r)[:, 2].min() for r in self.rings), self.rise))

    @property
    def depth(self) -> float:
        """Return how much lower the rim is there, m: the outflow tract begins."""
        return float(np.clip(TRACT - self.lowest, 0.0, LOWEST * self.per_meridian))

    def bell(self, angle: Float[np.ndarray, "*some"]) -> Float[np.ndarray, "*some"]:
        """Return by which share of its depth the rim is lower at an angle."""
        ring = max(self.rings, key=lambda one: one.lean)
        x, y, _ = ring.middle
        half = 2.4 * np.arcsin(min(ring.radius / max(float(np.hypot(x, y)), ring.radius), 0.9))
        apart = (angle - np.arctan2(y, x) + np.pi) % (2 * np.pi) - np.pi
        return np.asarray(np.cos(np.pi / 2 * np.clip(apart / half, -1, 1)) ** 2)

    def rim(self, angle: Float[np.ndarray, "*some"]) -> Float[np.ndarray, "*some"]:
        """Return where on its meridian, 0 to 1, the cavity's rim is."""
        return np.asarray(1 - self.depth / self.per_meridian * self.bell(angle))

    def edge(
        self, angle: Float[np.ndarray, " rim"], reach: Float[np.ndarray, " rim"]
    ) -> Float[np.ndarray, "rim 3"]:
        """Return the roof's edge in the lid's axes, m, over a rim that reaches so far."""
        wanted = INWARDS * smooth_round(angle, reach)
        hull = hull_radius(self.rings, angle)
        far = (wanted + hull + np.hypot(wanted - hull, SOFT)) / 2
        low = self.rise + (self.lowest - self.rise) * self.bell(angle)
        return np.stack([far * np.cos(angle), far * np.sin(angle), low], axis=1)

    def lid(
        self,
        weights: "Membrane",
        points: Points,
        windows: tuple[Window, ...],
        edge: Float[np.ndarray, "rim 3"],
    ) -> Float[np.ndarray, "disc 3"]:
        """Return the roof's nodes in the lid's axes, m, from those of its edge."""
        found = np.empty((len(points), 3))
        found[weights.edge] = edge
        for window, ring, under in zip(windows, self.rings, weights.rings, strict=True):
            flat = (points[under] - [window.x, window.y]) / window.radius
            found[under] = ring.places(flat)
        found[weights.free] = weights.matrix @ found[weights.held]
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Membrane:
    """The weights with which nodes held tell the free ones of a roof.

    Parameters
    ----------
    edge
        Nodes of the disc's rim.
    rings
        Nodes in and on each window.
    held, free
        Nodes.
    matrix
        Of the free ones by the held ones.
    """

    edge: Integer[np.ndarray, " _"]
    rings: tuple[Integer[np.ndarray, " _"], ...]
    held: Integer[np.ndarray, " _"]
    free: Integer[np.ndarray, " _"]
    matrix: Float[np.ndarray, "free held"]


@lru_cache(maxsize=16)
def membrane(windows: tuple[Window, ...], edge: float) -> Membrane:
    """Return the harmonic weights on the disc outside its windows (cotangents)."""
    disc = cut_disc(windows, edge)
    points, n_nodes = disc.points, len(disc.points)
    rings = tuple(np.unique(disc.triangles[disc.window == k]) for k in range(len(windows)))
    rim = np.flatnonzero(np.isclose(np.hypot(*points.T), 1))
    still = np.zeros(n_nodes, dtype=bool)
    still[np.concatenate([rim, *rings])] = True
    outside = disc.triangles[disc.window < 0]
    rows, columns, values = [], [], []
    for k in range(3):
        a, b, c = (outside[:, (k + shift) % 3] for shift in range(3))
        first, second = points[b] - points[a], points[c] - points[a]
        area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
        half = (first * second).sum(axis=1) / area / 2
        rows += [b, c, b, c]
        columns += [c, b, b, c]
        values += [-half, -half, half, half]
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    matrix = coo_matrix(entries, shape=(n_nodes, n_nodes)).tocsc()
    held, free = np.flatnonzero(still), np.flatnonzero(~still)
    across = -matrix[free][:, held].toarray()
    return Membrane(
        edge=rim,
        rings=rings,
        held=held,
        free=free,
        matrix=np.asarray(splu(matrix[free][:, free].tocsc()).solve(across)),
    )


def smooth_round(
    angle: Float[np.ndarray, " rim"], values: Float[np.ndarray, " rim"]
) -> Float[np.ndarray, " rim"]:
    """Return the few waves round the rim that are nearest to values."""
    turns = angle[:, None] * np.arange(1, SMOOTH + 1)
    design = np.concatenate([np.ones((len(angle), 1)), np.cos(turns), np.sin(turns)], axis=1)
    return np.asarray(design @ np.linalg.lstsq(design, values)[0])


def hull_radius(
    rings: tuple[Ring, ...], angle: Float[np.ndarray, " points"]
) -> Float[np.ndarray, " points"]:
    """Return how far the convex hull of the rings' margins reaches, seen from above, m.

    The hull's half planes are x cos(phi) + y sin(phi) <= h(phi), so that it reaches to the least
    of h(phi) / cos(phi - angle).
    """
    phi = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    seen = np.concatenate([_outline(ring) for ring in rings])[:, :2]
    furthest = (seen @ np.stack([np.cos(phi), np.sin(phi)])).max(axis=0)
    furthest = np.maximum(furthest, LEAST * furthest.mean())
    along = np.cos(phi - angle[:, None])
    ahead = along > 0.05
    return np.asarray(np.where(ahead, furthest / np.where(ahead, along, 1.0), np.inf).min(axis=1))


def _outline(ring: Ring) -> Float[np.ndarray, "_ 3"]:
    """Return where the roof's edge may come nearest to a ring, in the lid's axes, m."""
    phi = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    circle = np.stack([np.cos(phi), np.sin(phi)], axis=1)
    return ring.places((1 + MARGIN / ring.radius) * circle) - DROP * ring.normal


def roof_axes(
    spokes: Rings, points: Points, upwards: Float[np.ndarray, "*frames 3"]
) -> Float[np.ndarray, "*frames 3 3"]:
    """Return the lid's axes: the disc's x and y, and the normal towards the base.

    Parameters
    ----------
    spokes
        The rim's nodes from their middle, m, evenly spaced.
    points
        Of the same nodes in the disc.
    upwards
        From the apex to the base.
    """
    first, second = (np.einsum("k,...kx->...x", side, spokes) for side in points.T)
    ring = spokes[..., np.argsort(np.arctan2(points[:, 1], points[:, 0])), :]
    normal = np.cross(ring, np.roll(ring, -1, axis=-2)).sum(axis=-2)
    hand = np.sign((normal * upwards).sum(axis=-1, keepdims=True))
    normal *= hand / np.linalg.norm(normal, axis=-1, keepdims=True)
    x = first + hand * np.cross(second, normal)
    x -= (x * normal).sum(axis=-1, keepdims=True) * normal
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    return np.stack([x, hand * np.cross(normal, x), normal], axis=-2)


__all__ = ["Membrane", "Roof", "hull_radius", "membrane", "roof_axes", "smooth_round"]
