"""The mesh that passes between the rooms: order-2 tetrahedra with named facets and fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Integer, Num

TETRAHEDRON_EDGES = ((0, 1), (1, 2), (0, 2), (0, 3), (1, 3), (2, 3))
"""Corner pairs of the nodes 4..9 of a quadratic tetrahedron, in VTK's order."""

TRIANGLE_EDGES = ((0, 1), (1, 2), (2, 0))
"""Corner pairs of the nodes 3..5 of a quadratic triangle, in VTK's order."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TetMesh:
    """A wall of order-2 (ten-node) tetrahedra.

    Parameters
    ----------
    points
        Nodes in world coordinates, m; mid-edge nodes may lie off the chord (curved geometry).
    cells
        Ten nodes per cell in VTK's order (corners, then `TETRAHEDRON_EDGES`), positive volume.
    facets
        Six nodes per boundary triangle in VTK's order, outward normal by the right hand, by
        name: ``lv_endocardium``, ``epicardium``, ``base``. Together they close the boundary.
    point_fields, cell_fields
        Named values per node or per cell.
    """

    points: Float[np.ndarray, "nodes 3"]
    cells: Integer[np.ndarray, "cells 10"]
    facets: Mapping[str, Integer[np.ndarray, "_ 6"]]
    point_fields: Mapping[str, Num[np.ndarray, "nodes ..."]] = field(default_factory=dict)
    cell_fields: Mapping[str, Num[np.ndarray, "cells ..."]] = field(default_factory=dict)
