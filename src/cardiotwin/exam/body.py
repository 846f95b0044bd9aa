"""What lies round the heart in the image: chest wall, lungs, great vessels, liver, stomach.

A caricature of a thorax from soft-edged ellipsoids and tubes, so that the volunteer's images look
like a chest to a person and to a segmentation network; nothing of it is ever measured.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from cardiotwin.exam import contrast
from cardiotwin.exam.contrast import Relaxation, balanced_signal
from cardiotwin.exam.stack import Stack
from cardiotwin.exam.volunteer import Volunteer
from cardiotwin.units import MM

_EDGE = 1.0  # mm, over which two tissues mix at a border

Picture = np.ndarray  # values by in-plane pixel
Places = np.ndarray  # mm by in-plane pixel and component


@dataclass(frozen=True, kw_only=True, eq=False)
class Texture:
    """Random detail of one slice, the same in all its frames.

    Parameters
    ----------
    fine, coarse
        Smooth normal fields of correlation length 2 and 8 pixels.
    """

    fine: Float[np.ndarray, "i j"]
    coarse: Float[np.ndarray, "i j"]


def texture(shape: tuple[int, int], rng: np.random.Generator) -> Texture:
    """Return one slice's random detail."""
    return Texture(fine=smooth_noise(shape, 2.0, rng), coarse=smooth_noise(shape, 8.0, rng))


def smooth_noise(
    shape: tuple[int, int], length: float, rng: np.random.Generator
) -> Float[np.ndarray, "i j"]:
    """Return a normal field of unit variance, smooth over `length` pixels."""
    field = gaussian_filter(rng.standard_normal(shape), length, mode="wrap")
    return np.asarray(field / (np.sqrt(np.mean(field**2)) + 1e-12))


def surroundings(
    volunteer: Volunteer,
    stack: Stack,
    number: int,
    *,
    base: Float[np.ndarray, "3"],
    detail: Texture,
    shift: Float[np.ndarray, "2"],
) -> Float[np.ndarray, "i j"]:
    """Return the signal of one slice without the ventricles.

    `base` is the LV base's centre in this frame, m: the left atrium and the aorta follow it.
    Breathing moves the organs by `shift`, m, and leaves the chest wall.
    """
    offset = stack.affine[:3, :2] / np.linalg.norm(stack.affine[:3, :2], axis=0) @ shift
    layers = []
    for across in (-0.25, 0.25):
        world = stack.centres(number, across * stack.thickness) - np.asarray(
            volunteer.shape.position
        )
        painter = _Painter(volunteer, world / MM, (world - offset) / MM, detail)
        centre = (base - np.asarray(volunteer.shape.position)) / MM
        layers.append(_paint(painter, centre))
    return np.asarray(np.mean(layers, axis=0))


class _Painter:
    """A picture on which later organs cover earlier ones."""

    def __init__(
        self, volunteer: Volunteer, chest: Places, organs: Places, detail: Texture
    ) -> None:
        self.chest = chest
        self.organs = organs
        self.heart = organs @ volunteer.shape.axes  # towards RV, anterior, apex to base
        self.axes = volunteer.shape.axes
        self.detail = detail
        self.signal: Picture = np.zeros(chest.shape[:2])
        self._scan = volunteer.scan

    def level(self, tissue: Relaxation) -> float:
        """Return the tissue's signal."""
        return balanced_signal(tissue, self._scan.flip, self._scan.repetition_time)

    def cover(self, depth: Picture, value: Picture | float) -> None:
        """Paint where `depth`, mm below the organ's surface, is positive."""
        share = 1 / (1 + np.exp(-np.clip(depth / (0.35 * _EDGE), -30, 30)))
        self.signal = (1 - share) * self.signal + share * value

    def fill(self, depth: Picture, tissue: Relaxation, roughness: float = 0.08) -> None:
        """Paint a tissue with its random detail."""
        grain = 1 + roughness * (0.7 * self.detail.fine + 0.7 * self.detail.coarse)
        self.cover(depth, self.level(tissue) * grain)

    def vessel(self, depth: Picture) -> None:
        """Paint blood with a thin wall."""
        self.fill(depth + 2.0, contrast.MUSCLE)
        self.fill(depth, contrast.BLOOD, 0.07)


def _paint(painter: _Painter, base: Float[np.ndarray, "3"]) -> Picture:
    """Return the picture, from the skin inwards; mm relative to the LV's centre, RAS+."""
    _chest_wall(painter)
    _lungs(painter)
    _mediastinum(painter)
    _abdomen(painter)
    _vessels(painter, base)
    return painter.signal


