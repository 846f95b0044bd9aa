"""Flows of known truth, and what phase contrast makes of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from exact_flows import womersley

from cardiotwin.geometry.cavity.disc import cut_disc
from cardiotwin.geometry.regions import Region, boundary, oriented
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.domain import FluidDomain
from cardiotwin.haemodynamics.projection import Projection
from cardiotwin.imaging.phase_contrast import (
    BoxAverage,
    FlowSeries,
    VelocitySignal,
    VoxelGrid,
    encodings,
    frame_window,
)
from cardiotwin.imaging.signal import REFERENCE_ENCODING
from cardiotwin.measurement.flow import Lumen
from cardiotwin.measurement.flow.lumen import sampling

FRAMES, PERIOD, PER_FRAME = 16, 0.8, 3
WALLWARD = 0.6  # share by which edges are shorter at the wall, where the boundary layer is
TISSUE = 0.5  # brightness beside the blood
FLUID = Fluid()
PIPE, SHORT = 12e-3, 24e-3  # m
WAVES = ((1, 1500.0), (2, 500.0))  # harmonics and pressure gradients, Pa/m
STEADY = 30.0  # Pa/m
VESSEL, LENGTH, THROAT, NARROW, TIGHT = 10e-3, 80e-3, 26e-3, 24e-3, 0.4  # m, of the radius
SEEN = (10e-3, 46e-3)  # m, of the stenosis
STEPS = 4 * FRAMES * PER_FRAME
INSIDE = 1e-6  # m from a vessel's ends, where its pressure is told

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
    ends
        Two places by frame, m.
    drop
        Pressure at the first less that at the second by frame, Pa.
    """

    grid: VoxelGrid
    per_edge: int
    at: Callable[[int], tuple[Field, Field]]
    lumen: Lumen
    axis: np.ndarray
    ends: np.ndarray
    drop: np.ndarray


def moments() -> tuple[np.ndarray, np.ndarray]:
    """Return the moments' shares of the beat and their weights in the frames."""
    return frame_window(FRAMES, 1.0, PER_FRAME)


def scan(
    truth: Truth, venc: float, snr: float, rng: np.random.Generator
) -> tuple[FlowSeries, np.ndarray, np.ndarray]:
    """Return the series, each voxel's share of blood, and the blood's mean velocity, by frame."""
    shares, window = moments()
    encoding = encodings(venc, np.array(REFERENCE_ENCODING))
    average = BoxAverage(per_edge=truth.per_edge)
    shape = truth.grid.shape
    signal = np.zeros((*shape, FRAMES, len(encoding)), dtype=complex)
    share, mean = np.zeros((*shape, FRAMES)), np.zeros((*shape, FRAMES, 3))
    for m in range(len(shares)):
        blood, velocity = truth.at(m)
        model = VelocitySignal(
            average=average,
            encoding=encoding,
            brightness=np.where(blood, 1.0, TISSUE)[..., None],
            window=np.ones((1, 1)),
            background=np.zeros((1, 1, 1, 1, len(encoding))),
        )
        frame = int(np.flatnonzero(window[:, m])[0])
        signal[..., frame, :] += (
            window[frame, m] * model.forward(velocity[:, :, :, None])[..., 0, :]
        )
        if m % PER_FRAME == PER_FRAME // 2:  # the frame's middle
            share[..., frame] = average.forward(blood.astype(float))
            total = average.forward(velocity * blood[..., None])
            mean[..., frame, :] = total / np.maximum(share[..., frame, None], 1e-9)
    noise = rng.standard_normal((2, *signal.shape)) / snr
    series = FlowSeries(
        signal=signal + noise[0] + 1j * noise[1],
        grid=truth.grid,
        encoding=encoding,
        times=np.arange(FRAMES) * PERIOD / FRAMES,
        period=PERIOD,
        noise_sd=1 / snr,
    )
    return series, share, mean


def vessel(
    radius: Callable[[np.ndarray], np.ndarray], low: float, high: float, edge: float
) -> Region:
    """Return a round vessel along z between two heights, edges as shares of its radius there."""
    disc = cut_disc((), edge)
    reach = np.hypot(*disc.points.T)[:, None]
    across = disc.points * (1 + WALLWARD * (1 - reach))
    n_disc = len(across)
    wide = float(radius(np.array([low]))[0])
    heights = np.linspace(low, high, max(round((high - low) / (edge * wide)), 3) + 1)
    points = np.concatenate(
        [
            np.column_stack([float(radius(np.array([h]))[0]) * across, np.full(n_disc, h)])
            for h in heights
        ]
    )
    a, b, c = np.sort(disc.triangles, axis=1).T
    prism = np.concatenate(
        [
            np.stack([a, b, c, a + n_disc], axis=1),
            np.stack([b, c, a + n_disc, b + n_disc], axis=1),
            np.stack([c, a + n_disc, b + n_disc, c + n_disc], axis=1),
        ]
    )
    cells = oriented(points, np.concatenate([prism + k * n_disc for k in range(len(heights) - 1)]))
    sides = boundary(cells)
    z = points[sides, 2]
    ends = (z == heights[0]).all(axis=1), (z == heights[-1]).all(axis=1)
    facets = {
        "inlet": sides[ends[0]],
        "outlet": sides[ends[1]],
        "wall": sides[~ends[0] & ~ends[1]],
    }
    return Region(points=points, cells=cells, facets=facets)


def resting(region: Region) -> Lumen:
    """Return a vessel's lumen."""
    wall, end = (np.zeros(len(region.points), dtype=bool) for _ in range(2))
    wall[region.facets["wall"]] = True
    end[region.facets["inlet"]] = end[region.facets["outlet"]] = True
    return Lumen(
        positions=region.points[None],
        cells=region.cells,
        wall=wall,
        open=end & ~wall,
        wall_velocity=np.zeros((1, len(region.points), 3)),
    )


