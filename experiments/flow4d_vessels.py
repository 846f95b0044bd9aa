"""Flows of known truth in round vessels: a pulse in a pipe, and through a narrowing."""

from collections.abc import Callable

import numpy as np
from exact_flows import womersley
from flow4d_phantoms import FLUID, FRAMES, PER_FRAME, PERIOD, Field, Truth, around, moments

from cardiotwin.geometry.cavity.disc import cut_disc
from cardiotwin.geometry.regions import Region, boundary, cell_sizes, oriented
from cardiotwin.haemodynamics.domain import FluidDomain
from cardiotwin.haemodynamics.projection import Projection
from cardiotwin.imaging.phase_contrast import VoxelGrid
from cardiotwin.measurement.flow import Lumen
from cardiotwin.measurement.flow.lumen import sampling

WALLWARD = 0.6  # share by which edges are shorter at the wall, where the boundary layer is
PIPE, SHORT = 12e-3, 24e-3  # m
WAVES = ((1, 1500.0), (2, 500.0))  # harmonics and pressure gradients, Pa/m
STEADY = 30.0  # Pa/m
VESSEL, LENGTH, THROAT, NARROW, TIGHT = 10e-3, 80e-3, 26e-3, 24e-3, 0.4  # m, of the radius
SEEN = (10e-3, 46e-3)  # m, of the stenosis
STEPS = 6 * FRAMES * PER_FRAME
BEATS = 3  # until the narrowing's pressures repeat
FINE, DENSE, SPARSE = 0.14, 1e-3, 2e-3  # of the radius, m, m: where it is seen, and behind


def vessel(radius: Callable[[np.ndarray], np.ndarray], heights: np.ndarray, edge: float) -> Region:
    """Return a round vessel along z with sections at heights, m, cut by an edge of its radius."""
    disc = cut_disc((), edge)
    reach = np.hypot(*disc.points.T)[:, None]
    across = disc.points * (1 + WALLWARD * (1 - reach))
    n_disc = len(across)
    points = np.concatenate(
        [
            np.column_stack([wide * across, np.full(n_disc, h)])
            for wide, h in zip(radius(heights), heights, strict=True)
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


def even(low: float, high: float, edge: float) -> np.ndarray:
    """Return heights about an edge apart, m."""
    return np.linspace(low, high, max(round((high - low) / edge), 3) + 1)


def over_section(region: Region, pressure: Field, height: float) -> np.ndarray:
    """Return the mean over a vessel's section, by area, of pressures with nodes last."""
    first = region.points[:, 2] == region.points[0, 2]
    triangles = region.facets["inlet"]
    share = np.abs(cell_sizes(region.points[:, :2], triangles)) / 3
    weights = np.bincount(triangles.ravel(), np.repeat(share, 3), minlength=int(first.sum()))
    heights = region.points[:: len(weights), 2]
    nodes = np.abs(heights - height).argmin() * len(weights) + np.arange(len(weights))
    return np.asarray(pressure[..., nodes] @ weights / weights.sum())


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
    region = vessel(lambda z: np.full_like(z, PIPE), even(0, SHORT, edge * PIPE), edge)
    return _along(grid, at, region, drop)


def throat(z: np.ndarray) -> np.ndarray:
    """Return the radius of the narrowed vessel, m."""
    bump = 0.5 * (1 + np.cos(2 * np.pi * np.clip((z - THROAT) / NARROW, -0.5, 0.5)))
    return np.asarray(VESSEL * (1 - TIGHT * bump))


def stenosis(voxel: float, edge: float) -> Truth:
    """Return a pulse through a narrowing, by the house's own solver on a finer mesh."""
    behind = SEEN[1] + 4 * DENSE
    region = vessel(
        throat, np.concatenate([even(0, behind, DENSE), even(behind, LENGTH, SPARSE)[1:]]), FINE
    )
    flow = Projection(
        FluidDomain(region),
        FLUID,
        PERIOD / STEPS,
        walls=("inlet", "wall"),
        openings=("outlet",),
        tolerance=1e-6,
    )
    ring = np.hypot(*region.points[:, :2].T) / VESSEL
    profile = np.where(region.points[:, 2] == 0, np.maximum(1 - ring**4, 0), 0.0)
    profile[region.facets["wall"]] = 0.0
    kept, drops = [], []
    for k in range(BEATS * STEPS):
        phase = 2 * np.pi * ((k + 1) / STEPS)
        speed = 0.12 + 0.1 * np.cos(phase - 1.5) + 0.04 * np.cos(2 * phase - 2.0)
        flow.step(speed * profile[:, None] * [0, 0, 1.0])
        if k >= (BEATS - 1) * STEPS:
            kept.append(flow.velocity.astype(np.float32))
            sections = [over_section(region, flow.pressure, height) for height in SEEN]
            drops.append(sections[0] - sections[1])
    low, high = np.array([-VESSEL, -VESSEL, SEEN[0]]), np.array([VESSEL, VESSEL, SEEN[1]])
    grid = around(low, high, voxel, 2)
    fine = grid.finer(4)
    matrix = sampling(region.points, region.cells, fine)
    blood = (np.diff(matrix.indptr) > 0).reshape(fine.shape)
    steps = np.round(moments()[0] * STEPS).astype(int) - 1

    def at(m: int) -> tuple[Field, Field]:
        return blood, (matrix @ kept[steps[m] % STEPS]).reshape(*fine.shape, 3)

    frames = np.array([drops[round(f * STEPS / FRAMES) - 1] for f in range(FRAMES)])
    return _along(grid, at, vessel(throat, even(*SEEN, edge * VESSEL), edge), frames)


def _along(
    grid: VoxelGrid,
    at: Callable[[int], tuple[Field, Field]],
    region: Region,
    drop: np.ndarray,
) -> Truth:
    """Return the truth of a vessel along z, looked for in a region of it."""
    ends = region.points[[0, -1], 2]

    def difference(pressure: Field) -> np.ndarray:
        first, last = (over_section(region, pressure, end) for end in ends)
        return np.asarray(first - last)

    return Truth(
        grid=grid,
        per_edge=4,
        at=at,
        lumen=resting(region),
        axis=np.array([0, 0, 1.0]),
        difference=difference,
        drop=drop,
    )


__all__ = ["even", "over_section", "pipe", "stenosis", "vessel"]
