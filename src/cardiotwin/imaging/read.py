"""One examination, read from what a person brings: labels or contours, images, numbers."""

from pathlib import Path

from cardiotwin.errors import Flag
from cardiotwin.imaging.drawing import ED, ES, Drawing, read_drawing
from cardiotwin.imaging.examination import Examination, ImageStack, Phase, Subject
from cardiotwin.imaging.images import frame_time, image_files, matching, read_images, short_axis
from cardiotwin.imaging.overlay import contrast_flags
from cardiotwin.imaging.phases import check_place
from cardiotwin.imaging.provenance import fingerprints
from cardiotwin.imaging.sources import AS_FOUND, Reading, Sources, find_sources
from cardiotwin.imaging.valves import with_valves

WHOLE_CINE = 10  # frames: fewer are chosen phases, not a beat


def read_examination(path: Path, reading: Reading = AS_FOUND) -> Examination:
    """Return the examination at a path.

    Parameters
    ----------
    path
        A segmentation (NIfTI), a folder of guide points, or a subject's folder.
    reading
        What else to read, and how.

    Raises
    ------
    InputError
        Where the data cannot be a heart's, with what was found and what to do.
    """
    sources = find_sources(path, reading)
    given = sources.subject
    drawing = read_drawing(path, sources, reading.completed(given))
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
