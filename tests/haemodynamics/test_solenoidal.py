"""A velocity whose cells have sources, made free of them."""

import numpy as np
import pytest

from cardiotwin.geometry.cavity.motion import volume_rate
from cardiotwin.geometry.regions import box, cell_sizes
from cardiotwin.haemodynamics.particles import Tracer, seeds
from cardiotwin.haemodynamics.solenoidal import FluxBalance, carried, side_vectors

REGION = box((5, 4, 6), (-1.0,) * 3, (1.0,) * 3)
SIDES = REGION.facets["wall"]
ENDS = {
    name: SIDES[(REGION.points[SIDES, 2] == height).all(axis=1)]
    for name, height in (("bottom", -1.0), ("top", 1.0))
}


def rough(rng: np.random.Generator) -> np.ndarray:
    """Return a stream from bottom to top that is pressed outwards, to walls that hold it."""
    x, y, z = REGION.points.T
    bump = (1 - x**2) * (1 - y**2)
    stream = np.zeros_like(REGION.points)
    stream[:, 2] = bump
    inner = (bump > 1e-9) & (np.abs(z) < 1 - 1e-9)
    stream[inner] += 0.1 * rng.standard_normal((inner.sum(), 3))
    stream[inner, :2] += 0.8 * REGION.points[inner, :2]
    return stream


def test_every_cell_is_balanced_and_the_boundary_is_left_alone():
    velocity = rough(np.random.default_rng(1))
    balance, across = balanced()
    fluxes = balance.fluxes(REGION.points, velocity)
    for number in range(0, len(REGION.cells), 37):
        one = REGION.cells[number : number + 1]
        source = volume_rate(REGION.points, one, velocity)
        assert fluxes[number].sum() == pytest.approx(-source, abs=1e-13)
    np.testing.assert_array_equal(fluxes[across < 0], 0)
    rows, sides = np.nonzero(across >= 0)
    others = across[rows, sides]
    back = np.argmax(across[others] == rows[:, None], axis=1)
    np.testing.assert_allclose(fluxes[rows, sides], -fluxes[others, back], atol=1e-15)


def balanced() -> tuple[FluxBalance, np.ndarray]:
    across = Tracer(REGION.cells, {})._across
    return FluxBalance(REGION.points, REGION.cells, across), across


def test_the_velocity_of_fluxes_passes_each_side_with_its_own():
    rng = np.random.default_rng(2)
    corners = REGION.points[REGION.cells]
    fluxes = rng.standard_normal((len(corners), 4))
    areas = side_vectors(REGION.points, REGION.cells)
    for k in range(4):
        shares = rng.dirichlet(np.ones(3), size=len(corners))
        on_side = np.insert(shares, k, 0.0, axis=1)
        speed = carried(corners, fluxes, on_side)
        through = np.einsum("pi,pi->p", speed, areas[:, k])
        np.testing.assert_allclose(through, fluxes[:, k], atol=1e-12)


def test_particles_leave_by_as_much_as_flows_out_whatever_the_sources_inside():
    velocity = rough(np.random.default_rng(3))
    cell, shares, volume = many()
    step, n_steps = 0.02, 40
    found = Tracer(REGION.cells, ENDS).trace(
        [(REGION.points, velocity)] * (n_steps + 1), step, cell=cell, shares=shares
    )
    top = ENDS["top"]
    a, b, c = REGION.points[top].transpose(1, 0, 2)
    area = np.abs(np.cross(b - a, c - a)[:, 2]) / 2
    expected = step * n_steps * area @ velocity[top, 2].mean(axis=1)
    assert volume[found.exit == 1].sum() == pytest.approx(expected, rel=0.02)


def many() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return eight particles per cell, at random."""
    cell, _, volume = seeds(REGION.points, REGION.cells)
    shares = np.random.default_rng(0).dirichlet(np.ones(4), size=8 * len(cell))
    assert volume.sum() == pytest.approx(cell_sizes(REGION.points, REGION.cells).sum())
    return np.repeat(cell, 8), shares, np.repeat(volume / 8, 8)
