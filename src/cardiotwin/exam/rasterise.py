"""How much of each voxel a closed surface fills.

Lines along the first index are cut exactly; the other two directions are sampled. A line enters
where the surface's outward normal looks against it and leaves where it looks along: the sum of
signed crossings is the indicator, for surfaces of any shape.
"""

import numpy as np
from jaxtyping import Float, Integer

_OFF_LATTICE = 1.234567e-7  # keeps sample lines off the mesh's own vertices


def filled_fraction(
    triangles: Float[np.ndarray, "triangles 3 3"],
    shape: tuple[int, int],
    *,
    rows: int = 4,
    planes: int = 8,
) -> Float[np.ndarray, "i j"]:
    """Return the share of each pixel of one slab that lies inside the surface, 0 to 1.

    Triangles are in index coordinates: pixel (i, j) reaches from i - 1/2 to i + 1/2 and so on,
    the slab from -1/2 to 1/2 along the third. `rows` and `planes` are sample lines per pixel and
    per slab.
    """
    n_i, n_j = shape
    lines = triangles.copy()
    lines[..., 1] = (lines[..., 1] + 0.5) * rows - 0.5 + _OFF_LATTICE
    lines[..., 2] = (lines[..., 2] + 0.5) * planes - 0.5 + _OFF_LATTICE
    triangle, row, plane = _candidates(lines, n_j * rows, planes)
    crossing, sign, hit = _crossings(lines, triangle, row, plane)
    place = crossing[hit] + 0.5  # pixel i holds [i, i + 1)
    column, sign = row[hit] // rows, sign[hit]
    pixel = np.clip(np.floor(place).astype(np.int64), 0, n_i)
    right = np.clip(pixel + 1 - place, 0.0, 1.0)  # the crossed pixel's share beyond the crossing
    flat = column * (n_i + 2) + pixel
    size = n_j * (n_i + 2)
    steps = np.bincount(flat, weights=sign * right, minlength=size)
    steps += np.bincount(flat + 1, weights=sign * (1 - right), minlength=size)
    filled = np.cumsum(steps.reshape(n_j, n_i + 2), axis=1)[:, :n_i].T
    return np.asarray(np.clip(filled / (rows * planes), 0.0, 1.0))


def _candidates(
    lines: Float[np.ndarray, "triangles 3 3"], n_rows: int, n_planes: int
) -> tuple[
    Integer[np.ndarray, " pairs"], Integer[np.ndarray, " pairs"], Integer[np.ndarray, " pairs"]
]:
    """Return all (triangle, row, plane) whose line meets the triangle's bounding box."""
    last = np.array([n_rows - 1, n_planes - 1])
    low = np.clip(np.ceil(lines[..., 1:].min(axis=1)), 0, last + 1).astype(np.int64)
    high = np.clip(np.floor(lines[..., 1:].max(axis=1)), -1, last).astype(np.int64)
    count = np.maximum(high - low + 1, 0)
    total = count.prod(axis=1)
    triangle = np.repeat(np.arange(len(lines)), total)
    number = np.arange(total.sum()) - np.repeat(np.cumsum(total) - total, total)
    width = count[triangle, 1]
    row = low[triangle, 0] + number // np.maximum(width, 1)
    plane = low[triangle, 1] + number % np.maximum(width, 1)
    return triangle, row, plane


def _crossings(
    lines: Float[np.ndarray, "triangles 3 3"],
    triangle: Integer[np.ndarray, " pairs"],
    row: Integer[np.ndarray, " pairs"],
    plane: Integer[np.ndarray, " pairs"],
) -> tuple[Float[np.ndarray, " pairs"], Float[np.ndarray, " pairs"], np.ndarray]:
    """Return where each line meets its triangle's plane, the sign, and whether it meets it."""
    corners = lines[triangle]
    y = corners[..., 1] - row[:, None]
    z = corners[..., 2] - plane[:, None]
    # Doubled areas of the triangles that the line spans with each edge, opposite to a corner.
    area = np.stack(
        [y[:, a] * z[:, b] - y[:, b] * z[:, a] for a, b in ((1, 2), (2, 0), (0, 1))], axis=1
    )
    whole = area.sum(axis=1)
    hit = (whole != 0) & ((area > 0).all(axis=1) | (area < 0).all(axis=1))
    safe = np.where(whole == 0, 1.0, whole)
    crossing = np.einsum("pc,pc->p", area, corners[..., 0]) / safe
    return crossing, -np.sign(whole), hit


__all__ = ["filled_fraction"]
