"""The rings of the two valves over a ventricle's base: rigid, millimetres wide.

Places are told in the lid's axes, from the middle of the endocardium's rim: the mitral ring lies
in the plane of the base and its middle, an ellipse whose short axis points to the aorta; the
aortic one, round, leans outwards beside it, its inner edge at the height of the mitral one (the
curtain between them) and its outer one below the rim, beyond the septum.

Sizes. Mitral: 7.3 (0.9) cm^2 in early diastole, Iwataki et al. (2014), Open Heart 1:e000136,
controls; from front to back 29 (4) mm in men and 26 (4) in women at end-diastole, Ricci et al.
(2021), JCMR 23:5. Aortic: 26 (3) mm in men, 23 (2) in women, Lang et al. (2015), JASE 28:1-39.
Both go with the ventricle's size, whose volume is 145 mL at end-diastole, the mean of men and
women of Petersen et al. (2017), JCMR 19:18.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import Flag, InputError
from cardiotwin.units import ML, MM

TYPICAL = {"mitral": 30.5 * MM, "aortic": 24.5 * MM}  # across; of an ellipse as large
LIMITS = {"mitral": (24 * MM, 38 * MM), "aortic": (19 * MM, 32 * MM)}
SHORT = 27.5 / 30.5  # the mitral ring from front to back, where it was not drawn
SHORTS = 0.75, 1.0
USUAL_VOLUME = 145 * ML
LEAN = np.radians(45)  # assumed where it was not drawn
LEANS = np.radians(25), np.radians(60)
SEPTUM = np.radians(30)  # the middle of the anterior septum, where no aortic ring was drawn
FEWEST = 3  # points in a frame that tell a ring's size; two of one view tell a chord
CURTAIN = 2 * MM  # between the rings at least
OUTSIDE = 12 * MM  # that the aortic ring may reach beyond the wall: the outflow tract does
GIVES = -0.1, 0.4  # of what overlaps: the aortic ring makes way, unless it may not
FAR = 1.9  # radii of the rim from its middle: a valve beyond is not in this base
ROUNDS = 400
TOLD = 2 * MM  # moves and changes of size that a reader must know

Points = Float[np.ndarray, "_points 3"]


@dataclass(frozen=True, kw_only=True)
class Ring:
    """A valve's ring.

    Parameters
    ----------
    name
        Of the valve.
    middle
        m, in the lid's axes.
    radius
        m; of an ellipse, of the circle as large.
    towards
        Direction in the lid's plane to which it leans, rad.
    lean
        rad.
    short
        Half of the axis along its lean, of the radius; the other axis is as much longer.
    """

    name: str
    middle: tuple[float, float, float]
    radius: float
    towards: float = 0.0
    lean: float = 0.0
    short: float = 1.0

    @property
    def reach(self) -> float:
        """Return half its width along its lean, seen from above, m."""
        return float(self.radius * self.short * np.cos(self.lean))

    @property
    def normal(self) -> Float[np.ndarray, "3"]:
        """Return the direction out of the ventricle."""
        c, s = np.cos(self.towards), np.sin(self.towards)
        return np.array([c * np.sin(self.lean), s * np.sin(self.lean), np.cos(self.lean)])

    def places(self, flat: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points 3"]:
        """Return where points of the unit disc are, m, its axes turned as the lid's."""
        c, s = np.cos(self.towards), np.sin(self.towards)
        inclined = np.array([c * np.cos(self.lean), s * np.cos(self.lean), -np.sin(self.lean)])
        along, aside = flat @ [c, s], flat @ [-s, c]
        level = np.array([-s, c, 0.0])
        spread = np.outer(self.short * along, inclined) + np.outer(aside / self.short, level)
        return np.asarray(self.middle) + self.radius * spread


