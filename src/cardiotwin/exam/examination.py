"""A whole examination of the volunteer: the beating heart through the scanner into a folder.

Raw data, the images reconstructed from them as NIfTI and DICOM, an annotation of end-diastole and
end-systole, the electrocardiogram, and the truth.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.exam.acquisition import scan_cine
from cardiotwin.exam.cine import signals
from cardiotwin.exam.cine_protocol import CineProtocol, MovingAnatomy
from cardiotwin.exam.course import ejected_share
from cardiotwin.exam.make import IMAGE, LABELS, VALVES, frame_at, valve_points, write_true_wall
from cardiotwin.exam.phantom import annotate, slice_shifts
from cardiotwin.exam.stack import Stack, plan_stack
from cardiotwin.exam.truth import subject, truth_record
from cardiotwin.exam.volunteer import BeatSolver, TrueBeat, Volunteer, end_diastolic_wall
from cardiotwin.exam.write import TRUE_WALL, TRUTH, write_series, write_yaml
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import cavity_volume
from cardiotwin.imaging.dicom_write import write_dicom
from cardiotwin.imaging.examination import ImageStack
from cardiotwin.imaging.raw import RawScan, cartesian_spectra, write_raw
from cardiotwin.imaging.reconstruction import reconstruct
from cardiotwin.twin.files import write_folder
from cardiotwin.twin.json_record import as_json, subject_record
from cardiotwin.units import ML

RAW = "raw/cine_sax.h5"
DICOM = "dicom/cine_sax"
ECG = "physio/ecg.tsv"
_BRIGHTEST = 2000.0  # image value of the brightest pixel at end-diastole

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Moving:
    """The volunteer by true frame.

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
    tell: Tell = lambda _: None,
) -> Path:
    """Return the folder of a whole examination; it appears whole or not at all.

    `tell` hears a sentence at each stage.

    Raises
    ------
    InputError
        If something is there already, or the protocol does not fit the beat.
    """
    mesh = end_diastolic_wall(volunteer)
    true_beat = beat(volunteer, mesh)
    tell("solved the beat")

    def fill(part: Path) -> None:
        write_examination(volunteer, protocol, mesh, true_beat, folder=part, tell=tell)

    write_folder(folder, fill)
    return folder


def write_examination(
    volunteer: Volunteer,
    protocol: CineProtocol,
    mesh: TetMesh,
    beat: TrueBeat,
    *,
    folder: Path,
    tell: Tell,
) -> None:
    """Scan a true beat, reconstruct it, and write all files into an existing folder."""
    for_anatomy, for_scan, for_valve = np.random.default_rng(volunteer.seed).spawn(3)
    period = 1 / volunteer.heart_rate
    stack = plan_stack(volunteer, beat.end_diastole, mesh)
    moving = move(volunteer, stack, mesh, beat, protocol=protocol, rng=for_anatomy)
    tell(f"painted {len(moving.times)} frames of {stack.shape[2]} slices")
    scan = scan_cine(
        MovingAnatomy(
            frames=np.ascontiguousarray(moving.signal.transpose(2, 3, 0, 1)),
            frame_times=moving.times,
            period=period,
            systole=volunteer.end_systole_time,
            affines=slice_affines(stack),
            heart=np.asarray(volunteer.shape.position),
        ),
        protocol,
        for_scan,
    )
    write_raw(scan, folder / RAW)
    tell(f"scanned {len(scan.readouts.line)} lines with {protocol.n_coils} coils")
    image, times = reconstruct_scan(scan)
    tell("reconstructed the images")
    _write_images(volunteer, protocol, stack=stack, image=image, times=times, folder=folder)
    interval = period / len(times)
    write_series(folder / LABELS, moving.labels, stack.affine, interval)
    _write_trace(scan, folder / ECG)
    valves = valve_points(mesh, beat, volunteer, for_valve)
    write_yaml(folder / "subject.yaml", _subject(volunteer, beat, moving) | {VALVES: valves})
    write_true_wall(folder / TRUE_WALL, mesh, beat)
    record = truth_record(volunteer, mesh, beat, moving.shifts) | {
        "protocol": asdict(protocol),
        "beat": {
            "time_s": moving.times.tolist(),
            "lv_volume_ml": (moving.volumes / ML).tolist(),
        },
    }
    (folder / TRUTH).write_text(as_json(record), encoding="utf-8")


