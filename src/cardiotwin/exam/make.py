"""From the recipe to a subject folder with its truth: wall, beat, scan, annotation, files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.errors import InputError
from cardiotwin.exam.cine import Frame, magnitude
from cardiotwin.exam.heart import BeatingHeart, volunteer_heart
from cardiotwin.exam.papillary import papillary_muscles
from cardiotwin.exam.phantom import annotate, fractions, slice_shifts
from cardiotwin.exam.right_ventricle import RightVentricle
from cardiotwin.exam.stack import Stack, base_centre, plan_stack
from cardiotwin.exam.truth import recipe_record, subject, truth_record
from cardiotwin.exam.volunteer import BeatSolver, TrueBeat, Volunteer, end_diastolic_wall
from cardiotwin.exam.write import TRUE_WALL, TRUTH, write_series, write_yaml
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import rim_nodes
from cardiotwin.imaging.examination import Phase
from cardiotwin.imaging.valves import KEY as VALVES
from cardiotwin.twin.files import write_folder
from cardiotwin.twin.json_record import as_json, subject_record
from cardiotwin.units import MM

IMAGE = "cine/sa.nii.gz"
VIEWS = 3  # long-axis views: two, three and four chambers
LABELS = "cine/sa_seg.nii.gz"


def make_volunteer(volunteer: Volunteer, folder: Path, beat: BeatSolver | None = None) -> Path:
    """Return the folder of the volunteer's examination, made if it is not there yet.

    It holds subject.yaml, cine/sa.nii.gz (end-diastole and end-systole), cine/sa_seg.nii.gz (the
    same frames annotated, ACDC's values), truth.json and truth.npz (the true wall). The same
    recipe and seed give the same bytes. `beat` is `solve_beat` with the mechanics' own defaults
    unless another is given.

    Raises
    ------
    InputError
        If the folder holds something else or another recipe's volunteer, or cannot be written.
    """
    if (folder / TRUTH).is_file():
        _require_same(volunteer, folder)
        return folder
    mesh = end_diastolic_wall(volunteer)
    true_beat = (beat or _default_beat())(volunteer, mesh)

    def fill(part: Path) -> None:
        write_volunteer(volunteer, mesh, true_beat, part)

    write_folder(folder, fill)
    return folder


def write_volunteer(volunteer: Volunteer, mesh: TetMesh, beat: TrueBeat, folder: Path) -> None:
    """Scan and annotate a true beat and write all files into an existing folder."""
    for_shifts, for_labels, for_image, for_valve = np.random.default_rng(volunteer.seed).spawn(4)
    stack = plan_stack(volunteer, beat.end_diastole, mesh)
    heart = volunteer_heart(volunteer, mesh, beat, 1)
    phases = tuple(heart.marked.values())
    shifts = slice_shifts(volunteer.scan, len(phases), for_shifts)
    frames = [
        frame_at(heart, stack, points, shifts=moved)
        for points, moved in zip(phases, shifts, strict=True)
    ]
    labels: Integer[np.ndarray, "i j k t"] = np.stack(
        [annotate(frame.parts, volunteer.scan, for_labels) for frame in frames], axis=3
    )
    image = magnitude(volunteer, stack, frames, shifts, for_image)
    stored = np.rint(image).astype(np.int16)
    write_series(folder / IMAGE, stored, stack.affine, volunteer.end_systole_time)
    write_series(folder / LABELS, labels, stack.affine, volunteer.end_systole_time)
    valves = valve_points(mesh, heart.marked, volunteer.scan.valve_noise, for_valve)
    write_yaml(folder / "subject.yaml", _subject_yaml(volunteer, beat) | {VALVES: valves})
    write_true_wall(folder / TRUE_WALL, mesh, beat)
    record = as_json(truth_record(volunteer, mesh, beat, shifts))
    (folder / TRUTH).write_text(record, encoding="utf-8")


def frame_at(
    heart: BeatingHeart,
    stack: Stack,
    points: Float[np.ndarray, "nodes 3"],
    *,
    shifts: Float[np.ndarray, "k 2"],
    right: RightVentricle | None = None,
) -> Frame:
    """Return what the scanner meets of a wall at `points`, `right` being its RV if known."""
    left = heart.left
    return Frame(
        parts=fractions(stack, points, left, right or heart.right(points), shifts),
        base=base_centre(points, left),
        papillary=papillary_muscles(heart.patient, points, left),
    )


def _default_beat() -> BeatSolver:
    from cardiotwin.exam.beat import solve_beat  # noqa: PLC0415 - brings dolfinx

    return solve_beat


def _subject_yaml(volunteer: Volunteer, beat: TrueBeat) -> dict[str, Any]:
    return subject_record(subject(volunteer, beat)) | {
        "labels": "acdc",
        "files": {"labels": LABELS, "image": IMAGE},
    }


def valve_points(
    mesh: TetMesh,
    marked: Mapping[Phase, Float[np.ndarray, "nodes 3"]],
    spread: float,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Return where three long-axis views cut the mitral ring, mm, as an annotator clicks it.

    `spread` is the standard deviation of a click along each axis, m.
    """
    rim = rim_nodes(mesh)
    angle = mesh.point_fields["rotational"][rim]
    views = np.arange(2 * VIEWS) * np.pi / VIEWS
    cut = rim[np.abs(np.angle(np.exp(1j * (angle[None] - views[:, None])))).argmin(axis=1)]
    return {
        phase.value: np.round(
            (points[cut] + rng.normal(0, spread, (len(cut), 3))) / MM, 2
        ).tolist()
        for phase, points in marked.items()
    }


def write_true_wall(
    path: Path, mesh: TetMesh, beat: TrueBeat, frames: Mapping[str, np.ndarray] | None = None
) -> None:
    """Write the true mesh's nodes in three states, its cells and its facets.

    `frames` are those of the whole beat, as `heart.frame_arrays` gives them.
    """
    arrays: dict[str, Any] = {
        **(frames or {}),
        "unloaded": beat.unloaded,
        "end_diastole": beat.end_diastole,
        "end_systole": beat.end_systole,
        "cells": mesh.cells,
    }
    arrays |= {f"facets_{name}": facets for name, facets in mesh.facets.items()}
    np.savez(path, **arrays)


def _require_same(volunteer: Volunteer, folder: Path) -> None:
    """Refuse a folder that another recipe filled."""
    try:
        kept = json.loads((folder / TRUTH).read_text(encoding="utf-8"))["recipe"]
    except (ValueError, KeyError, TypeError) as error:
        msg = (
            f"{folder / TRUTH} is not a volunteer's truth: found no recipe in it. "
            "Name another folder."
        )
        raise InputError(msg) from error
    wanted = recipe_record(volunteer)
    different = [key for key in wanted if kept.get(key) != wanted[key]]
    if different:
        key = different[0]
        msg = (
            f"{folder} holds the volunteer of another recipe: {key} is {kept.get(key)} there and "
            f"{wanted[key]} here. Name another folder."
        )
        raise InputError(msg)


__all__ = [
    "IMAGE",
    "LABELS",
    "VALVES",
    "frame_at",
    "make_volunteer",
    "valve_points",
    "write_true_wall",
    "write_volunteer",
]
