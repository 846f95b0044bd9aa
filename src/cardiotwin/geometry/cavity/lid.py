"""Where the valves' windows are in the lid over the base."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import Flag, InputError
from cardiotwin.geometry.cavity.disc import Window

FAR = 1.6  # radii of the rim from its middle: a valve beyond is not in this base
FEWEST = 2  # points over the beat that tell a ring
LIMITS = {"mitral": (0.42, 0.52), "aortic": (0.34, 0.42)}  # radii, of the rim's
TYPICAL = {"mitral": (0.42, (-0.30, -0.25)), "aortic": (0.30, (0.38, 0.42))}
"""Radius and middle where no points were drawn: the aorta lies towards the septum's front."""

Points = Float[np.ndarray, "_points 3"]


def place_windows(
    rims: Float[np.ndarray, "frames angles 3"],
    valves: Mapping[str, tuple[Points, ...]],
    room: float,
) -> tuple[tuple[Window, ...], tuple[Flag, ...]]:
    """Return the windows, and flags where they are not as drawn.

    Each frame's points are told in the coordinates of its lid's edge (affine: it becomes the unit
    circle), in which a window rests; they are averaged over the beat.

    Parameters
    ----------
    rims
        The lid's edge at evenly spaced angles from zero, by frame, m.
    valves
        Points of each valve's ring by frame, m.
    room
        Between the windows and to the rim at least, of the rim's radius.

    Raises
    ------
    InputError
        If a valve's points are not in the base.
    """
    windows, flags = [], []
    for name, (radius, middle) in TYPICAL.items():
        frames = valves.get(name, ())
        told = [_flat(rim, p) for rim, p in zip(rims, frames, strict=False) if len(p)]
        points = np.concatenate(told) if told else np.zeros((0, 2))
        if len(points) < FEWEST:
            windows.append(Window(name=name, x=middle[0], y=middle[1], radius=radius))
            sentence = f"No points of the {name} valve were drawn: its window is a typical one."
            flags.append(Flag(name=f"{name}_window_assumed", sentence=sentence))
            continue
        windows.append(_drawn(name, told))
    moved = _apart(tuple(windows), room)
    for before, after in zip(windows, moved, strict=True):
        shift = float(np.hypot(before.x - after.x, before.y - after.y))
        if shift > 0.02 or before.radius - after.radius > 0.02:
            sentence = (
                f"The {before.name} window was moved by {shift:.2f} and its radius changed from "
                f"{before.radius:.2f} to {after.radius:.2f} of the rim's, to lie in the lid."
            )
            flags.append(Flag(name=f"{before.name}_window_moved", sentence=sentence))
    return moved, tuple(flags)


def _drawn(name: str, told: list[Float[np.ndarray, "_points 2"]]) -> Window:
    middles = np.array([p.mean(axis=0) for p in told])
    x, y = middles.mean(axis=0)
    distance = float(np.hypot(x, y))
    if distance > FAR:
        msg = (
            f"The {name} valve does not lie in the ventricle's base, found its points "
            f"{distance:.1f} radii from the base's middle. Check which points are which valve's."
        )
        raise InputError(msg)
    spread = [np.hypot(*(p - p.mean(axis=0)).T).mean() for p in told]
    radius = float(np.clip(np.mean(spread), *LIMITS[name]))
    return Window(name=name, x=float(x), y=float(y), radius=radius)


def _flat(rim: Float[np.ndarray, "angles 3"], points: Points) -> Float[np.ndarray, "points 2"]:
    """Return points in the plane where the rim is nearest to the unit circle."""
    middle = rim.mean(axis=0)
    angle = 2 * np.pi * np.arange(len(rim)) / len(rim)
    across = 2 / len(rim) * np.stack([np.cos(angle), np.sin(angle)]) @ (rim - middle)
    return np.asarray((points - middle) @ np.linalg.pinv(across))


def _apart(windows: tuple[Window, ...], room: float) -> tuple[Window, ...]:
    """Return the windows moved inside the rim and off each other, and shrunk where they must."""
    place = np.array([[w.x, w.y] for w in windows])
    radius = np.array([w.radius for w in windows])
    for _ in range(400):
        outside = np.hypot(*place.T) + radius + room - 1
        gap = place[1] - place[0]
        apart = max(float(np.hypot(*gap)), 1e-9)
        overlap = float(radius.sum() + room - apart)
        if outside.max() <= 1e-9 and overlap <= 1e-9:
            break
        inwards = -place / np.maximum(np.hypot(*place.T), 1e-9)[:, None]
        place = place + 0.5 * np.maximum(outside, 0)[:, None] * inwards
        place = place + 0.25 * max(overlap, 0.0) * np.outer([-1.0, 1.0], gap / apart)
        if max(overlap, float(outside.max())) > 1e-3:
            radius = np.maximum(0.98 * radius, [LIMITS[w.name][0] for w in windows])
    radius -= 1e-6
    return tuple(
        Window(name=w.name, x=float(p[0]), y=float(p[1]), radius=float(r))
        for w, p, r in zip(windows, place, radius, strict=True)
    )


__all__ = ["place_windows"]