def around(low: np.ndarray, high: np.ndarray, voxel: float, margin: int) -> VoxelGrid:
    """Return a grid over a box, m, with a margin of voxels across the third axis."""
    size = np.ceil((high - low) / voxel - 1e-9).astype(int)
    size += np.array([2 * margin, 2 * margin, 0])
    affine = np.diag([voxel, voxel, voxel, 1.0])
    middle = (low + high) / 2 + voxel * np.array([0.15, -0.1, 0.0])  # off the axis of symmetry
    affine[:3, 3] = middle - voxel * (size - 1) / 2
    return VoxelGrid(shape=(int(size[0]), int(size[1]), int(size[2])), affine=affine)


def pipe(voxel: float, edge: float) -> Truth:
    """Return Womersley's flow: a steady part and two harmonics."""
    grid = around(np.array([-PIPE, -PIPE, 0]), np.array([PIPE, PIPE, SHORT]), voxel, 2)
    places = grid.finer(4).points()
    radius = np.hypot(places[..., 0], places[..., 1])
    blood, ring = radius < PIPE, radius[:, :, 0]
    shares = moments()[0]

    def at(m: int) -> tuple[Field, Field]:
        along = STEADY / (4 * FLUID.viscosity) * (PIPE**2 - ring**2)
        for n, gradient in WAVES:
            along = along + womersley(
                np.minimum(ring, PIPE).ravel(),
                float(shares[m] * PERIOD),
                gradient=gradient,
                rate=2 * np.pi * n / PERIOD,
                pipe=PIPE,
                density=FLUID.density,
                viscosity=FLUID.viscosity,
            ).reshape(ring.shape)
        velocity = np.zeros((*places.shape[:3], 3))
        velocity[..., 2] = (along * (ring < PIPE))[:, :, None]
        return blood, velocity

    turns = 2 * np.pi * np.arange(FRAMES) / FRAMES
    waves = np.sum([g * np.cos(n * turns) for n, g in WAVES], axis=0)
    drop = SHORT * (STEADY + waves)
    lumen = resting(vessel(lambda z: np.full_like(z, PIPE), 0.0, SHORT, edge))
    return _along(grid, at, lumen, (0.0, SHORT), drop)


def throat(z: np.ndarray) -> np.ndarray:
    """Return the radius of the narrowed vessel, m."""
    bump = 0.5 * (1 + np.cos(2 * np.pi * np.clip((z - THROAT) / NARROW, -0.5, 0.5)))
    return np.asarray(VESSEL * (1 - TIGHT * bump))


def stenosis(voxel: float, edge: float) -> Truth:
    """Return a pulse through a narrowing, by the house's own solver on a mesh of its own."""
    region = vessel(throat, 0.0, LENGTH, 0.2)  # sections every 2 mm, at the ends of what is seen
    flow = Projection(
        FluidDomain(region), FLUID, PERIOD / STEPS, walls=("inlet", "wall"), openings=("outlet",)
    )
    ring = np.hypot(*region.points[:, :2].T) / VESSEL
    profile = np.where(region.points[:, 2] == 0, np.maximum(1 - ring**4, 0), 0.0)
    profile[region.facets["wall"]] = 0.0
    kept, drops = [], []
    heights = np.unique(region.points[:, 2])
    ends = [region.points[:, 2] == heights[np.abs(heights - h).argmin()] for h in SEEN]
    for k in range(2 * STEPS):
        phase = 2 * np.pi * ((k + 1) / STEPS)
        speed = 0.12 + 0.1 * np.cos(phase - 1.5) + 0.04 * np.cos(2 * phase - 2.0)
        flow.step(speed * profile[:, None] * [0, 0, 1.0])
        if k >= STEPS:
            kept.append(flow.velocity.copy())
            drops.append(flow.pressure[ends[0]].mean() - flow.pressure[ends[1]].mean())
    low, high = np.array([-VESSEL, -VESSEL, SEEN[0]]), np.array([VESSEL, VESSEL, SEEN[1]])
    grid = around(low, high, voxel, 2)
    fine = grid.finer(4)
    matrix = sampling(region.points, region.cells, fine)
    blood = (np.diff(matrix.indptr) > 0).reshape(fine.shape)
    steps = np.round(moments()[0] * STEPS).astype(int) - 1

    def at(m: int) -> tuple[Field, Field]:
        return blood, (matrix @ kept[steps[m] % STEPS]).reshape(*fine.shape, 3)

    frames = np.array([drops[round(f * STEPS / FRAMES) - 1] for f in range(FRAMES)])
    lumen = resting(vessel(throat, SEEN[0], SEEN[1], edge))
    return _along(grid, at, lumen, SEEN, frames)


def _along(
    grid: VoxelGrid,
    at: Callable[[int], tuple[Field, Field]],
    lumen: Lumen,
    seen: tuple[float, float],
    drop: np.ndarray,
) -> Truth:
    """Return the truth of a vessel along z, seen between two heights."""
    axis = np.array([0, 0, 1.0])
    ends = np.outer([seen[0] + INSIDE, seen[1] - INSIDE], axis)
    return Truth(
        grid=grid,
        per_edge=4,
        at=at,
        lumen=lumen,
        axis=axis,
        ends=np.broadcast_to(ends, (FRAMES, 2, 3)),
        drop=drop,
    )


__all__ = [
    "FLUID",
    "FRAMES",
    "PERIOD",
    "STEPS",
    "TISSUE",
    "Field",
    "Truth",
    "around",
    "moments",
    "pipe",
    "scan",
    "stenosis",
]
