"""Isosurface stuffing and the coarsening after it, on solids in closed form."""

from itertools import combinations

import numpy as np
import pytest

from cardiotwin.geometry.anatomy import HeartFrame
from cardiotwin.geometry.biventricular.coarsen import Limits, coarsened
from cardiotwin.geometry.biventricular.grid import VOXEL, Grid, Level
from cardiotwin.geometry.biventricular.lattice import (
    DIVIDED,
    LARGE,
    LEFT_OUT,
    all_divided,
    lattice_below,
)
from cardiotwin.geometry.biventricular.shape import Shape
from cardiotwin.geometry.biventricular.solid import Solid, Tagged, boundary, largest_part, shapes
from cardiotwin.geometry.biventricular.soundness import failing
from cardiotwin.geometry.biventricular.stuffing import stuff
from cardiotwin.units import MM

from .tubes import HIGH, LOW, off, parts, thin_divided, two_tubes

INNER, OUTER = 20 * MM, 27 * MM
CORNER = np.array([35, 35, 40]) * MM


def shell(points, inner=INNER, outer=OUTER, centre=(0.0, 0.0, 0.0)):
    radius = np.linalg.norm(points - np.array(centre), axis=1)
    return np.minimum(outer - radius, radius - inner)


def bumps(rng, points):
    """Return a rough function, to meet every stencil."""
    found = 1.0 - np.linalg.norm(points / (25 * MM), axis=1)
    for _ in range(12):
        wave, turn = rng.standard_normal(3) / (6 * MM), rng.uniform(0, 2 * np.pi)
        found = found + 0.12 * np.cos(points @ wave + turn)
    return found * 25 * MM


def meshed(function, edge, offset=(0.0, 0.0)):
    return largest_part(stuff(lattice_below(-CORNER, CORNER, edge, offset), function))


def half_shell(edge):
    return meshed(shell, edge)


def test_a_half_shells_volume_converges_to_second_order():
    exact = 2 / 3 * np.pi * (OUTER**3 - INNER**3)
    errors = [
        abs(shapes(s.points, s.cells)[1].sum() / exact - 1)
        for s in map(half_shell, (5 * MM, 2.5 * MM))
    ]
    assert np.log2(errors[0] / errors[1]) > 1.7
    assert errors[1] < 0.01


@pytest.mark.parametrize("seed", range(6))
def test_rough_solids_fit_together_face_to_face_with_the_papers_angles(seed):
    def function(points):
        return bumps(np.random.default_rng(seed), points - [0, 0, -2 * MM])

    solid = meshed(function, 4 * MM, (0.13 * seed, 0.29 * seed))
    angles, volumes = shapes(solid.points, solid.cells)
    assert volumes.min() > 0
    faces = np.sort(solid.cells[:, list(combinations(range(4), 3))].reshape(-1, 3), axis=1)
    assert np.unique(faces, axis=0, return_counts=True)[1].max() == 2
    closed = boundary(solid.cells)
    normals = np.cross(*(solid.points[closed[:, k]] - solid.points[closed[:, 0]] for k in (1, 2)))
    assert np.linalg.norm(normals.sum(axis=0)) < 1e-12  # nothing overlaps, nothing is open
    below = (solid.points[solid.cells, 2] < -4.01 * MM).all(axis=1)
    assert np.degrees(angles[below].min()) >= 10.7


def mixed(seed):
    """Return a choice of cubes that meet in many ways."""
    wave = np.random.default_rng(seed).standard_normal(3) / (6 * MM)
    return lambda middles, side: np.where(np.cos(middles @ wave) > 0, DIVIDED, LARGE)  # noqa: ARG005


def test_cells_of_cubes_of_two_sides_fill_a_box_and_fit_together():
    lattice = lattice_below(-CORNER, CORNER, 4 * MM, sizes=mixed(3))
    corners = lattice.points[lattice.cells]
    volumes = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])) / 6
    squared = ((lattice.places[lattice.cells[:, :1]] - lattice.places[lattice.cells]) ** 2).sum(2)
    assert {3, 12, 8} <= set(squared.ravel().tolist())
    box = np.prod(np.ptp(lattice.points, axis=0))
    assert (
        0.8 * box < volumes.sum() < box
    )  # its sides have no cells beyond the last cubes' middles
    faces = np.sort(lattice.cells[:, list(combinations(range(4), 3))].reshape(-1, 3), axis=1)
    single, counts = np.unique(faces, axis=0, return_counts=True)
    assert counts.max() == 2
    middles = lattice.points[single[counts == 1]].mean(axis=1)
    low, high = lattice.points.min(axis=0), lattice.points.max(axis=0)
    beside = np.minimum(middles - low, high - middles).min(axis=1)
    assert beside.max() < 4.01 * MM  # nothing is open within


@pytest.mark.parametrize("seed", range(4))
def test_rough_solids_in_cubes_of_two_sides_fit_together_too(seed):
    def function(points):
        return bumps(np.random.default_rng(seed), points - [0, 0, -2 * MM])

    sizes = mixed(seed)
    lattice = lattice_below(-CORNER, CORNER, 2.5 * MM, (0.13 * seed, 0.29 * seed), sizes)
    solid = largest_part(stuff(lattice, function))
    assert shapes(solid.points, solid.cells)[1].min() > 0
    closed = boundary(solid.cells)
    normals = np.cross(*(solid.points[closed[:, k]] - solid.points[closed[:, 0]] for k in (1, 2)))
    assert np.linalg.norm(normals.sum(axis=0)) < 1e-12


