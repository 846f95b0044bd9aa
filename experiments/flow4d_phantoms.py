"""Flows of known truth, and what phase contrast makes of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.imaging.phase_contrast import (
    BoxAverage,
    FlowSeries,
    VelocitySignal,
    VoxelGrid,
    encodings,
    frame_window,
    monomials,
)
from cardiotwin.imaging.signal import REFERENCE_ENCODING
from cardiotwin.measurement.flow import Lumen

FRAMES, PERIOD, PER_FRAME = 24, 0.8, 3
TISSUE = 0.5  # brightness beside the blood
FLUID = Fluid()

Field = np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """A flow at the moments that a series averages.

    Parameters
    ----------
    grid, per_edge
        Voxels, and samples along an edge.
    at
        By the moment's number: where there is blood, and the samples' velocities, m/s.
    lumen
        In which it is looked for, cut anew.
    axis
        Along which it flows.
    difference
        From pressures at the lumen's nodes to that at one end less that at the other, by frame.
    drop
        The true one, Pa.
    period
        Of the beat, s.
    """

    grid: VoxelGrid
    per_edge: int
    at: Callable[[int], tuple[Field, Field]]
    lumen: Lumen
    axis: np.ndarray
    difference: Callable[[Field], np.ndarray]
    drop: np.ndarray
    period: float = PERIOD


def moments() -> tuple[np.ndarray, np.ndarray]:
    """Return the moments' shares of the beat and their weights in the frames."""
    return frame_window(FRAMES, 1.0, PER_FRAME)


def scan(
    truth: Truth, venc: float, snr: float, rng: np.random.Generator, *, background: float = 0.0
) -> tuple[FlowSeries, np.ndarray, np.ndarray]:
    """Return the series, each voxel's share of blood, and the blood's mean velocity, by frame.

    `background` is the largest phase, rad, of a polynomial of order 2 by encoding.
    """
    encoding = encodings(venc, np.array(REFERENCE_ENCODING))
    signal, share, mean = _still(truth, venc)
    if background > 0:
        terms = monomials(truth.grid, 2)
        phase = terms @ rng.standard_normal((terms.shape[-1], len(encoding)))
        phase *= background / np.abs(phase).max(axis=(0, 1, 2))
        signal = signal * np.exp(1j * phase)[..., None, :]
    noise = rng.standard_normal((2, *signal.shape)) / snr
    series = FlowSeries(
        signal=signal + noise[0] + 1j * noise[1],
        grid=truth.grid,
        encoding=encoding,
        times=np.arange(FRAMES) * truth.period / FRAMES,
        period=truth.period,
        noise_sd=1 / snr,
        window=1.0,
    )
    return series, share, mean


@lru_cache(maxsize=1)
def _still(truth: Truth, venc: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the images without noise, the share of blood and its mean velocity."""
    shares, window = moments()
    encoding = encodings(venc, np.array(REFERENCE_ENCODING))
    average = BoxAverage(per_edge=truth.per_edge)
    shape = truth.grid.shape
    signal = np.zeros((*shape, FRAMES, len(encoding)), dtype=complex)
    share, mean = np.zeros((*shape, FRAMES)), np.zeros((*shape, FRAMES, 3))
    for m in range(len(shares)):
        blood, velocity = truth.at(m)
        filled = average.forward(blood.astype(float))
        touched = filled > 0  # all others are tissue alone
        inside, moving = (_alone(each, touched, truth.per_edge) for each in (blood, velocity))
        model = VelocitySignal(
            average=average,
            encoding=encoding,
            brightness=np.where(inside, 1.0, TISSUE)[..., None],
            window=np.ones((1, 1)),
            background=np.zeros((1, 1, 1, 1, len(encoding))),
        )
        frame = int(np.flatnonzero(window[:, m])[0])
        seen = np.full((*shape, len(encoding)), TISSUE, dtype=complex)
        seen[touched] = model.forward(moving[:, :, :, None])[:, 0, 0, 0]
        signal[..., frame, :] += window[frame, m] * seen
        if m % PER_FRAME == PER_FRAME // 2:  # the frame's middle
            share[..., frame] = filled
            total = average.forward(moving * inside[..., None])[:, 0, 0]
            mean[touched, frame] = total / filled[touched, None]
    return signal, share, mean


def _alone(field: Field, voxels: np.ndarray, per_edge: int) -> Field:
    """Return the samples of some voxels, each after the other, as a grid one voxel wide."""
    i, j, k = voxels.shape
    n = per_edge
    split = field.reshape(i, n, j, n, k, n, *field.shape[3:])
    chosen = split.transpose(0, 2, 4, 1, 3, 5, *range(6, split.ndim))[voxels]
    return np.asarray(chosen.reshape(len(chosen) * n, n, n, *field.shape[3:]))


def around(low: np.ndarray, high: np.ndarray, voxel: float, margin: int) -> VoxelGrid:
    """Return a grid over a box, m, with a margin of voxels across the third axis."""
    size = np.ceil((high - low) / voxel - 1e-9).astype(int)
    size += np.array([2 * margin, 2 * margin, 0])
    affine = np.diag([voxel, voxel, voxel, 1.0])
    middle = (low + high) / 2 + voxel * np.array([0.15, -0.1, 0.0])  # off the axis of symmetry
    affine[:3, 3] = middle - voxel * (size - 1) / 2
    return VoxelGrid(shape=(int(size[0]), int(size[1]), int(size[2])), affine=affine)


__all__ = ["FLUID", "FRAMES", "PERIOD", "TISSUE", "Field", "Truth", "around", "moments", "scan"]
