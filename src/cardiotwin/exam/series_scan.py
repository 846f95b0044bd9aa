"""The series beside the cine, scanned: tissue through the sequence, the coils and their noise."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Integer

from cardiotwin.exam.body import texture
from cardiotwin.exam.cavity_flow import Velocity, cavity_flow
from cardiotwin.exam.contrast import TISSUES
from cardiotwin.exam.displacement_series import Dense
from cardiotwin.exam.flow_series import PhaseContrast
from cardiotwin.exam.heart import BeatingHeart
from cardiotwin.exam.perfusion_series import FirstPass
from cardiotwin.exam.reception import coils_of, receive
from cardiotwin.exam.sequences import off_resonance_phase
from cardiotwin.exam.series import FramedSeries, Series
from cardiotwin.exam.slab import NAMES, WALL, Moment, Slab, moment_of, slab
from cardiotwin.exam.stack import Stack, slice_affines
from cardiotwin.exam.tagging_series import Tagging
from cardiotwin.exam.tissue_values import Values, bulk_properties, wall_properties
from cardiotwin.imaging.affine import spacing
from cardiotwin.imaging.raw import RawScan
from cardiotwin.units import MM, MS

_SILENT = [NAMES.index(name) for name in ("blood", "venous_blood", "wall", "myocardium", "fat")]
_STEP = 5 * MS  # to either side of a moment, over which the wall's velocity is taken


@dataclass(frozen=True, kw_only=True, eq=False)
class ScannedSeries:
    """A series with its truth.

    Parameters
    ----------
    images
        Complex, by voxel and image.
    affine
        Voxel index to world, m.
    noise_sd
        Of the images' real part, by voxel.
    wall
        Its part of all that is in a voxel, by voxel and moment.
    segments
        AHA segment of each voxel that is half wall or more, else 0, by moment.
    field
        Off-resonance, Hz, by voxel.
    tissue
        Mean of each value over the wall's points in a voxel at the first moment, SI.
    raw
        What the images were made from.
    displacement
        Mean since the R wave of the wall's points in a voxel along rows, columns and across, m, by
        moment; None where nothing moved.
    velocity
        Of the LV's blood in a voxel along the same axes, m/s, then the blood's share, by moment.
    """

    images: Complex[np.ndarray, "i j k images"]
    affine: Float[np.ndarray, "4 4"]
    noise_sd: Float[np.ndarray, "i j k"]
    wall: Float[np.ndarray, "i j k moments"]
    segments: Integer[np.ndarray, "i j k moments"]
    field: Float[np.ndarray, "i j k"]
    tissue: Mapping[str, Float[np.ndarray, "i j k"]]
    raw: RawScan
    displacement: Float[np.ndarray, "i j k moments 3"] | None = None
    velocity: Float[np.ndarray, "i j k moments 4"] | None = None


class Scanner:
    """A heart in the scanner, ready for the series beside the cine.

    Parameters
    ----------
    heart, stack
        Of what, and the short-axis stack of which some slices are taken.
    values
        The wall's tissue by AHA segment.
    field
        Off-resonance on the whole stack, Hz.
    n_coils
        Of the array.
    rng
        Of texture.
    flow
        Velocity of the LV's blood; None: what its own wall drives (`cavity_flow`).
    """

    def __init__(
        self,
        heart: BeatingHeart,
        stack: Stack,
        values: Values,
        *,
        field: Float[np.ndarray, "i j k"],
        n_coils: int,
        rng: np.random.Generator,
        flow: Velocity | None = None,
    ) -> None:
        self._flow = flow
        self.heart, self.stack, self.values = heart, stack, values
        self.field, self.n_coils = field, n_coils
        self._details = [texture(stack.shape[:2], rng) for _ in range(stack.shape[2])]
        self._kept: dict[tuple[int, float], Slab] = {}
        self._moments: dict[float, Moment] = {}

    def slab(self, number: int, share: float) -> Slab:
        """Return a slice at a share of the beat: series of one moment meet the same tissue."""
        key = number, share
        if key not in self._kept:
            if share not in self._moments:
                time = share * self.heart.period
                self._moments[share] = moment_of(self.heart, self.stack, time)
            self._kept[key] = slab(
                self.heart, self.stack, number, self._moments[share], self._details[number]
            )
        return self._kept[key]

    def scan(self, series: Series, name: str, rng: np.random.Generator) -> ScannedSeries:
        """Return a series' raw data, images and truth; `rng` is of its noise."""
        numbers = slice_numbers(self.heart, self.stack, series.slices)
        shares = np.array([series.moment])
        if isinstance(series, FramedSeries):
            shares = series.shares()
        rows = [[self.slab(k, float(share)) for share in shares] for k in numbers]
        moved, velocity = None, None
        if isinstance(series, PhaseContrast):
            both = [self._flowing(series, row, k) for row, k in zip(rows, numbers, strict=True)]
            images, fields_of_slices = (list(part) for part in zip(*both, strict=True))
            velocity = np.stack(fields_of_slices, axis=2)
        elif isinstance(series, Dense | Tagging):
            pairs = [self._encoded(series, row, k) for row, k in zip(rows, numbers, strict=True)]
            images, means = (list(part) for part in zip(*pairs, strict=True))
            moved = np.stack(means, axis=2)
        elif isinstance(series, FirstPass):
            t1, mbf = self.values["t1"], self.values[f"mbf_{series.state}"]
            images = [
                series.images_of(self._breathing(series, row[0], k), t1, mbf)
                for row, k in zip(rows, numbers, strict=True)
            ]
        else:
            images = [
                self._contrast(series, row[0], k) for row, k in zip(rows, numbers, strict=True)
            ]
        folded = [
            coils_of(self.heart, self.stack, k, self.n_coils, series.acceleration) for k in numbers
        ]
        densities = [row[0].shares @ bulk_properties()["proton_density"] for row in rows]
        received, raw = receive(
            folded,
            images,
            densities,
            series,
            name,
            affines=slice_affines(self.stack)[numbers],
            period=self.heart.period,
            rng=rng,
        )
        noise = np.stack([one.noise_sd for one in folded], axis=2) / series.signal_to_noise
        affine = self.stack.affine.copy()
        affine[:3, 3] += numbers[0] * self.stack.affine[:3, 2]
        affine[:3, 2] *= np.diff(numbers).mean() if len(numbers) > 1 else 1.0
        return ScannedSeries(
            images=np.stack(received, axis=2),
            raw=raw,
            affine=affine,
            noise_sd=noise,
            wall=_stacked([[one.purity for one in row] for row in rows]),
            segments=_stacked([[one.segments for one in row] for row in rows]),
            field=self.field[..., numbers],
            tissue={
                name: np.stack([row[0].mean(value[row[0].segment]) for row in rows], axis=2)
                for name, value in self.values.items()
            },
            displacement=moved,
            velocity=velocity,
        )

    def _breathing(self, series: FirstPass, held: Slab, number: int) -> list[Slab]:
        """Return a slice in each image of a pass, or the one of all where the breath is held."""
        heart, stack, detail = self.heart, self.stack, self._details[number]
        moment, places = series.moment * heart.period, series.carried()
        if not series.breathing:
            return [held]
        moments = (moment_of(heart, stack, moment, place) for place in places)
        return [slab(heart, stack, number, one, detail) for one in moments]

    def _contrast(
        self, series: Series, one: Slab, number: int
    ) -> Complex[np.ndarray, "i j images"]:
        """Return the images of still tissue: each pixel the mean of what lies in it."""
        from cardiotwin.imaging.signal.images import series_images  # noqa: PLC0415 - brings torch

        given = series.acquisition(self.heart.period)
        rest = one.shares.copy()
        rest[..., WALL] = 0
        still = series_images(series.contrast, bulk_properties(), **given)
        wall = series_images(series.contrast, wall_properties(self.values), **given)
        clean = rest @ still + one.wall[..., None] * one.mean(wall[one.segment])
        phase = off_resonance_phase(series, self.field[..., number], clean.shape[2])
        return np.asarray(clean * phase)

    def _encoded(
        self, series: Dense | Tagging, row: list[Slab], number: int
    ) -> tuple[Complex[np.ndarray, "i j images"], Float[np.ndarray, "i j moments 3"]]:
        """Return the images of all frames, and how far what is in each pixel has moved, m."""
        images: list[Complex[np.ndarray, "i j _"]] = []
        means = []
        density = TISSUES[WALL].proton_density
        for one, share in zip(row, series.shares(), strict=True):
            time = float(share) * self.heart.period
            rest = np.array([t.proton_density * np.exp(-time / t.t1) for t in TISSUES]) / density
            rest[_SILENT] = 0
            moved, t1 = self._since_r_wave(one, time), self.values["t1"][one.segment]
            if isinstance(series, Dense):
                echoes = series.frame_images(one, moved, t1, mixing_time=time, rest=rest)
                images.append(density * echoes)
            else:
                images.append(self._tagged(series, one, number, t1, time).astype(np.complex128))
            means.append(one.mean(moved))
        return np.concatenate(images, axis=2), np.stack(means, axis=2)

    def _tagged(
        self,
        series: Tagging,
        one: Slab,
        number: int,
        t1: Float[np.ndarray, " samples"],
        time: float,
    ) -> Float[np.ndarray, "i j 2"]:
        """Return a frame's images: stripes where the material was at the R wave."""
        origin, steps = self.stack.affine[:3, 3], spacing(self.stack.affine)
        axes = self.stack.affine[:3, :2] / steps[:2]
        return series.frame_images(
            one,
            (one.tracers.at(self.heart.points[0]) - origin) @ axes,
            t1,
            place=(self.stack.centres(number) - origin) @ axes,
            pixel=(float(steps[0]), float(steps[1])),
            delay=time,
        )

    def _flowing(
        self, series: PhaseContrast, row: list[Slab], number: int
    ) -> tuple[Complex[np.ndarray, "i j images"], Float[np.ndarray, "i j moments 4"]]:
        """Return the images of all frames, and velocity and share of the LV's blood."""
        if self._flow is None:
            self._flow = cavity_flow(self.heart)
        axes = self.stack.affine[:3, :3] / np.linalg.norm(self.stack.affine[:3, :3], axis=0)
        place = self.stack.centres(number)
        images, told = [], []
        for one, share in zip(row, series.shares(), strict=True):
            time = float(share) * self.heart.period
            cavity = self._moments[float(share)].frame.parts.cavity[..., number]
            blood = self._flow(place.reshape(-1, 3), time).reshape(place.shape) @ axes
            later, before = (self.heart.at(time + step) for step in (_STEP, -_STEP))
            moving = (one.tracers.at(later) - one.tracers.at(before)) @ axes / (2 * _STEP)
            images.append(series.frame_images(one.shares, cavity, blood, one.mean(moving)))
            told.append(np.concatenate([blood, cavity[..., None]], axis=2))
        return np.concatenate(images, axis=2), np.stack(told, axis=2)

    def _since_r_wave(self, one: Slab, time: float) -> Float[np.ndarray, "samples 3"]:
        """Return how far the samples have moved along rows, columns and across the slice, m."""
        axes = self.stack.affine[:3, :3] / np.linalg.norm(self.stack.affine[:3, :3], axis=0)
        now = one.tracers.at(self.heart.at(time))
        return np.asarray((now - one.tracers.at(self.heart.points[0])) @ axes)