def move(
    volunteer: Volunteer,
    stack: Stack,
    mesh: TetMesh,
    beat: TrueBeat,
    *,
    protocol: CineProtocol,
    rng: np.random.Generator,
) -> Moving:
    """Return the true frames, as many as the protocol has phases, at even steps of the beat."""
    for_shifts, for_labels, for_image = rng.spawn(3)
    period, count = 1 / volunteer.heart_rate, protocol.n_phases
    times = period * np.arange(count) / count
    share = ejected_share(times, period=period, end_systole_time=volunteer.end_systole_time)
    shifts = slice_shifts(volunteer.scan, count, for_shifts)
    full = cavity_volume(beat.end_diastole, mesh)
    frames, volumes = [], []
    for moved, ejected in zip(shifts, share, strict=True):
        points = beat.end_diastole + ejected * (beat.end_systole - beat.end_diastole)
        frames.append(frame_at(volunteer, stack, mesh, points, shifts=moved, full=full))
        volumes.append(cavity_volume(points, mesh))
    marked = (0, int(np.argmax(share)))
    labels = np.zeros((*stack.shape, count), dtype=np.uint8)
    for frame in marked:
        labels[..., frame] = annotate(frames[frame].parts, volunteer.scan, for_labels)
    return Moving(
        times=times,
        volumes=np.array(volumes),
        signal=signals(volunteer, stack, frames, shifts, for_image),
        labels=labels,
        marked=marked,
        shifts=shifts,
    )


def slice_affines(stack: Stack) -> Float[np.ndarray, "k 4 4"]:
    """Return each slice's voxel index to world, m, its third step the excited thickness."""
    affines = np.tile(stack.affine, (stack.shape[2], 1, 1))
    across = stack.affine[:3, 2]
    affines[:, :3, 3] += np.arange(stack.shape[2])[:, None] * across
    affines[:, :3, 2] = across / np.linalg.norm(across) * stack.thickness
    return affines


def reconstruct_scan(
    scan: RawScan,
) -> tuple[Float[np.ndarray, "i j k t"], Float[np.ndarray, " t"]]:
    """Return the magnitudes of all slices, scaled to whole numbers, and the phases' times, s."""
    slices, times = [], np.zeros(0)
    for number in range(len(scan.affines)):
        spectra = cartesian_spectra(scan, number)
        slices.append(np.abs(reconstruct(spectra.kspace, spectra.mask).image))
        times = spectra.phase_times
    image = np.stack(slices).transpose(2, 3, 0, 1)
    return image * (_BRIGHTEST / image[..., 0].max()), times


def _write_images(
    volunteer: Volunteer,
    protocol: CineProtocol,
    *,
    stack: Stack,
    image: Float[np.ndarray, "i j k t"],
    times: Float[np.ndarray, " t"],
    folder: Path,
) -> None:
    stored = np.clip(np.rint(image), 0, 4 * _BRIGHTEST).astype(np.int16)
    write_series(folder / IMAGE, stored, stack.affine, 1 / volunteer.heart_rate / len(times))
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
        heart_rate=volunteer.heart_rate,
        repetition_time=protocol.repetition_time,
        echo_time=0.5 * protocol.repetition_time,
        flip_angle=protocol.flip,
        field_strength=protocol.field_strength,
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


def _subject(volunteer: Volunteer, beat: TrueBeat, moving: Moving) -> dict[str, Any]:
    return subject_record(subject(volunteer, beat)) | {
        "labels": "acdc",
        "files": {"labels": LABELS, "image": IMAGE},
        "end_diastole_frame": moving.marked[0],
        "end_systole_frame": moving.marked[1],
    }


__all__ = ["make_examination", "move", "reconstruct_scan", "write_examination"]
