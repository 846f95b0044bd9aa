"""The wall of the left ventricle in a short-axis first pass, from when and how much tissue rises.

The blood pool is what rises with the arterial input and nearly as high; its convex hull holds the
papillary muscles. The wall is what rises around it, later and less, up to where neither lung nor
fat rises any more or the right ventricle's blood, which came before, begins.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from scipy.spatial import ConvexHull

from cardiotwin.errors import InputError

BLOOD = 0.3  # of the input's peak: blood, also between the trabeculae
TISSUE = (0.03, 0.2)  # of the input's peak: what muscle rises to, without blood in the voxel
RAYS = 72
THICKEST = 1.2  # times the median thickness
MARGIN = 1.5  # voxels beside blood that hold it in part
SMOOTH = 9  # rays


def find_wall(
    concentration: Float[np.ndarray, "rows columns samples"], aif: Float[np.ndarray, " samples"]
) -> tuple[Bool[np.ndarray, "rows columns"], Bool[np.ndarray, "rows columns"]]:
    """Return masks of the wall and of the blood pool with the papillary muscles.

    Raises
    ------
    InputError
        If no voxel rises with the input, or nothing around the pool rises.
    """
    peak, top = concentration.max(-1), float(aif.max())
    rises = np.argmax(concentration >= 0.5 * peak[..., None], -1)
    arrival = int(np.argmax(aif >= 0.5 * top))
    blood = (peak > BLOOD * top) & (np.abs(rises - arrival) <= 2)
    labels, n = ndimage.label(blood)
    if not n:
        msg = "No voxel rises as the arterial input does. Give a slice through the left ventricle."
        raise InputError(msg)
    pool = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    hull = _filled_hull(pool)
    low, high = TISSUE[0] * top, TISSUE[1] * top
    right = (peak > BLOOD * top) & (rises < arrival - 2)
    right = ndimage.binary_opening(right)
    tissue = (peak > low) & (peak < high) & ~(_grown(right, 1.0) & bool(right.any()))
    reach = _reach(hull, ndimage.binary_opening(tissue | _grown(hull, MARGIN)))
    grid = np.indices(hull.shape)
    middle = np.array(ndimage.center_of_mass(hull))
    away = np.hypot(grid[0] - middle[0], grid[1] - middle[1])
    ray = np.round(np.arctan2(grid[0] - middle[0], grid[1] - middle[1]) / (2 * np.pi) * RAYS)
    wall = (away <= reach[ray.astype(int) % RAYS]) & tissue & ~_grown(hull, MARGIN)
    wall = ndimage.binary_opening(wall)
    if not wall.any():
        msg = "Nothing around the blood pool rises as muscle does. Give a mask of the wall."
        raise InputError(msg)
    return wall, hull


def _filled_hull(mask: np.ndarray) -> np.ndarray:
    places = np.argwhere(mask)
    planes = np.asarray(ConvexHull(places).equations)
    grid = np.indices(mask.shape).reshape(2, -1).T
    inside = (grid @ planes[:, :2].T + planes[:, 2] <= 1e-9).all(1)
    return np.asarray(inside.reshape(mask.shape))


def _grown(mask: np.ndarray, margin: float) -> np.ndarray:
    return np.asarray(ndimage.distance_transform_edt(~mask) <= margin)


def _reach(hull: np.ndarray, tissue: np.ndarray) -> np.ndarray:
    """Return how far the wall reaches from the middle of the pool, voxels, on each ray."""
    middle = np.array(ndimage.center_of_mass(hull))
    angles = 2 * np.pi * np.arange(RAYS) / RAYS
    steps = np.arange(0, max(hull.shape), 0.25)
    places = middle[:, None, None] + np.stack([np.sin(angles), np.cos(angles)])[..., None] * steps
    inside = ndimage.map_coordinates(hull.astype(float), places, order=1) >= 0.5
    muscle = ndimage.map_coordinates(tissue.astype(float), places, order=1, cval=0.0) >= 0.5
    border = np.max(np.where(inside, steps, 0.0), axis=1)
    beyond = steps > border[:, None]
    stops = beyond & ~muscle
    end = np.where(stops.any(1), steps[stops.argmax(1)], steps[-1])
    end = np.minimum(end, border + THICKEST * np.median(end - border))
    return np.asarray(ndimage.median_filter(end, size=SMOOTH, mode="wrap"))


__all__ = ["find_wall"]
