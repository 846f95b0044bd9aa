"""How the fitted wall compares with what was drawn."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from skimage.draw import polygon

from cardiotwin.errors import Flag
from cardiotwin.geometry.anatomy import HeartFrame, PhaseFit
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.gaps import whole_levels
from cardiotwin.geometry.measured import Extent, slab_volumes
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.quality import quality
from cardiotwin.geometry.sections import (
    Triangles,
    cavity_shell,
    distances,
    fine_triangles,
    outline_at,
    volume_between,
    wall_shell,
)
from cardiotwin.geometry.shifts import SliceShifts
from cardiotwin.geometry.stack import Level
from cardiotwin.geometry.surfaces import Wall
from cardiotwin.geometry.volumes import wall_volume
from cardiotwin.imaging.affine import slice_distance, to_index, to_world
from cardiotwin.imaging.examination import Contours, LabelMap, Phase, Structure, Tissue
from cardiotwin.imaging.phases import words
from cardiotwin.units import ML

PIXEL = 0.5e-3  # m: raster on which drawn outlines are compared where there are no labels
CORNERS = 128  # of an outline that is filled
BEYOND = 0.05  # of the volume in the slices: more of the cavity outside them is reported
UNLIKE = 0.05  # of a volume: a model that differs more within the slices is reported
SURFACES = {Structure.LV_ENDOCARDIUM: "lv_endocardium", Structure.LV_EPICARDIUM: "epicardium"}

Points = Float[np.ndarray, "_points 3"]
Mask = Bool[np.ndarray, "i j"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """What was drawn of one phase, after shift correction.

    Parameters
    ----------
    contours
        All curves.
    levels
        The short-axis slices that are compared.
    between
        The extent over which volumes are compared.
    labels
        The label map, where there is one, not shifted.
    shifts
        What was added to each slice.
    """

    contours: Contours
    levels: tuple[Level, ...]
    between: Extent
    labels: LabelMap | None
    shifts: SliceShifts


def model_volumes(
    points: Float[np.ndarray, "nodes 3"], mesh: TetMesh, wall: Wall, between: Extent
) -> tuple[float, float]:
    """Return the mesh's cavity and wall volume over an extent, m^3."""
    frame = wall.prolate.frame
    return (
        shell_volume(cavity_shell(points, mesh), frame, between),
        shell_volume(wall_shell(points, mesh), frame, between),
    )


def shell_volume(
    shell: Float[np.ndarray, "triangles 3 3"], frame: HeartFrame, between: Extent
) -> float:
    """Return the volume inside closed triangles over an extent of the long axis, m^3."""
    return volume_between(shell - frame.origin, frame.long_axis, between.low, between.high)


def phase_fit(
    points: Float[np.ndarray, "nodes 3"], mesh: TetMesh, wall: Wall, drawn: Drawn
) -> PhaseFit:
    """Return the agreement of a mesh with what was drawn."""
    surfaces = {
        structure: fine_triangles(points, mesh, name) for structure, name in SURFACES.items()
    }
    measured = slab_volumes(drawn.levels, wall.prolate, wall.base, drawn.between)
    model = model_volumes(points, mesh, wall, drawn.between)
    overlaps = (
        _label_overlap(surfaces, wall, drawn, drawn.labels)
        if drawn.labels is not None
        else _outline_overlap(surfaces, wall, drawn)
    )
    shape = quality(points, mesh)
    return PhaseFit(
        measured_cavity=measured[0],
        measured_wall=measured[1],
        model_cavity=model[0],
        model_wall=model[1],
        cavity_volume=cavity_volume(points, mesh),
        wall_volume=wall_volume(points, mesh),
        dice_cavity=overlaps[0],
        dice_wall=overlaps[1],
        surface_distance=_surface_distance(surfaces, wall, drawn),
        inverted=shape.inverted,
        dihedral_min=shape.dihedral_min,
    )


def _below_base(wall: Wall, points: Points) -> Bool[np.ndarray, " _points"]:
    local = wall.prolate.local(points)
    return np.asarray(local[:, 2] <= wall.base[0] + local[:, :2] @ wall.base[1:])


def _surface_distance(surfaces: dict[Structure, Triangles], wall: Wall, drawn: Drawn) -> float:
    """Return the mean distance of the drawn points below the base from the surfaces, m."""
    compared = {level.slice_id for level in drawn.levels} | {
        k for k, plane in drawn.contours.slices.items() if plane.thickness == 0
    }
    found = []
    for structure, triangles in surfaces.items():
        for curve in drawn.contours.of(structure):
            points = curve.points[_below_base(wall, curve.points)]
            if curve.slice_id in compared and len(points):
                found.append(distances(triangles, points))
    return float(np.concatenate(found).mean())


def _label_overlap(
    surfaces: dict[Structure, Triangles], wall: Wall, drawn: Drawn, labels: LabelMap
) -> tuple[float, float]:
    """Return the Dice overlap of cavity and wall on the labels' grid below the base."""
    sums = np.zeros((2, 2))
    shape = labels.array.shape[:2]
    normal = np.cross(labels.affine[:3, 0], labels.affine[:3, 1])
    undrawn = _undrawn(drawn.levels, slice_distance(labels.affine))
    for k in range(labels.array.shape[2]):
        if k in undrawn:
            continue
        shift = drawn.shifts.moved.get(k, np.zeros(3))
        middle = np.array([[(shape[0] - 1) / 2, (shape[1] - 1) / 2, float(k)]])
        origin = to_world(labels.affine, middle)[0] + shift
        if not _below_base(wall, _over_axis(wall, origin)[None])[0]:
            continue
        masks = []
        for triangles in surfaces.values():
            outline = outline_at(triangles, origin, normal / np.linalg.norm(normal))
            index = to_index(labels.affine, outline - shift)[:, :2]
            masks.append(_filled(shape, index))
        plane = labels.array[:, :, k]
        sums += _overlaps(
            masks[0], masks[1], plane == Tissue.LV_CAVITY, plane == Tissue.MYOCARDIUM
        )
    return _dice(sums)


