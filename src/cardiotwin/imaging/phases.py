"""Which frames are end-diastole and end-systole, and whether their volumes are a heart's."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cardiotwin.errors import Flag, InputError
from cardiotwin.imaging.affine import voxel_volume
from cardiotwin.imaging.curves import polygon_area
from cardiotwin.imaging.examination import Contours, LabelMap, Phase, Structure, Tissue, View
from cardiotwin.units import ML, MM

CAVITY = (15.0, 700.0)  # mL at end-diastole, from small children to dilated hearts
WALL = (12.0, 800.0)  # mL
FEWEST_SLICES = 4
SMALLEST_EJECTION = 0.05  # frames whose cavities differ by less are one phase
SMALL_PIECES, LARGE_PIECES = 0.05, 0.25  # of the cavity, outside its patches or filled in them
MOST_APART = 60 * MM  # between the cavities' middles at the two phases
MOST_TILTED = 20.0  # degrees, between their slices
KEPT, LOST = 0.3, 3.0  # change of the wall's volume: by missing slices, by a lost spacing
AS_LARGE = 0.95  # the R wave's frame is end-diastole if its cavity is this share of the largest


def cavity_volume(contours: Contours) -> float:
    """Return the LV cavity's volume by the sum of areas times thickness, m^3."""
    return _sum(contours, Structure.LV_ENDOCARDIUM)


def wall_volume(contours: Contours) -> float:
    """Return the LV wall's volume by the sum of areas times thickness, m^3."""
    return _sum(contours, Structure.LV_EPICARDIUM) - cavity_volume(contours)


def _sum(contours: Contours, structure: Structure) -> float:
    return sum(
        polygon_area(curve.points) * contours.slices[curve.slice_id].thickness
        for curve in contours.of(structure, View.SHORT_AXIS)
    )


def label_volume(labels: LabelMap, tissue: Tissue) -> float:
    """Return the volume of a tissue's voxels, m^3."""
    return float(np.sum(labels.array == tissue)) * voxel_volume(labels.affine)


def drawn_volumes(contours: Contours, labels: LabelMap | None) -> tuple[float, float]:
    """Return the LV cavity and wall as drawn (voxels, or areas times thickness), m^3."""
    if labels is None:
        return cavity_volume(contours), wall_volume(contours)
    return label_volume(labels, Tissue.LV_CAVITY), label_volume(labels, Tissue.MYOCARDIUM)


def usable_slices(contours: Contours) -> tuple[int, ...]:
    """Return the short-axis slices that have both a cavity and a wall (and stand for a slab)."""
    inner, outer = (
        {
            curve.slice_id
            for curve in contours.of(structure, View.SHORT_AXIS)
            if contours.slices[curve.slice_id].thickness > 0
        }
        for structure in (Structure.LV_ENDOCARDIUM, Structure.LV_EPICARDIUM)
    )
    return tuple(sorted(inner & outer))


def choose_frames(
    volumes: Mapping[int, float],
    end_diastole: int | None,
    end_systole: int | None,
    source: Path,
) -> tuple[int, int | None, tuple[Flag, ...]]:
    """Return the frames of end-diastole and end-systole (None where there is none) and flags.

    Without a choice the first frame is end-diastole if its cavity is within 5 % of the largest
    (it follows the R wave), otherwise the largest is; end-systole is the smallest, if it is
    smaller by 5 %.
    """
    for key, frame in (("end_diastole_frame", end_diastole), ("end_systole_frame", end_systole)):
        if frame is not None and frame not in volumes:
            msg = (
                f"{key}={frame} has no left ventricle in {source}, found one in the frames "
                f"{sorted(volumes)}. Frames count from 0."
            )
            raise InputError(msg)
    largest = max(volumes.values())
    if end_diastole is None:
        first = min(volumes)
        end_diastole = (
            first
            if volumes[first] >= AS_LARGE * largest
            else max(volumes, key=volumes.__getitem__)
        )
    if end_systole is not None:
        return end_diastole, end_systole, ()
    smallest = min(volumes, key=volumes.__getitem__)
    if volumes[smallest] <= (1 - SMALLEST_EJECTION) * volumes[end_diastole]:
        return end_diastole, smallest, ()
    if len(volumes) == 1:
        return end_diastole, None, ()
    sentence = (
        f"The {len(volumes)} frames of {source.name} hold cavities of "
        f"{min(volumes.values()) / ML:.0f} to {largest / ML:.0f} mL, too alike for an "
        "end-systole: they are read as end-diastole."
    )
    return end_diastole, None, (Flag(name="frames_alike", sentence=sentence),)


def check_volumes(cavity: float, wall: float, phase: Phase, source: Path) -> None:
    """Raise `InputError` unless there are a cavity and a wall, m^3, at ED those of a heart."""
    if wall <= 0:
        msg = (
            f"{source} has a cavity without wall at {words(phase)}, found {cavity / ML:.1f} mL of "
            "cavity and no myocardium. Segment the myocardium too."
        )
        raise InputError(msg)
    if cavity <= 0:
        msg = (
            f"{source} has a wall without cavity at {words(phase)}, found {wall / ML:.1f} mL of "
            "myocardium and no cavity. Segment the cavity too."
        )
        raise InputError(msg)
    if phase is Phase.END_DIASTOLE:
        _check_range("LV cavity", cavity, CAVITY, source)
        _check_range("LV wall", wall, WALL, source)


