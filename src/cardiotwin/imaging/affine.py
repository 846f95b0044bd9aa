"""Voxel grids in the world: checks, spacing, LPS to RAS, slices on the third axis, overlap."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from cardiotwin.errors import Flag, InputError

SQUARE = 3.0  # degrees: a circle of 25 mm is drawn wrong by half a pixel (0.7 mm) there
STEEPEST = 30.0  # degrees, the tilt of a CT gantry
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


def check_affine(affine: Float[np.ndarray, "4 4"], source: Path) -> None:
    """Raise `InputError` unless the affine maps voxels to a volume of the world."""
    if not np.all(np.isfinite(affine)):
        msg = (
            f"The affine of {source} is not finite, found {describe(affine)}. "
            "Write the file again with a valid sform or qform."
        )
        raise InputError(msg)
    norms = np.linalg.norm(affine[:3, :3], axis=0)
    shape = abs(np.linalg.det(affine[:3, :3])) / max(float(np.prod(norms)), 1e-300)
    if shape < 0.05 or norms.min() <= 0:
        msg = (
            f"The affine of {source} is singular, found {describe(affine)}: its axes do not span "
            "the space. Write the file again with a valid sform or qform."
        )
        raise InputError(msg)


def check_axes(affine: Float[np.ndarray, "4 4"], source: Path) -> tuple[Flag, ...]:
    """Return a flag where slices, on the third axis, lie askew on each other.

    Raises `InputError` where pixels are no rectangles: no scanner makes such, and registration
    shears by a degree or two. Slices may be shifted against each other, by a tilted CT gantry.
    """
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    in_plane = abs(float(np.rad2deg(np.arcsin(np.clip(axes[:, 0] @ axes[:, 1], -1, 1)))))
    across = np.cross(axes[:, 0], axes[:, 1])
    height = abs(float(across @ axes[:, 2])) / float(np.linalg.norm(across))
    slant = float(np.rad2deg(np.arccos(np.clip(height, -1, 1))))
    if in_plane > SQUARE or slant > STEEPEST:
        found = (
            f"pixels {in_plane:.0f} degrees off a right angle (at most {SQUARE:g})"
            if in_plane > SQUARE
            else f"slices stacked {slant:.0f} degrees askew (at most {STEEPEST:g})"
        )
        msg = (
            f"The affine of {source} is sheared as no scanner's is, found {found}. Write the file "
            "again on a grid with right angles."
        )
        raise InputError(msg)
    if slant <= SQUARE:
        return ()
    sentence = (
        f"The slices of {source.name} are stacked {slant:.0f} degrees askew, as by a tilted "
        "gantry: if that is not so, the affine is wrong and so is the shape of the heart."
    )
    return (Flag(name="slices_askew", sentence=sentence),)


def describe(affine: Float[np.ndarray, "4 4"]) -> str:
    """Return the first three rows of an affine on one line."""
    return "; ".join(" ".join(f"{value:.4g}" for value in row) for row in affine[:3])


def spacing(affine: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "3"]:
    """Return the length of one step along each voxel axis, m."""
    return np.asarray(np.linalg.norm(affine[:3, :3], axis=0), dtype=np.float64)


def slice_distance(affine: Float[np.ndarray, "4 4"]) -> float:
    """Return the distance of the planes of constant third index, m (sheared grids too)."""
    across = np.cross(affine[:3, 0], affine[:3, 1])
    return float(abs(np.linalg.det(affine[:3, :3])) / np.linalg.norm(across))


def voxel_volume(affine: Float[np.ndarray, "4 4"]) -> float:
    """Return the volume of one voxel, m^3."""
    return float(abs(np.linalg.det(affine[:3, :3])))


def to_world(
    affine: Float[np.ndarray, "4 4"], index: Shaped[np.ndarray, "points 3"]
) -> Float[np.ndarray, "points 3"]:
    """Return the world positions, m, of voxel indices (fractional ones too)."""
    return np.asarray(index @ affine[:3, :3].T + affine[:3, 3], dtype=np.float64)


def to_index(
    affine: Float[np.ndarray, "4 4"], points: Float[np.ndarray, "points 3"]
) -> Float[np.ndarray, "points 3"]:
    """Return the fractional voxel indices of world positions."""
    return np.asarray(np.linalg.solve(affine[:3, :3], (points - affine[:3, 3]).T).T)


def anisotropic_axis(affine: Float[np.ndarray, "4 4"]) -> int | None:
    """Return the axis whose spacing is 1.5 times the others' or more; None where there is none."""
    steps = spacing(affine)
    longest = int(np.argmax(steps))
    others = np.delete(steps, longest)
    return longest if steps[longest] >= 1.5 * others.max() else None


def with_axis_last(
    array: Shaped[np.ndarray, "..."], affine: Float[np.ndarray, "4 4"], axis: int
) -> tuple[Shaped[np.ndarray, "..."], Float[np.ndarray, "4 4"]]:
    """Return the same voxels in the same places with one spatial axis moved to the third place.

    The two axes that stay in the plane keep their order; frames stay last.
    """
    order = [number for number in range(3) if number != axis] + [axis]
    moved = np.transpose(array, [*order, *range(3, array.ndim)])
    return moved, np.asarray(affine[:, [*order, 3]], dtype=np.float64)


def lps_affine(position: Any, row: Any, column: Any, across: Any) -> Float[np.ndarray, "4 4"]:
    """Return the RAS+ affine, m, of steps and an origin given in DICOM's LPS millimetres."""
    affine = np.eye(4)
    steps = np.column_stack([row, column, across, position]).astype(np.float64)
    affine[:3, :] = LPS_TO_RAS @ steps * 1e-3
    return affine