def place_rings(
    rim: Float[np.ndarray, "angles 3"],
    narrow: Float[np.ndarray, " angles"],
    valves: Mapping[str, tuple[Points, ...]],
    *,
    volume: float,
    height: float,
    sizes: Mapping[str, float],
) -> tuple[tuple[Ring, ...], tuple[Flag, ...]]:
    """Return the mitral and the aortic ring, and flags where they are not as drawn.

    Parameters
    ----------
    rim
        Where it is widest, at evenly spaced angles from zero, in the lid's axes, m.
    narrow
        How far the wall reaches there and as far below as the aortic ring does, m.
    valves
        Points of each ring by frame, in that frame's lid's axes, m.
    volume
        The ventricle's largest, m^3.
    height
        Of the mitral ring above the rim, m.
    sizes
        Diameters by name, m, where the reader knows better.

    Raises
    ------
    InputError
        If a valve's points are not in the base, a size is none of a valve, or the rings do not
        fit beside each other.
    """
    usual = float(np.hypot(*rim[:, :2].T).mean())
    flags, radii = [], {}
    drawn = {name: [p for p in valves.get(name, ()) if len(p)] for name in TYPICAL}
    middles = {n: _middle(n, told, usual) for n, told in drawn.items() if told}
    for name, told in drawn.items():
        radii[name], source = _radius(name, told, volume, sizes)
        if source:
            flags.append(
                Flag(
                    name=f"{name}_window_assumed",
                    sentence=f"{source}: the {name} window is {2e3 * radii[name]:.1f} mm wide, "
                    f"as is typical of {volume / ML:.0f} mL.",
                )
            )
    centres = _centres(middles, radii, usual)
    aside = centres["aortic"] - centres["mitral"]
    lean = _lean(drawn["aortic"], aside)
    short = _short(drawn["mitral"], float(np.arctan2(aside[1], aside[0])))
    rings = _apart(centres, radii, (short, lean), rim, narrow)
    for ring in rings:
        before = middles.get(ring.name, centres[ring.name])
        shift = float(np.hypot(*(np.array(ring.middle[:2]) - before)))
        if shift > TOLD or abs(radii[ring.name] - ring.radius) > TOLD / 2:
            sentence = (
                f"The {ring.name} window was moved by {shift / MM:.1f} mm and its width changed "
                f"from {2e3 * radii[ring.name]:.1f} to {2e3 * ring.radius:.1f} mm, to lie in the "
                "base beside the other one."
            )
            flags.append(Flag(name=f"{ring.name}_window_moved", sentence=sentence))
    return tuple(_raised(ring, height) for ring in rings), tuple(flags)


def _middle(name: str, told: list[Points], usual: float) -> Float[np.ndarray, "2"]:
    x, y = np.mean([p.mean(axis=0)[:2] for p in told], axis=0)
    distance = float(np.hypot(x, y)) / usual
    if distance > FAR:
        msg = (
            f"The {name} valve does not lie in the ventricle's base, found its points "
            f"{distance:.1f} radii from the base's middle. Check which points are which valve's."
        )
        raise InputError(msg)
    return np.array([x, y])


def _radius(
    name: str, told: list[Points], volume: float, sizes: Mapping[str, float]
) -> tuple[float, str]:
    """Return a ring's radius, m, and why it is a typical one, if it is."""
    low, high = LIMITS[name]
    if name in sizes:
        if not 0.5 * low <= sizes[name] <= 1.5 * high:
            msg = (
                f"The {name} valve is {500 * low:.0f} to {1500 * high:.0f} mm wide, found "
                f"{1e3 * sizes[name]:g} mm. Give its diameter."
            )
            raise InputError(msg)
        return sizes[name] / 2, ""
    spread = _spread(told)
    if len(spread):
        area = np.sqrt(np.linalg.det(2 * spread.T @ spread / len(spread)))
        return float(np.clip(2 * np.sqrt(area), low, high)) / 2, ""
    typical = float(np.clip(TYPICAL[name] * np.cbrt(volume / USUAL_VOLUME), low, high))
    if not told:
        return typical / 2, f"No points of the {name} valve were drawn"
    return typical / 2, f"Two points of a view do not tell the {name} valve's size"


def _spread(told: list[Points]) -> Float[np.ndarray, "_points 2"]:
    """Return points from their frame's middle, m, of frames that tell a ring's size.

    Along an axis of an ellipse their variance is half of the half axis' square.
    """
    full = [(p - p.mean(axis=0))[:, :2] for p in told if len(p) >= FEWEST]
    return np.concatenate(full) if full else np.zeros((0, 2))


def _short(told: list[Points], towards: float) -> float:
    """Return the mitral ring's half axis towards the aorta, of its radius."""
    spread = _spread(told)
    if not len(spread):
        return SHORT
    c, s = np.cos(towards), np.sin(towards)
    along, aside = np.mean((spread @ np.array([[c, -s], [s, c]])) ** 2, axis=0)
    return float(np.clip((along / max(aside, 1e-12)) ** 0.25, *SHORTS))


