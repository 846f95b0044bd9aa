"""Motion from displacement images, and from contours of all frames."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Integer

from cardiotwin.errors import InputError
from cardiotwin.geometry.fit import fit_anatomy
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.template import Template
from cardiotwin.imaging.examination import Contours, Examination, Phase
from cardiotwin.measurement.motion import (
    Motion,
    Readings,
    Smoothness,
    material_terms,
    node_basis,
    regress,
)
from cardiotwin.units import MM

BEYOND = 0.5  # barycentric: a place read this far outside the wall is not of it
ROUNDS = 3  # of finding the material that is at a pixel now
FEWEST = 10  # pixels, from which a field is made
CONTOUR_SD = 1.0 * MM  # of a contour across itself: half a pixel, and as much between readers
# Slices leave base and apex to what is believed, and a beat falls by the square of the order.
FROM_SLICES = Smoothness(fall=2.0)
SLIDING_SD = 4.0 * MM  # along itself, of which a contour tells nothing
READINGS_PER_CONTOUR = 8.0  # independent places on one drawn contour


@dataclass(frozen=True, kw_only=True, eq=False)
class DisplacementFrame:
    """One frame of a displacement series, on its own voxels.

    Parameters
    ----------
    time
        After the R wave, s.
    displacement, sd
        Along rows, columns and across the slices, m.
    known
        Voxels of wall where there is one.
    """

    time: float
    displacement: Float[np.ndarray, "i j k 3"]
    sd: Float[np.ndarray, "i j k 3"]
    known: Bool[np.ndarray, "i j k"]


def motion_from_displacement(
    frames: Sequence[DisplacementFrame],
    affine: Float[np.ndarray, "4 4"],
    mesh: TetMesh,
    smoothness: Smoothness | None = None,
) -> Motion:
    """Return the motion of a mesh's nodes from DENSE or tagged images.

    Parameters
    ----------
    frames
        In time order.
    affine
        Voxel index to world, m.
    mesh
        The wall at the R wave, from which the images tell displacement.

    Raises
    ------
    InputError
        If the images and the wall are not of one place.
    """
    chosen = smoothness or FROM_SLICES
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    means, covariances = [], []
    for frame in frames:
        index = np.argwhere(frame.known)
        place = index @ affine[:3, :3].T + affine[:3, 3]
        told = frame.displacement[frame.known] @ axes.T
        root = axes.T / frame.sd[frame.known][:, :, None]
        coefficients, covariance = read_field(mesh, place, told, root, chosen, group=index[:, 2])
        means.append(coefficients)
        covariances.append(covariance)
    return Motion(
        times=np.array([frame.time for frame in frames]),
        basis=node_basis(mesh, chosen),
        coefficients=np.stack(means),
        covariance=np.stack(covariances),
        source="displacement images",
        smoothness=(chosen,) * len(frames),
    )


def read_field(
    mesh: TetMesh,
    place: Float[np.ndarray, "n 3"],
    told: Float[np.ndarray, "n 3"],
    root: Float[np.ndarray, "n 3 3"],
    smoothness: Smoothness,
    *,
    group: Integer[np.ndarray, " n"] | None = None,
) -> tuple[Float[np.ndarray, "terms 3"], Float[np.ndarray, "unknowns unknowns"]]:
    """Return a frame's field, m, and its covariance.

    Displacements are read at places as they are now; the material of each is where the field says
    that it came from. `root` is the square root of their precision, 1/m: rows of zeros tell
    nothing. `group` is the slice of each, as `Readings` takes it.
    """

    def read(back: Float[np.ndarray, "n 3"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        basis, inside = _material(mesh, place, back, smoothness)
        readings = Readings(
            basis=basis[inside],
            displacement=told[inside],
            root=root[inside],
            independent=float(inside.sum()),
            group=None if group is None else group[inside],
        )
        return *regress(readings, smoothness), basis

    found, covariance, basis = read(told)
    for _ in range(ROUNDS - 1):
        found, covariance, basis = read(basis @ found)
    return found, covariance


def _material(
    mesh: TetMesh,
    place: Float[np.ndarray, "n 3"],
    back: Float[np.ndarray, "n 3"],
    smoothness: Smoothness,
) -> tuple[Float[np.ndarray, "n terms"], Bool[np.ndarray, " n"]]:
    """Return the terms at what came from `back` behind each place, and whether it is wall."""
    basis, beyond, _ = material_terms(mesh, place - back, smoothness)
    inside = beyond < BEYOND
    if inside.sum() < FEWEST:
        msg = (
            f"Only {int(inside.sum())} of {len(place)} pixels with a displacement come from "
            "the wall. Give the wall of the same heart, at the R wave, and the images' affine."
        )
        raise InputError(msg)
    return basis, inside


def motion_from_contours(
    examination: Examination, template: Template, smoothness: Smoothness | None = None
) -> tuple[Motion, TetMesh]:
    """Return the motion of all frames that were drawn, and the wall at end-diastole.

    Each frame's wall is fitted to its contours with the wall's volume kept; what slides along a
    contour is as uncertain as `SLIDING_SD` says.

    Raises
    ------
    InputError
        If no frames but the two phases were drawn.
    """
    frames = [one for one in examination.motion if one.phase is not Phase.END_DIASTOLE]
    if not frames:
        msg = (
            "The examination has no contours of frames beside end-diastole and end-systole, "
            "found no motion. Give guide points of the whole beat."
        )
        raise InputError(msg)
    chosen = smoothness or Smoothness()
    mesh, first, means, covariances = None, None, [], []
    for frame in frames:
        anatomy = fit_anatomy(_with_systole(examination, frame), template)
        mesh = anatomy.mesh
        first = anatomy.points[Phase.END_DIASTOLE]
        moved = anatomy.points[Phase.END_SYSTOLE] - first
        coefficients, covariance = _regressed(mesh, moved, len(frame.curves), chosen)
        means.append(coefficients)
        covariances.append(covariance)
    assert mesh is not None  # noqa: S101 - there was a frame
    return Motion(
        times=_times(examination, len(frames)),
        basis=node_basis(mesh, chosen),
        coefficients=np.stack(means),
        covariance=np.stack(covariances),
        source="contours",
        smoothness=(chosen,) * len(frames),
    ), mesh


def motion_of_wall(
    mesh: TetMesh,
    moved: Float[np.ndarray, "nodes 3"],
    n_contours: int,
    smoothness: Smoothness | None = None,
) -> Motion:
    """Return the motion of one frame whose wall was fitted to its contours.

    Parameters
    ----------
    mesh
        The wall at end-diastole.
    moved
        Displacement of its nodes, m.
    n_contours
        That were drawn in the frame.
    """
    chosen = smoothness or Smoothness()
    coefficients, covariance = _regressed(mesh, moved, n_contours, chosen)
    return Motion(
        times=np.array([np.nan]),
        basis=node_basis(mesh, chosen),
        coefficients=coefficients[None],
        covariance=covariance[None],
        source="contours",
        smoothness=(chosen,),
    )


def _regressed(
    mesh: TetMesh, moved: Float[np.ndarray, "nodes 3"], n_contours: int, smoothness: Smoothness
) -> tuple[np.ndarray, np.ndarray]:
    readings = Readings(
        basis=node_basis(mesh, smoothness),
        displacement=moved,
        root=_contour_root(mesh),
        independent=READINGS_PER_CONTOUR * n_contours,
    )
    return regress(readings, smoothness)


def _with_systole(examination: Examination, frame: Contours) -> Examination:
    """Return the examination as if a frame were its end-systole."""
    named = replace(frame, phase=Phase.END_SYSTOLE)
    first = examination.contours[Phase.END_DIASTOLE]
    return replace(
        examination,
        contours={Phase.END_DIASTOLE: first, Phase.END_SYSTOLE: named},
        labels={},
    )


def _times(examination: Examination, count: int) -> Float[np.ndarray, " frames"]:
    """Return the frames' times, s: even steps of the beat, NaN where its length is unknown."""
    rate = examination.subject.heart_rate or np.nan
    return np.asarray((1 + np.arange(count)) / (count + 1) / rate)


