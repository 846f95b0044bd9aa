"""Long-axis cines: two, three and four chambers, each one breath-hold of one slice."""

from pathlib import Path

import numpy as np

from cardiotwin.exam.acquisition import scan_cine
from cardiotwin.exam.cine import Frame, signals
from cardiotwin.exam.cine_images import write_cine_images
from cardiotwin.exam.cine_protocol import CineProtocol, MovingAnatomy
from cardiotwin.exam.heart import BeatingHeart
from cardiotwin.exam.make import frame_at
from cardiotwin.exam.reconstruct import reconstruct_scan, stored_values
from cardiotwin.exam.stack import Stack, slice_affines
from cardiotwin.exam.write import write_traces
from cardiotwin.imaging.examination import Tissue
from cardiotwin.imaging.raw import write_raw
from cardiotwin.measurement.views import VIEWS, Plane, plan_views

SHORT = {"two_chamber": "2ch", "three_chamber": "3ch", "four_chamber": "4ch"}
_POOL = 0.95  # share of a pixel that is blood, where its brightness is read


def write_long_axis(
    heart: BeatingHeart,
    protocol: CineProtocol,
    view: str,
    folder: Path,
    rng: np.random.Generator,
) -> None:
    """Scan one of `VIEWS` and write its raw data, its images as NIfTI and DICOM, and its ECG."""
    planned = plan_views(heart.left)
    stack = view_stack(heart, planned.views[VIEWS.index(view)], planned.apex)
    _write_view(heart, protocol, stack, f"la_{SHORT[view]}", folder, rng=rng)


def view_stack(heart: BeatingHeart, plane: Plane, apex: float) -> Stack:
    """Return a plane as a stack of one slice, the middle of the ventricle in its middle.

    The picture's rows run to the view's first side and its columns up to the base; `apex` is the
    height of the apex above the base, m (negative).
    """
    scan = heart.patient.scan
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = scan.pixel * plane.across, scan.pixel * plane.up
    affine[:3, 2] = scan.slice_thickness * plane.normal
    middle = plane.origin + 0.5 * apex * plane.up
    half = 0.5 * (np.array(scan.matrix) - 1) * scan.pixel
    affine[:3, 3] = middle - half[0] * plane.across - half[1] * plane.up
    return Stack(affine=affine, shape=(*scan.matrix, 1), thickness=scan.slice_thickness)


def _write_view(
    heart: BeatingHeart,
    protocol: CineProtocol,
    stack: Stack,
    name: str,
    folder: Path,
    *,
    rng: np.random.Generator,
) -> None:
    still = np.zeros((len(heart.times), 1, 2))
    frames = [
        frame_at(heart, stack, points, shifts=none, right=right)
        for points, none, right in zip(heart.points, still, heart.rights, strict=True)
    ]
    signal = signals(heart.patient, stack, frames, still, rng)
    place = np.asarray(heart.patient.shape.position)
    scan = scan_cine(
        MovingAnatomy(
            frames=np.ascontiguousarray(signal.transpose(2, 3, 0, 1)),
            frame_times=heart.times,
            period=heart.period,
            systole=heart.end_systole_time,
            affines=slice_affines(stack),
            heart=place,
        ),
        protocol,
        rng,
        name=f"cine_{name}",
    )
    write_raw(scan, folder / "raw" / f"cine_{name}.h5")
    write_traces(scan.traces, folder / "physio", f"cine_{name}")
    image, times = reconstruct_scan(scan, place)
    write_cine_images(
        stored_values(image, _pool(frames[0])),
        times,
        stack,
        protocol,
        path=folder / "cine" / f"{name}.nii.gz",
        name=f"cine_{name}",
        period=heart.period,
        series=2 + list(SHORT.values()).index(name.removeprefix("la_")),
    )


def _pool(frame: Frame) -> np.ndarray:
    """Return where the ventricle's blood fills a pixel, as labels of one frame."""
    return np.where(frame.parts.cavity >= _POOL, int(Tissue.LV_CAVITY), 0)[..., None]


__all__ = ["view_stack", "write_long_axis"]
