"""What is doubtful in cine images: beats of different length, no times, gaps, broken pixels."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import Flag
from cardiotwin.imaging.examination import ImageStack
from cardiotwin.units import MM, MS

UNLIKE = 0.1  # relative range of the beats' lengths, beyond which frames do not belong together
GAP = 1.6  # times the usual distance of slices: one is missing there
CLIPPED = 1e-3  # share of pixels at the largest value that is no accident
PARALLEL = 0.999
CINE = 3  # frames at least, from which a beat's length is told


def image_flags(images: Sequence[ImageStack]) -> tuple[Flag, ...]:
    """Return a flag for each thing that is doubtful in an examination's images."""
    found = [_beats(images), _times(images), _gaps(images)]
    found += [flag for image in images for flag in (_not_finite(image), _clipped(image))]
    return tuple(flag for flag in found if flag is not None)


def beat_length(image: ImageStack) -> float | None:
    """Return a cine's beat, s, from its frames' even times; None where they are not known."""
    times = image.frame_times
    if len(times) < CINE or not np.isfinite(times).all() or times[-1] <= times[0]:
        return None
    return float((times[-1] - times[0]) * len(times) / (len(times) - 1))


def _beats(images: Sequence[ImageStack]) -> Flag | None:
    known = [(beat_length(image), image.name) for image in images]
    beats = [(beat, name) for beat, name in known if beat is not None]
    if len(beats) < 2:
        return None
    (low, first), (high, last) = min(beats), max(beats)
    if high - low <= UNLIKE * float(np.median([beat for beat, _ in beats])):
        return None
    sentence = (
        f"The breath-holds' beats differ, from {low / MS:.0f} ms ({first}) to {high / MS:.0f} ms "
        f"({last}): frames of one number are of different moments, in diastole most."
    )
    return Flag(name="heartbeats_differ", sentence=sentence)


def _times(images: Sequence[ImageStack]) -> Flag | None:
    without = [
        image.name
        for image in images
        if image.array.shape[3] > 1 and not np.isfinite(image.frame_times[1:]).all()
    ]
    if not without:
        return None
    sentence = (
        f"{len(without)} of {len(images)} images have no trigger times: {_few(without)}. When "
        "their frames were taken is unknown."
    )
    return Flag(name="trigger_times_missing", sentence=sentence)


def _gaps(images: Sequence[ImageStack]) -> Flag | None:
    """Return a flag where parallel single slices lie at uneven distances."""
    groups: dict[tuple[float, ...], list[tuple[float, str]]] = defaultdict(list)
    for image in images:
        if image.array.shape[2] == 1:
            normal = _normal(image)
            key = next((k for k in groups if abs(np.dot(k, normal)) > PARALLEL), tuple(normal))
            groups[key].append((float(image.affine[:3, 3] @ np.array(key)), image.name))
    for planes in groups.values():
        planes.sort()
        places = np.array([place for place, _ in planes])
        steps = np.diff(places)
        if len(steps) < 2:
            continue
        usual = float(np.median(steps))
        wide = np.flatnonzero(steps > GAP * usual)
        if len(wide) and usual > 0:
            number = int(wide[0])
            sentence = (
                f"A slice is missing between {planes[number][1]} and {planes[number + 1][1]}: "
                f"they are {steps[number] / MM:.1f} mm apart, the others {usual / MM:.1f} mm."
            )
            return Flag(name="slice_missing", sentence=sentence)
    return None


def _normal(image: ImageStack) -> Float[np.ndarray, "3"]:
    across = np.cross(image.affine[:3, 0], image.affine[:3, 1])
    return np.asarray(across / np.linalg.norm(across))


def _not_finite(image: ImageStack) -> Flag | None:
    strange = int((~np.isfinite(image.array)).sum())
    if not strange:
        return None
    sentence = (
        f"{image.name} has {strange} pixels that are no numbers "
        f"({100 * strange / image.array.size:.2g} %): export it again."
    )
    return Flag(name="pixels_not_finite", sentence=sentence)


def _clipped(image: ImageStack) -> Flag | None:
    finite = image.array[np.isfinite(image.array)]
    if not finite.size or finite.max() == finite.min():
        return None
    share = float((finite == finite.max()).mean())
    if share <= CLIPPED or len(np.unique(finite[:: max(1, finite.size // 10000)])) < 20:
        return None
    sentence = (
        f"{image.name} is saturated: {100 * share:.2g} % of its pixels have the largest value, "
        f"{finite.max():g}."
    )
    return Flag(name="pixels_saturated", sentence=sentence)


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")


__all__ = ["beat_length", "image_flags"]
