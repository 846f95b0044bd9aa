"""The scheme that the other one is measured against."""

import numpy as np
import pytest
from exact_flows import swirling_mesh, vortex

from cardiotwin.errors import InputError
from cardiotwin.geometry.regions import box
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.domain import FluidDomain
from cardiotwin.haemodynamics.monolithic import Monolithic
from cardiotwin.haemodynamics.projection import Projection

WATERY = Fluid(density=1.0, viscosity=0.025)
STEPS, STEP = 8, 0.005


def square(n: int):
    return box((n, n), (-0.5,) * 2, (0.5,) * 2)


def monolithic_error(n: int) -> float:
    """Return the largest error of the velocity after eight short steps on a moving mesh."""
    region = square(n)
    flow = Monolithic(FluidDomain(region), WATERY, STEP, walls=["wall"])
    flow.start(
        lambda x: vortex(x, 0.0, 0.025)[0],
        lambda x: vortex(x, -STEP, 0.025)[0],
        swirling_mesh(region.points, -STEP)[0],
    )
    for k in range(1, STEPS + 1):
        points, speed = swirling_mesh(region.points, k * STEP)
        moment = k * STEP
        flow.step(lambda x, t=moment: vortex(x, t, 0.025)[0], points=points, mesh_velocity=speed)
    points = swirling_mesh(region.points, STEPS * STEP)[0]
    return float(np.abs(flow.velocity - vortex(points, STEPS * STEP, 0.025)[0]).max())


def test_quadratic_velocities_converge_at_third_order_on_a_moving_mesh():
    errors = [monolithic_error(n) for n in (8, 16)]
    assert errors[1] < 2e-3
    assert np.log2(errors[0] / errors[1]) > 2.6


def test_the_projection_scheme_approaches_the_monolithic_one():
    gaps = []
    for n in (16, 32):
        region = square(n)
        whole = Monolithic(FluidDomain(region), WATERY, STEP, walls=["wall"])
        split = Projection(FluidDomain(region), WATERY, STEP, walls=["wall"])
        whole.start(lambda x: vortex(x, 0.0, 0.025)[0])
        split.start(*vortex(region.points, 0.0, 0.025))
        for k in range(1, STEPS + 1):
            moment = k * STEP
            whole.step(lambda x, t=moment: vortex(x, t, 0.025)[0])
            split.step(vortex(region.points, moment, 0.025)[0])
        gaps.append(np.abs(whole.velocity - split.velocity).max())
    assert gaps[0] < 0.05
    assert np.log2(gaps[0] / gaps[1]) > 1.5


def test_a_boundary_part_that_is_nothing_is_refused_by_name():
    with pytest.raises(InputError, match=r"found outlet besides"):
        Monolithic(FluidDomain(square(1)), WATERY, 0.1, walls=["wall"], openings=["outlet"])
