"""The windows of the template's disc that stand for the valves' rings.

They need not have the rings' shape: the roof's nodes in a window are laid into its ring. They lie
clear of each other, and as near to where the rings are as that lets them.
"""

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.cavity.disc import Window
from cardiotwin.geometry.cavity.rings import GIVES, ROUNDS, Ring


def template_windows(
    rings: tuple[Ring, ...], edges: Float[np.ndarray, " angles"], room: float
) -> tuple[Window, ...]:
    """Return the windows of the unit disc that stand for the rings, clear of each other.

    Parameters
    ----------
    rings
        The mitral and the aortic one, in the lid's axes.
    edges
        How far the lid reaches at evenly spaced angles from zero, m.
    room
        Between the windows and to the rim at least, of the disc's radius.
    """
    turns = 2 * np.pi * np.arange(len(edges)) / len(edges)
    across = max(ring.towards for ring in rings)
    ahead, behind = np.interp([across, across + np.pi], turns, edges, period=2 * np.pi)
    half = (ahead + behind) / 2
    shift = (ahead - behind) / 2 * np.array([np.cos(across), np.sin(across)])
    places = np.array([(np.array(ring.middle[:2]) - shift) / half for ring in rings])
    wide = [np.sqrt(ring.reach * ring.radius * ring.short) for ring in rings]
    radii = np.array(wide) / half
    for _ in range(ROUNDS):
        gap = places[1] - places[0]
        apart = max(float(np.hypot(*gap)), 1e-9)
        overlap = float(radii.sum()) + room - apart
        places += max(overlap, 0.0) / 4 * np.outer(GIVES, gap / apart)
        far = np.hypot(*places.T)
        outside = far + radii + room - 1
        if max(outside.max(), overlap) <= 1e-6:
            break
        inwards = -places / np.maximum(far, 1e-9)[:, None]
        places += np.maximum(outside, 0)[:, None] / 4 * inwards
        radii *= 0.99
    return tuple(
        Window(name=ring.name, x=float(p[0]), y=float(p[1]), radius=float(r) - 1e-5)
        for ring, p, r in zip(rings, places, radii, strict=True)
    )


__all__ = ["template_windows"]
