"""Where in the wall a point is: the heart's frame, material coordinates and AHA segments.

The template's own coordinates serve: they are exact at the surfaces, the same at all phases and
in all hearts, and have no level that a Laplace solution would bunch at the apex.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.geometry.anatomy import HeartFrame
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import rim_nodes

RINGS = (
    # name of the ring, number of its first segment, how many, angle where segment `first` starts
    ("basal", 1, 6, -60.0),
    ("mid", 7, 6, -60.0),
    ("apical", 13, 4, -75.0),
)


def frame_of(mesh: TetMesh) -> HeartFrame:
    """Return the axes of a template mesh: apex to base, and angle zero at the base."""
    along, angle = (mesh.point_fields[name] for name in ("apicobasal", "rotational"))
    rim = rim_nodes(mesh)
    origin = mesh.points[rim].mean(axis=0)
    axis = origin - mesh.points[along == 0].mean(axis=0)
    axis /= np.linalg.norm(axis)
    arms = mesh.points[rim] - origin
    across = np.cos(angle[rim]) @ arms
    across -= (across @ axis) * axis
    aside = np.sin(angle[rim]) @ arms
    mirrored = bool(aside @ np.cross(across, axis) < 0)
    return HeartFrame(
        origin=origin,
        long_axis=axis,
        rv_insertion=across / np.linalg.norm(across),
        mirrored=mirrored,
    )


def with_coordinates(mesh: TetMesh, frame: HeartFrame) -> TetMesh:
    """Return a template mesh with its material coordinates and ``aha_segment``."""
    segments = aha_segments(mesh, frame)
    return replace(mesh, cell_fields={**mesh.cell_fields, "aha_segment": segments})


def aha_segments(mesh: TetMesh, frame: HeartFrame) -> Integer[np.ndarray, " cells"]:
    """Return the segment of each cell, 1..17 (Cerqueira et al. 2002, Circulation 105:539-542).

    Thirds of the cavity's length along the axis make basal, mid and apical ring; what lies
    beyond the cavity is segment 17. Segments 1 and 2 meet at the anterior RV insertion.
    """
    corners = mesh.cells[:, :4]
    heights = (mesh.points - frame.origin) @ frame.long_axis
    cavity = heights[np.unique(mesh.facets["lv_endocardium"])]
    top = heights[rim_nodes(mesh)].mean()
    share = (heights[corners].mean(axis=1) - cavity.min()) / (top - cavity.min())
    angle = mesh.point_fields["rotational"][corners]
    on_axis = mesh.point_fields["apicobasal"][corners] == 0  # has no angle of its own
    turn = np.where(on_axis, 0, np.exp(1j * angle)).sum(axis=1)
    degrees = np.degrees(np.angle(turn))
    segments = np.full(len(corners), 17)
    for third, (_, first, count, start) in enumerate(reversed(RINGS)):
        here = share >= third / 3
        number = np.floor(np.mod(degrees - start, 360) / (360 / count)).astype(np.int64)
        segments[here] = first + np.minimum(number[here], count - 1)
    apex = (mesh.point_fields["apicobasal"] == 0) & (mesh.point_fields["transmural"] == 1)
    segments[np.isin(mesh.cells[:, :4], np.flatnonzero(apex)).any(axis=1)] = 17
    return segments


def thickness(
    points: Float[np.ndarray, "nodes 3"], mesh: TetMesh
) -> Float[np.ndarray, " columns"]:
    """Return the wall's thickness along each line of nodes from endo- to epicardium, m."""
    inner = np.unique(mesh.facets["lv_endocardium"])
    outer = np.unique(mesh.facets["epicardium"])
    place = np.stack(
        [mesh.point_fields[name] for name in ("apicobasal", "rotational")], axis=1
    ).round(9)
    order_in, order_out = (nodes[np.lexsort(place[nodes].T)] for nodes in (inner, outer))
    return np.asarray(np.linalg.norm(points[order_out] - points[order_in], axis=1))


__all__ = ["aha_segments", "frame_of", "thickness", "with_coordinates"]
