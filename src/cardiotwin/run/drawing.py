"""What the pictures of a run show beside its twin, kept with its stages so that `view` has it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cardiotwin.errors import InputError
from cardiotwin.geometry.anatomy import Anatomy
from cardiotwin.imaging.examination import Contours, Examination, ImageStack, LabelMap, Phase
from cardiotwin.run.folder import STAGES
from cardiotwin.twin.stages import CORRUPT, Stages, read_result
from cardiotwin.twin.twin import Twin

NAME = "drawing"


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """What lies behind and beside the model in the pictures.

    Parameters
    ----------
    contours, drawn
        By phase, after and before slice-shift correction.
    labels, images
        As acquired; of a cine only the measured frames.
    truth
        What is known of the heart, SI, by the names of parameters and measurements.
    """

    contours: Mapping[Phase, Contours]
    drawn: Mapping[Phase, Contours]
    labels: Mapping[Phase, LabelMap]
    images: tuple[ImageStack, ...]
    truth: Mapping[str, float]


def keep_drawing(
    examination: Examination, anatomy: Anatomy, truth: Mapping[str, float], stages: Stages
) -> None:
    """Store contours, labels, the measured frames of the images, and the known truth."""
    times = tuple(examination.frame_times.values())
    stages.run(
        NAME,
        Drawing,
        lambda: Drawing(
            contours=anatomy.contours,
            drawn=examination.contours,
            labels=examination.labels,
            images=tuple(_frames_at(stack, times) for stack in examination.images),
            truth=truth,
        ),
    )


def draw(twin: Twin, folder: Path) -> tuple[Path, ...]:
    """Write the pictures of a run folder and return their paths."""
    from cardiotwin.viz import write_pictures  # noqa: PLC0415 - brings PyVista

    shown = _shown(folder)
    return write_pictures(
        twin,
        shown.contours,
        shown.images,
        shown.labels,
        folder,
        drawn=shown.drawn,
        truth=shown.truth,
    )


def _shown(folder: Path) -> Drawing:
    path = folder / STAGES / f"{NAME}.npz"
    try:
        found: Drawing = read_result(path, Drawing)
    except CORRUPT as error:
        msg = (
            f"The pictures need {path}, found {type(error).__name__}. Make the twin again with "
            "cardiotwin twin ... force=true."
        )
        raise InputError(msg) from error
    return found


def _frames_at(stack: ImageStack, times: tuple[float, ...]) -> ImageStack:
    """Return the frames nearest to the given times: a cine's others are not shown."""
    if len(stack.frame_times) <= max(len(times), 1) or not times:
        return stack
    distance = np.abs(stack.frame_times[:, None] - np.asarray(times))
    kept = sorted({int(frame) for frame in distance.argmin(axis=0)})
    return replace(
        stack,
        array=np.ascontiguousarray(stack.array[..., kept]),
        frame_times=stack.frame_times[kept],
    )
