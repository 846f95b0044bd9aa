"""A closed leaflet as a resistive surface: what it holds, and that nothing moves beside it."""

import numpy as np
import pytest
from scipy.spatial import Delaunay

from cardiotwin.errors import InputError
from cardiotwin.geometry.regions import Region, boundary, oriented
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.domain import FluidDomain
from cardiotwin.haemodynamics.immersed import ResistiveSurface
from cardiotwin.haemodynamics.projection import Projection

LENGTH, HEIGHT, EDGE = 40e-3, 10e-3, 1e-3  # m
HEAD = 100.0  # Pa
STEP = 2e-3  # s


def channel(rng: np.random.Generator) -> Region:
    """Return a channel whose inner nodes are shaken, so that no line of the mesh is a leaflet."""
    x, y = np.meshgrid(np.linspace(0, LENGTH, 41), np.linspace(0, HEIGHT, 11), indexing="ij")
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    half = np.array([LENGTH, HEIGHT]) / 2
    inner = (np.abs(points - half) < half - EDGE / 2).all(axis=1)
    points[inner] += 0.2 * EDGE * rng.standard_normal((inner.sum(), 2)).clip(-1, 1)
    cells = oriented(points, Delaunay(points).simplices.astype(np.int64))
    edges = boundary(cells)
    ends = points[edges, 0]
    inlet, outlet = (ends < 1e-9).all(axis=1), (ends > LENGTH - 1e-9).all(axis=1)
    facets = {"inlet": edges[inlet], "outlet": edges[outlet], "wall": edges[~inlet & ~outlet]}
    return Region(points=points, cells=cells, facets=facets)


def flow_through(tilt: float, *, closed: bool, steps: int) -> tuple[Region, Projection]:
    region = channel(np.random.default_rng(4))
    flow = Projection(
        FluidDomain(region),
        Fluid(),
        STEP,
        walls=["wall"],
        openings=["inlet", "outlet"],
        resistive=True,
    )
    normal = np.array([np.cos(tilt), np.sin(tilt)])
    middle = region.points[region.cells].mean(axis=1)
    held = ResistiveSurface().density((middle - [LENGTH / 2, HEIGHT / 2]) @ normal)
    still = np.zeros_like(region.points)
    flow.start(still, np.zeros(len(still)))
    for _ in range(steps):
        flow.step(still, opening_pressure={"inlet": HEAD}, resistance=held if closed else 0 * held)
    return region, flow


@pytest.mark.parametrize("tilt", [0.0, 0.4])
def test_a_closed_leaflet_holds_the_pressure_and_nothing_moves_beside_it(tilt):
    region, flow = flow_through(tilt, closed=True, steps=60)
    leak = HEAD / ResistiveSurface().per_speed
    speed = np.linalg.norm(flow.velocity, axis=1)
    assert speed.max() < 10 * leak  # 0.3 mm/s; a surface in the momentum alone leaves 60 mm/s
    x = region.points[:, 0]
    assert flow.pressure[x < LENGTH / 4].min() > 0.98 * HEAD
    assert flow.pressure[x > 3 * LENGTH / 4].max() < 0.02 * HEAD


def test_the_same_channel_flows_when_the_leaflet_is_open():
    region, flow = flow_through(0.0, closed=False, steps=10)
    # Inertia alone: rho du/dt = dp / length.
    middle = np.hypot(*(region.points - [LENGTH / 2, HEIGHT / 2]).T) < 2 * EDGE
    expected = HEAD / LENGTH / Fluid().density * 10 * STEP
    assert flow.velocity[middle, 0].mean() == pytest.approx(expected, rel=0.05)


def test_strange_surfaces_are_refused():
    with pytest.raises(InputError, match=r"positive and finite, found -1 kg"):
        ResistiveSurface(resistance=-1.0)
    with pytest.raises(InputError, match=r"up to 5 mm, found 3000 mm"):
        ResistiveSurface(half_thickness=3.0)
