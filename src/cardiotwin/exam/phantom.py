"""What the scanner and the annotator meet: partial volumes by slice, and labels.

Labels are what an annotator draws who knows the borders to about half a pixel and gives a pixel
to what fills at least half of it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from scipy.ndimage import map_coordinates

from cardiotwin.exam.body import smooth_noise
from cardiotwin.exam.rasterise import filled_fraction
from cardiotwin.exam.right_ventricle import RightVentricle
from cardiotwin.exam.scan import Scan
from cardiotwin.exam.stack import Stack
from cardiotwin.exam.surfaces import cavity_boundary, wall_boundary
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.imaging.examination import Tissue

_HALF = 0.5
_SMOOTH = 5.0  # pixels over which an annotator's error keeps its sign


@dataclass(frozen=True, kw_only=True, eq=False)
class Fractions:
    """How much of each voxel is what.

    Parameters
    ----------
    cavity, wall
        Of the left ventricle.
    right_cavity, right_wall
        Of the right ventricle; the septum belongs to `wall`.
    """

    cavity: Float[np.ndarray, "i j k"]
    wall: Float[np.ndarray, "i j k"]
    right_cavity: Float[np.ndarray, "i j k"]
    right_wall: Float[np.ndarray, "i j k"]


def slice_shifts(
    scan: Scan, n_frames: int, rng: np.random.Generator
) -> Float[np.ndarray, "t k 2"]:
    """Return how far each slice moved along both in-plane axes, by frame, m."""
    breath = scan.slice_shift_sd * rng.standard_normal((1, scan.n_slices, 2))
    own = scan.phase_shift_sd * rng.standard_normal((n_frames, scan.n_slices, 2))
    return np.asarray(breath + own)


def fractions(
    stack: Stack,
    points: Float[np.ndarray, "nodes 3"],
    mesh: TetMesh,
    right: RightVentricle,
    shifts: Float[np.ndarray, "k 2"],
) -> Fractions:
    """Return the partial volumes of one frame."""
    boundaries = {
        "cavity": cavity_boundary(points, mesh),
        "wall": wall_boundary(points, mesh),
        "right_cavity": right.cavity,
        "outer": right.outer,
    }
    filled = {
        name: np.stack(
            [filled_fraction(met, stack.shape[:2]) for met in stack.slabs(triangles, shifts)],
            axis=2,
        )
        for name, triangles in boundaries.items()
    }
    outer = filled.pop("outer")
    return Fractions(**filled, right_wall=np.maximum(outer - filled["right_cavity"], 0.0))


def annotate(
    parts: Fractions, scan: Scan, rng: np.random.Generator
) -> Integer[np.ndarray, "i j k"]:
    """Return `Tissue` values as drawn with smooth boundary errors of `Scan.label_noise`."""
    shape = parts.wall.shape
    labels = np.zeros(shape, dtype=np.uint8)
    pixels = scan.label_noise / scan.pixel
    i, j = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    for number in range(shape[2]):
        layers = [array[..., number] for array in (parts.cavity, parts.wall, parts.right_cavity)]
        drawn = []
        for layer in (layers[0], layers[0] + layers[1], layers[2]):
            wander = [pixels * smooth_noise(shape[:2], _SMOOTH, rng) for _ in range(2)]
            drawn.append(map_coordinates(layer, [i + wander[0], j + wander[1]], order=1))
        cavity, filled, right = (layer >= _HALF for layer in drawn)
        labels[..., number][right] = Tissue.RV_CAVITY
        labels[..., number][filled] = Tissue.MYOCARDIUM
        labels[..., number][cavity] = Tissue.LV_CAVITY
    return labels


__all__ = ["Fractions", "annotate", "fractions", "slice_shifts"]
