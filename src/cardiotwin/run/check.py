"""`cardiotwin check`: what is in a folder, what is missing or wrong, before anything runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cardiotwin.errors import Flag, InputError
from cardiotwin.imaging.affine import spacing
from cardiotwin.run.application import Options, run_job
from cardiotwin.run.options import CheckOptions, store
from cardiotwin.run.reading import place, reading
from cardiotwin.units import ML, MM

if TYPE_CHECKING:
    from cardiotwin.geometry.anatomy import Anatomy
    from cardiotwin.imaging.examination import Phase

store("check", CheckOptions)


def run(words: Sequence[str]) -> int:
    """Return the exit code of the job."""
    return run_job("check", check_examination, words)


def check_examination(options: Options) -> None:
    """Print what an examination holds; raise `InputError` for one that makes no twin."""
    from cardiotwin.fitting.evidence import AssumedPressures, gather_evidence  # noqa: PLC0415 - not for --help
    from cardiotwin.geometry.fit import fit_anatomy  # noqa: PLC0415 - not for --help
    from cardiotwin.geometry.template import Template  # noqa: PLC0415 - not for --help
    from cardiotwin.imaging import describe, read_examination  # noqa: PLC0415 - not for --help
    from cardiotwin.imaging.beside import describe_beside  # noqa: PLC0415 - not for --help

    if options["path"] is None:
        msg = "check needs a path, found none. Write cardiotwin check path=folder."
        raise InputError(msg)
    path = place("path", options["path"])
    examination = read_examination(path, reading(options))
    found, beside = describe(examination), describe_beside(path)
    passes, doubts = _first_passes(path)
    lines = [*found.lines, *beside.lines, *passes]
    flags = [*found.flags, *beside.flags, *doubts]
    try:
        anatomy = fit_anatomy(examination, Template())
        lines += [*(_fitted(phase, anatomy) for phase in anatomy.fits), _right(anatomy)]
        flags += [flag for flag in anatomy.flags if flag not in flags]
        evidence = gather_evidence(examination.subject, anatomy, AssumedPressures(), klotz=True)
        flags += evidence.flags
    finally:  # what was read helps to see why geometry refuses it
        for line in (*lines, *(f"! {flag.name}: {flag.sentence}" for flag in flags)):
            print(line)  # noqa: T201 - the command's answer


def _first_passes(path: Path) -> tuple[list[str], list[Flag]]:
    """Return a line on each first pass of a subject's folder, and its flags."""
    from cardiotwin.perfusion.series import first_pass_files, read_first_pass  # noqa: PLC0415 - not for --help

    lines: list[str] = []
    flags: list[Flag] = []
    for file in first_pass_files(path) if path.is_dir() else ():
        series = read_first_pass(file)
        i, j, k, frames = series.signal.shape
        steps = " x ".join(f"{step / MM:.3g}" for step in spacing(series.affine))
        given = "an arterial input beside it" if series.aif is not None else "no arterial input"
        lines.append(
            f"first pass {file.name}: {frames} frames in {np.ptp(series.time):.3g} s and one "
            f"without saturation, the bolus from frame {series.quiet()} on, {series.agent} at "
            f"{series.field_strength:g} T, {i} x {j} x {k} voxels of {steps} mm, {given}"
        )
        flags += series.flags
    return lines, flags


def _right(anatomy: "Anatomy") -> str:
    """Return what was drawn of the right ventricle, and whether it can be meshed."""
    from cardiotwin.geometry.biventricular import drawn_right  # noqa: PLC0415 - not for --help

    try:
        found = drawn_right(anatomy)
    except InputError as error:
        return f"right ventricle: none for anatomy=biventricular. {error}"
    return (
        f"right ventricle at end-diastole: cavity {found.volume / ML:.1f} mL in "
        f"{len(found.outlines)} slices up to the base (anatomy=biventricular meshes it)"
    )


def _fitted(phase: "Phase", anatomy: "Anatomy") -> str:
    """Return a phase's volumes, of the slices up to the base and of the whole mesh."""
    from cardiotwin.imaging.phases import words  # noqa: PLC0415 - not for --help

    fit = anatomy.fits[phase]
    return (
        f"{words(phase)} fitted: cavity {fit.measured_cavity / ML:.1f} mL, wall "
        f"{fit.measured_wall / ML:.1f} mL up to the base ({anatomy.base_rule[phase]}); mesh "
        f"{fit.cavity_volume / ML:.1f} and {fit.wall_volume / ML:.1f} mL with apex and base, "
        f"{fit.surface_distance / MM:.2f} mm from the contours"
    )
