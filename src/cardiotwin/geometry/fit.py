"""From an examination to one wall at each measured phase."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.errors import Flag, InputError
from cardiotwin.geometry.agreement import (
    Drawn,
    beyond_slices,
    model_volumes,
    phase_fit,
    unlike_slices,
)
from cardiotwin.geometry.anatomy import Anatomy, HeartFrame
from cardiotwin.geometry.bases import valve_base
from cardiotwin.geometry.completeness import check_proportions, check_thickness, completeness
from cardiotwin.geometry.coordinates import frame_of, with_coordinates
from cardiotwin.geometry.gaps import missing_between
from cardiotwin.geometry.measured import extent, rings, slab_volumes
from cardiotwin.geometry.orientation import rv_insertion
from cardiotwin.geometry.quality import quality
from cardiotwin.geometry.shifts import SliceShifts, pooled, refined, shifted, slice_shifts
from cardiotwin.geometry.stack import Stack, short_axis_stack
from cardiotwin.geometry.surfaces import Wall
from cardiotwin.geometry.template import Template, wall_mesh
from cardiotwin.geometry.through import wall_through
from cardiotwin.geometry.volumes import wall_volume
from cardiotwin.imaging.examination import Examination, Phase
from cardiotwin.imaging.phases import words
from cardiotwin.units import MM

KEPT = "height at which the wall has its end-diastolic volume"
REFINEMENTS = 1  # of the shifts, against the surfaces
SMOOTHINGS = (1.0, 5.0, 25.0, 125.0)  # tried until the cells are well shaped
FLATTEST = np.deg2rad(5)  # dihedral angle of a well-shaped cell at least
SLENDEREST = 4.0  # rings per layer that it holds for: with fewer any heart's cells are flatter
MOST_INFLATION = 1.5e-3  # m
NOTICED = 2 * MM  # a longer shift of a slice is reported
NEARLY = 1e-4  # relative change of a volume that ends an iteration


@dataclass(frozen=True, kw_only=True, eq=False)
class _Shape:
    """One phase: the corrected drawing, the wall through it, how its base was placed."""

    stack: Stack
    drawn: Drawn
    wall: Wall
    base_rule: str
    smoothing: float


def fit_anatomy(examination: Examination, template: Template) -> Anatomy:
    """Return the left ventricle of an examination at all its measured phases.

    Angle zero is the anterior RV insertion at end-diastole, at end-systole too: the turn of the
    whole ventricle between the phases is smaller than an insertion can be read.

    Raises
    ------
    InputError
        Where too little was drawn to make a ventricle of, or too thin a wall.
    """
    first = examination.contours[Phase.END_DIASTOLE]
    stack = short_axis_stack(first)
    stacks = {p: short_axis_stack(c, stack.axis) for p, c in examination.contours.items()}
    missing = [missing_between(found, phase) for phase, found in stacks.items()]
    insertion = rv_insertion(first, stack)
    frame = HeartFrame(
        origin=rings(stack)[-1].centre,
        long_axis=stack.axis,
        rv_insertion=insertion.direction,
        mirrored=insertion.mirrored,
    )
    check_proportions(first, stack)
    shifts = _shifts(examination, frame)
    diastole = _fitted(
        examination, Phase.END_DIASTOLE, frame, template, shifts[Phase.END_DIASTOLE], kept=None
    )
    mesh = wall_mesh(template, diastole.wall.surface)
    kept = wall_volume(mesh.points, mesh)
    shapes = {Phase.END_DIASTOLE: diastole} | {
        phase: _fitted(examination, phase, frame, template, shifts[phase], kept=kept)
        for phase in examination.contours
        if phase is not Phase.END_DIASTOLE
    }
    points = {p: wall_mesh(template, shape.wall.surface).points for p, shape in shapes.items()}
    fits = {p: phase_fit(points[p], mesh, s.wall, s.drawn) for p, s in shapes.items()}
    for phase, shape in shapes.items():
        check_thickness(fits[phase], shape.drawn.levels, phase)
    base_rule = {phase: shape.base_rule for phase, shape in shapes.items()}
    axes = frame_of(mesh)
    flags = (
        *insertion.flags,
        *completeness(
            diastole.drawn.contours, diastole.stack, frame, stacks.get(Phase.END_SYSTOLE)
        ),
        *(flag for flag in missing if flag is not None),
        *beyond_slices(fits, base_rule),
        *unlike_slices(fits),
        *_shift_flags(shifts[Phase.END_DIASTOLE]),
        *_smoothing_flags(shapes),
    )
    return Anatomy(
        mesh=with_coordinates(mesh, axes),
        points=points,
        frame=axes,
        fits=fits,
        contours={phase: shape.drawn.contours for phase, shape in shapes.items()},
        base_rule=base_rule,
        flags=flags,
    )


def _fitted(
    examination: Examination,
    phase: Phase,
    frame: HeartFrame,
    template: Template,
    shifts: SliceShifts,
    *,
    kept: float | None,
) -> _Shape:
    """Return one phase's wall, no smoother than it takes to make well-shaped cells."""
    flattest = FLATTEST * min(template.rings / template.layers / SLENDEREST, 1.0)
    inverted = 0
    for smoothing in SMOOTHINGS:
        drawn = _shape(examination, phase, frame, shifts, smoothing)
        shape = _settled(drawn, template, kept)
        mesh = wall_mesh(template, shape.wall.surface)
        found = quality(mesh.points, mesh)
        inverted = found.inverted
        if inverted == 0 and (found.dihedral_min >= flattest or smoothing == SMOOTHINGS[-1]):
            return shape
    msg = (
        f"The contours at {words(phase)} fold the wall: the smoothest surfaces "
        f"leave {inverted} cells inverted. "
        "Look at the contours slice by slice; one of them may belong to another structure."
    )
    raise InputError(msg)


