"""What lies round the heart in the image: chest wall, lungs, great vessels, liver, stomach.

A caricature of a thorax from soft-edged ellipsoids and tubes, so that the volunteer's images look
like a chest to a person and to a segmentation network; nothing of it is ever measured.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from cardiotwin.exam import contrast
from cardiotwin.exam.contrast import Relaxation
from cardiotwin.exam.patient import Patient
from cardiotwin.exam.stack import Stack
from cardiotwin.units import MM

_EDGE = 1.0  # mm, over which two tissues mix at a border

Picture = np.ndarray  # values by in-plane pixel, and by channel
Places = np.ndarray  # mm by in-plane pixel and component
Level = Callable[[Relaxation], np.ndarray]  # of a tissue, one value for each channel


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


class Surroundings:
    """One slice without the ventricles: what stands still, and the vessels that ride on the base.

    Parameters
    ----------
    patient, stack, number
        Whose chest, and which slice of it.
    detail
        The slice's random detail.
    shift
        By which breathing moved the organs along both in-plane axes, m; the chest wall stays.
    level
        What a tissue is in the picture, one value for each channel.
    """

    def __init__(
        self,
        patient: Patient,
        stack: Stack,
        number: int,
        *,
        detail: Texture,
        shift: Float[np.ndarray, "2"],
        level: Level,
    ) -> None:
        self.stack, self.number, self.detail = stack, number, detail
        self.shift, self.level, self.scan = shift, level, patient.scan
        self._position = np.asarray(patient.shape.position)
        axes = stack.affine[:3, :2] / np.linalg.norm(stack.affine[:3, :2], axis=0)
        offset = axes @ shift
        self._still = []
        for across in (-0.25, 0.25):
            world = stack.centres(number, across * stack.thickness) - self._position
            painter = _Painter(
                patient.shape.axes, world / MM, (world - offset) / MM, detail, level
            )
            _paint(painter)
            self._still.append(painter)

    def at(self, base: Float[np.ndarray, "3"]) -> Float[np.ndarray, "i j channels"]:
        """Return the picture when the LV base's centre is there, m."""
        centre = (base - self._position) / MM
        return np.asarray(np.mean([_with_base(still, centre) for still in self._still], axis=0))


class _Painter:
    """A picture on which later organs cover earlier ones."""

    def __init__(
        self,
        axes: Float[np.ndarray, "3 3"],
        chest: Places,
        organs: Places,
        detail: Texture,
        level: Level,
    ) -> None:
        self.chest = chest
        self.organs = organs
        self.heart = organs @ axes  # towards RV, anterior, apex to base
        self.axes = axes
        self.detail = detail
        self.level = level
        self.signal: Picture = np.zeros((*chest.shape[:2], len(level(contrast.FAT))))

    def copy(self) -> "_Painter":
        """Return another picture that starts from this one."""
        other = _Painter(self.axes, self.chest, self.organs, self.detail, self.level)
        other.signal = self.signal.copy()
        return other

    def cover(self, depth: Picture, value: Picture) -> None:
        """Paint where `depth`, mm below the organ's surface, is positive."""
        share = 1 / (1 + np.exp(-np.clip(depth / (0.35 * _EDGE), -30, 30)))
        here = share > 1e-12
        self.signal[here] += share[here, None] * (
            np.broadcast_to(value, self.signal.shape)[here] - self.signal[here]
        )

    def fill(self, depth: Picture, tissue: Relaxation, roughness: float = 0.08) -> None:
        """Paint a tissue with its random detail."""
        grain = 1 + roughness * (0.7 * self.detail.fine + 0.7 * self.detail.coarse)
        self.cover(depth, self.level(tissue) * grain[..., None])

    def vessel(self, depth: Picture, blood: Relaxation = contrast.BLOOD) -> None:
        """Paint blood with a thin wall."""
        self.fill(depth + 2.0, contrast.MUSCLE)
        self.fill(depth, blood, 0.07)


def _paint(painter: _Painter) -> None:
    """Paint what stands still, from the skin inwards; mm relative to the LV's centre, RAS+."""
    _chest_wall(painter)
    _lungs(painter)
    _mediastinum(painter)
    _abdomen(painter)
    _vessels(painter)


def _with_base(still: _Painter, base: Float[np.ndarray, "3"]) -> Picture:
    """Return the picture with left atrium and aortic root, which follow the base, mm."""
    painter = still.copy()
    heart = painter.heart
    x, y, z = (float(value) for value in base @ painter.axes)
    painter.vessel(_tube(heart, (x + 4, y - 16, z + 20), (2, -14, 78), 23))  # left atrium
    painter.vessel(_tube(heart, (x + 14, y + 4, z + 14), (26, 14, 78), 13))  # aortic root
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
    lower = (y < 12)[..., None]
    painter.cover(stomach - 4, 0.9 * painter.level(contrast.SPLEEN) * lower)
    spleen = np.minimum(inside - 2, _ellipsoid(place, (-80, -75, -85), (30, 42, 42)))
    painter.fill(spleen, contrast.SPLEEN, 0.05)


def _vessels(painter: _Painter) -> None:
    place = painter.organs
    painter.fill(_tube(place, (55, -112, -300), (55, -112, 300), 24), contrast.MARROW, 0.15)
    painter.fill(_tube(place, (58, -134, -300), (58, -134, 300), 6), contrast.SPLEEN, 0.05)
    painter.vessel(_tube(place, (33, -82, -300), (30, -78, 120), 11))
    heart = painter.heart
    painter.vessel(_tube(heart, (58, -14, 52), (62, -12, 84), 24), contrast.VENOUS)  # right atrium
    painter.vessel(
        _tube(heart, (40, 34, 40), (16, 42, 84), 14), contrast.VENOUS
    )  # pulmonary artery
    painter.vessel(
        _tube(place, (75, -8, 20), (72, -4, 160), 9), contrast.VENOUS
    )  # superior vena cava


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


__all__ = ["Level", "Surroundings", "Texture", "smooth_noise", "texture"]