def _centres(
    middles: Mapping[str, np.ndarray], radii: Mapping[str, float], usual: float
) -> dict[str, Float[np.ndarray, "2"]]:
    """Return the rings' middles, m: as drawn, or in the base's middle and beside it."""
    towards = np.array([np.cos(SEPTUM), np.sin(SEPTUM)])
    if "aortic" in middles:
        towards = middles["aortic"] / np.hypot(*middles["aortic"])
    elif "mitral" in middles and np.hypot(*middles["mitral"]) > 0.1 * usual:
        towards = -middles["mitral"] / np.hypot(*middles["mitral"])
    beside = SHORT * radii["mitral"] + CURTAIN + radii["aortic"] * np.cos(LEAN)
    found = {"mitral": 0 * towards, "aortic": beside * towards}
    return {name: np.asarray(middles.get(name, place)) for name, place in found.items()}


def _lean(told: list[Points], aside: Float[np.ndarray, "2"]) -> float:
    """Return how the aortic ring leans from the mitral one, rad: as its points fall outwards."""
    apart = [p - p.mean(axis=0) for p in told if len(p) > 1]
    if not apart:
        return float(LEAN)
    along = np.concatenate(apart)[:, :2] @ (aside / np.hypot(*aside))
    fallen = -np.concatenate(apart)[:, 2] @ along / max(float(along @ along), 1e-12)
    return float(np.clip(np.arctan(fallen), *LEANS))


def _apart(
    centres: Mapping[str, np.ndarray],
    radii: Mapping[str, float],
    shape: tuple[float, float],
    rim: Float[np.ndarray, "angles 3"],
    narrow: Float[np.ndarray, " angles"],
) -> tuple[Ring, ...]:
    """Return the rings moved inside the rim and off each other, and shrunk where they must.

    `shape` is how short the mitral ring is and how the aortic one leans.
    """
    short, lean = shape
    place = np.array([centres["mitral"], centres["aortic"]])
    radius = np.array([radii["mitral"], radii["aortic"]])
    least = np.minimum(radius, [LIMITS[name][0] / 2 for name in TYPICAL])
    directions = np.arctan2(rim[:, 1], rim[:, 0])
    bounds = np.hypot(*rim[:, :2].T), narrow + OUTSIDE
    for k in range(ROUNDS):
        reach = radius * [short, np.cos(lean)]
        away = np.arctan2(place[:, 1], place[:, 0])
        room = np.array(
            [
                np.interp(angle, directions, far, period=2 * np.pi)
                for angle, far in zip(away, bounds, strict=True)
            ]
        )
        outside = np.hypot(*place.T) + reach - room
        gap = place[1] - place[0]
        apart = max(float(np.hypot(*gap)), 1e-9)
        overlap = float(reach.sum() + CURTAIN - apart)
        if max(outside.max(), overlap) <= 0.01 * MM:
            break
        inwards = -place / np.maximum(np.hypot(*place.T), 1e-9)[:, None]
        place = place + 0.5 * np.maximum(outside, 0)[:, None] * inwards
        place = place + max(overlap, 0.0) * np.outer(GIVES, gap / apart)
        if k > ROUNDS // 8:
            radius = np.maximum(0.995 * radius, least)
    else:
        msg = (
            f"Valves of {2e3 * least[0]:.0f} and {2e3 * least[1]:.0f} mm do not fit beside each "
            f"other in the base, found it {2e3 * np.hypot(*rim[:, :2].T).mean():.0f} mm wide. "
            "Look at its contours, or give smaller ones."
        )
        raise InputError(msg)
    towards = float(np.arctan2(*(place[1] - place[0])[::-1]))
    return tuple(
        Ring(
            name=name,
            middle=(float(p[0]), float(p[1]), 0.0),
            radius=float(r),
            towards=towards,
            lean=inclined,
            short=shorter,
        )
        for name, p, r, inclined, shorter in zip(
            TYPICAL, place, radius, (0.0, lean), (short, 1.0), strict=True
        )
    )


def _raised(ring: Ring, height: float) -> Ring:
    """Return a ring whose inner edge is at a height above the rim, m."""
    x, y, _ = ring.middle
    return replace(ring, middle=(x, y, height - ring.radius * float(np.sin(ring.lean))))


__all__ = ["GIVES", "ROUNDS", "Ring", "place_rings"]
