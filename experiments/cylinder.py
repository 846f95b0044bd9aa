"""Flow round a cylinder in a channel: the DFG benchmark, steady (2D-1) and in a surge (2D-3).

`python experiments/cylinder.py case=2D-1|2D-3 [scheme=projection|monolithic] [edge=0.01]
[finest=0.002] [time_step=0.005] [output=folder]`

Schaefer & Turek (1996), Notes Num Fluid Mech 52:547-566. Reference: 2D-1 drag 5.5795, lift
0.010619, pressure difference 0.11752; 2D-3 largest drag 2.9509, largest lift 0.47795, last
pressure difference -0.1116. Forces are read as reactions (the residual at the cylinder's nodes).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from experiment import run
from jaxtyping import Float
from scipy.spatial import Delaunay, cKDTree

from cardiotwin.errors import InputError
from cardiotwin.geometry.regions import Region, boundary, oriented
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.domain import FluidDomain
from cardiotwin.haemodynamics.monolithic import Monolithic
from cardiotwin.haemodynamics.projection import BDF1, BDF2, Projection

LENGTH, HEIGHT, CENTRE, RADIUS = 2.2, 0.41, (0.2, 0.2), 0.05
FLUID = Fluid(density=1.0, viscosity=1e-3)
SPEEDS = {"2D-1": 0.3, "2D-3": 1.5}  # m/s, largest at the inlet
STEADY, SURGE = 10.0, 8.0  # s
START = 0.5  # s, over which the steady inflow begins
FRINGE = 0.14  # m: up to here the nodes lie on rings
GROWTH = 1.15  # of the rings' distances
REGULAR = 4  # rings of equally many nodes: like cells all round keep the wall's pressure smooth
ROUNDS = 20  # of smoothing

WALLS = ("inlet", "cylinder", "wall")

Points = Float[np.ndarray, "points 2"]
Step = tuple[Float[np.ndarray, "2"], Float[np.ndarray, " points"]]  # force, N/m, and pressures, Pa


@dataclass(frozen=True, kw_only=True)
class Options:
    case: str = "2D-1"
    scheme: str = "projection"
    edge: float = 0.01  # m
    finest: float = 0.002  # m, at the cylinder
    time_step: float = 0.005
    output: str = "outputs/cylinder"


def channel(edge: float, finest: float) -> Region:
    """Return the channel cut into triangles that grow from `finest`, m, at the cylinder on."""
    rings = _rings(edge, finest)
    n_long, n_high = round(LENGTH / edge), round(HEIGHT / edge)
    x, y = np.linspace(0, LENGTH, n_long + 1), np.linspace(0, HEIGHT, n_high + 1)
    sides = [np.stack([x, np.full_like(x, h)], axis=1) for h in (0.0, HEIGHT)]
    sides += [np.stack([np.full_like(y[1:-1], e), y[1:-1]], axis=1) for e in (0.0, LENGTH)]
    fixed = np.concatenate([rings, *sides])
    rows = np.arange(0, HEIGHT, edge * np.sqrt(3) / 2)
    lattice = np.concatenate(
        [
            np.stack([x[:-1] + edge / 2 * (k % 2), np.full(n_long, h)], axis=1)
            for k, h in enumerate(rows)
        ]
    )
    clear = cKDTree(fixed).query(lattice)[0] > 0.65 * edge
    clear &= np.hypot(*(lattice - CENTRE).T) > np.hypot(*(rings - CENTRE).T).max()
    points = np.concatenate([fixed, lattice[clear]])
    for _ in range(ROUNDS):
        points = _smoothed(points, Delaunay(points).simplices, len(fixed))
    triangles = Delaunay(points).simplices.astype(np.int64)
    middle = points[triangles].mean(axis=1)
    cells = oriented(points, triangles[np.hypot(*(middle - CENTRE).T) > RADIUS])
    edges = boundary(cells)
    ends = points[edges]
    names = {
        "inlet": (ends[:, :, 0] < 1e-9).all(axis=1),
        "outlet": (ends[:, :, 0] > LENGTH - 1e-9).all(axis=1),
        "cylinder": (np.hypot(*(ends - CENTRE).transpose(2, 0, 1)) < RADIUS + 1e-9).all(axis=1),
    }
    rest = ~np.any(list(names.values()), axis=0)
    facets = {name: edges[chosen] for name, chosen in (names | {"wall": rest}).items()}
    return Region(points=points, cells=cells, facets=facets)


def _rings(edge: float, finest: float) -> Points:
    """Return the nodes round the cylinder, every other ring turned by half a cell."""
    radii, sizes = [RADIUS], [finest]
    while radii[-1] + sizes[-1] < FRINGE:
        radii.append(radii[-1] + np.sqrt(3) / 2 * sizes[-1])
        sizes.append(min(GROWTH * sizes[-1], edge))
    rings = []
    for k, (radius, size) in enumerate(zip(radii, sizes, strict=True)):
        across = finest * radius / RADIUS if k < REGULAR else size
        count = 2 * round(np.pi * radius / across)
        angle = 2 * np.pi * (np.arange(count) + k % 2 / 2) / count
        rings.append(CENTRE + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return np.concatenate(rings)


def _smoothed(points: Points, triangles: np.ndarray, n_fixed: int) -> Points:
    total, number = np.zeros_like(points), np.zeros(len(points))
    for a, b in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)):
        np.add.at(total, triangles[:, a], points[triangles[:, b]])
        np.add.at(number, triangles[:, a], 1.0)
    moved = points.copy()
    moved[n_fixed:] = total[n_fixed:] / number[n_fixed:, None]
    return moved


def reaction(region: Region, flow: Projection, rate: Points) -> Float[np.ndarray, "2"]:
    """Return the force on the cylinder per depth, N/m: minus the residual of its nodes."""
    on = np.zeros(len(region.points))
    on[np.unique(region.facets["cylinder"])] = 1.0
    cells = region.cells[on[region.cells].any(axis=1)]
    corners, share = region.points[cells], on[cells]
    u, p = flow.velocity[cells], flow.pressure[cells]
    edges = corners[:, 1:] - corners[:, :1]
    area = np.abs(np.linalg.det(edges)) / 2
    slope = np.linalg.solve(edges, u[:, 1:] - u[:, :1]).transpose(0, 2, 1)
    weight = np.linalg.solve(edges, (share[:, 1:] - share[:, :1])[..., None])[..., 0]
    inertia = np.einsum("cij,cj->ci", slope, u.mean(axis=1)) + rate[cells].mean(axis=1)
    stress = FLUID.viscosity * np.einsum("cij,cj->ci", slope, weight)
    stress -= p.mean(axis=1)[:, None] * weight
    force = area @ (FLUID.density * share.mean(axis=1)[:, None] * inertia + stress)
    return np.asarray(-force)


def inflow(options: Options, points: Points, level: float) -> Points:
    """Return the velocity that is given at places: the parabola at the inlet, none elsewhere."""
    x, y = points.T
    fastest = SPEEDS[options.case] * level
    given = np.zeros_like(points)
    given[:, 0] = np.where(x < 1e-9, 4 * fastest * y * (HEIGHT - y) / HEIGHT**2, 0.0)
    return given


def projected(options: Options, region: Region, levels: Sequence[float]) -> Iterator[Step]:
    """Yield force and pressures of each step by the house's scheme, linear in both fields."""
    flow = Projection(
        FluidDomain(region), FLUID, options.time_step, walls=WALLS, openings=["outlet"]
    )
    flow.start(np.zeros_like(region.points), np.zeros(len(region.points)))
    last = before = flow.velocity
    for k, level in enumerate(levels):
        flow.step(inflow(options, region.points, level))
        now, back, far = BDF2 if k else BDF1
        rate = (now * flow.velocity + back * last + far * before) / options.time_step
        last, before = flow.velocity, last
        yield reaction(region, flow, rate), flow.pressure


