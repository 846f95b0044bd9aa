"""One examination, read from what a person brings: labels or contours, images, numbers."""

from collections.abc import Iterator
from pathlib import Path

from cardiotwin.errors import Flag, InputError
from cardiotwin.imaging.drawing import ED, ES, Drawing, read_drawing
from cardiotwin.imaging.examination import Examination, ImageStack, Phase, Subject
from cardiotwin.imaging.images import frame_time, image_files, matching, read_images, short_axis
from cardiotwin.imaging.overlay import contrast_flags
from cardiotwin.imaging.phases import check_muscle, check_place
from cardiotwin.imaging.provenance import fingerprints
from cardiotwin.imaging.sources import AS_FOUND, Reading, Sources, find_sources
from cardiotwin.imaging.valves import with_valves

WHOLE_CINE = 10  # frames: fewer are chosen phases, not a beat
DIGITS = 6  # of a second: a header's time has single precision
EJECTED = (0.1, 0.7)  # s after the R wave, of end-systole: slow hearts fill longer, not eject


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
    try:
        return _examination(path, reading)
    except PermissionError as error:
        msg = f"{path} may not be read, found {error.filename} closed. Ask for its permission."
        raise InputError(msg) from error


def _examination(path: Path, reading: Reading) -> Examination:
    sources = find_sources(path, reading)
    given = sources.subject
    drawing = read_drawing(path, sources, reading.completed(given))
    check_place(drawing.contours)
    muscle = check_muscle(drawing.contours, drawing.labels)
    subject = given.subject if given else Subject(identifier=sources.identifier)
    images, flags = _images(sources, drawing)
    times, doubts = _frame_times(drawing, images, subject)
    files = [*drawing.files, *(file for item in sources.images for file in image_files(item))]
    if given is not None and given.source is not None:
        files.append(given.source)
    return Examination(
        subject=subject,
        contours=with_valves(drawing.contours, given.valves if given else {}),
        labels=drawing.labels,
        images=images,
        frame_times=times,
        motion=drawing.motion,
        flags=(*sources.flags, *drawing.flags, *muscle, *flags, *doubts, *_missing(drawing)),
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
) -> tuple[dict[Phase, float], tuple[Flag, ...]]:
    """Return the phases' times, s, by the first clock that shows a heart's end-systole.

    No time is better than a wrong one: a flag tells of each clock that was passed over.
    """
    flags: tuple[Flag, ...] = ()
    for clock, times in _clocks(drawing, images, subject):
        if None in times.values():
            continue
        found = {phase: round(time, DIGITS) for phase, time in times.items() if time is not None}
        late = found.get(ES, EJECTED[0])
        if EJECTED[0] <= late <= EJECTED[1]:
            return found, flags
        sentence = (
            f"By {clock} end-systole is {late * 1e3:.0f} ms after the R wave, a heart's is "
            f"{EJECTED[0] * 1e3:.0f} to {EJECTED[1] * 1e3:.0f} ms after it: it was not used."
        )
        flags += (Flag(name="frame_times_implausible", sentence=sentence),)
    return {}, flags


def _clocks(
    drawing: Drawing, images: tuple[ImageStack, ...], subject: Subject
) -> Iterator[tuple[str, dict[Phase, float | None]]]:
    """Yield the phases' times, s, of the images, of the file, and as a share of the beat."""
    if not drawing.frames:
        return
    parallel = short_axis(images, drawing.contours[ED])
    frames, count = drawing.frames, drawing.n_frames
    yield "the images' clock", {p: frame_time(parallel, f, count) for p, f in frames.items()}
    if drawing.frame_interval is not None:
        step = drawing.frame_interval
        yield "the header's clock", {p: f * step for p, f in frames.items()}
    if subject.heart_rate is not None and count >= WHOLE_CINE:
        beat = 1 / subject.heart_rate
        yield "the heart rate", {p: f / count * beat for p, f in frames.items()}


def _missing(drawing: Drawing) -> tuple[Flag, ...]:
    if ES in drawing.contours:
        return ()
    sentence = (
        "End-systole was not found: the twin is passive, without contractility or ejection "
        "fraction."
    )
    return (Flag(name="end_systole_missing", sentence=sentence),)
