"""Strain as images show it: contours in planes that stay where they were at end-diastole.

The heart moves through the planes, so the contour of a later frame belongs to other material
than the first one's. Lengths and thickness are those of the contours (cine); rotation is that of
a pattern laid over the plane at end-diastole (tags run through the slices): of each point now in
the plane, the pattern tells where it was, seen along the plane's normal.
"""

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.biventricular.part import left_ventricle
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.measurement.contours import (
    RAYS,
    SAMPLES,
    long_contours,
    slice_contours,
)
from cardiotwin.measurement.reading import (
    Reading,
    mean_rotation,
    path_pieces,
    relative,
    ring_pieces,
)
from cardiotwin.measurement.sectors import by_segment, slice_segments, thickness_by_sector
from cardiotwin.measurement.tracers import mark
from cardiotwin.measurement.views import (
    LAYERS,
    N_SEGMENTS,
    SLICES,
    VIEWS,
    Plane,
    Views,
    plan_views,
)

Frames = Float[np.ndarray, "frames nodes 3"]


def read_image(mesh: TetMesh, frames: Frames, *, tagged: bool = True) -> Reading:
    """Return the strains, rotation and torsion that planes fixed in space show.

    A contour tells nothing of material along itself, so longitudinal strain by segment is NaN;
    segments of a slice are sectors about its present middle.

    Parameters
    ----------
    mesh
        The wall at end-diastole, with ``apicobasal`` and ``rotational`` among its point fields;
        of both ventricles, the left one is read, septum and all.
    frames
        Where its nodes are in each frame, m.
    tagged
        Whether the nodes are material points: without, as of surfaces that were segmented in each
        frame, there is no rotation.
    """
    views = plan_views(left_ventricle(mesh))
    moving = np.concatenate([mesh.points[None], frames])
    rings = slice_outlines(mesh, moving, views)
    lines = long_outlines(mesh, moving, views)
    thick = thickness_by_sector(np.linalg.norm(rings[:, :, 2] - rings[:, :, 0], axis=-1))
    pieces = ring_pieces(rings)
    segments = slice_segments()
    middle = rings[0].mean(axis=2, keepdims=True)
    rotation = np.full((len(frames), len(SLICES), len(LAYERS)), np.nan)
    if tagged:
        for now, points, turned in zip(rings[1:], frames, rotation, strict=True):
            turned[:] = _tag_rotation(mesh, points, now, views.slices)
    return Reading(
        longitudinal=relative(path_pieces(lines).sum(axis=-1))[1:],
        circumferential=relative(pieces.sum(axis=-1))[1:],
        radial=relative(thick.mean(axis=-1))[1:],
        rotation=rotation,
        radius=np.linalg.norm(rings[0] - middle, axis=-1).mean(axis=-1),
        distance=float((views.slices[0].origin - views.slices[2].origin) @ views.frame.long_axis),
        segment_longitudinal=np.full((len(frames), N_SEGMENTS), np.nan),
        segment_circumferential=relative(by_segment(segments, pieces[:, :, 1]))[1:],
        segment_radial=relative(by_segment(segments, thick))[1:],
    )


def slice_outlines(
    mesh: TetMesh, frames: Frames, views: Views
) -> Float[np.ndarray, "frames 3 3 rays 2"]:
    """Return the contours in the short-axis planes, by frame, slice and layer, m."""
    result = np.empty((len(frames), len(SLICES), len(LAYERS), RAYS, 2))
    for k, points in enumerate(frames):
        for s, plane in enumerate(views.slices):
            result[k, s] = slice_contours(mesh, points, plane)
    return result


def long_outlines(
    mesh: TetMesh, frames: Frames, views: Views
) -> Float[np.ndarray, "frames 3 3 samples 2"]:
    """Return the contours in the long-axis planes, by frame, view and layer, m."""
    result = np.empty((len(frames), len(VIEWS), len(LAYERS), 2 * SAMPLES + 1, 2))
    for k, points in enumerate(frames):
        for v, plane in enumerate(views.views):
            result[k, v] = long_contours(mesh, points, plane)
    return result


def _tag_rotation(
    mesh: TetMesh,
    points: Float[np.ndarray, "nodes 3"],
    now: Float[np.ndarray, "slices layers rays 2"],
    planes: tuple[Plane, ...],
) -> Float[np.ndarray, "slices layers"]:
    """Return by how much the pattern has turned along each contour, rad; NaN without a contour."""
    turned = np.full(now.shape[:2], np.nan)
    for s, plane in enumerate(planes):
        for layer, contour in enumerate(now[s]):
            if np.isfinite(contour).all():
                marks = mark(mesh, points, plane.raised(contour))
                turned[s, layer] = mean_rotation(plane.flat(marks.at(mesh.points)), contour)
    return turned


__all__ = ["long_outlines", "read_image", "slice_outlines"]
