"""Which AHA segment each piece of a contour belongs to, and sums over segments."""

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.measurement.contours import RAYS, SAMPLES, slice_angles
from cardiotwin.measurement.views import LEVELS, N_SEGMENTS, SIDES, Views, segment_numbers


def slice_segments() -> Integer[np.ndarray, "slices rays"]:
    """Return the segment of each piece of the short-axis contours, from its ray to the next."""
    middles = np.rad2deg(slice_angles()) + 180 / RAYS
    return np.stack([segment_numbers(np.full(RAYS, level), middles) for level in LEVELS])


def long_segments(
    views: Views, midwall: Float[np.ndarray, "views samples 3"]
) -> Integer[np.ndarray, "views pieces"]:
    """Return the segment of each piece of the long-axis mid-wall contours at end-diastole."""
    middles = (midwall[:, 1:] + midwall[:, :-1]) / 2
    share = 1 - (middles - views.frame.origin) @ views.frame.long_axis / views.apex
    numbers = []
    for row, side in zip(share, SIDES, strict=True):
        degrees = np.repeat([side, side + 180], SAMPLES)
        numbers.append(segment_numbers(row, degrees))
    return np.stack(numbers)


def thickness_by_sector(
    thickness: Float[np.ndarray, "frames slices rays"],
) -> Float[np.ndarray, "frames slices rays"]:
    """Return the wall's thickness halfway from each ray to the next, m."""
    return np.asarray((thickness + np.roll(thickness, -1, axis=-1)) / 2)


def by_segment(
    segments: Integer[np.ndarray, "planes pieces"],
    values: Float[np.ndarray, "frames planes pieces"],
) -> Float[np.ndarray, "frames 17"]:
    """Return the sums over each segment's pieces, NaN where a segment has none."""
    member = segments.ravel() == np.arange(1, N_SEGMENTS + 1)[:, None]
    flat = values.reshape(len(values), -1)
    known = np.where(member, flat[:, None], 0.0).sum(axis=2)
    return np.where(member.any(axis=1), known, np.nan)


def segment_means(mesh: TetMesh, values: Float[np.ndarray, " cells"]) -> Float[np.ndarray, "17"]:
    """Return the volume-weighted mean of a cell field in each AHA segment, NaN without cells."""
    numbers = mesh.cell_fields["aha_segment"].astype(np.int64)
    corners = mesh.points[mesh.cells[:, :4]]
    weights = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1]))
    totals = np.bincount(numbers, weights, N_SEGMENTS + 1)[1 : N_SEGMENTS + 1]
    sums = np.bincount(numbers, weights * values, N_SEGMENTS + 1)[1 : N_SEGMENTS + 1]
    return np.where(totals > 0, sums / np.maximum(totals, np.finfo(np.float64).tiny), np.nan)


def segment_sums(mesh: TetMesh, values: Float[np.ndarray, " cells"]) -> Float[np.ndarray, "17"]:
    """Return the sum of a cell's share (of volume, of work) over each AHA segment's cells."""
    numbers = mesh.cell_fields["aha_segment"].astype(np.int64)
    return np.bincount(numbers, values, N_SEGMENTS + 1)[1 : N_SEGMENTS + 1]


__all__ = [
    "by_segment",
    "long_segments",
    "segment_means",
    "segment_sums",
    "slice_segments",
    "thickness_by_sector",
]
