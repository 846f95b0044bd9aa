"""The short-axis cine of an examination: raw data, images, DICOM, annotation and traces."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.exam.acquisition import scan_cine
from cardiotwin.exam.cine import signals
from cardiotwin.exam.cine_images import write_cine_images
from cardiotwin.exam.cine_protocol import CineProtocol, MovingAnatomy
from cardiotwin.exam.heart import BeatingHeart
from cardiotwin.exam.make import IMAGE, LABELS, frame_at
from cardiotwin.exam.phantom import annotate, slice_shifts
from cardiotwin.exam.reconstruct import reconstruct_scan, stored_values
from cardiotwin.exam.stack import Stack, plan_stack, slice_affines
from cardiotwin.exam.write import write_series, write_traces
from cardiotwin.imaging.examination import Phase
from cardiotwin.imaging.raw import write_raw

NAME = "cine_sax"


@dataclass(frozen=True, kw_only=True, eq=False)
class Moving:
    """The heart by true frame.

    Parameters
    ----------
    times
        After the R wave, s.
    volumes
        LV cavity, m^3.
    labels
        As annotated, at the frames of end-diastole and end-systole, 0 elsewhere.
    marked
        Those two frames.
    shifts
        Of each slice in its breath-hold, m.
    """

    times: Float[np.ndarray, " t"]
    volumes: Float[np.ndarray, " t"]
    labels: Integer[np.ndarray, "i j k t"]
    marked: tuple[int, int]
    shifts: Float[np.ndarray, "t k 2"]


def write_short_axis(
    heart: BeatingHeart, protocol: CineProtocol, folder: Path, rng: np.random.Generator
) -> Moving:
    """Scan, reconstruct and annotate the short-axis cine; write its files into a folder."""
    for_anatomy, for_scan = rng.spawn(2)
    stack = plan_stack(heart.patient, heart.marked[Phase.END_DIASTOLE], heart.left)
    moving, signal = move(heart, stack, rng=for_anatomy)
    place = np.asarray(heart.patient.shape.position)
    scan = scan_cine(
        MovingAnatomy(
            frames=np.ascontiguousarray(signal.transpose(2, 3, 0, 1)),
            frame_times=moving.times,
            period=heart.period,
            systole=heart.end_systole_time,
            affines=slice_affines(stack),
            heart=place,
        ),
        protocol,
        for_scan,
        name=NAME,
    )
    write_raw(scan, folder / "raw" / f"{NAME}.h5")
    write_traces(scan.traces, folder / "physio", NAME)
    image, times = reconstruct_scan(scan, place)
    stored = stored_values(image, moving.labels)
    write_cine_images(
        stored,
        times,
        stack,
        protocol,
        path=folder / IMAGE,
        name=NAME,
        period=heart.period,
        series=1,
    )
    write_series(folder / LABELS, moving.labels, stack.affine, heart.period / len(times))
    return moving


def move(
    heart: BeatingHeart, stack: Stack, *, rng: np.random.Generator
) -> tuple[Moving, Float[np.ndarray, "i j k t"]]:
    """Return what the annotator meets in each true frame, and the clean signal."""
    for_shifts, for_labels, for_image = rng.spawn(3)
    scan, count = heart.patient.scan, len(heart.times)
    shifts = slice_shifts(scan, count, for_shifts)
    frames = [
        frame_at(heart, stack, points, shifts=moved, right=right)
        for moved, points, right in zip(shifts, heart.points, heart.rights, strict=True)
    ]
    volumes = heart.volumes
    marked = (0, int(np.argmin(volumes)))
    labels = np.zeros((*stack.shape, count), dtype=np.uint8)
    for frame in marked:
        labels[..., frame] = annotate(frames[frame].parts, scan, for_labels)
    moving = Moving(
        times=heart.times,
        volumes=volumes,
        labels=labels,
        marked=marked,
        shifts=shifts,
    )
    return moving, signals(heart.patient, stack, frames, shifts, for_image)


__all__ = ["NAME", "Moving", "move", "write_short_axis"]
