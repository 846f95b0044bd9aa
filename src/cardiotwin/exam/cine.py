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
from cardiotwin.exam.body import Texture, surroundings, texture
from cardiotwin.exam.contrast import balanced_signal
from cardiotwin.exam.papillary import papillary_share
from cardiotwin.exam.phantom import Fractions
from cardiotwin.exam.scan import Scan
from cardiotwin.exam.stack import Stack
from cardiotwin.exam.volunteer import Volunteer
from cardiotwin.units import MM

_BRIGHTNESS = 400.0  # image value of blood at the heart's centre
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
    volunteer: Volunteer,
    stack: Stack,
    frames: Sequence[Frame],
    shifts: Float[np.ndarray, "t k 2"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "i j k t"]:
    """Return the magnitude images of all frames."""
    signal = signals(volunteer, stack, frames, shifts, rng)
    shading = coil_shading(volunteer, stack)
    noise = _BRIGHTNESS / volunteer.scan.signal_to_noise
    image = np.zeros_like(signal)
    for number in range(stack.shape[2]):
        for time in range(len(frames)):
            heart = signal[..., number, time]
            real, imaginary = noise * rng.standard_normal((2, *heart.shape))
            image[..., number, time] = np.hypot(shading[..., number] * heart + real, imaginary)
    return image


def signals(
    volunteer: Volunteer,
    stack: Stack,
    frames: Sequence[Frame],
    shifts: Float[np.ndarray, "t k 2"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "i j k t"]:
    """Return the signal of all frames without coils and noise, in the units of the images."""
    details = [texture(stack.shape[:2], rng) for _ in range(stack.shape[2])]
    scan = volunteer.scan
    scale = _BRIGHTNESS / balanced_signal(contrast.BLOOD, scan.flip, scan.repetition_time)
    signal = np.zeros((*stack.shape, len(frames)))
    for number, detail in enumerate(details):
        for time, frame in enumerate(frames):
            shift = shifts[time, number]
            around = surroundings(
                volunteer, stack, number, base=frame.base, detail=detail, shift=shift
            )
            muscle = papillary_share(stack, number, frame.papillary, shift)
            heart = _heart(
                frame.parts, number, around=around, papillary=muscle, detail=detail, scan=scan
            )
            signal[..., number, time] = scale * heart
    return signal


def coil_shading(volunteer: Volunteer, stack: Stack) -> Float[np.ndarray, "i j k"]:
    """Return the receive coils' sensitivity, 1 at the heart: strong near the chest wall."""
    position = np.asarray(volunteer.shape.position)
    coils = position + MM * np.array([[40, 95, 0], [-60, 90, -20], [-90, -20, 10], [60, -170, 0]])

    def sensitivity(place: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm(place[..., None, :] - coils, axis=-1)
        return np.asarray(np.sqrt(np.sum((1 + (distance / (90 * MM)) ** 2) ** -1.5, axis=-1)))

    maps = [sensitivity(stack.centres(number)) for number in range(stack.shape[2])]
    return np.asarray(np.stack(maps, axis=2) / sensitivity(position))


def _heart(
    parts: Fractions,
    number: int,
    *,
    around: Float[np.ndarray, "i j"],
    papillary: Float[np.ndarray, "i j"],
    detail: Texture,
    scan: Scan,
) -> Float[np.ndarray, "i j"]:
    """Return one slice's signal with the ventricles and the fat round them."""
    cavity, wall, right, free = (
        array[..., number]
        for array in (parts.cavity, parts.wall, parts.right_cavity, parts.right_wall)
    )
    blood, muscle, fat = (
        balanced_signal(tissue, scan.flip, scan.repetition_time)
        for tissue in (contrast.BLOOD, contrast.MYOCARDIUM, contrast.FAT)
    )
    grain = 1 + 0.05 * detail.fine + 0.05 * detail.coarse
    inside = np.clip(cavity + wall + right + free, 0.0, 1.0)
    if inside.max() >= _HALF:
        away = distance_transform_edt(inside < _HALF) * scan.pixel / MM
        depth = 1.2 + 1.8 * detail.coarse - away  # mm of fat under the pericardium
        around = around + np.clip(depth, 0.0, 1.0) * (0.8 * fat - around)
    strands = np.maximum(papillary, _trabeculae(cavity, detail, scan)) * cavity
    coarse = 0.7 * _trabeculae(right, detail, scan) * right
    pool = cavity + right - strands - coarse
    heart = blood * pool + muscle * (wall + free + strands + coarse)
    return np.asarray(heart * grain + (1 - inside) * around)


def _trabeculae(
    cavity: Float[np.ndarray, "i j"], detail: Texture, scan: Scan
) -> Float[np.ndarray, "i j"]:
    """Return the share of muscle strands in the blood near the cavity's border."""
    if cavity.max() < _HALF:
        return np.zeros_like(cavity)
    away = distance_transform_edt(cavity >= _HALF) * scan.pixel / MM
    return np.asarray(np.clip(0.5 * detail.fine, 0, 0.7) * np.exp(-((away / 3.0) ** 2)))


__all__ = ["Frame", "coil_shading", "magnitude", "signals"]