def slice_numbers(heart: BeatingHeart, stack: Stack, count: int) -> list[int]:
    """Return evenly spaced slices of the stack between the base and the apex at end-systole.

    A stack of one slice is a view along the axis: that slice.
    """
    if stack.shape[2] == 1:
        return [0]
    left = heart.left
    surface = heart.at(heart.end_systole_time)[np.unique(left.facets["lv_endocardium"])]
    index = (surface - stack.affine[:3, 3]) @ np.linalg.inv(stack.affine[:3, :3]).T
    first, last = int(np.ceil(index[:, 2].min())) + 1, int(np.floor(index[:, 2].max()))
    step = max(1, (last - first) // max(count - 1, 1))
    return list(range(first, last + 1, step))[:count]


def _stacked(rows: list[list[np.ndarray]]) -> np.ndarray:
    return np.stack([np.stack(row, axis=2) for row in rows], axis=2)


def field_of(
    stack: Stack, heart: Float[np.ndarray, "3"], spread: float
) -> Float[np.ndarray, "i j k"]:
    """Return a smooth off-resonance, Hz: a shim's second order, up to `spread` 60 mm off."""
    places = np.stack([stack.centres(k) for k in range(stack.shape[2])], axis=2) - heart
    x, y, z = np.moveaxis(places / (60 * MM), -1, 0)
    return np.asarray(spread * (0.5 * (x**2 - y**2) + 0.3 * x * z - 0.4 * y))


__all__ = ["ScannedSeries", "Scanner", "field_of", "slice_numbers"]
