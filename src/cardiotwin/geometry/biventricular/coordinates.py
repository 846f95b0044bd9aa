"""Where in both ventricles a point is: coordinates, which ventricle, AHA segments of the left.

They are read from the surfaces' own distances, so that they cost nothing on any mesh and follow
the wall's depth rather than a Laplace solution, which in a curved wall runs ahead of it.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.biventricular.shape import Shape
from cardiotwin.geometry.coordinates import aha_segments
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.surfaces import Wall

LEFT, RIGHT = 1, 2
DEPTH = "left_depth"
JOINING = 4e-3  # m: outside the LV's wall, over which it passes into the RV's
Values = Float[np.ndarray, " nodes"]


def with_coordinates(mesh: TetMesh, shape: Shape, wall: Wall) -> TetMesh:
    """Return the mesh with coordinates by node, and ventricle and segment by cell.

    ``apicobasal``: share of the height from the lowest point, 0, to the base, 1, along the base's
    normal. ``rotational``: angle about the LV's centre line from the anterior RV insertion, rad.
    ``transmural``: 0 on the endocardium to 1 on the epicardium; in the septum, which is the LV's,
    0 on its left and 1 on its right side. ``transventricular``: 0 in the LV's wall to 1 in the
    RV's. ``left_depth``: m below the outer surface of the LV's wall, negative beyond it (in the
    RV's wall). ``ventricle``: 1 LV, 2 RV. ``aha_segment``: 1..17, in the RV 0.
    """
    local = wall.prolate.local(mesh.points)
    heights = (local - shape.origin) @ shape.axes[2]
    depth = shape.ventricle.at(local)
    from_left, from_right = (-cavity.at(local) for cavity in (shape.left, shape.right))
    transmural = np.where(
        depth >= 0, _share(from_left, depth), _share(from_right, shape.outer.at(local))
    )
    transmural[mesh.facets["lv_endocardium"]] = 0.0
    transmural[mesh.facets["epicardium"]] = 1.0
    fields = {
        "apicobasal": (heights - heights.min()) / (heights.max() - heights.min()),
        "rotational": np.mod(wall.prolate.coordinates(mesh.points)[2], 2 * np.pi),
        "transmural": transmural,
        "transventricular": np.clip(-depth / JOINING, 0, 1),
        DEPTH: depth,
    }
    placed = replace(mesh, point_fields=fields)
    left = depth[mesh.cells[:, :4]].mean(axis=1) >= 0
    segments = aha_segments(placed, wall.prolate.frame)
    return replace(
        placed,
        cell_fields={
            "ventricle": np.where(left, LEFT, RIGHT),
            "aha_segment": np.where(left, segments, 0),
        },
    )


def _share(behind: Values, ahead: Values) -> Values:
    """Return how far on the way from one surface to the next a point is."""
    behind, ahead = np.maximum(behind, 0), np.maximum(ahead, 0)
    return np.asarray(behind / np.maximum(behind + ahead, np.finfo(np.float64).tiny))


__all__ = ["with_coordinates"]
