"""The contours of the measured phases, from one or two segmentations or from guide points."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cardiotwin.errors import Flag
from cardiotwin.imaging.examination import Contours, LabelMap, Phase, Tissue
from cardiotwin.imaging.guide_contours import guide_contours
from cardiotwin.imaging.guide_points import (
    check_planes,
    guide_point_files,
    read_guide_points,
    read_slice_info,
    slice_info_file,
)
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
from cardiotwin.imaging.sources import Reading, Sources
from cardiotwin.imaging.stacks import LabelSeries, read_labels
from cardiotwin.imaging.trace import trace_labels

ED, ES = Phase.END_DIASTOLE, Phase.END_SYSTOLE


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


def read_drawing(path: Path, sources: Sources, reading: Reading) -> Drawing:
    """Return the phases of segmentations or, where there are none, of guide points."""
    if sources.labels is not None:
        return _segmented(sources.labels, sources, reading)
    return _guided(sources.guide_points or path, reading)


def _segmented(path: Path, sources: Sources, reading: Reading) -> Drawing:
    """Return the phases of one or two segmentations."""
    series = read_labels(path, reading.labels)
    if sources.end_systole is None:
        return _one_file(series, reading)
    second = read_labels(
        sources.end_systole, reading.labels, known=series.mapping, role="end_systole"
    )
    if sources.unordered and _largest(second) > _largest(series):
        series, second = second, series
    first = choose_frames(_volumes(series), reading.end_diastole_frame, None, series.source)[0]
    volumes, last = _volumes(second), reading.end_systole_frame
    last = min(volumes, key=volumes.__getitem__) if last is None else last
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


def _one_file(series: LabelSeries, reading: Reading) -> Drawing:
    first, last, flags = choose_frames(
        _volumes(series), reading.end_diastole_frame, reading.end_systole_frame, series.source
    )
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


def _guided(folder: Path, reading: Reading) -> Drawing:
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
    first, last, flags = choose_frames(
        volumes, reading.end_diastole_frame, reading.end_systole_frame, folder
    )
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
