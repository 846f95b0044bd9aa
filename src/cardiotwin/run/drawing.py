"""What the pictures of a run show beside its twin, kept with its stages so that `view` has it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cardiotwin.errors import InputError
from cardiotwin.geometry.anatomy import Anatomy
from cardiotwin.imaging.examination import Examination, ImageStack
from cardiotwin.run.folder import STAGES
from cardiotwin.twin.stages import Stages, read_result
from cardiotwin.twin.twin import Twin

NAME = "drawing"


def keep_drawing(examination: Examination, anatomy: Anatomy, stages: Stages) -> None:
    """Store contours, labels and the measured frames of the images."""
    times = tuple(examination.frame_times.values())
    stages.run(
        NAME,
        lambda: {
            "contours": dict(anatomy.contours),
            "drawn": dict(examination.contours),
            "labels": dict(examination.labels),
            "images": tuple(_frames_at(stack, times) for stack in examination.images),
        },
    )


def draw(twin: Twin, folder: Path) -> tuple[Path, ...]:
    """Write the pictures of a run folder and return their paths."""
    from cardiotwin.viz import write_pictures  # noqa: PLC0415 - brings PyVista

    return write_pictures(twin, **_shown(folder), folder=folder)


def _shown(folder: Path) -> dict[str, Any]:
    path = folder / STAGES / f"{NAME}.npz"
    try:
        found: dict[str, Any] = read_result(path)
    except (OSError, ValueError, KeyError) as error:
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
