"""Where the images lie: three short-axis and three long-axis planes, planned at end-diastole.

Short-axis planes stand across the long axis at 3/4, 1/2 and 1/4 of the cavity's length: the
middle three of five equidistant ones ("3 of 5", Messroghli et al. 2005),
so that the basal one stays in the ventricle while the base descends. Long-axis planes hold the
axis and the middles of opposite basal segments (Cerqueira et al. 2002, Circulation 105:539-542):
two chambers anterior-inferior, three anteroseptal-inferolateral, four inferoseptal-anterolateral.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.geometry.anatomy import HeartFrame
from cardiotwin.geometry.coordinates import RINGS, frame_of
from cardiotwin.geometry.mesh import TetMesh

SLICES = ("basal", "mid", "apical")
LEVELS = (3 / 4, 1 / 2, 1 / 4)  # share of the cavity's length above its apex
VIEWS = ("two_chamber", "three_chamber", "four_chamber")
SIDES = (-30.0, 30.0, 90.0)  # degrees from the anterior RV insertion: the first side of each view
LAYERS = ("endocardium", "midwall", "epicardium")
N_SEGMENTS = 17
ENDOCARDIUM = "lv_endocardium"


@dataclass(frozen=True, kw_only=True, eq=False)
class Plane:
    """An image plane, fixed in space.

    Parameters
    ----------
    origin
        A point of it, m.
    across, up
        Unit vectors in it, at right angles.
    """

    origin: Float[np.ndarray, "3"]
    across: Float[np.ndarray, "3"]
    up: Float[np.ndarray, "3"]

    @property
    def normal(self) -> Float[np.ndarray, "3"]:
        """Return the unit vector across the plane."""
        return np.cross(self.across, self.up)

    def flat(self, points: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
        """Return coordinates in the plane of points' feet on it, m."""
        return np.asarray((points - self.origin) @ np.stack([self.across, self.up], axis=1))

    def raised(self, flat: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 3"]:
        """Return the points in space of coordinates in the plane, m."""
        return np.asarray(self.origin + flat @ np.stack([self.across, self.up]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Views:
    """The planes of one heart.

    Parameters
    ----------
    frame
        The heart's axes at end-diastole.
    apex
        Height of the endocardial apex above the frame's origin, m (negative).
    slices
        Short-axis planes by `SLICES`; `across` points to the anterior RV insertion, `up` to the
        septum's side, so that angles in them are those of the AHA segments.
    views
        Long-axis planes by `VIEWS`, through the base's centre; `across` points to the first
        side, `up` to the base.
    """

    frame: HeartFrame
    apex: float
    slices: tuple[Plane, ...]
    views: tuple[Plane, ...]


def plan_views(mesh: TetMesh) -> Views:
    """Return the planes for the wall that `mesh` holds at end-diastole."""
    frame = frame_of(mesh)
    inner = mesh.points[np.unique(mesh.facets[ENDOCARDIUM])]
    apex = float(((inner - frame.origin) @ frame.long_axis).min())
    slices = tuple(
        Plane(
            origin=frame.origin + apex * (1 - level) * frame.long_axis,
            across=frame.rv_insertion,
            up=frame.septal,
        )
        for level in LEVELS
    )
    views = tuple(
        Plane(
            origin=frame.origin,
            across=np.cos(np.deg2rad(side)) * frame.rv_insertion
            + np.sin(np.deg2rad(side)) * frame.septal,
            up=frame.long_axis,
        )
        for side in SIDES
    )
    return Views(frame=frame, apex=apex, slices=slices, views=views)


def segment_numbers(
    share: Float[np.ndarray, " n"], degrees: Float[np.ndarray, " n"]
) -> Integer[np.ndarray, " n"]:
    """Return AHA segments of places by height, as share of the cavity's length, and angle.

    Examples
    --------
    >>> segment_numbers(np.array([0.9, 0.5, 0.1, -0.1]), np.array([90.0, -30.0, 150.0, 0.0]))
    array([ 3,  7, 15, 17])
    """
    segments = np.full(len(share), N_SEGMENTS)
    for third, (_, first, count, start) in enumerate(reversed(RINGS)):
        number = np.floor(np.mod(degrees - start, 360) / (360 / count)).astype(np.int64)
        segments = np.where(share >= third / 3, first + np.minimum(number, count - 1), segments)
    return segments


__all__ = [
    "ENDOCARDIUM",
    "LAYERS",
    "N_SEGMENTS",
    "SLICES",
    "VIEWS",
    "Plane",
    "Views",
    "plan_views",
    "segment_numbers",
]
