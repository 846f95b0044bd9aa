"""Motion from tagged images: a smooth field fitted to the stripes themselves.

Harmonic phases (Osman et al. 1999, MRM 42:1048-1060) give a first field: their filter blurs the
wall's motion with itself and with what lies beside it, by far more than the noise. From there the
field is fitted to the pixels of the wall alone (`stripe_fit`), whose noise is independent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.imaging.affine import spacing
from cardiotwin.imaging.encoded import EncodedSeries
from cardiotwin.imaging.retrieval.tags import tagged_motion
from cardiotwin.measurement.field_evidence import Believed, Reread, learnt
from cardiotwin.measurement.field_fit import Linear, Wall, about, fit_field, material_of, wall_of
from cardiotwin.measurement.left_out import spread_without
from cardiotwin.measurement.motion import Motion, Smoothness, node_basis
from cardiotwin.measurement.stripe_images import (
    Image,
    Pixels,
    Remainder,
    by_slice,
    harmonic_field,
    images_of,
    slow_terms,
    stripe_rows,
)
from cardiotwin.units import MM

BEYOND = 0.5  # barycentric: pixels farther outside the mesh are not of it
FEWEST = 100  # pixels of a frame
# To start from: the images tell how smooth the motion is. Near the cavity the wall thickens twice
# as much as outside: a parabola through it would miss the endocardium.
FINE = Smoothness(heights=7, turns=6, layers=4, order=9, fall=1.6, uneven=0.3)
REMAINDER = Remainder(sd=0.1 * MM, length=8 * MM)  # to start from
NEAR = "place", "seen"  # of pixels: where they are and how far, nearly, they have moved
SETTLED = 0.002  # as `fit_field` takes it: steps add up where they go one way
BELIEVED = 2  # rounds of learning what to believe of a frame


@dataclass(frozen=True, kw_only=True, eq=False)
class Stripes:
    """A tagged series: parallel slices, all frames.

    Parameters
    ----------
    times
        Of the frames after the R wave, s; at the first, nothing has moved.
    images
        Magnitudes by frame, voxel and direction of the stripes.
    known
        Voxels that are wall through and through, by frame.
    affine
        Voxel index to world, m.
    waves
        Wave vectors of the stripes along rows and columns, rad/m.
    noise_sd
        Of a voxel, in the images' unit; it decides what is visible, not the uncertainty.
    """

    times: Float[np.ndarray, " t"]
    images: Float[np.ndarray, "t i j k 2"]
    known: Bool[np.ndarray, "t i j k"]
    affine: Float[np.ndarray, "4 4"]
    waves: Float[np.ndarray, "2 2"]
    noise_sd: float

    @property
    def axes(self) -> Float[np.ndarray, "3 3"]:
        """Return the unit vectors of rows, columns and across the slices, in columns."""
        return np.asarray(self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0))


def stripes_of(series: EncodedSeries, known: Bool[np.ndarray, "i j k t"]) -> Stripes:
    """Return a tagged series as it was read, with its wall by frame.

    Raises
    ------
    InputError
        If it is no tagged series of several frames with the same stripes in all of them.
    """
    name, frames = series.source.name, series.frame_times
    if series.contrast != "tagging" or frames is None or series.noise_sd is None:
        msg = (
            f"{name} must be a tagged series with the time of each image and their noise, found "
            f"{series.contrast}, FrameTime {frames is not None}, NoiseSD {series.noise_sd}. "
            "Give Contrast tagging, FrameTime and NoiseSD in its header."
        )
        raise InputError(msg)
    times = np.unique(frames)
    rows = [series.encoded[frames == time] for time in times]
    if len({row.tobytes() for row in rows}) > 1 or rows[0].shape != (2, 2):
        msg = (
            f"{name} must have the same two directions of stripes in all frames, found TagWave "
            f"{rows[0].tolist()} first. Give every frame's two images in the same order."
        )
        raise InputError(msg)
    return Stripes(
        times=times,
        images=np.stack([series.signal[..., frames == time] for time in times]),
        known=np.moveaxis(known, -1, 0),
        affine=series.affine,
        waves=rows[0],
        noise_sd=series.noise_sd,
    )


def motion_from_stripes(
    series: Sequence[Stripes],
    mesh: TetMesh,
    smoothness: Smoothness | None = None,
    *,
    every: int = 1,
) -> Motion:
    """Return the motion of a mesh's nodes from tagged images, short-axis and long-axis together.

    In the first frame nothing has moved: the motion is that of the frames after it. What no slice
    shows, as the apex's turn below the lowest one, is believed to go on as smoothly as elsewhere.

    Parameters
    ----------
    series
        With the same frame times. Stripes of one plane tell nothing across it: without a second
        plane the motion across is as uncertain as the prior.
    mesh
        The wall at the R wave.
    smoothness
        None: `FINE`, so that what the field cannot follow is less than what it does not know.
    every
        How many frames are gone through for one that is fitted; turns are followed in all.

    Raises
    ------
    InputError
        If the series are of several courses, or show too little of the wall.
    ConvergenceError
        If the field does not settle.
    """
    chosen = smoothness or FINE
    times = series[0].times
    for one in series:
        if one.times.shape != times.shape or not np.allclose(one.times, times):
            msg = (
                "Tagged series that are read together must have the same frame times, found "
                f"{np.round(times, 3).tolist()} and {np.round(one.times, 3).tolist()} s. "
                "Give series of one protocol, or read each by itself."
            )
            raise InputError(msg)
    believed = Believed(wall=wall_of(mesh, chosen), remainder=REMAINDER)
    phases = [_start_phases(one) for one in series]
    harmonics = [_harmonics(one) for one in series]
    field = np.zeros((len(chosen.spread()), 3))
    means, covariances, learned = [], [], []
    frames = list(range(every, len(times), every))
    for t in frames:
        pixels = [
            _pixels(one, t, start, harmonic[t])
            for one, start, harmonic in zip(series, phases, harmonics, strict=True)
        ]
        found, covariance, believed = _frame(believed, pixels, field)
        field = found.field
        means.append(field)
        covariances.append(covariance)
        learned.append(believed.wall.smoothness)
    return Motion(
        times=times[frames],
        basis=node_basis(mesh, chosen),
        coefficients=np.stack(means),
        covariance=np.stack(covariances),
        source="tagged images",
        smoothness=tuple(learned),
    )


def _frame(
    believed: Believed, pixels: Sequence[Pixels], field: Float[np.ndarray, "terms 3"]
) -> tuple[Linear, Float[np.ndarray, "unknowns unknowns"], Believed]:
    """Return a frame's field, its covariance and what it makes believe.

    Starts from the field of the frame before, and from what that made believe. The covariance is
    what noise and smoothness leave unknown, and besides how much the field hangs on each slice.
    """
    first = harmonic_field(believed.wall, pixels, field)
    for _ in range(BELIEVED):
        fit = _fitted(believed, pixels, first)
        first, believed = fit.found.field, learnt(believed, fit.found, fit.again)
    fit = _fitted(believed, pixels, first)
    found, whole = fit.found, fit.found.square + fit.found.known(believed.wall)
    covariance = np.linalg.inv(whole) + np.outer(fit.step, fit.step)
    return found, covariance + spread_without(*by_slice(fit.images, found), whole), believed


@dataclass(frozen=True, kw_only=True, eq=False)
class _Fit:
    """A field, the images that it was read in, the step left, and how else they may be read."""

    found: Linear
    images: Sequence[Image]
    step: Float[np.ndarray, " unknowns"]
    again: Reread


def _fitted(
    believed: Believed, pixels: Sequence[Pixels], field: Float[np.ndarray, "terms 3"]
) -> _Fit:
    """Return the field from one that is near."""
    inside = _inside(believed.wall, pixels, field)
    place, seen = (np.concatenate([getattr(one, name) for one in inside]) for name in NEAR)
    now = material_of(believed.wall, place, field, seen)
    images = images_of(inside, believed.remainder, now)
    read = partial(stripe_rows, images)
    found, step = fit_field(believed.wall, place, read, field, now.back, settled=SETTLED)

    def again(wall: Wall, remainder: Remainder) -> Linear:
        images = images_of(inside, remainder, found.material)
        return about(wall, place, partial(stripe_rows, images), found.field, found.material)

    return _Fit(found=found, images=images, step=step, again=again)


def _inside(
    wall: Wall, pixels: Sequence[Pixels], field: Float[np.ndarray, "terms 3"]
) -> list[Pixels]:
    """Return the pixels that a field says come from the wall."""
    inside = [
        one.chosen(material_of(wall, one.place, field, one.seen).beyond < BEYOND) for one in pixels
    ]
    count = sum(len(one.place) for one in inside)
    if count < FEWEST:
        msg = (
            f"Only {count} of {sum(len(one.place) for one in pixels)} pixels with stripes come "
            "from the wall. Give the wall of the same heart, at the R wave, and the affine."
        )
        raise InputError(msg)
    return inside


def _harmonics(series: Stripes) -> list[Float[np.ndarray, "i j k 2"]]:
    """Return by frame the displacement along the waves, rad; NaN where it is not told."""
    steps = spacing(series.affine)
    maps = tagged_motion(
        series.images,
        series.known,
        series.waves,
        (float(steps[0]), float(steps[1])),
        noise_sd=series.noise_sd,
    )
    names = ("displacement_x", "displacement_y")
    return [
        np.stack([one.values[name] for name in names], axis=-1) @ series.waves.T for one in maps
    ]


def _start_phases(series: Stripes) -> Float[np.ndarray, "2"]:
    """Return the phases of the stripes at the first pixel, from the first frame, rad."""
    first = _pixels(series, 0, np.zeros(2), np.zeros(series.images.shape[1:]))
    slow = slow_terms(first.flat, first.group)
    found = []
    for number, wave in enumerate(series.waves):
        phase = first.flat @ wave
        columns = np.column_stack([slow, np.cos(phase), -np.sin(phase)])
        even, odd = np.linalg.lstsq(columns, first.values[:, number], rcond=None)[0][-2:]
        found.append(np.arctan2(odd, even))
    return np.array(found)


def _pixels(
    series: Stripes,
    t: int,
    start: Float[np.ndarray, "2"],
    harmonic: Float[np.ndarray, "i j k 2"],
) -> Pixels:
    inside = series.known[t] & np.isfinite(series.images[t]).all(axis=-1)
    index = np.argwhere(inside)
    if len(index) < FEWEST:
        msg = (
            f"Only {len(index)} pixels of a tagged frame at {series.times[t]:.3g} s are wall. "
            "Give the wall's voxels in every frame."
        )
        raise InputError(msg)
    return Pixels(
        place=index @ series.affine[:3, :3].T + series.affine[:3, 3],
        flat=index[:, :2] * spacing(series.affine)[:2],
        values=series.images[t][inside],
        group=index[:, 2],
        noise_sd=series.noise_sd,
        waves=series.waves @ series.axes[:, :2].T,
        origin=series.affine[:3, 3],
        start=start,
        harmonic=harmonic[inside],
    )


__all__ = ["Stripes", "motion_from_stripes", "stripes_of"]