def together(options: Options, region: Region, levels: Sequence[float]) -> Iterator[Step]:
    """Yield the same by quadratic velocities and linear pressures in one system per step."""
    flow = Monolithic(
        FluidDomain(region), FLUID, options.time_step, walls=WALLS, openings=["outlet"]
    )
    flow.start(np.zeros_like)
    for level in levels:
        flow.step(partial(inflow, options, level=level))
        yield flow.force_on("cylinder"), flow.pressure


SCHEMES = {"projection": projected, "monolithic": together}


def benchmark(options: Options) -> Mapping[str, float]:
    """Return drag, lift and pressure difference as the benchmark defines them."""
    for name, known in (("case", SPEEDS), ("scheme", SCHEMES)):
        if getattr(options, name) not in known:
            found = getattr(options, name)
            msg = f"{name} must be {' or '.join(known)}, found {found!r}. Name one of them."
            raise InputError(msg)
    if not 0.004 <= options.edge <= 0.05 or not 0 < options.time_step <= 0.5:
        msg = (
            f"edge must be 0.004 to 0.05 m and time_step up to 0.5 s, found edge={options.edge:g} "
            f"time_step={options.time_step:g}."
        )
        raise InputError(msg)
    surge, fastest = options.case == "2D-3", SPEEDS[options.case]
    began = time.process_time()
    region = channel(options.edge, options.finest)
    scale = 2 / (FLUID.density * (2 / 3 * fastest) ** 2 * 2 * RADIUS)
    tips = cKDTree(region.points).query([(0.15, 0.2), (0.25, 0.2)])[1]
    n_steps = round((SURGE if surge else STEADY) / options.time_step)
    times = options.time_step * np.arange(1, n_steps + 1)
    levels = np.sin(np.pi * times / SURGE) if surge else np.minimum(times / START, 1.0)
    table = np.array(
        [
            [*(scale * force), float(pressure[tips[0]] - pressure[tips[1]])]
            for force, pressure in SCHEMES[options.scheme](options, region, levels.tolist())
        ]
    )
    drag, lift, difference = table.max(axis=0) if surge else table[-1]
    return {
        "drag": float(drag),
        "lift": float(lift),
        "pressure_difference": float(table[-1, 2] if surge else difference),
        "cells": len(region.cells),
        "steps": n_steps,
        "cpu_s": time.process_time() - began,
    }


if __name__ == "__main__":
    run(Options, benchmark)
