"""What is at a path, in plain lines, before anything is run on it."""

from dataclasses import dataclass

import numpy as np

from cardiotwin.errors import Flag
from cardiotwin.imaging.affine import spacing
from cardiotwin.imaging.examination import (
    Contours,
    Examination,
    ImageStack,
    LabelMap,
    Phase,
    View,
)
from cardiotwin.imaging.image_flags import image_flags
from cardiotwin.imaging.phases import drawn_volumes, usable_slices, words
from cardiotwin.units import ML, MM, MMHG


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What was found at a path.

    Parameters
    ----------
    lines
        What is there, one sentence a line.
    flags
        What is missing or doubtful and what that means for the twin.
    """

    lines: tuple[str, ...]
    flags: tuple[Flag, ...]


def describe(examination: Examination) -> Findings:
    """Return what an examination that was read holds and lacks."""
    lines = [f"subject {examination.subject.identifier}: {_person(examination)}"]
    for phase, contours in examination.contours.items():
        labels = examination.labels.get(phase)
        lines.append(_drawing(contours, labels))
        lines.append(_volumes(examination, phase))
    ejected = _ejection(examination)
    if ejected:
        lines.append(ejected)
    if examination.motion:
        lines.append(f"motion: {len(examination.motion)} frames with contours")
    lines += [_image(image) for image in examination.images]
    lines.append(f"read: {len(examination.inputs)} files")
    return Findings(
        lines=tuple(lines),
        flags=(*examination.flags, *image_flags(examination.images), *_lacking(examination)),
    )


def volumes(examination: Examination, phase: Phase) -> tuple[float, float]:
    """Return a phase's LV cavity and wall as drawn, m^3."""
    return drawn_volumes(examination.contours[phase], examination.labels.get(phase))


def _person(examination: Examination) -> str:
    subject = examination.subject
    known = [
        (subject.sex, "{}"),
        (subject.age, "{:.0f} years"),
        (subject.height and subject.height * 100, "{:.0f} cm"),
        (subject.mass, "{:.0f} kg"),
        (subject.heart_rate and subject.heart_rate * 60, "{:.0f} beats/min"),
        (subject.cuff_systolic and subject.cuff_systolic / MMHG, "cuff systolic {:.0f} mmHg"),
        (subject.cuff_diastolic and subject.cuff_diastolic / MMHG, "cuff diastolic {:.0f} mmHg"),
    ]
    told = [form.format(value) for value, form in known if value is not None]
    return ", ".join(told) if told else "no numbers of the person given"


def _drawing(contours: Contours, labels: LabelMap | None) -> str:
    planes = contours.slices.values()
    short = [item for item in planes if item.view is View.SHORT_AXIS and item.thickness > 0]
    others = len(contours.slices) - len(short)
    thickness = float(np.median([item.thickness for item in short])) / MM
    text = (
        f"{words(contours.phase)}: {contours.source.name}, {len(short)} short-axis slices "
        f"({len(usable_slices(contours))} with cavity and wall)"
        f"{f', {others} other planes' if others else ''}, {thickness:.1f} mm apart"
    )
    if labels is None:
        return text
    steps = " x ".join(f"{step / MM:.3g}" for step in spacing(labels.affine))
    return f"{text}, voxels {steps} mm, labels {labels.convention}"


def _volumes(examination: Examination, phase: Phase) -> str:
    cavity, wall = volumes(examination, phase)
    time = examination.frame_times.get(phase)
    when = f" at {time * 1e3:.0f} ms" if time is not None else ""
    return f"{words(phase)}{when}: cavity {cavity / ML:.1f} mL, wall {wall / ML:.1f} mL"


def _ejection(examination: Examination) -> str | None:
    if Phase.END_SYSTOLE not in examination.contours:
        return None
    before = volumes(examination, Phase.END_DIASTOLE)[0]
    after = volumes(examination, Phase.END_SYSTOLE)[0]
    share = 100 * (before - after) / before
    return f"stroke volume {(before - after) / ML:.1f} mL, ejection fraction {share:.0f} %"


def _image(image: ImageStack) -> str:
    i, j, k, frames = image.array.shape
    steps = " x ".join(f"{step / MM:.3g}" for step in spacing(image.affine))
    return f"image {image.name}: {i} x {j} x {k} voxels of {steps} mm, {frames} frames"


def _lacking(examination: Examination) -> tuple[Flag, ...]:
    """Return what is not there and what the twin does instead."""
    ejects = Phase.END_SYSTOLE in examination.contours
    absent = {
        "no_times": (
            ejects and Phase.END_SYSTOLE not in examination.frame_times,
            "No frame times: when end-systole is stays empty in the record.",
        ),
        "no_image": (not examination.images, "No image: pictures show the contours alone."),
    }
    return tuple(Flag(name=name, sentence=text) for name, (is_so, text) in absent.items() if is_so)