def _shifts(examination: Examination, frame: HeartFrame) -> dict[Phase, SliceShifts]:
    """Return the slices' shifts: all phases of a slice come from one breath-hold."""
    contours = examination.contours
    found = pooled(
        {p: slice_shifts(c, short_axis_stack(c, frame.long_axis)) for p, c in contours.items()}
    )
    for _ in range(REFINEMENTS):
        closer = {}
        for phase, shifts in found.items():
            drawn = shifted(contours[phase], shifts)
            stack = short_axis_stack(drawn, frame.long_axis)
            closer[phase] = refined(
                shifts, drawn, stack, wall_through(drawn, stack, frame, SMOOTHINGS[0])
            )
        found = pooled(closer)
    return found


def _shape(
    examination: Examination,
    phase: Phase,
    frame: HeartFrame,
    shifts: SliceShifts,
    smoothing: float,
) -> _Shape:
    """Return one phase's wall before its volumes are matched."""
    contours = shifted(examination.contours[phase], shifts)
    stack = short_axis_stack(contours, frame.long_axis)
    wall = wall_through(contours, stack, frame, smoothing)
    if valve_base(contours, frame) is not None:
        rule = "plane through the mitral valve's points"
    elif phase is Phase.END_DIASTOLE:
        rule = "top of the most basal slice with a ring of wall"
    else:
        rule = KEPT
    levels = rings(stack)
    drawn = Drawn(
        contours=contours,
        levels=levels,
        between=extent(levels, stack, wall.prolate),
        labels=examination.labels.get(phase),
        shifts=shifts,
    )
    return _Shape(stack=stack, drawn=drawn, wall=wall, base_rule=rule, smoothing=smoothing)


def _settled(shape: _Shape, template: Template, kept: float | None) -> _Shape:
    """Return the phase with its volumes as drawn, and its base where the rule puts it."""
    wall = shape.wall
    for _ in range(2):
        if kept is not None and shape.base_rule == KEPT:
            wall = _with_volume(wall, template, kept)
        wall = _as_drawn(wall, template, shape.drawn)
    if kept is not None and shape.base_rule == KEPT:
        wall = _with_volume(wall, template, kept)
    return replace(shape, wall=wall)


def _with_volume(wall: Wall, template: Template, kept: float) -> Wall:
    """Return the wall with its base at the height where its volume is the kept one."""
    for _ in range(6):
        mesh = wall_mesh(template, wall.surface)
        excess = wall_volume(mesh.points, mesh) - kept
        area = _area(mesh.points, mesh.facets["base"])
        if abs(excess) < NEARLY * kept:
            break
        wall = wall.with_base(float(wall.base[0] - excess / area))
    return wall


def _as_drawn(wall: Wall, template: Template, drawn: Drawn) -> Wall:
    """Return the wall with both surfaces moved evenly until the volumes are those drawn."""
    cavity, muscle = slab_volumes(drawn.levels, wall.prolate, wall.base, drawn.between)
    for _ in range(4):
        mesh = wall_mesh(template, wall.surface)
        model = model_volumes(mesh.points, mesh, wall, drawn.between)
        missing = np.array([cavity - model[0], cavity + muscle - sum(model)])
        if np.abs(missing).max() < NEARLY * cavity:
            break
        areas = np.array(
            [_area(mesh.points, mesh.facets[n]) for n in ("lv_endocardium", "epicardium")]
        )
        grown = np.clip(
            np.array(wall.inflation) + missing / areas, -MOST_INFLATION, MOST_INFLATION
        )
        wall = replace(wall, inflation=(float(grown[0]), float(grown[1])))
    return wall


def _area(points: Float[np.ndarray, "nodes 3"], facets: Integer[np.ndarray, "facets 6"]) -> float:
    corners = points[facets[:, :3]]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(cross, axis=1).sum() / 2)


def _shift_flags(shifts: SliceShifts) -> tuple[Flag, ...]:
    """Return a flag where slices were moved noticeably."""
    if shifts.largest <= NOTICED:
        return ()
    numbers = ", ".join(
        f"{k}: {np.linalg.norm(shift) / MM:.1f}" for k, shift in sorted(shifts.moved.items())
    )
    sentence = (
        f"Slices were moved in their planes by up to {shifts.largest / MM:.1f} mm to undo "
        f"breath-holding (mm by slice: {numbers})."
    )
    return (Flag(name="slice_shifts", sentence=sentence),)


def _smoothing_flags(shapes: Mapping[Phase, _Shape]) -> tuple[Flag, ...]:
    """Return a flag for each phase whose contours were too rough to mesh as drawn."""
    return tuple(
        Flag(
            name="surfaces_smoothed",
            sentence=(
                f"The contours at {words(phase)} fold or pinch the wall; their "
                f"surfaces were smoothed {shape.smoothing:g} times more than usual. Compare the "
                "surface distance and the contours in the pictures."
            ),
        )
        for phase, shape in shapes.items()
        if shape.smoothing > SMOOTHINGS[0]
    )


__all__ = ["fit_anatomy"]
