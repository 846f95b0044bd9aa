"""Particles in streams and rotations of closed form, on meshes at rest and moving."""

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.geometry.regions import box
from cardiotwin.haemodynamics.particles import INSIDE, Paths, Tracer, components, seeds
from cardiotwin.haemodynamics.wall_shear import (
    cells_at,
    oscillating_shear_index,
    wall_shear_stress,
)

REGION = box((6, 6, 6), (-1.0,) * 3, (1.0,) * 3)
SIDES = REGION.facets["wall"]
ENDS = {
    name: SIDES[(REGION.points[SIDES, 2] == height).all(axis=1)]
    for name, height in (("bottom", -1.0), ("top", 1.0))
}


def swaying(time: float) -> np.ndarray:
    """Return nodes whose inner ones sway while the boundary rests."""
    bump = np.prod(1 - REGION.points**2, axis=1, keepdims=True)
    return REGION.points + 0.1 * np.sin(3 * time) * bump * [1.0, -1.0, 0.5]


def middles() -> tuple[np.ndarray, np.ndarray]:
    radius = np.linalg.norm(REGION.points[REGION.cells].mean(axis=1), axis=1)
    cell = np.flatnonzero(radius < 0.7)
    return cell, np.full((len(cell), 4), 0.25)


def turning_error(n_steps: int) -> float:
    """Return how far particles are from where a quarter of a rotation takes them."""
    cell, shares = middles()
    times = np.linspace(0, np.pi / 2, n_steps + 1)
    places = [swaying(t) for t in times]
    snapshots = [(p, np.stack([-p[:, 1], p[:, 0], 0 * p[:, 0]], axis=1)) for p in places]
    found = Tracer(REGION.cells, ENDS).trace(snapshots, times[1], cell=cell, shares=shares)
    assert (found.exit == INSIDE).all()
    x, y, z = REGION.points[REGION.cells[cell]].mean(axis=1).T
    return float(np.abs(found.places - np.stack([-y, x, z], axis=1)).max())


def test_a_rotation_turns_particles_to_second_order_whatever_the_mesh_does():
    errors = [turning_error(n) for n in (20, 40)]
    assert errors[1] < 2e-3
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize(("sign", "name"), [(1, "top"), (-1, "bottom")])
def test_a_stream_takes_out_what_lies_before_the_end(sign, name):
    cell, shares, volume = seeds(REGION.points, REGION.cells)
    stream = np.zeros_like(REGION.points)
    stream[:, 2] = 0.5
    snapshots = [(swaying(0.1 * k), stream) for k in range(21)]  # 1 m in all
    snapshots[0] = (REGION.points, stream)
    tracer = Tracer(REGION.cells, ENDS)
    found = tracer.trace(snapshots, sign * 0.1, cell=cell, shares=shares)
    height = sign * REGION.points[REGION.cells].mean(axis=1)[:, 2]
    out = found.exit == tracer.names.index(name)
    np.testing.assert_array_equal(out, height > 1e-9)
    assert volume[out].sum() == pytest.approx(4.0, rel=1e-12)
    np.testing.assert_array_equal(found.exit[~out], INSIDE)
    expected = np.ceil(np.round((1 - height[out]) / 0.05, 6))
    assert np.abs(found.step[out] - expected).max() <= 1


def test_nothing_passes_a_wall():
    cell, shares, _ = seeds(REGION.points, REGION.cells)
    stream = np.tile([0.7, 0.3, 0.0], (len(REGION.points), 1))
    found = Tracer(REGION.cells, ENDS).trace(
        [(REGION.points, stream)] * 31, 0.1, cell=cell, shares=shares
    )
    assert (found.exit == INSIDE).all()
    assert (np.abs(found.places) <= 1 + 1e-12).all()
    assert (found.places[:, 0] > 0.9).mean() > 0.9


def test_blood_is_parted_by_where_it_came_from_and_where_it_goes():
    still, away = np.array([INSIDE, INSIDE, 1, 1]), np.array([0, INSIDE, 0, INSIDE])
    none = np.zeros((4, 3))
    parts = components(
        Paths(exit=still, step=still, places=none),
        Paths(exit=away, step=away, places=none),
        np.array([4.0, 3.0, 2.0, 1.0]),
        aortic=1,
        mitral=0,
    )
    told = parts.direct, parts.retained, parts.delayed, parts.residual
    assert told == pytest.approx((0.2, 0.4, 0.1, 0.3))


def test_snapshots_too_far_apart_are_refused():
    tube = box((250, 1, 1), (0.0,) * 3, (1.0, 4e-3, 4e-3))
    cell, shares, _ = seeds(tube.points[:], tube.cells[:6])
    stream = np.tile([1.0, 0.0, 0.0], (len(tube.points), 1))
    with pytest.raises(InputError, match=r"passed more than 200 cells in a step"):
        Tracer(tube.cells, {}).trace([(tube.points, stream)] * 2, 0.9, cell=cell, shares=shares)


def test_a_shear_pulls_the_wall_along_and_a_rotation_does_not():
    floor = ENDS["bottom"]
    shear = np.zeros_like(REGION.points)
    shear[:, 0] = 5 * (REGION.points[:, 2] + 1)
    top = wall_shear_stress(REGION.points, REGION.cells, shear, ENDS["top"], 0.1)
    pull = wall_shear_stress(REGION.points, REGION.cells, shear, floor, 0.1)
    corners = REGION.cells[cells_at(REGION.cells, floor)]
    assert all(set(side) <= set(four) for side, four in zip(floor, corners, strict=True))
    a, b, c = REGION.points[floor].transpose(1, 0, 2)
    down = np.cross(b - a, c - a)
    outward = np.sign(-down[:, 2])  # the box's triangles are not all turned outwards
    np.testing.assert_allclose(pull, outward[:, None] * [[0.5, 0, 0]], atol=1e-12)
    assert np.abs(top[:, 0]) == pytest.approx(0.5)
    spin = np.cross([3.0, -2.0, 1.0], REGION.points)
    still = wall_shear_stress(REGION.points, REGION.cells, spin, SIDES, 0.1)
    np.testing.assert_allclose(still, 0, atol=1e-12)


def test_a_shear_that_swings_oscillates_and_one_that_swells_does_not():
    turns = 2 * np.pi * np.arange(8) / 8
    swing, swell = np.zeros((8, 1, 3)), np.zeros((8, 1, 3))
    swing[:, 0, 0], swell[:, 0, 1] = np.cos(turns), 2 + np.cos(turns)
    found = oscillating_shear_index(np.concatenate([swing, swell, 0 * swing], axis=1))
    np.testing.assert_allclose(found, [0.5, 0, 0.5], atol=1e-12)