def _contour_root(mesh: TetMesh) -> Float[np.ndarray, "nodes 3 3"]:
    """Return the square root of the precision: sharp across the wall, blunt along it, 1/m."""
    slopes = _outward(mesh)
    tensor = slopes[:, :, None] * slopes[:, None, :]
    return np.asarray(tensor / CONTOUR_SD + (np.eye(3) - tensor) / SLIDING_SD)


def _outward(mesh: TetMesh) -> Float[np.ndarray, "nodes 3"]:
    """Return unit vectors across the wall at the nodes: from the nearest inner to outer node."""
    transmural = mesh.point_fields["transmural"]
    inner = np.flatnonzero(transmural == transmural.min())
    outer = np.flatnonzero(transmural == transmural.max())
    turn, height = (mesh.point_fields[name] for name in ("rotational", "apicobasal"))
    key = np.column_stack([height * np.cos(turn), height * np.sin(turn)])
    pairs = []
    for side in (inner, outer):
        apart = np.linalg.norm(key[:, None] - key[None, side], axis=2)
        pairs.append(mesh.points[side[apart.argmin(axis=1)]])
    across = pairs[1] - pairs[0]
    return np.asarray(across / np.linalg.norm(across, axis=1, keepdims=True))


__all__ = [
    "FEWEST",
    "ROUNDS",
    "DisplacementFrame",
    "motion_from_contours",
    "motion_from_displacement",
    "motion_of_wall",
    "read_field",
]