def _chest_wall(painter: _Painter) -> None:
    place = painter.chest
    body = _trunk(place, 185, 122)
    painter.fill(body, contrast.FAT, 0.06)
    painter.fill(body - 13 - 3 * painter.detail.coarse, contrast.MUSCLE, 0.12)
    angle = np.arctan2(place[..., 1] + 45, place[..., 0] - 55)
    rib = 5.0 - np.abs(_trunk(place, 185, 122) - 25) - 4 * np.cos(14 * angle + place[..., 2] / 9)
    painter.fill(rib, contrast.MARROW, 0.1)


def _lungs(painter: _Painter) -> None:
    thorax = _trunk(painter.chest, 185, 122) - 34
    painter.fill(thorax, contrast.LUNG, 0.25)
    spots = 6 * (painter.detail.fine - 2.25)
    painter.cover(np.minimum(thorax - 6, spots), 0.6 * painter.level(contrast.BLOOD))


def _mediastinum(painter: _Painter) -> None:
    place = painter.organs
    centre = _ellipsoid(place, (50, 5, 25), (42, 72, 95))
    painter.fill(np.minimum(centre, _trunk(painter.chest, 185, 122) - 30), contrast.FAT, 0.1)
    painter.fill(centre - 8 - 5 * painter.detail.coarse, contrast.MUSCLE, 0.2)


def _abdomen(painter: _Painter) -> None:
    place = painter.organs
    x, y, z = np.moveaxis(place, -1, 0)
    dome = -43 - ((x - 25) ** 2 + (y - 10) ** 2) / 520 - z
    inside = np.minimum(_trunk(painter.chest, 185, 122) - 26, dome)
    painter.fill(inside + 2, contrast.MUSCLE)
    painter.fill(inside, contrast.FAT, 0.1)
    liver = np.minimum(inside - 2, _ellipsoid(place, (95, 0, -95), (125, 95, 62)))
    painter.fill(liver, contrast.LIVER, 0.05)
    veins = 5 * (painter.detail.fine - 2.3)
    painter.cover(np.minimum(liver - 5, veins), 0.8 * painter.level(contrast.BLOOD))
    stomach = np.minimum(inside - 2, _ellipsoid(place, (-55, 15, -92), (52, 48, 40)))
    painter.fill(stomach, contrast.MUSCLE)
    painter.cover(stomach - 4, 0.9 * painter.level(contrast.SPLEEN) * (y < 12) + 0.01)
    spleen = np.minimum(inside - 2, _ellipsoid(place, (-80, -75, -85), (30, 42, 42)))
    painter.fill(spleen, contrast.SPLEEN, 0.05)


def _vessels(painter: _Painter, base: Float[np.ndarray, "3"]) -> None:
    place = painter.organs
    painter.fill(_tube(place, (55, -112, -300), (55, -112, 300), 24), contrast.MARROW, 0.15)
    painter.fill(_tube(place, (58, -134, -300), (58, -134, 300), 6), contrast.SPLEEN, 0.05)
    painter.vessel(_tube(place, (33, -82, -300), (30, -78, 120), 11))
    heart = painter.heart
    x, y, z = (float(value) for value in base @ painter.axes)  # the moving base
    painter.vessel(_tube(heart, (x + 4, y - 16, z + 20), (2, -14, 78), 23))  # left atrium
    painter.vessel(_tube(heart, (x + 14, y + 4, z + 14), (26, 14, 78), 13))  # aortic root
    painter.vessel(_tube(heart, (58, -14, 52), (62, -12, 84), 24))  # right atrium
    painter.vessel(_tube(heart, (40, 34, 40), (16, 42, 84), 14))  # pulmonary artery
    painter.vessel(_tube(place, (75, -8, 20), (72, -4, 160), 9))  # superior vena cava


def _trunk(place: Places, half_width: float, half_depth: float) -> Picture:
    """Return the depth below the skin, mm."""
    across = np.abs(place[..., 0] - 55) / half_width
    deep = np.abs(place[..., 1] + 45) / half_depth
    return np.asarray((1 - (across**2.5 + deep**2.5) ** 0.4) * half_depth)


def _ellipsoid(
    place: Places, centre: tuple[float, float, float], radii: tuple[float, float, float]
) -> Picture:
    """Return roughly the depth below an ellipsoid's surface, mm."""
    scaled = np.linalg.norm((place - np.array(centre)) / np.array(radii), axis=-1)
    return np.asarray((1 - scaled) * min(radii))


def _tube(
    place: Places,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    radius: float,
) -> Picture:
    """Return the depth below the surface of a round-ended tube, mm."""
    a, along = np.array(start), np.subtract(end, start)
    share = np.clip((place - a) @ along / (along @ along), 0, 1)
    return np.asarray(radius - np.linalg.norm(place - a - share[..., None] * along, axis=-1))


__all__ = ["Texture", "smooth_noise", "surroundings", "texture"]
