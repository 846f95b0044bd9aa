"""The volunteer's wall at end-diastole: one smooth map from material coordinates to the world."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.exam.limits import require_between, require_positive
from cardiotwin.exam.patient import Lying
from cardiotwin.geometry.template import Surface
from cardiotwin.units import MM

_FLATTENING_WIDTH = 3.0  # concentration of the septal dent: half its depth at about 40 degrees


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The wall at end-diastole and how it lies in the scanner.

    A tapered, bent ellipsoid cut at the base, flatter on the septum, with a wall that thins
    towards the apex.

    Parameters
    ----------
    length
        Endocardial apex to the base's centre, m.
    radius
        Largest endocardial radius before flattening, m.
    wall
        Mean wall thickness at the largest radius, m.
    apical_wall
        Wall thickness at the apex as a share of `wall`.
    septal_thickening, inferior_thickening
        Relative excess of wall thickness on the septum (on the inferior wall) over the mean;
        the opposite wall lacks as much.
    base_elevation
        Angle of the ellipsoid at the base, rad: pi / 2 would be the equator.
    taper
        Relative narrowing of the apical half against an ellipsoid.
    septal_flattening
        Relative loss of radius at the septum's middle.
    ovality
        Relative difference of the anteroposterior from the septolateral radius.
    bend
        How far the apex lies off the straight axis (towards septum and inferior wall), m.
    right_cavity_volume
        RV cavity at end-diastole, m^3.
    right_wall
        Thickness of the RV free wall, m.
    insertion_angle
        Half the angle between the RV's insertions, rad.
    position
        Centre of the LV in RAS+ world coordinates, m.
    apex_to_base, towards_rv
        Directions in RAS+ world coordinates (made unit vectors at right angles).
    """

    length: float = 82 * MM
    radius: float = 28.2 * MM
    wall: float = 8.5 * MM
    apical_wall: float = 0.55
    septal_thickening: float = 0.06
    inferior_thickening: float = 0.04
    base_elevation: float = 2.1
    taper: float = 0.12
    septal_flattening: float = 0.09
    ovality: float = 0.03
    bend: float = 4 * MM
    right_cavity_volume: float = 155e-6
    right_wall: float = 3 * MM
    insertion_angle: float = 1.05
    position: tuple[float, float, float] = (-21 * MM, 14 * MM, -48 * MM)
    apex_to_base: tuple[float, float, float] = (0.53, -0.43, 0.73)
    towards_rv: tuple[float, float, float] = (0.80, 0.54, -0.25)

    def __post_init__(self) -> None:
        """Refuse sizes that make no heart."""
        for name in ("length", "radius", "wall", "right_cavity_volume", "right_wall"):
            require_positive(self, name)
        require_between(self, "wall", 2 * MM, 0.8 * self.radius)
        require_between(self, "apical_wall", 0.3, 1.0)
        require_between(self, "base_elevation", 1.2, 2.4)
        require_between(self, "insertion_angle", 0.5, 1.5)
        limits = {"taper": 0.4, "septal_flattening": 0.25, "ovality": 0.2}
        limits |= {"septal_thickening": 0.3, "inferior_thickening": 0.3}
        for name, limit in limits.items():
            require_between(self, name, -limit, limit)
        require_between(self, "bend", 0.0, 0.5 * self.radius)
        if np.linalg.norm(np.cross(self.apex_to_base, self.towards_rv)) < 0.1:
            msg = (
                "Shape.towards_rv must point across Shape.apex_to_base, found "
                f"{self.towards_rv} and {self.apex_to_base}. Give two different directions."
            )
            raise InputError(msg)

    @property
    def axes(self) -> Float[np.ndarray, "3 3"]:
        """Return the heart's axes as columns: towards the RV, anterior, apex to base.

        The anterior direction is long axis x towards RV: right-handed, so that it is the front of
        a heart on the left of the body.
        """
        along = np.asarray(self.apex_to_base) / np.linalg.norm(self.apex_to_base)
        right = np.asarray(self.towards_rv) - np.dot(self.towards_rv, along) * along
        right = right / np.linalg.norm(right)
        return np.column_stack([right, np.cross(along, right), along])


def wall_surface(shape: Shape) -> Surface:
    """Return the map (u, angle, t) to world coordinates, m.

    The angle starts at the anterior RV insertion and runs through the septum to the inferior
    wall, as the segments of Cerqueira (2002) are numbered.
    """

    def surface(
        u: Float[np.ndarray, " nodes"],
        angle: Float[np.ndarray, " nodes"],
        t: Float[np.ndarray, " nodes"],
    ) -> Float[np.ndarray, "nodes 3"]:
        turn = septal_angle(shape, angle)
        local = _endocardium(shape, u, turn) + (t * _thickness(shape, u, turn))[
            :, None
        ] * _outward(shape, u, turn)
        return np.asarray(np.asarray(shape.position) + local @ shape.axes.T)

    return surface


def septal_angle(shape: Lying, angle: Float[np.ndarray, " nodes"]) -> Float[np.ndarray, " nodes"]:
    """Return the angle from the septum's middle, positive towards the anterior wall, rad."""
    return np.asarray(np.mod(shape.insertion_angle - angle + np.pi, 2 * np.pi) - np.pi)


def _endocardium(
    shape: Shape, u: Float[np.ndarray, " nodes"], turn: Float[np.ndarray, " nodes"]
) -> Float[np.ndarray, "nodes 3"]:
    """Return the endocardium in the heart's own axes, m, the base's centre at + length / 2."""
    elevation = shape.base_elevation * u
    below = shape.length / (1 - np.cos(shape.base_elevation))  # apex to equator
    height = below * (1 - np.cos(elevation))
    fade = np.sin(elevation) ** 2  # angular detail must vanish at the apex
    dent = np.exp(_FLATTENING_WIDTH * (np.cos(turn) - 1))
    radius = (
        shape.radius
        * np.sin(elevation)
        * (1 - shape.taper * np.cos(elevation))
        * (1 - shape.septal_flattening * fade * dent - shape.ovality * fade * np.cos(2 * turn))
    )
    off_axis = shape.bend * (1 - height / shape.length) ** 2
    return np.stack(
        [
            radius * np.cos(turn) + 0.7 * off_axis,
            radius * np.sin(turn) - 0.7 * off_axis,
            height - shape.length / 2,
        ],
        axis=1,
    )


def _outward(
    shape: Shape, u: Float[np.ndarray, " nodes"], turn: Float[np.ndarray, " nodes"]
) -> Float[np.ndarray, "nodes 3"]:
    """Return unit vectors through the wall: down at the apex, level at the base."""
    tilt = np.pi / 2 * u
    across = np.sin(tilt) / shape.radius
    down = -np.cos(tilt) / (0.75 * shape.length)
    vectors = np.stack([across * np.cos(turn), across * np.sin(turn), down], axis=1)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _thickness(
    shape: Shape, u: Float[np.ndarray, " nodes"], turn: Float[np.ndarray, " nodes"]
) -> Float[np.ndarray, " nodes"]:
    """Return the wall's thickness along `_outward`, m."""
    body = np.sin(np.minimum(1.4 * u, 1.0) * np.pi / 2) ** 2
    regional = shape.septal_thickening * np.cos(turn) - shape.inferior_thickening * np.sin(turn)
    profile = shape.apical_wall + (1 - shape.apical_wall) * body
    return np.asarray(shape.wall * profile * (1 + body * regional))


__all__ = ["Shape", "septal_angle", "wall_surface"]
