"""The lid over the base: a stiff roof of two round windows, which follows the endocardium's rim.

The valves' rings keep their size and shape in a beat, so the lid moves as a rigid body: its middle
lies over the rim's, its plane is the rim's mean one, and it turns as the rim does. From the convex
hull of the windows it slopes to its edge as a shelf, on which the collar ends.
"""

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.cavity.disc import Window

SHELF = 0.5
SLOPE = 0.2
LEAST = 0.35  # radius of a disc round the middle that the hull holds in any case
DIRECTIONS = 720

Points = Float[np.ndarray, "points 2"]
Rings = Float[np.ndarray, "*frames disc 3"]


def hull_radius(
    windows: tuple[Window, ...], angle: Float[np.ndarray, " points"]
) -> Float[np.ndarray, " points"]:
    """Return how far the windows' convex hull reaches from the disc's middle, of its radius.

    The hull's half planes are x cos(phi) + y sin(phi) <= h(phi), so that it reaches to the least
    of h(phi) / cos(phi - angle).
    """
    phi = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    reach = [w.x * np.cos(phi) + w.y * np.sin(phi) + w.radius for w in windows]
    furthest = np.maximum(np.max(reach, axis=0), LEAST)
    along = np.cos(phi - angle[:, None])
    ahead = along > 0.05
    return np.asarray(np.where(ahead, furthest / np.where(ahead, along, 1.0), np.inf).min(axis=1))


def roof_shape(
    windows: tuple[Window, ...], points: Points
) -> tuple[Points, Float[np.ndarray, " points"]]:
    """Return where the disc's nodes are along the lid's plane and below it, of its radius."""
    radius = np.hypot(*points.T)
    hull = hull_radius(windows, np.arctan2(points[:, 1], points[:, 0]))
    beyond = SHELF * np.maximum(radius - hull, 0.0)
    nearer = np.minimum(radius, hull) + beyond
    return (nearer / np.maximum(radius, 1e-12))[:, None] * points, SLOPE * beyond


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


__all__ = ["hull_radius", "roof_axes", "roof_shape"]