def check_slices(contours: Contours) -> None:
    """Raise `InputError` unless a phase has enough slices with both cavity and wall."""
    usable = usable_slices(contours)
    if len(usable) < FEWEST_SLICES:
        msg = (
            f"{contours.source} has too few usable slices at {words(contours.phase)}, found "
            f"{len(usable)} with both cavity and wall (at least {FEWEST_SLICES} make a "
            "ventricle). Segment more slices."
        )
        raise InputError(msg)


def check_pieces(contours: Contours, labels: LabelMap) -> tuple[Flag, ...]:
    """Return a flag where the traced cavity is not the labelled one, islands or holes set apart.

    Raises `InputError` where it is another one altogether.
    """
    drawn, labelled = cavity_volume(contours), label_volume(labels, Tissue.LV_CAVITY)
    apart = drawn / labelled - 1
    if abs(apart) < SMALL_PIECES:
        return ()
    found = (
        f"found {labelled / ML:.1f} mL of cavity labelled at {words(contours.phase)} and "
        f"{drawn / ML:.1f} mL in the largest patch of each slice"
    )
    if abs(apart) > LARGE_PIECES:
        msg = (
            f"The LV cavity of {labels.source} is in pieces, {found}. Correct the labels or "
            "their axes (i, j, slice, frame), or name their convention with labels=..."
        )
        raise InputError(msg)
    sentence = f"The LV cavity has islands or holes, {found}: the latter is fitted."
    return (Flag(name="cavity_in_pieces", sentence=sentence),)


def words(phase: Phase) -> str:
    """Return the phase as a sentence has it."""
    return phase.value.replace("_", "-")


def _check_range(name: str, volume: float, limits: tuple[float, float], source: Path) -> None:
    low, high = limits
    if low <= volume / ML <= high:
        return
    hint = "Check the spacing in the file's header."
    for factor, meant in ((1e-9, "millimetres called metres"), (1e9, "metres called millimetres")):
        right = volume * factor / ML
        if low <= right <= high:
            hint = (
                f"They look like {meant} ({right:.0f} mL otherwise). Correct the header's unit "
                "or its affine."
            )
    msg = (
        f"The {name} of {source} is not a heart's at end-diastole, found {volume / ML:.4g} mL "
        f"({low:g} to {high:g} mL are). {hint}"
    )
    raise InputError(msg)


def check_beat(end_diastolic: float, end_systolic: float, source: Path) -> None:
    """Raise `InputError` unless the cavity, m^3, is smaller at end-systole."""
    if end_systolic >= end_diastolic:
        msg = (
            f"End-systole is not smaller than end-diastole in {source}, found "
            f"{end_systolic / ML:.1f} and {end_diastolic / ML:.1f} mL. They may be exchanged."
        )
        raise InputError(msg)


def check_place(contours: Mapping[Phase, Contours]) -> None:
    """Raise `InputError` where end-systole was drawn elsewhere than end-diastole, or across it."""
    if Phase.END_SYSTOLE not in contours:
        return
    first, second = (contours[phase] for phase in (Phase.END_DIASTOLE, Phase.END_SYSTOLE))
    middles = [
        np.concatenate([c.points for c in drawn.of(Structure.LV_ENDOCARDIUM)]).mean(axis=0)
        for drawn in (first, second)
    ]
    apart = float(np.linalg.norm(middles[0] - middles[1]))
    hint = "Give both of one examination, with their own affines."
    if apart > MOST_APART:
        msg = (
            f"End-systole lies {apart / MM:.0f} mm from end-diastole, at most "
            f"{MOST_APART / MM:.0f} mm is a heart's motion. {hint}"
        )
        raise InputError(msg)
    if not (first.from_labels and second.from_labels):
        return  # guide points of all frames share their planes
    one, two = (next(iter(drawn.slices.values())).normal for drawn in (first, second))
    tilt = float(np.rad2deg(np.arccos(min(abs(one @ two), 1.0))))
    if tilt > MOST_TILTED:
        msg = (
            f"The slices of end-systole are tilted against end-diastole's, found {tilt:.0f} "
            f"degrees, at most {MOST_TILTED:g} are one short axis. {hint}"
        )
        raise InputError(msg)


def check_muscle(
    contours: Mapping[Phase, Contours], labels: Mapping[Phase, LabelMap]
) -> tuple[Flag, ...]:
    """Return a flag where the wall, which keeps its volume, is drawn too differently.

    Raises `InputError` where only another spacing can be the reason.
    """
    if Phase.END_SYSTOLE not in contours:
        return ()
    before, after = (
        drawn_volumes(contours[phase], labels.get(phase))[1]
        for phase in (Phase.END_DIASTOLE, Phase.END_SYSTOLE)
    )
    found = (
        f"The wall is {before / ML:.0f} mL at end-diastole and {after / ML:.0f} mL at end-systole "
        "as drawn, though muscle keeps its volume"
    )
    if max(before, after) > LOST * min(before, after):
        msg = f"{found}. Check the spacing in the headers of both."
        raise InputError(msg)
    if abs(after / before - 1) <= KEPT:
        return ()
    return (Flag(name="wall_volume_changes", sentence=f"{found}: one phase may lack slices."),)
