"""Pressure from velocity: flows whose pressure is known in closed form, at rest and moving."""

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.geometry.regions import box
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.measurement.flow import Lumen
from cardiotwin.measurement.flow.pressure import periodic_rate, pressure_at, relative_pressure

PERIOD, N = 0.8, 16
TURNS = 2 * np.pi * np.arange(N) / N
FLUID = Fluid()


def block(n: int, positions: np.ndarray | None = None) -> Lumen:
    region = box((n, n, n), (-1e-2,) * 3, (1e-2,) * 3)
    places = region.points[None] if positions is None else positions
    nothing = np.zeros(len(region.points), dtype=bool)
    return Lumen(
        positions=places,
        cells=region.cells,
        wall=nothing,
        open=nothing,
        wall_velocity=np.zeros_like(places),
    )


def centred(values: np.ndarray, lumen: Lumen) -> np.ndarray:
    """Return values less their mean over a cube at rest (whose corners share fewer cells)."""
    corners = values[:, lumen.cells].mean(axis=2)
    return values - corners.mean(axis=1, keepdims=True)


def test_a_stream_that_quickens_pushes_in_any_direction():
    lumen = block(3)
    speed = np.array([0.3, -0.2, 0.1])
    field = np.cos(TURNS)[:, None, None] * speed + np.zeros((N, len(lumen.wall), 1))
    told = relative_pressure(lumen, field, period=PERIOD, fluid=FLUID)
    push = FLUID.density * 2 * np.pi / PERIOD * np.sin(TURNS)
    exact = centred(push[:, None] * (lumen.positions[0] @ speed), lumen)
    np.testing.assert_allclose(told, exact, atol=1e-9 * np.abs(exact).max())


def test_the_mesh_may_move_as_it_will_through_the_same_flow():
    """The rate at moving nodes holds the mesh's own advection, which has to be taken out."""
    lumen = block(3)
    swirl = np.sin(2 * np.pi * lumen.positions[0][:, [1, 2, 0]] / 2e-2)
    places = lumen.positions + 1e-3 * np.sin(TURNS)[:, None, None] * swirl
    growth = 4.0  # u = (a x, a y, -2 a z): no source, no vorticity; p = -rho a^2/2 (...) exactly
    field = growth * places * [1.0, 1.0, -2.0]
    told = relative_pressure(block(3, places), field, period=PERIOD, fluid=FLUID)
    rest = relative_pressure(
        lumen, np.repeat(growth * lumen.positions * [1, 1, -2.0], N, 0), period=PERIOD, fluid=FLUID
    )
    # The load is exact, the linear answer is not: the same mesh's answer at rest is its measure.
    scale = FLUID.density * growth**2 * 1e-4
    np.testing.assert_allclose(told[0], rest[0], atol=1e-9 * scale)
    first, second = np.zeros((N, 3)), np.tile([0.0, 0.0, 8e-3], (N, 1))
    moving = block(3, places)
    drop = pressure_at(moving, told, first) - pressure_at(moving, told, second)
    exact = 2 * FLUID.density * growth**2 * (8e-3) ** 2
    np.testing.assert_allclose(drop, exact, rtol=0.2)


def turning_error(n: int) -> float:
    """Return how far the pressure of a rigid rotation is off, of its range."""
    lumen = block(n)
    x, y, _ = lumen.positions[0].T
    spin = 10.0
    field = np.repeat(spin * np.stack([-y, x, 0 * x], axis=1)[None], 3, 0)
    told = relative_pressure(lumen, field, period=PERIOD, fluid=FLUID)[0]
    exact = FLUID.density * spin**2 * (x**2 + y**2) / 2
    apart = (told - exact) - (told - exact).mean()
    return float(np.sqrt((apart**2).mean()) / exact.max())


def test_a_rigid_rotation_has_its_centrifugal_pressure_to_second_order():
    errors = [turning_error(n) for n in (4, 8)]
    assert errors[1] < 0.02
    assert np.log2(errors[0] / errors[1]) > 1.7


def test_a_shear_flows_against_its_friction():
    """u_z = c (h^2 - y^2): dp/dz = -2 mu c, from the boundary's vorticity alone."""
    lumen = block(8)
    y, z = lumen.positions[0][:, 1], lumen.positions[0][:, 2]
    curve = 3e3
    field = np.zeros((3, len(y), 3))
    field[..., 2] = curve * (1e-4 - y**2)
    told = relative_pressure(lumen, field, period=PERIOD, fluid=FLUID)[0]
    slope = np.polyfit(z, told, 1)[0]
    # Drawn out to the wall but for the edges, where no inner corner is: 1/8 less without.
    assert slope == pytest.approx(-2 * FLUID.viscosity * curve, rel=0.04)


def test_a_rate_of_waves_is_theirs_but_for_the_last():
    wave = np.sin(3 * TURNS)[:, None, None] * np.ones((1, 2, 3))
    rate = 3 * 2 * np.pi / PERIOD * np.cos(3 * TURNS)
    np.testing.assert_allclose(periodic_rate(wave, PERIOD)[:, 0, 0], rate, atol=1e-10)


def test_places_and_frames_that_do_not_fit_are_refused():
    lumen = block(2)
    with pytest.raises(InputError, match=r"frame 0 lies outside the lumen"):
        pressure_at(lumen, np.zeros((1, len(lumen.wall))), np.array([[0.0, 0.0, 2e-2]]))
    field = np.zeros((4, len(lumen.wall), 3))
    with pytest.raises(InputError, match=r"4 frames of velocity .* found 2"):
        relative_pressure(
            block(2, np.repeat(lumen.positions, 2, 0)), field, period=PERIOD, fluid=FLUID
        )
