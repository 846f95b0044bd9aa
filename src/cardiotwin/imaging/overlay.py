"""Whether an image's blood and muscle lie where the contours say: a misplaced overlay shows."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from cardiotwin.errors import Flag
from cardiotwin.imaging.affine import to_index
from cardiotwin.imaging.curves import polygon_centroid
from cardiotwin.imaging.examination import Contours, ImageStack, Structure, View

FEWEST = 40  # samples in each tissue
APART = 2.0  # pooled standard deviations: cine images have 5 to 8, misplaced ones below 1


def contrast_flags(images: Iterable[ImageStack], contours: Contours) -> tuple[Flag, ...]:
    """Return a flag for the short-axis images whose blood is not brighter than their muscle.

    In cine images it is, by far. A label file that lost its orientation still overlaps its
    image, and only this tells.
    """
    cavity, wall = _samples(contours)
    measured = [(image, _contrast(image, cavity, wall)) for image in images]
    doubtful = [(image, value) for image, value in measured if value is not None and value < APART]
    known = sum(value is not None for _, value in measured)
    if not doubtful or 2 * len(doubtful) < known:
        return ()
    image, value = doubtful[0]
    sentence = (
        f"In {image.name} the cavity is not brighter than the wall where they are drawn, by "
        f"{value:.1f} standard deviations (cine images: 5 to 8): the image or the labels may have "
        "lost their orientation, or this is no cine image."
    )
    return (Flag(name="image_contrast", sentence=sentence),)


def _samples(
    contours: Contours,
) -> tuple[Float[np.ndarray, "cavity 3"], Float[np.ndarray, "wall 3"]]:
    """Return points half-way from the cavity's middle to its rim, and amid the wall."""
    outer = {c.slice_id: c for c in contours.of(Structure.LV_EPICARDIUM, View.SHORT_AXIS)}
    cavity, wall = [np.zeros((0, 3))], [np.zeros((0, 3))]
    for curve in contours.of(Structure.LV_ENDOCARDIUM, View.SHORT_AXIS):
        cavity.append((curve.points + polygon_centroid(curve.points)) / 2)
        if curve.slice_id in outer:
            epicardium = outer[curve.slice_id].points
            nearest = cKDTree(curve.points).query(epicardium)[1]
            wall.append((epicardium + curve.points[nearest]) / 2)
    return np.concatenate(cavity), np.concatenate(wall)


def _contrast(
    image: ImageStack,
    cavity: Float[np.ndarray, "cavity 3"],
    wall: Float[np.ndarray, "wall 3"],
) -> float | None:
    """Return how much brighter the cavity is, in pooled standard deviations; None if not seen."""
    shape = np.array(image.array.shape[:3])
    values = []
    for points in (cavity, wall):
        index = to_index(image.affine, points)
        seen = index[np.all((index > -0.5) & (index < shape - 0.5), axis=1)]
        if len(seen) < FEWEST:
            return None
        values.append(map_coordinates(image.array[..., 0], seen.T, order=1, mode="nearest"))
    spread = np.sqrt(np.mean([np.var(value) for value in values]))
    return float((np.median(values[0]) - np.median(values[1])) / max(float(spread), 1e-12))