def test_the_base_is_flat_and_whole():
    solid = half_shell(3 * MM)
    faces = boundary(solid.cells)
    top = solid.points[faces[solid.on_base[faces].all(axis=1)]]
    area = np.linalg.norm(np.cross(top[:, 1] - top[:, 0], top[:, 2] - top[:, 0]), axis=1).sum() / 2
    assert np.abs(solid.points[solid.on_base, 2]).max() == 0
    assert area == pytest.approx(np.pi * (OUTER**2 - INNER**2), rel=0.01)


@pytest.mark.parametrize("sizes", [all_divided, thin_divided])
def test_a_coarse_mesh_keeps_the_thin_wall_closed_and_its_surfaces(sizes):
    fine = two_tubes(2.1 * MM, sizes=sizes)
    n_uniform = len(two_tubes(2.1 * MM).cells)
    assert (len(fine.cells) < 0.7 * n_uniform) == (sizes is thin_divided)
    assert failing(fine, np.deg2rad(9) if sizes is all_divided else 0.0) is None
    limits = Limits(edge=7 * MM, least_angle=np.deg2rad(12), deviation=0.5 * MM)
    coarse = coarsened(fine, limits, off, np.random.default_rng(1))
    assert failing(coarse, np.deg2rad(9)) is None
    assert len(coarse.cells) < 0.1 * n_uniform
    for tag in range(4):
        on = coarse.faces[coarse.tags == tag]
        assert off(coarse.points[on].reshape(-1, 3), np.full(on.size, tag)).max() < 0.1 * MM
    volumes = [shapes(mesh.points, mesh.cells)[1].sum() for mesh in (fine, coarse)]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.04)
    assert set(map(tuple, np.sort(boundary(coarse.cells), axis=1))) == set(
        map(tuple, np.sort(coarse.faces, axis=1))
    )


def test_no_cube_that_the_wall_needs_is_left_out_and_thin_walls_have_small_ones():
    room = 12 * MM
    x, y, z = (int(n) for n in np.ceil((HIGH - LOW + 2 * room) / VOXEL))
    grid = Grid(low=LOW - room, shape=(x, y, z))
    left, right, outer = parts(grid.points).reshape(3, *grid.shape)
    frame = HeartFrame(
        origin=np.zeros(3), long_axis=np.eye(3)[2], rv_insertion=np.eye(3)[0], mirrored=False
    )
    shape = Shape(
        left=Level(grid=grid, values=-left),
        right=Level(grid=grid, values=-right),
        ventricle=Level(grid=grid, values=outer),
        outer=Level(grid=grid, values=outer),
        axes=np.eye(3),
        origin=np.zeros(3),
        frame=frame,
    )

    def with_all(middles, side):
        return np.maximum(shape.sizes(middles, side), LARGE)

    for edge, offset in ((2 * MM, 0.0), (1.6 * MM, 0.3), (2.5 * MM, 0.7)):
        some, every = (
            stuff(lattice_below(LOW, HIGH, edge, (offset, 0.0), sizes), shape.wall)
            for sizes in (shape.sizes, with_all)
        )
        assert len(some.cells) == len(every.cells)
    thin, thick = np.array([[29.0 + 10.5, 0, -10], [-18.0, 0, -10]]) * MM
    sizes = shape.sizes(np.array([thin, thick, 0.4 * thick]), 3 * MM)
    assert sizes.tolist() == [DIVIDED, LARGE, LEFT_OUT]


def test_holes_and_lost_openings_are_told():
    reason = failing(two_tubes(2.1 * MM, drill=3 * MM), 0.0)
    assert reason == "1 surfaces with 3 holes through the wall"
    assert "the base with its two openings in 1 pieces" in failing(two_tubes(5 * MM), 0.0)


def test_each_unsoundness_has_its_words():
    mesh = two_tubes(2.1 * MM)
    away = np.flatnonzero(~np.isin(mesh.cells, mesh.faces).any(axis=1))[0]
    hollow = np.delete(mesh.cells, away, axis=0)

    def words(least=0.0, **changed):
        return failing(Tagged(**{**vars(mesh), **changed}), least)

    assert words(cells=hollow) == "2 surfaces with 0 holes through the wall"
    flipped = mesh.cells.copy()
    flipped[3] = flipped[3][[1, 0, 2, 3]]
    assert words(cells=flipped) == "1 cells without volume"
    assert words(tags=np.where(mesh.tags == 1, 0, mesh.tags)) is not None
    assert words(least=np.deg2rad(40)).startswith("a dihedral angle of 1")


def test_a_cells_least_angle_and_volume_are_those_of_its_faces():
    rng = np.random.default_rng(2)
    points = rng.standard_normal((40, 3))
    cells = np.array([rng.choice(40, 4, replace=False) for _ in range(60)])
    angles, volumes = shapes(points, cells)
    for cell, angle, volume in zip(points[cells], angles, volumes, strict=True):
        assert volume == pytest.approx(np.linalg.det(cell[1:] - cell[0]) / 6, rel=1e-9)
        found = []
        for i, j in combinations(range(4), 2):
            along = cell[j] - cell[i]
            across = [cell[k] - cell[i] for k in range(4) if k not in (i, j)]
            a, b = (x - (x @ along) / (along @ along) * along for x in across)
            found.append(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
        assert angle == pytest.approx(min(found), abs=1e-7)


def test_the_largest_part_is_kept():
    two = largest_part(
        stuff(
            lattice_below(LOW, HIGH, 3 * MM),
            lambda x: np.maximum(
                9 * MM - np.linalg.norm(x - [0, 0, -15 * MM], axis=1),
                5 * MM - np.linalg.norm(x - [30 * MM, 0, -15 * MM], axis=1),
            ),
        )
    )
    assert isinstance(two, Solid)
    assert two.points[:, 0].max() < 10 * MM
    assert shapes(two.points, two.cells)[1].sum() == pytest.approx(
        4 / 3 * np.pi * (9 * MM) ** 3, rel=0.08
    )
