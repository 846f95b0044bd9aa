"""One examination, read from what a person brings: labels or contours, images, numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cardiotwin.errors import Flag, InputError
from cardiotwin.imaging.examination import (
    Contours,
    Examination,
    ImageStack,
    LabelMap,
    Phase,
    Structure,
    Subject,
    Tissue,
)
from cardiotwin.imaging.guide_contours import guide_contours
from cardiotwin.imaging.guide_points import (
    check_planes,
    guide_point_files,
    read_guide_points,
    read_slice_info,
    slice_info_file,
)
from cardiotwin.imaging.images import frame_time, image_files, matching, read_images, short_axis
from cardiotwin.imaging.labels import INFER
from cardiotwin.imaging.overlay import contrast_flags
from cardiotwin.imaging.phases import (
    cavity_volume,
    check_beat,
    check_pieces,
    check_slices,
    check_volumes,
    choose_frames,
    label_volume,
    wall_volume,
)
from cardiotwin.imaging.provenance import fingerprints
from cardiotwin.imaging.sources import Sources, find_sources
from cardiotwin.imaging.stacks import LabelSeries, read_labels
from cardiotwin.imaging.trace import trace_labels
from cardiotwin.imaging.valves import with_valves

ED, ES = Phase.END_DIASTOLE, Phase.END_SYSTOLE
MOST_APART = 60e-3  # m, between the cavities' middles at the two phases
WHOLE_CINE = 10  # frames: fewer are chosen phases, not a beat


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """The contours of the measured phases, before images and the person's numbers are added.

    Parameters
    ----------
    contours, labels
        By phase.
    frames
        Frame number of each phase, where the phases are frames of one file or folder.
    n_frames
        How many frames that has.
    frame_interval
        Seconds between them, where known.
    motion
        All frames' contours where there are more than two.
    flags
        What the reader must know.
    files
        The files read.
    """

    contours: Mapping[Phase, Contours]
    labels: Mapping[Phase, LabelMap]
    frames: Mapping[Phase, int]
    n_frames: int
    frame_interval: float | None = None
    motion: tuple[Contours, ...] = ()
    flags: tuple[Flag, ...] = ()
    files: tuple[Path, ...] = ()


def read_examination(
    path: Path,
    *,
    end_systole: Path | None = None,
    image: Path | None = None,
    labels: str = INFER,
    end_diastole_frame: int | None = None,
    end_systole_frame: int | None = None,
) -> Examination:
    """Return the examination at a path.

    Parameters
    ----------
    path
        A segmentation (NIfTI), a folder of guide points, or a subject's folder.
    end_systole
        Segmentation of end-systole, where it is a file of its own.
    image
        NIfTI file, folder of NIfTI files, or folder of DICOM files to show.
    labels
        Name of the convention, ``VALUE=TISSUE,...``, or ``infer`` (then subject.yaml may say).
    end_diastole_frame, end_systole_frame
        Frames of the phases, from 0; chosen by the cavity's volume where not given.

    Raises
    ------
    InputError
        Where the data cannot be a heart's, with what was found and what to do.
    """
    sources = find_sources(path, end_systole, image)
    given = sources.subject
    if given is not None:
        labels = given.labels if labels == INFER else labels
        if end_diastole_frame is None:
            end_diastole_frame = given.frames.get("end_diastole_frame")
        if end_systole_frame is None:
            end_systole_frame = given.frames.get("end_systole_frame")
    asked = (end_diastole_frame, end_systole_frame)
    if sources.labels is not None:
        drawing = read_stacks(sources.labels, sources, labels, *asked)
    else:
        drawing = read_guide(sources.guide_points or path, *asked)
    check_place(drawing.contours)
    subject = given.subject if given else Subject(identifier=sources.identifier)
    images, flags = _images(sources, drawing)
    files = [*drawing.files, *(file for item in sources.images for file in image_files(item))]
    if given is not None and given.source is not None:
        files.append(given.source)
    return Examination(
        subject=subject,
        contours=with_valves(drawing.contours, given.valves if given else {}),
        labels=drawing.labels,
        images=images,
        frame_times=_frame_times(drawing, images, subject),
        motion=drawing.motion,
        flags=(*sources.flags, *drawing.flags, *flags, *_missing(drawing)),
        inputs=fingerprints(files),
    )


def check_place(contours: Mapping[Phase, Contours]) -> None:
    """Raise `InputError` where end-systole was drawn elsewhere than end-diastole."""
    if ES not in contours:
        return
    first, second = (
        np.concatenate([c.points for c in contours[phase].of(Structure.LV_ENDOCARDIUM)])
        for phase in (ED, ES)
    )
    apart = float(np.linalg.norm(first.mean(axis=0) - second.mean(axis=0)))
    if apart > MOST_APART:
        msg = (
            f"End-systole lies {apart * 1e3:.0f} mm from end-diastole, at most "
            f"{MOST_APART * 1e3:.0f} mm is a heart's motion. Give both of one examination, with "
            "their own affines."
        )
        raise InputError(msg)


def read_stacks(
    labels_path: Path,
    sources: Sources,
    labels: str,
    end_diastole: int | None,
    end_systole: int | None,
) -> Drawing:
    """Return the phases of one or two segmentations."""
    series = read_labels(labels_path, labels)
    if sources.end_systole is None:
        return _one_file(series, end_diastole, end_systole)
    second = read_labels(sources.end_systole, labels, known=series.mapping, role="end_systole")
    if sources.unordered and _largest(second) > _largest(series):
        series, second = second, series
    first = choose_frames(_volumes(series), end_diastole, None, series.source)[0]
    volumes = _volumes(second)
    last = min(volumes, key=volumes.__getitem__) if end_systole is None else end_systole
    choose_frames(volumes, None, last, second.source)
    maps = {ED: series.frames[first], ES: second.frames[last]}
    contours, doubts = _traced(maps)
    return Drawing(
        contours=contours,
        labels=maps,
        frames={},
        n_frames=0,
        flags=(*series.flags, *second.flags, *doubts),
        files=(series.source, second.source),
    )


def _volumes(series: LabelSeries) -> dict[int, float]:
    return {
        frame: label_volume(labels, Tissue.LV_CAVITY) for frame, labels in series.frames.items()
    }


def _largest(series: LabelSeries) -> float:
    return max(_volumes(series).values())


def _one_file(series: LabelSeries, end_diastole: int | None, end_systole: int | None) -> Drawing:
    first, last, flags = choose_frames(_volumes(series), end_diastole, end_systole, series.source)
    frames = {ED: first} if last is None else {ED: first, ES: last}
    maps = {phase: series.frames[frame] for phase, frame in frames.items()}
    contours, doubts = _traced(maps)
    motion: tuple[Contours, ...] = ()
    if len(series.frames) > 2:
        named = {frame: contours[phase] for phase, frame in frames.items()}
        motion = tuple(
            named.get(frame) or trace_labels(labels, Phase.BETWEEN)
            for frame, labels in series.frames.items()
        )
    return Drawing(
        contours=contours,
        labels=maps,
        frames=frames,
        n_frames=series.n_frames,
        frame_interval=series.frame_interval,
        motion=motion,
        flags=(*series.flags, *flags, *doubts),
        files=(series.source,),
    )


def _traced(
    maps: Mapping[Phase, LabelMap],
) -> tuple[dict[Phase, Contours], tuple[Flag, ...]]:
    """Return the contours of the phases, their volumes and slices checked, and flags."""
    volumes = {}
    for phase, labels in maps.items():
        volumes[phase] = label_volume(labels, Tissue.LV_CAVITY)
        check_volumes(
            volumes[phase], label_volume(labels, Tissue.MYOCARDIUM), phase, labels.source
        )
    if ES in volumes:
        check_beat(volumes[ED], volumes[ES], maps[ES].source)
    contours = {phase: trace_labels(labels, phase) for phase, labels in maps.items()}
    flags: tuple[Flag, ...] = ()
    for phase, drawn in contours.items():
        flags += check_pieces(drawn, maps[phase])
        check_slices(drawn)
    return contours, flags


def read_guide(folder: Path, end_diastole: int | None, end_systole: int | None) -> Drawing:
    """Return the phases, and all frames, of a folder of guide-point files."""
    info = slice_info_file(folder)
    affines = read_slice_info(info)
    paths = guide_point_files(folder)
    drawn: dict[int, Contours] = {}
    for path in paths:
        guide = read_guide_points(path)
        check_planes(guide, affines, info)
        drawn[guide.frame] = guide_contours(guide, affines, Phase.BETWEEN)
    volumes = {frame: cavity_volume(contours) for frame, contours in drawn.items()}
    first, last, flags = choose_frames(volumes, end_diastole, end_systole, folder)
    frames = {ED: first} if last is None else {ED: first, ES: last}
    for phase, frame in frames.items():
        drawn[frame] = replace(drawn[frame], phase=phase)
        check_volumes(volumes[frame], wall_volume(drawn[frame]), phase, drawn[frame].source)
    if last is not None:
        check_beat(volumes[first], volumes[last], folder)
    for frame in frames.values():
        check_slices(drawn[frame])
    return Drawing(
        contours={phase: drawn[frame] for phase, frame in frames.items()},
        labels={},
        frames=frames,
        n_frames=len(drawn),
        motion=tuple(drawn.values()) if len(drawn) > 2 else (),
        flags=flags,
        files=(*paths, info),
    )


def _images(sources: Sources, drawing: Drawing) -> tuple[tuple[ImageStack, ...], tuple[Flag, ...]]:
    if not sources.images:
        return (), ()
    images = [image for path in sources.images for image in read_images(path)]
    shown, flags = matching(images, drawing.contours[ED], named=sources.images_named)
    return shown, (*flags, *contrast_flags(shown, drawing.contours[ED]))


def _frame_times(
    drawing: Drawing, images: tuple[ImageStack, ...], subject: Subject
) -> dict[Phase, float]:
    """Return the phases' times, s: of the images, the file, or as a share of the heart's beat."""
    parallel = short_axis(images, drawing.contours[ED])
    found = {}
    for phase, frame in drawing.frames.items():
        time = frame_time(parallel, frame, drawing.n_frames)
        if time is None and drawing.frame_interval is not None:
            time = frame * drawing.frame_interval
        if time is None and subject.heart_rate is not None and drawing.n_frames >= WHOLE_CINE:
            time = frame / drawing.n_frames / subject.heart_rate
        if time is not None:
            found[phase] = time
    return found


def _missing(drawing: Drawing) -> tuple[Flag, ...]:
    if ES in drawing.contours:
        return ()
    sentence = (
        "End-systole was not found: the twin is passive, without contractility or ejection "
        "fraction."
    )
    return (Flag(name="end_systole_missing", sentence=sentence),)
