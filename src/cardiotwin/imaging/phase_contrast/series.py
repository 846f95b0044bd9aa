"""A measured 4D-flow series: complex images, their encodings, and when they were taken."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float

from cardiotwin.errors import InputError
from cardiotwin.imaging.phase_contrast.signal import encodings
from cardiotwin.imaging.phase_contrast.voxels import VoxelGrid

AXES = "xyz"
LONGEST = 1.5  # frames' distances that one may average over: beyond, waves turn their sign
ALIKE = 0.02  # of a frame's time, by which frames of one series may lie off their even places


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowSeries:
    """Phase-contrast images of a beat.

    Parameters
    ----------
    signal
        Complex images.
    grid
        Where their voxels are.
    encoding
        Of each image, rad s/m along the world's axes.
    times
        Middles of the frames after the R wave, s; evenly over the period.
    period
        Of the beat, s.
    noise_sd
        Of the real part of one image, in the signal's unit.
    referenced
        True where the images' phases are those of the velocity alone (phase differences, as
        scanners export them); False where they carry the coils' phase too, which an image
        without encoding, or another combination of encodings, must tell.
    window
        Share of the frames' distance over which each averages: 1 where segments fill it, 0 for
        snapshots.
    """

    signal: Complex[np.ndarray, "i j k frames encodings"]
    grid: VoxelGrid
    encoding: Float[np.ndarray, "rows 3"]  # as many as images, checked below
    times: Float[np.ndarray, " given"]
    period: float
    noise_sd: float
    referenced: bool = False
    window: float = 0.0

    def __post_init__(self) -> None:
        if self.signal.shape[:3] != self.grid.shape:
            msg = (
                f"The images have {self.signal.shape[:3]} voxels, their grid {self.grid.shape}. "
                "Give the grid of these images."
            )
            raise InputError(msg)
        check_encoding(self.encoding, self.signal.shape[4], referenced=self.referenced)
        check_times(self.times, self.signal.shape[3], self.period)
        if not (np.isfinite(self.noise_sd) and self.noise_sd > 0):
            msg = (
                f"noise_sd must be positive, found {self.noise_sd:g}. Take the standard deviation "
                "of the real part where there is only air (noise_of does)."
            )
            raise InputError(msg)
        if not 0 <= self.window <= LONGEST:
            msg = (
                f"window must lie between 0 and {LONGEST:g} of the frames' distance, found "
                f"{self.window:g}. Give 1 for frames that fill it, 0 if it is not known."
            )
            raise InputError(msg)
        broken = int((~np.isfinite(self.signal)).sum())
        if broken:
            msg = (
                f"{broken} of {self.signal.size} values of the images are not finite. Write the "
                "images again, with zero where nothing was measured."
            )
            raise InputError(msg)


def check_encoding(
    encoding: Float[np.ndarray, "encodings 3"], n_images: int, *, referenced: bool
) -> None:
    """Raise `InputError` where a direction of the velocity is not encoded."""
    if len(encoding) != n_images:
        msg = (
            f"{n_images} images per frame came with {len(encoding)} encodings. Give one row of "
            "gradient moments per image, in the images' order."
        )
        raise InputError(msg)
    told = encoding if referenced else encoding - encoding[:1]
    scale = float(np.abs(told).max(initial=0.0))
    _, sizes, axes = np.linalg.svd(np.vstack([told, np.zeros((3, 3))]))
    missing = [axes[n] for n in range(3) if not sizes[n] > 1e-6 * scale]
    if missing:
        names = ", ".join(_direction(axis) for axis in missing)
        msg = (
            f"{n_images} images do not encode the velocity along {names}: three directions are "
            "needed, and an image without encoding where phases are no differences. Give the "
            "missing images."
        )
        raise InputError(msg)


def _direction(axis: Float[np.ndarray, "3"]) -> str:
    along = int(np.abs(axis).argmax())
    if abs(axis[along]) > 0.99:
        return AXES[along]
    return "(" + ", ".join(f"{part:.2f}" for part in axis) + ")"


def check_times(times: Float[np.ndarray, " frames"], n_frames: int, period: float) -> None:
    """Raise `InputError` where the frames do not lie evenly over one beat."""
    if len(times) != n_frames:
        msg = (
            f"{n_frames} frames came with {len(times)} times. The images and the time axis are of "
            "different series, or a frame is missing: give one time per frame."
        )
        raise InputError(msg)
    if not (np.isfinite(period) and period > 0):
        msg = f"The period of a beat must be positive, found {period:g} s. Give the RR interval."
        raise InputError(msg)
    if n_frames == 1:
        return
    even = period / n_frames
    off = float(np.abs(times - times[0] - even * np.arange(n_frames)).max())
    if not off <= ALIKE * even:
        msg = (
            f"{n_frames} frames from {times[0] * 1e3:.0f} to {times[-1] * 1e3:.0f} ms do not lie "
            f"evenly over a beat of {period * 1e3:.0f} ms: one is {off * 1e3:.0f} ms off its "
            "place. Give times and RR interval of one series, or interpolate to an even axis."
        )
        raise InputError(msg)


def check_alike(axes: Mapping[str, Float[np.ndarray, " _"]]) -> None:
    """Raise `InputError` where series that belong together were taken at different times, s."""
    (first, reference), *others = axes.items()
    for name, times in others:
        if len(times) != len(reference):
            msg = (
                f"The time axes do not match: {first} has {len(reference)} frames, {name} "
                f"{len(times)}. Give directions of one acquisition."
            )
            raise InputError(msg)
        apart = float(np.abs(times - reference).max())
        steps = np.diff(reference)
        if apart > ALIKE * (float(steps.min()) if len(steps) else np.inf):
            msg = (
                f"The time axes do not match: {name} is {apart * 1e3:.1f} ms from {first}. Give "
                "directions of one acquisition, or interpolate them to one axis."
            )
            raise InputError(msg)


def from_velocities(
    velocity: Float[np.ndarray, "i j k frames 3"],
    magnitude: Float[np.ndarray, "i j k frames #directions"],
    *,
    venc: float | Float[np.ndarray, "3"],
    grid: VoxelGrid,
    times: Float[np.ndarray, " frames"],
    period: float,
    noise_sd: float,
) -> FlowSeries:
    """Return the complex images behind velocity images along the world's axes.

    Parameters
    ----------
    velocity
        As exported, turned phases and all, m/s.
    magnitude
        One for all directions or one each.
    venc
        Encoding velocity, m/s, one or one per direction.
    grid, times, period, noise_sd
        As `FlowSeries` takes them.
    """
    encoding = encodings(venc, np.eye(3))
    beyond = float((np.abs(velocity) / np.broadcast_to(np.asarray(venc, float), 3)).max())
    if beyond > 1.01:
        msg = (
            f"Velocity images reach {beyond:.2f} times their venc, which no phase does. Give the "
            "venc of these images in m/s, or velocities that were not unwrapped."
        )
        raise InputError(msg)
    signal = magnitude * np.exp(1j * velocity @ encoding.T)
    return FlowSeries(
        signal=signal,
        grid=grid,
        encoding=encoding,
        times=times,
        period=period,
        noise_sd=noise_sd,
        referenced=True,
    )


def noise_of(
    signal: Complex[np.ndarray, "i j k frames encodings"], air: Bool[np.ndarray, "i j k"]
) -> float:
    """Return the standard deviation of the real part of one image where nothing gives signal."""
    if int(air.sum()) < 30:
        msg = (
            f"The noise needs 30 voxels of air at least, found {int(air.sum())}. Mark more of the "
            "image's border, or give noise_sd."
        )
        raise InputError(msg)
    return float(np.sqrt(np.mean(np.abs(signal[air]) ** 2) / 2))


__all__ = [
    "FlowSeries",
    "check_alike",
    "check_encoding",
    "check_times",
    "from_velocities",
    "noise_of",
]
