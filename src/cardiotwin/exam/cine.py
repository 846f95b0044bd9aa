"""The magnitude image of each frame.

Each voxel's signal is the mean over its volume of what lies in it; magnitude noise is Rician
(Gudbjartsson & Patz 1995, MRM 34:910-914).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import distance_transform_edt

from cardiotwin.exam import contrast
from cardiotwin.exam.body import Level, Surroundings, Texture, texture
from cardiotwin.exam.contrast import Relaxation, balanced_signal
from cardiotwin.exam.papillary import papillary_share
from cardiotwin.exam.patient import Patient
from cardiotwin.exam.phantom import Fractions
from cardiotwin.exam.scan import Scan
from cardiotwin.exam.stack import Stack
from cardiotwin.units import MM

BRIGHTNESS = 400.0  # image value of blood at the heart's centre
_HALF = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """What the scanner meets at one moment.

    Parameters
    ----------
    parts
        Partial volumes.
    base
        Centre of the LV's base, m.
    papillary
        Middle lines of the papillary muscles, m.
    """

    parts: Fractions
    base: Float[np.ndarray, "3"]
    papillary: Float[np.ndarray, "muscles knots 3"]


def magnitude(
    patient: Patient,
    stack: Stack,
    frames: Sequence[Frame],
    shifts: Float[np.ndarray, "t k 2"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "i j k t"]:
    """Return the magnitude images of all frames."""
    signal = signals(patient, stack, frames, shifts, rng)
    shading = coil_shading(patient, stack)
    noise = BRIGHTNESS / patient.scan.signal_to_noise
    image = np.zeros_like(signal)
    for number in range(stack.shape[2]):
        for time in range(len(frames)):
            heart = signal[..., number, time]
            real, imaginary = noise * rng.standard_normal((2, *heart.shape))
            image[..., number, time] = np.hypot(shading[..., number] * heart + real, imaginary)
    return image


def signals(
    patient: Patient,
    stack: Stack,
    frames: Sequence[Frame],
    shifts: Float[np.ndarray, "t k 2"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "i j k t"]:
    """Return the signal of all frames without coils and noise, in the units of the images."""
    details = [texture(stack.shape[:2], rng) for _ in range(stack.shape[2])]
    scan = patient.scan
    level = balanced_level(scan)
    scale = BRIGHTNESS / level(contrast.BLOOD)[0]
    signal = np.zeros((*stack.shape, len(frames)))
    for number, detail in enumerate(details):
        around: Surroundings | None = None
        for time, frame in enumerate(frames):
            moved = shifts[time, number]
            if around is None or not np.array_equal(moved, around.shift):
                around = Surroundings(
                    patient, stack, number, detail=detail, shift=moved, level=level
                )
            signal[..., number, time] = scale * frame_picture(frame, around)[..., 0]
    return signal


def balanced_level(scan: Scan) -> Level:
    """Return what a tissue is in the cine, one channel."""

    def level(tissue: Relaxation) -> Float[np.ndarray, "1"]:
        return np.array([balanced_signal(tissue, scan.flip, scan.repetition_time)])

    return level


def coil_shading(patient: Patient, stack: Stack) -> Float[np.ndarray, "i j k"]:
    """Return the receive coils' sensitivity, 1 at the heart: strong near the chest wall."""
    position = np.asarray(patient.shape.position)
    coils = position + MM * np.array([[40, 95, 0], [-60, 90, -20], [-90, -20, 10], [60, -170, 0]])

    def sensitivity(place: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm(place[..., None, :] - coils, axis=-1)
        return np.asarray(np.sqrt(np.sum((1 + (distance / (90 * MM)) ** 2) ** -1.5, axis=-1)))

    maps = [sensitivity(stack.centres(number)) for number in range(stack.shape[2])]
    return np.asarray(np.stack(maps, axis=2) / sensitivity(position))


def frame_picture(frame: Frame, around: Surroundings) -> Float[np.ndarray, "i j channels"]:
    """Return one slice with the ventricles and the fat round them."""
    number, detail, level, scan = around.number, around.detail, around.level, around.scan
    parts = frame.parts
    papillary = papillary_share(around.stack, number, frame.papillary, around.shift)
    cavity, wall, right, free = (
        array[..., number]
        for array in (parts.cavity, parts.wall, parts.right_cavity, parts.right_wall)
    )
    inside = np.clip(cavity + wall + right + free, 0.0, 1.0)
    picture = around.at(frame.base)
    if inside.max() >= _HALF:
        away = distance_transform_edt(inside < _HALF) * scan.pixel / MM
        depth = np.clip(1.2 + 1.8 * detail.coarse - away, 0.0, 1.0)  # mm of fat, at most one
        picture = picture + depth[..., None] * (0.8 * level(contrast.FAT) - picture)
    strands = np.maximum(papillary, _trabeculae(cavity, detail, scan)) * cavity
    coarse = 0.7 * _trabeculae(right, detail, scan) * right
    muscle = free + strands + coarse
    grain = 1 + 0.05 * detail.fine + 0.05 * detail.coarse
    heart = ((cavity - strands) * grain)[..., None] * level(contrast.BLOOD)
    heart = heart + ((right - coarse) * grain)[..., None] * level(contrast.VENOUS)
    heart = heart + (muscle * grain)[..., None] * level(contrast.MYOCARDIUM)
    heart = heart + (wall * grain)[..., None] * level(contrast.WALL)
    return np.asarray(heart + (1 - inside)[..., None] * picture)


def _trabeculae(
    cavity: Float[np.ndarray, "i j"], detail: Texture, scan: Scan
) -> Float[np.ndarray, "i j"]:
    """Return the share of muscle strands in the blood near the cavity's border."""
    if cavity.max() < _HALF:
        return np.zeros_like(cavity)
    away = distance_transform_edt(cavity >= _HALF) * scan.pixel / MM
    return np.asarray(np.clip(0.5 * detail.fine, 0, 0.7) * np.exp(-((away / 3.0) ** 2)))


__all__ = [
    "BRIGHTNESS",
    "Frame",
    "balanced_level",
    "coil_shading",
    "frame_picture",
    "magnitude",
    "signals",
]
