"""A whole examination: the beating heart through the scanner into a folder.

Raw data, the images reconstructed from them as NIfTI and DICOM, an annotation of end-diastole and
end-systole, the electrocardiogram, and the truth.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.exam.acquisition import scan_cine
from cardiotwin.exam.battery import Battery, write_battery
from cardiotwin.exam.cine import signals
from cardiotwin.exam.cine_protocol import CineProtocol, MovingAnatomy
from cardiotwin.exam.heart import BeatingHeart, volunteer_heart
from cardiotwin.exam.long_axis import write_long_axis
from cardiotwin.exam.make import IMAGE, LABELS, VALVES, frame_at, valve_points, write_true_wall
from cardiotwin.exam.phantom import annotate, slice_shifts
from cardiotwin.exam.reconstruct import reconstruct_scan, stored_values
from cardiotwin.exam.stack import Stack, plan_stack, slice_affines
from cardiotwin.exam.truth import subject, truth_record
from cardiotwin.exam.volunteer import BeatSolver, Volunteer, end_diastolic_wall
from cardiotwin.exam.write import TRUE_WALL, TRUTH, write_series, write_yaml
from cardiotwin.imaging.dicom_write import Acquisition, write_dicom
from cardiotwin.imaging.examination import ImageStack, Phase
from cardiotwin.imaging.raw import RawScan, write_raw
from cardiotwin.twin.files import write_folder
from cardiotwin.twin.json_record import as_json, subject_record
from cardiotwin.units import ML

RAW = "raw/cine_sax.h5"
DICOM = "dicom/cine_sax"
ECG = "physio/ecg.tsv"

NOTHING_ELSE = Battery(series=())

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Moving:
    """The heart by true frame.

    Parameters
    ----------
    times
        After the R wave, s.
    volumes
        LV cavity, m^3.
    signal
        By voxel and frame, without coils and noise.
    labels
        As annotated, at the frames of end-diastole and end-systole, 0 elsewhere.
    marked
        Those two frames.
    shifts
        Of each slice in its breath-hold, m.
    """

    times: Float[np.ndarray, " t"]
    volumes: Float[np.ndarray, " t"]
    signal: Float[np.ndarray, "i j k t"]
    labels: Integer[np.ndarray, "i j k t"]
    marked: tuple[int, int]
    shifts: Float[np.ndarray, "t k 2"]


def make_examination(
    volunteer: Volunteer,
    protocol: CineProtocol,
    folder: Path,
    beat: BeatSolver,
    *,
    tell: Tell = lambda _: None,
    battery: Battery = NOTHING_ELSE,
) -> Path:
    """Return the folder of the volunteer's whole examination; it appears whole or not at all.

    `tell` hears a sentence at each stage; `battery` are the series beside the cine.

    Raises
    ------
    InputError
        If something is there already, or the protocol does not fit the beat.
    """
    mesh = end_diastolic_wall(volunteer)
    true_beat = beat(volunteer, mesh)
    tell("solved the beat")

    def fill(part: Path) -> None:
        heart = volunteer_heart(volunteer, mesh, true_beat, protocol.n_phases)
        moving = write_examination(
            heart,
            protocol,
            folder=part,
            subject=subject_record(subject(volunteer, true_beat)),
            seed=volunteer.seed,
            tell=tell,
        )
        write_true_wall(part / TRUE_WALL, mesh, true_beat)
        record = truth_record(volunteer, mesh, true_beat, moving.shifts)
        record |= write_battery(battery, heart, protocol, part, seed=volunteer.seed, tell=tell)
        write_truth(part, record, moving, protocol)

    write_folder(folder, fill)
    return folder


def write_truth(
    folder: Path, record: Mapping[str, Any], moving: Moving, protocol: CineProtocol
) -> None:
    """Write `truth.json`: what is known of the heart, how it was scanned, its true volumes."""
    course = {"time_s": moving.times.tolist(), "lv_volume_ml": (moving.volumes / ML).tolist()}
    whole = {**record, "protocol": asdict(protocol), "beat": course}
    (folder / TRUTH).write_text(as_json(whole), encoding="utf-8")


def write_examination(
    heart: BeatingHeart,
    protocol: CineProtocol,
    *,
    folder: Path,
    subject: Mapping[str, Any],
    seed: int,
    tell: Tell,
) -> Moving:
    """Scan a beating heart, reconstruct it, and write all files but the truth into a folder."""
    for_anatomy, for_scan, for_valve, for_views = np.random.default_rng(seed).spawn(4)
    left = heart.left
    stack = plan_stack(heart.patient, heart.marked[Phase.END_DIASTOLE], left)
    moving = move(heart, stack, rng=for_anatomy)
    tell(f"painted {len(moving.times)} frames of {stack.shape[2]} slices")
    scan = scan_cine(
        MovingAnatomy(
            frames=np.ascontiguousarray(moving.signal.transpose(2, 3, 0, 1)),
            frame_times=moving.times,
            period=heart.period,
            systole=heart.end_systole_time,
            affines=slice_affines(stack),
            heart=np.asarray(heart.patient.shape.position),
        ),
        protocol,
        for_scan,
    )
    write_raw(scan, folder / RAW)
    tell(f"scanned {len(scan.readouts.line)} lines with {protocol.n_coils} coils")
    image, times = reconstruct_scan(scan, np.asarray(heart.patient.shape.position))
    stored = stored_values(image, moving.labels)
    tell("reconstructed the images")
    _write_images(heart, protocol, stack=stack, stored=stored, times=times, folder=folder)
    write_series(folder / LABELS, moving.labels, stack.affine, heart.period / len(times))
    _write_trace(scan, folder / ECG)
    if protocol.long_axis:
        names = write_long_axis(heart, protocol, folder, for_views)
        tell(f"scanned and reconstructed {len(names)} long-axis views")
    valves = valve_points(left, heart.marked, heart.patient.scan.valve_noise, for_valve)
    page = {
        **subject,
        "labels": "acdc",
        "files": {"labels": LABELS, "image": IMAGE},
        "end_diastole_frame": moving.marked[0],
        "end_systole_frame": moving.marked[1],
        VALVES: valves,
    }
    write_yaml(folder / "subject.yaml", page)
    return moving


def move(heart: BeatingHeart, stack: Stack, *, rng: np.random.Generator) -> Moving:
    """Return what the scanner and the annotator meet in each true frame."""
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
    return Moving(
        times=heart.times,
        volumes=volumes,
        signal=signals(heart.patient, stack, frames, shifts, for_image),
        labels=labels,
        marked=marked,
        shifts=shifts,
    )


def _write_images(
    heart: BeatingHeart,
    protocol: CineProtocol,
    *,
    stack: Stack,
    stored: Integer[np.ndarray, "i j k t"],
    times: Float[np.ndarray, " t"],
    folder: Path,
) -> None:
    write_series(folder / IMAGE, stored, stack.affine, heart.period / len(times))
    write_dicom(
        ImageStack(
            array=stored.astype(np.float32),
            affine=stack.affine,
            frame_times=times,
            slice_thickness=stack.thickness,
            name="cine_sax",
            source=folder,
        ),
        folder / DICOM,
        Acquisition(
            heart_rate=1 / heart.period,
            repetition_time=protocol.repetition_time,
            echo_time=0.5 * protocol.repetition_time,
            flip_angle=protocol.flip,
            field_strength=protocol.field_strength,
        ),
    )


def _write_trace(scan: RawScan, path: Path) -> None:
    """Write the electrocardiogram, one row a sample."""
    trace = scan.traces[0]
    time = trace.start + trace.sample_time * np.arange(trace.samples.shape[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = np.column_stack([time, trace.samples[0]])
    np.savetxt(
        path, columns, fmt=("%.4f", "%.4f"), delimiter="\t", header="time_s\tecg_mv", comments=""
    )


__all__ = ["make_examination", "move", "write_examination", "write_truth"]
