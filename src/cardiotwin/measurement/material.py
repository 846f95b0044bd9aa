"""Strain of material lines: contours drawn at end-diastole and followed through the wall.

What tagging and a perfect feature tracking see. Lengths are those of the lines in space, so a
rigid motion of the whole heart changes nothing; rotation and radius are about the heart's own
axis in each frame.
"""

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.geometry.biventricular.part import left_ventricle
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import rim_nodes
from cardiotwin.measurement.contours import RAYS, SAMPLES, long_contours, slice_contours
from cardiotwin.measurement.reading import (
    Reading,
    mean_rotation,
    path_pieces,
    relative,
    ring_pieces,
)
from cardiotwin.measurement.sectors import (
    by_segment,
    long_segments,
    slice_segments,
    thickness_by_sector,
)
from cardiotwin.measurement.tracers import Tracers, mark
from cardiotwin.measurement.views import LAYERS, SLICES, VIEWS, Views, plan_views

Frames = Float[np.ndarray, "frames nodes 3"]


def read_material(mesh: TetMesh, frames: Frames) -> Reading:
    """Return the strains, rotation and torsion of material lines.

    Parameters
    ----------
    mesh
        The wall at end-diastole, with ``apicobasal`` and ``rotational`` among its point fields;
        of both ventricles, the left one is read, septum and all.
    frames
        Where its nodes are in each frame, m.
    """
    whole, mesh = mesh, left_ventricle(mesh)
    views = plan_views(mesh)
    moving = np.concatenate([mesh.points[None], frames])
    rings = slice_marks(whole, views).at(moving)
    rings = rings.reshape(len(moving), len(SLICES), 3, RAYS, 3)
    lines = long_marks(whole, views).at(moving)
    lines = lines.reshape(len(moving), len(VIEWS), 3, 2 * SAMPLES + 1, 3)
    across = _across(rings, moving_axes(mesh, moving))
    middle = across[:, :, :1].mean(axis=3, keepdims=True)
    radii = np.linalg.norm(across - middle, axis=-1)
    thick = thickness_by_sector(radii[:, :, 2] - radii[:, :, 0])
    round_pieces, long_pieces = ring_pieces(rings), path_pieces(lines)
    rotation = mean_rotation(across[:1], across)
    segments, along = slice_segments(), long_segments(views, lines[0, :, 1])
    return Reading(
        longitudinal=relative(long_pieces.sum(axis=-1))[1:],
        circumferential=relative(round_pieces.sum(axis=-1))[1:],
        radial=relative(thick.mean(axis=-1))[1:],
        rotation=(rotation - rotation[:1])[1:],
        radius=radii[0].mean(axis=-1),
        distance=float((views.slices[0].origin - views.slices[2].origin) @ views.frame.long_axis),
        segment_longitudinal=relative(by_segment(along, long_pieces[:, :, 1]))[1:],
        segment_circumferential=relative(by_segment(segments, round_pieces[:, :, 1]))[1:],
        segment_radial=relative(by_segment(segments, thick))[1:],
    )


def slice_marks(mesh: TetMesh, views: Views) -> Tracers:
    """Return the points of the short-axis contours by slice, layer and ray, marked in the wall.

    Of a wall of both ventricles they are those of the left one.
    """
    contours = [
        _whole(plane.raised(slice_contours(mesh, mesh.points, plane)), f"{name} short-axis")
        for name, plane in zip(SLICES, views.slices, strict=True)
    ]
    return mark(mesh, mesh.points, np.concatenate(contours))


def long_marks(mesh: TetMesh, views: Views) -> Tracers:
    """Return the points of the long-axis contours by view, layer and sample, marked in it."""
    contours = [
        _whole(plane.raised(long_contours(mesh, mesh.points, plane)), name.replace("_", "-"))
        for name, plane in zip(VIEWS, views.views, strict=True)
    ]
    return mark(mesh, mesh.points, np.concatenate(contours))


def _whole(contours: Float[np.ndarray, "3 n 3"], name: str) -> Float[np.ndarray, "all 3"]:
    for layer, contour in zip(LAYERS, contours, strict=True):
        lost = int(np.isnan(contour[:, 0]).sum())
        if lost:
            msg = (
                f"The {name} plane does not meet the whole {layer} at end-diastole, found "
                f"{lost} of {len(contour)} points outside. "
                "Give a wall that is closed from the base's rim to the apex."
            )
            raise InputError(msg)
    return contours.reshape(-1, 3)


def moving_axes(mesh: TetMesh, moving: Frames) -> Float[np.ndarray, "frames 3 3"]:
    """Return the heart's axes (rows: to the RV insertion, to the septum, to the base) by frame.

    The long axis runs from the apex's material points to the rim's centroid; from the first frame
    on the other two follow it by the smallest rotation, so they turn with no twist of their own.
    """
    start = plan_views(mesh).frame.axes
    along = moving[:, rim_nodes(mesh)].mean(axis=1)
    along -= moving[:, mesh.point_fields["apicobasal"] == 0].mean(axis=1)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    turn = np.cross(along[:1], along)
    tensor = np.cross(turn[:, None], np.eye(3)[None])  # rows: v @ tensor = turn x v
    cosine = (along @ along[0])[:, None, None]
    # Rodrigues' rotation from one unit vector to another.
    rotation = np.eye(3) + tensor + tensor @ tensor / (1 + cosine)
    return np.asarray(start @ rotation)


def _across(
    rings: Float[np.ndarray, "frames slices layers rays 3"],
    axes: Float[np.ndarray, "frames 3 3"],
) -> Float[np.ndarray, "frames slices layers rays 2"]:
    """Return coordinates across the long axis, m."""
    return np.asarray(np.einsum("fslri,fki->fslrk", rings, axes[:, :2]))


def annulus_descent(mesh: TetMesh, frames: Frames) -> Float[np.ndarray, "frames views 2"]:
    """Return how far the annulus has moved to the apex, m, at both ends of each long-axis view.

    Along end-diastole's axis and in space, as M-mode and cine show it (MAPSE): what the whole
    heart moves counts too.
    """
    whole, mesh = mesh, left_ventricle(mesh)
    views = plan_views(mesh)
    ends = np.arange(len(VIEWS))[:, None] * 3 * (2 * SAMPLES + 1) + np.array([0, 2 * SAMPLES])
    marks = long_marks(whole, views)
    rims = Tracers(nodes=marks.nodes[ends.ravel()], weights=marks.weights[ends.ravel()])
    moved = (rims.at(mesh.points) - rims.at(frames)) @ views.frame.long_axis
    return np.asarray(moved.reshape(len(frames), len(VIEWS), 2))


def cavity_length(mesh: TetMesh, frames: Frames) -> Float[np.ndarray, " frames"]:
    """Return the distance from the rim's centroid to the endocardial apex's material point, m."""
    mesh = left_ventricle(mesh)
    views = plan_views(mesh)
    tip = _tip(mesh, views)
    return np.asarray(
        np.linalg.norm(frames[:, rim_nodes(mesh)].mean(axis=1) - frames[:, tip], axis=1)
    )


def _tip(mesh: TetMesh, views: Views) -> int:
    inner = np.unique(mesh.facets["lv_endocardium"])
    return int(inner[np.argmin(mesh.points[inner] @ views.frame.long_axis)])


__all__ = [
    "annulus_descent",
    "cavity_length",
    "long_marks",
    "moving_axes",
    "read_material",
    "slice_marks",
]
