"""An outline of the right ventricle that rides on the left ventricle's epicardium.

It is there for orientation, as in an annotated examination: a crescent between the two insertions
whose volume is the recipe's at end-diastole and falls by the LV's stroke volume at end-systole,
since both ventricles eject the same.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from cardiotwin.errors import InputError
from cardiotwin.exam.patient import Patient
from cardiotwin.exam.shape import septal_angle
from cardiotwin.exam.surfaces import cavity_boundary, enclosed_volume, flat_triangles, rim_segments
from cardiotwin.geometry.biventricular.coordinates import RIGHT
from cardiotwin.geometry.biventricular.part import boundary_faces
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import rim_nodes
from cardiotwin.units import ML, MM

RIGHT_SURFACE = "rv_endocardium"
_OWN_CUTS = 3
_CUTS = 6  # flat triangles along a facet's edge: the crescent's edge is sharp
_APEX = 0.22  # material height of the RV's apex
_REACH = 0.12  # m, the widest crescent that is tried

Array = np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class RightVentricle:
    """Closed, outward triangles, m.

    Parameters
    ----------
    cavity
        The blood's boundary, septum included.
    outer
        The same with the free wall.
    """

    cavity: Float[np.ndarray, "triangles 3 3"]
    outer: Float[np.ndarray, "triangles 3 3"]


def right_ventricle(
    patient: Patient, points: Float[np.ndarray, "nodes 3"], mesh: TetMesh, volume: float
) -> RightVentricle:
    """Return the crescent of a given cavity volume, m^3, on a wall deformed to `points`."""
    patch, start, end = _epicardium(patient, points, mesh)
    axis = _axis(points, mesh)

    def between(lift: Callable[[Array], Array]) -> Float[np.ndarray, "triangles 3 3"]:
        return _close(patch, start, end, lambda corners: _lifted(corners, lift(corners), axis))

    def cavity(reach: float) -> Float[np.ndarray, "triangles 3 3"]:
        return between(lambda corners: reach * _profile(patient, corners))

    def excess(reach: float) -> float:
        return enclosed_volume(cavity(reach)) - volume

    if not excess(0.0) < 0 < excess(_REACH):
        msg = (
            f"No RV of {volume / ML:.4g} mL fits on this LV, found at most "
            f"{(excess(_REACH) + volume) / ML:.4g} mL. Change Shape.right_cavity_volume "
            "(it must exceed the LV's stroke volume)."
        )
        raise InputError(msg)
    reach = brentq(excess, 0.0, _REACH, xtol=1e-6)
    wall = patient.shape.right_wall

    def with_wall(corners: Array) -> Array:
        lift = reach * _profile(patient, corners)
        return np.asarray(lift + wall * np.minimum(lift / wall, 1.0))

    return RightVentricle(cavity=cavity(reach), outer=between(with_wall))


def own_right_ventricle(points: Float[np.ndarray, "nodes 3"], mesh: TetMesh) -> RightVentricle:
    """Return the right ventricle of a mesh of both: its cavity, and with it the wall beyond."""
    cavity = cavity_boundary(points, mesh, surface=RIGHT_SURFACE)
    here = mesh.cell_fields["ventricle"] == RIGHT
    free = boundary_faces(mesh.cells[here])
    return RightVentricle(
        cavity=cavity, outer=np.concatenate([cavity, flat_triangles(points, free, _OWN_CUTS)])
    )


def _epicardium(
    patient: Patient, points: Float[np.ndarray, "nodes 3"], mesh: TetMesh
) -> tuple[
    Float[np.ndarray, "triangles 3 5"],
    Float[np.ndarray, "segments 5"],
    Float[np.ndarray, "segments 5"],
]:
    """Return corners as position and material place (u cos, u sin of the septal angle)."""
    height = mesh.point_fields["apicobasal"]
    turn = septal_angle(patient.shape, mesh.point_fields["rotational"])
    values = np.column_stack([points, height * np.cos(turn), height * np.sin(turn)])
    start, end = rim_segments(values, mesh, "epicardium", _CUTS)
    return flat_triangles(values, mesh.facets["epicardium"], _CUTS), start, end


def _profile(patient: Patient, corners: Float[np.ndarray, "... 5"]) -> Array:
    """Return the crescent's relative depth, 1 at the middle of the septum's base."""
    u = np.hypot(corners[..., 3], corners[..., 4])
    turn = np.arctan2(corners[..., 4], corners[..., 3])
    along = np.clip((u - _APEX) / (1 - _APEX), 0.0, 1.0)
    around = np.clip(1 - (turn / patient.shape.insertion_angle) ** 2, 0.0, 1.0)
    return np.asarray(along**0.75 * around**0.6 * (1 + 0.2 * np.sin(turn)))


def _axis(
    points: Float[np.ndarray, "nodes 3"], mesh: TetMesh
) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    """Return the base's centre and the unit vector from the epicardial apex to it."""
    centre = points[rim_nodes(mesh)].mean(axis=0)
    surface = points[np.unique(mesh.facets["epicardium"])]
    apex = surface[np.argmax(np.linalg.norm(surface - centre, axis=1))]
    return centre, (centre - apex) / np.linalg.norm(centre - apex)


def _lifted(
    corners: Float[np.ndarray, "... 5"],
    lift: Array,
    axis: tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]],
) -> Float[np.ndarray, "... 3"]:
    """Return positions moved away from the long axis, across it."""
    centre, along = axis
    arm = corners[..., :3] - centre
    arm = arm - (arm @ along)[..., None] * along
    length = np.maximum(np.linalg.norm(arm, axis=-1, keepdims=True), 1 * MM)
    return np.asarray(corners[..., :3] + lift[..., None] * arm / length)


def _close(
    patch: Float[np.ndarray, "triangles 3 5"],
    start: Float[np.ndarray, "segments 5"],
    end: Float[np.ndarray, "segments 5"],
    lift: Callable[[Array], Array],
) -> Float[np.ndarray, "closed 3 3"]:
    """Return the closed surface between the epicardium and its lifted copy."""
    a, b, c, d = start[:, :3], end[:, :3], lift(end), lift(start)
    strip = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    return np.concatenate([lift(patch), patch[:, ::-1, :3], strip])


__all__ = ["RightVentricle", "own_right_ventricle", "right_ventricle"]
