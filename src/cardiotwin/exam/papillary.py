"""The papillary muscles, seen in the image; annotators count them to the cavity, and so do we."""

from itertools import pairwise

import numpy as np
from jaxtyping import Float

from cardiotwin.exam.patient import Patient
from cardiotwin.exam.shape import septal_angle
from cardiotwin.exam.stack import Stack
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.units import MM

_RADIUS = 4.0 * MM
_ANGLES = (2.2, -2.2)  # rad from the septum's middle: anterolateral, posteromedial
_HEIGHTS = (0.35, 0.5, 0.62)  # material heights of the knots
_EDGE = 0.5 * MM


def papillary_muscles(
    patient: Patient, points: Float[np.ndarray, "nodes 3"], mesh: TetMesh
) -> Float[np.ndarray, "muscles knots 3"]:
    """Return the middle lines of the anterolateral and posteromedial muscles, m.

    They stand on the material points of the endocardium, a third of the way to the middle.
    """
    height = mesh.point_fields["apicobasal"]
    turn = septal_angle(patient.shape, mesh.point_fields["rotational"])
    inner = np.isin(np.arange(len(points)), mesh.facets["lv_endocardium"])

    def knot(u: float, angle: float) -> Float[np.ndarray, "3"]:
        near = (height - u) ** 2 + 0.1 * (1 - np.cos(turn - angle))
        opposite = (height - u) ** 2 + 0.1 * (1 + np.cos(turn - angle))
        foot, across = (
            points[np.argmin(np.where(inner, miss, np.inf))] for miss in (near, opposite)
        )
        return np.asarray(foot + 0.15 * (across - foot))

    lines = [[knot(u, angle) for u in _HEIGHTS] for angle in _ANGLES]
    return np.array(lines)


def papillary_share(
    stack: Stack,
    number: int,
    lines: Float[np.ndarray, "muscles knots 3"],
    shift: Float[np.ndarray, "2"],
) -> Float[np.ndarray, "i j"]:
    """Return how much of each pixel's blood is papillary muscle."""
    directions = stack.affine[:3, :2] / np.linalg.norm(stack.affine[:3, :2], axis=0)
    place = stack.centres(number) - directions @ shift
    depth = np.full(place.shape[:2], -np.inf)
    for line in lines:
        for start, end in pairwise(line):
            along = end - start
            share = np.clip((place - start) @ along / (along @ along), 0, 1)
            gap = np.linalg.norm(place - start - share[..., None] * along, axis=-1)
            depth = np.maximum(depth, _RADIUS - gap)
    return np.asarray(1 / (1 + np.exp(-np.clip(depth / _EDGE, -30, 30))))


__all__ = ["papillary_muscles", "papillary_share"]