def _undrawn(levels: tuple[Level, ...], grid: float) -> set[int]:
    """Return the numbers of a label map's slices that are not whole among slabs that are.

    Between whole ones, and beyond the end ones where their slabs are wider than the grid.
    """
    whole = {level.slice_id: round(level.thickness / grid) - 1 for level in whole_levels(levels)}
    first, last = min(whole), max(whole)
    return set(range(first - whole[first], last + whole[last] + 1)) - whole.keys()


def _over_axis(wall: Wall, point: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    """Return the point of the heart's centre line as high as a point, m."""
    local = wall.prolate.local(point[None])
    local[:, :2] = wall.prolate.centre_line(local[:, 2])
    return np.asarray(wall.prolate.world(local)[0])


def _outline_overlap(
    surfaces: dict[Structure, Triangles], wall: Wall, drawn: Drawn
) -> tuple[float, float]:
    """Return the Dice overlap of cavity and wall between outlines, on a raster of each slice."""
    sums = np.zeros((2, 2))
    for level in drawn.levels:
        plane = drawn.contours.slices[level.slice_id]
        axes = np.stack([plane.row, plane.column])
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        if level.endocardium is None or level.epicardium is None:
            continue
        outlines = [level.endocardium, level.epicardium]
        outlines += [outline_at(s, plane.origin, plane.normal) for s in surfaces.values()]
        flat = [(outline - plane.origin) @ axes.T / PIXEL for outline in outlines]
        low = np.concatenate(flat).min(axis=0) - 2
        high = np.concatenate(flat).max(axis=0)
        shape = (int(high[0] - low[0]) + 3, int(high[1] - low[1]) + 3)
        masks = [_filled(shape, f - low) for f in flat]
        index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 2)
        kept = _below_base(wall, plane.origin + (index + low) * PIXEL @ axes).reshape(shape)
        inner, outer, model_inner, model_outer = (mask & kept for mask in masks)
        sums += _overlaps(model_inner, model_outer, inner, outer & ~inner)
    return _dice(sums)


def _filled(shape: tuple[int, int], outline: Float[np.ndarray, "_points 2"]) -> Mask:
    """Return the pixels whose middle lies inside an outline in pixel indices."""
    mask = np.zeros(shape, dtype=bool)
    thinned = outline[:: max(len(outline) // CORNERS, 1)]
    if len(thinned) > 2:
        mask[polygon(thinned[:, 0], thinned[:, 1], shape)] = True  # type: ignore[no-untyped-call]
    return mask


def _overlaps(inner: Mask, outer: Mask, cavity: Mask, muscle: Mask) -> Float[np.ndarray, "2 2"]:
    """Return (intersection, sum of sizes) for cavity and wall."""
    ring = outer & ~inner
    return np.array(
        [
            [float((inner & cavity).sum()), float(inner.sum() + cavity.sum())],
            [float((ring & muscle).sum()), float(ring.sum() + muscle.sum())],
        ]
    )


def _dice(sums: Float[np.ndarray, "2 2"]) -> tuple[float, float]:
    cavity, muscle = 2 * sums[:, 0] / np.maximum(sums[:, 1], 1)
    return float(cavity), float(muscle)


def beyond_slices(
    fits: Mapping[Phase, PhaseFit], base_rule: Mapping[Phase, str]
) -> tuple[Flag, ...]:
    """Return a flag where the whole cavity is noticeably larger than what the slices show."""
    apart = {p: fit.cavity_volume / fit.measured_cavity - 1 for p, fit in fits.items()}
    if max(apart.values()) <= BEYOND:
        return ()
    volumes = "; ".join(
        f"{fit.measured_cavity / ML:.0f} of {fit.cavity_volume / ML:.0f} mL at "
        f"{words(p)} (base: {base_rule[p]})"
        for p, fit in fits.items()
    )
    ejected = ""
    if Phase.END_SYSTOLE in fits:
        first, last = fits[Phase.END_DIASTOLE], fits[Phase.END_SYSTOLE]
        shown = 100 * (1 - last.measured_cavity / first.measured_cavity)
        whole = 100 * (1 - last.cavity_volume / first.cavity_volume)
        ejected = f", an ejection fraction of {shown:.0f} against {whole:.0f} %"
    sentence = (
        f"The slices show less than the whole cavity from apex to base: {volumes}{ejected}. "
        "A report that sums slices has the smaller volumes; the twin is fitted to the whole."
    )
    return (Flag(name="volume_beyond_slices", sentence=sentence),)


def unlike_slices(fits: Mapping[Phase, PhaseFit]) -> tuple[Flag, ...]:
    """Return a flag where the model's volumes within the slices are not those drawn."""
    found = [
        f"{name} {model / ML:.0f} for {drawn / ML:.0f} mL at {words(phase)}"
        for phase, fit in fits.items()
        for name, model, drawn in (
            ("cavity", fit.model_cavity, fit.measured_cavity),
            ("wall", fit.model_wall, fit.measured_wall),
        )
        if abs(model / drawn - 1) > UNLIKE
    ]
    if not found:
        return ()
    sentence = (
        f"The model's volumes within the slices are not those drawn: {', '.join(found)}. Compare "
        "its contours with the drawn ones in the pictures before using any of its numbers."
    )
    return (Flag(name="volumes_unlike_slices", sentence=sentence),)


__all__ = ["Drawn", "beyond_slices", "model_volumes", "phase_fit", "shell_volume", "unlike_slices"]
