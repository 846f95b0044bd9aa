"""Where the RV joins the LV: angle zero, and which way round the segments are numbered.

Seen from the apex with the chest in front, septal segments follow the anterior ones against the
clock (Cerqueira et al. 2002, Circulation 105:539-542): a left-handed turn about the axis from
apex to base.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from cardiotwin.errors import Flag
from cardiotwin.geometry.stack import Level, Stack, Vector
from cardiotwin.imaging.curves import polygon_centroid
from cardiotwin.imaging.examination import Contours, Structure

BESIDE = 4e-3  # m: epicardium this much farther from the RV than the nearest adjoins it
APICAL = 0.3  # share of the stack whose insertions are too near each other to tell a direction
LOST = 1e-3  # rad: slices this near to the world's axes were never planned on a heart
DRIFT = np.deg2rad(8)  # turn of the RV from apex to base that tells its outflow from its apex
ANTERIOR = np.array([0.2, 0.6, 0.75])  # from the LV's centre to the anterior insertion, usually


@dataclass(frozen=True, kw_only=True, eq=False)
class RvInsertion:
    """The direction of angle zero.

    Parameters
    ----------
    direction
        Unit vector across the axis towards the anterior insertion.
    mirrored
        Whether the data is a mirror image, so that segments are numbered the other way round.
    flags
        What had to be assumed.
    """

    direction: Vector
    mirrored: bool
    flags: tuple[Flag, ...]


def rv_insertion(contours: Contours, stack: Stack) -> RvInsertion:
    """Return where the RV's anterior wall joins the LV, averaged over the slices off the apex."""
    axis = stack.axis
    usable = stack.usable
    off_apex = usable[int(APICAL * len(usable)) :]
    pairs = [
        (level, pair) for level in off_apex if (pair := insertions(contours, level)) is not None
    ]
    if not pairs:
        return _assumed(axis)
    arms = np.array([pair - level.centre for level, pair in pairs])
    arms -= (arms @ axis)[:, :, None] * axis
    arms /= np.linalg.norm(arms, axis=2, keepdims=True)
    # The septum lies between the two; its right-handed turn about the axis orders them.
    turn = np.einsum("ki,i->k", np.cross(arms[:, 0], arms[:, 1]), axis)
    arms = np.where((turn < 0)[:, None, None], arms, arms[:, ::-1])
    first, second = _unit(arms[:, 0].sum(axis=0)), _unit(arms[:, 1].sum(axis=0))
    if not _is_lost(contours, stack):
        return RvInsertion(direction=first, mirrored=False, flags=())
    drift = _drift(contours, stack, first, second)
    mirrored = bool(drift < -DRIFT)
    sentence = (
        "The slices lie exactly along the file's axes, so the file does not say how the patient "
        f"lay; the RV turns by {np.degrees(abs(drift)):.0f} degrees from apex to base, which puts "
        "the anterior insertion where its outflow is"
        + (", and shows that the file is a mirror image." if mirrored else ".")
    )
    flag = Flag(name="orientation_from_anatomy", sentence=sentence)
    return RvInsertion(direction=second if mirrored else first, mirrored=mirrored, flags=(flag,))


def insertions(contours: Contours, level: Level) -> Float[np.ndarray, "2 3"] | None:
    """Return a slice's two insertion points, drawn or where the RV leaves the epicardium."""
    for curve in contours.of(Structure.RV_INSERTION):
        if curve.slice_id == level.slice_id and len(curve.points) == 2:
            return curve.points
    rv = [c.points for c in contours.of(Structure.RV_ENDOCARDIUM) if c.slice_id == level.slice_id]
    if not rv or level.epicardium is None:
        return None
    distance = cKDTree(np.concatenate(rv)).query(level.epicardium)[0]
    beside = np.flatnonzero(distance < distance.min() + BESIDE)
    gaps = (beside - np.roll(beside, 1) - 1) % len(distance)
    arc = np.roll(beside, -int(np.argmax(gaps)))
    if len(arc) < 4:
        return None
    return level.epicardium[arc[[0, -1]]]


def _is_lost(contours: Contours, stack: Stack) -> bool:
    """Return whether the planes lie along the world's axes: a header without a patient."""
    plane = contours.slices[stack.usable[0].slice_id]
    steps = np.stack([plane.row, plane.column, plane.normal])
    steps = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    return bool((np.abs(steps).max(axis=1) > np.cos(LOST)).all())


def _drift(contours: Contours, stack: Stack, first: Vector, second: Vector) -> float:
    """Return the turn of the RV's centre towards the first direction from apex to base, rad.

    The RV's apex lies inferior and its outflow anterior.
    """
    across = _unit(np.cross(first + second, stack.axis))
    across = across if across @ first > 0 else -across
    middle = _unit(first + second)
    heights, turns = [], []
    for level in stack.usable:
        rv = [
            c.points for c in contours.of(Structure.RV_ENDOCARDIUM) if c.slice_id == level.slice_id
        ]
        if rv:
            arm = polygon_centroid(max(rv, key=len)) - level.centre
            heights.append(level.height)
            turns.append(np.arctan2(arm @ across, arm @ middle))
    if len(heights) < 3:
        return 0.0
    slope = np.polyfit(heights, turns, 1)[0]
    return float(slope * (max(heights) - min(heights)))


def _assumed(axis: Vector) -> RvInsertion:
    across = ANTERIOR - (ANTERIOR @ axis) * axis
    if np.linalg.norm(across) < 0.1:
        across = np.array([0.0, 1.0, 0.0]) - axis[1] * axis
    sentence = (
        "No RV was found, so angle zero is where the anterior insertion lies in most people; "
        "segments may be turned by some 30 degrees."
    )
    flags = (Flag(name="orientation_assumed", sentence=sentence),)
    return RvInsertion(direction=_unit(across), mirrored=False, flags=flags)


def _unit(vector: Vector) -> Vector:
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float64)


__all__ = ["RvInsertion", "insertions", "rv_insertion"]
