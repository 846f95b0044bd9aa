"""The flow solver against flows in closed form on moving meshes."""

from dataclasses import replace

import numpy as np
import pytest
from exact_flows import swirling_mesh, vortex

from cardiotwin.errors import InputError
from cardiotwin.geometry.regions import box, linear_functions
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.domain import FluidDomain
from cardiotwin.haemodynamics.projection import Projection

WATERY = Fluid(density=1.0, viscosity=0.025)


def test_a_uniform_stream_stays_uniform_while_the_mesh_moves():
    region = box((4, 4, 4), (-0.5,) * 3, (0.5,) * 3)
    flow = Projection(
        FluidDomain(region), Fluid(density=1060.0), 0.02, walls=["wall"], tolerance=1e-12
    )
    stream = np.tile([0.3, -0.2, 0.5], (len(region.points), 1))
    flow.start(stream, np.zeros(len(stream)))
    for k in range(1, 11):
        points, speed = swirling_mesh(region.points, 0.02 * k)
        flow.step(stream, points=points, mesh_velocity=speed)
    assert np.abs(points - region.points).max() > 0.02
    np.testing.assert_allclose(flow.velocity, stream, atol=1e-10)
    np.testing.assert_allclose(flow.pressure, 0, atol=1e-7)


def vortex_error(n: int) -> float:
    """Return the largest error of the velocity at t = 1/4 with as many steps as cuts."""
    region = box((n, n), (-0.5,) * 2, (0.5,) * 2)
    step = 0.25 / n
    flow = Projection(FluidDomain(region), WATERY, step, walls=["wall"])

    def exact(moment: float) -> tuple[np.ndarray, np.ndarray]:
        return vortex(swirling_mesh(region.points, moment)[0], moment, 0.025)

    flow.start(*exact(0.0), earlier=exact(-step)[0])
    for k in range(1, n + 1):
        points, speed = swirling_mesh(region.points, k * step)
        flow.step(exact(k * step)[0], points=points, mesh_velocity=speed)
    return float(np.abs(flow.velocity - exact(0.25)[0]).max())


def test_a_vortex_on_a_moving_mesh_converges_at_second_order():
    errors = [vortex_error(n) for n in (16, 32, 64)]
    assert errors[-1] < 0.01
    assert np.log2(errors[1] / errors[2]) > 1.8


def test_a_part_of_the_boundary_that_is_nothing_is_refused_by_name():
    domain = FluidDomain(box((1, 1), (0.0,) * 2, (1.0,) * 2))
    with pytest.raises(InputError, match=r"found outlet besides. The parts are wall"):
        Projection(domain, WATERY, 0.1, walls=["wall"], openings=["outlet"])


def test_a_step_that_is_none_is_refused():
    domain = FluidDomain(box((1, 1), (0.0,) * 2, (1.0,) * 2))
    with pytest.raises(InputError, match=r"time_step must be positive, found 0 s"):
        Projection(domain, WATERY, 0.0, walls=["wall"])


def test_a_fluid_of_negative_density_is_refused():
    with pytest.raises(InputError, match=r"Fluid.density must be positive, found -1"):
        Fluid(density=-1.0)


def plane_flow(head: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return points, exact velocity, velocity and pressure of a plane flow out of an opening."""
    region = box((12, 16), (0.0, 0.0), (2.0, 1.0))
    sides, x = region.facets["wall"], region.points[:, 0]
    out = (x[sides] == 2.0).all(axis=1)
    region = replace(region, facets={"wall": sides[~out], "outlet": sides[out]})
    flow = Projection(
        FluidDomain(region), WATERY, 0.05, walls=["wall"], openings=["outlet"], tolerance=1e-11
    )
    exact = np.zeros_like(region.points)
    exact[:, 0] = 4 * region.points[:, 1] * (1 - region.points[:, 1])
    flow.start(exact, np.full(len(x), head))
    for _ in range(60):
        flow.step(exact, opening_pressure={"outlet": head})
    return region.points, exact, flow.velocity, flow.pressure


def test_a_plane_flow_leaves_by_an_opening_under_the_pressure_of_poiseuille():
    points, exact, velocity, pressure = plane_flow(0.0)
    np.testing.assert_allclose(velocity, exact, atol=0.02)
    wanted = 8 * 0.025 * (2.0 - points[:, 0])  # 8 mu U / H^2 per length
    np.testing.assert_allclose(pressure, wanted, atol=0.05 * wanted.max())
    lifted = plane_flow(7.0)
    np.testing.assert_allclose(lifted[2], velocity, atol=1e-7)
    np.testing.assert_allclose(lifted[3], pressure + 7.0, atol=1e-6)


def test_no_node_is_left_with_sources_though_walls_hold_and_an_end_is_open():
    region = box((4, 4, 8), (0.0,) * 3, (1.0, 1.0, 2.0))
    sides = region.facets["wall"]
    out = (region.points[sides, 2] == 2.0).all(axis=1)
    region = replace(region, facets={"wall": sides[~out], "outlet": sides[out]})
    flow = Projection(
        FluidDomain(region), WATERY, 0.1, walls=["wall"], openings=["outlet"], tolerance=1e-11
    )
    x, y, z = region.points.T
    given = np.zeros_like(region.points)
    given[z == 0, 2] = (16 * x * (1 - x) * y * (1 - y))[z == 0]
    flow.start(np.zeros_like(given), np.zeros(len(given)))
    for k in range(1, 6):
        flow.step(np.sin(k) * given)  # in a hurry: each step changes the pressure much
    sizes, slopes = linear_functions(region.points, region.cells)
    spread = np.einsum("iac,cai->c", slopes, flow.velocity[region.cells]) * sizes
    lost = np.einsum("iac,ci->ca", slopes, flow.subscale) * sizes[:, None]
    sources = np.zeros(len(given))
    np.add.at(sources, region.cells, spread[:, None] / 4 - lost)
    inside = ~np.isin(np.arange(len(given)), region.facets["outlet"])
    assert np.abs(flow.velocity).max() > 0.5
    assert np.abs(sources[inside]).max() < 1e-9
