from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.exam import Scan, Shape, Volunteer, end_diastolic_wall
from cardiotwin.exam.right_ventricle import right_ventricle
from cardiotwin.exam.shape import wall_surface
from cardiotwin.exam.surfaces import enclosed_volume
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.quality import quality
from cardiotwin.geometry.volumes import wall_volume
from cardiotwin.units import MM, MMHG


def test_the_heart_is_a_healthy_adults(heart):
    mesh = heart.mesh
    length = np.ptp((mesh.points - mesh.points.mean(axis=0)) @ heart.volunteer.shape.axes[:, 2])
    assert 140e-6 < cavity_volume(mesh.points, mesh) < 150e-6
    assert 0.110 < 1050 * wall_volume(mesh.points, mesh) < 0.130  # kg
    assert 84 * MM < length < 92 * MM
    surface = wall_surface(heart.volunteer.shape)
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    wall = np.linalg.norm(
        surface(np.full(60, 0.7), angle, np.ones(60))
        - surface(np.full(60, 0.7), angle, np.zeros(60)),
        axis=1,
    )
    assert 8 * MM < wall.mean() < 9 * MM
    assert np.ptp(wall) > 0.5 * MM  # not the same all round


def test_the_true_mesh_has_no_inverted_cell(heart):
    found = quality(heart.mesh.points, heart.mesh)
    assert found.inverted == 0
    assert np.rad2deg(found.dihedral_min) > 10


def test_the_heart_lies_as_hearts_do():
    """Apex to the left, front and feet; RV to the right and front; LV's front wall uppermost."""
    right, anterior, along = Shape().axes.T
    assert along[0] > 0 > along[1]
    assert along[2] > 0
    assert right[0] > 0
    assert right[1] > 0
    assert anterior[2] > 0.3
    np.testing.assert_allclose(Shape().axes.T @ Shape().axes, np.eye(3), atol=1e-12)
    assert np.linalg.det(Shape().axes) > 0


def test_the_angle_runs_from_the_anterior_insertion_through_the_septum():
    shape = Shape()
    angle = np.array([0.0, 1.0, 2.0]) * shape.insertion_angle
    base = wall_surface(shape)(np.ones(3), angle, np.ones(3))
    local = (base - np.asarray(shape.position)) @ shape.axes
    assert local[0, 1] > 0 > local[2, 1]  # anterior, then inferior insertion
    assert np.argmax(local[:, 0]) == 1  # the septum's middle is nearest to the RV


def test_the_right_ventricle_ejects_what_the_left_does(heart):
    volumes = [enclosed_volume(outline.cavity) for outline in heart.right]
    left = [
        cavity_volume(points, heart.mesh)
        for points in (heart.beat.end_diastole, heart.beat.end_systole)
    ]
    assert volumes[0] == pytest.approx(155e-6, rel=1e-4)
    assert volumes[0] - volumes[1] == pytest.approx(left[0] - left[1], rel=1e-3)


def test_nothing_overlaps(heart):
    for parts in heart.frames:
        whole = parts.cavity + parts.wall + parts.right_cavity + parts.right_wall
        assert whole.max() < 1.02
        assert parts.right_cavity.sum() > 0


def test_a_right_ventricle_too_small_to_eject_is_refused(heart):
    with pytest.raises(InputError, match=r"No RV of -5 mL fits on this LV, found at most"):
        right_ventricle(heart.volunteer, heart.mesh.points, heart.mesh, -5e-6)


@pytest.mark.parametrize(
    ("model", "change", "message"),
    [
        (Shape, {"wall": 8.5}, r"Shape.wall must be between 0.002 and 0.0226, found 8.5"),
        (Shape, {"length": -0.08}, r"Shape.length must be positive, found -0.08"),
        (
            Shape,
            {"towards_rv": (0.53, -0.43, 0.73)},
            r"towards_rv must point across .*0.53, -0.43",
        ),
        (Scan, {"n_slices": 3}, r"Scan.n_slices must be between 4 and 40, found 3"),
        (Scan, {"matrix": (60, 176)}, r"must be 0.15 m or more, found 0.084 m"),
        (Volunteer, {"heart_rate": 64.0}, r"Volunteer.heart_rate must be between .*, found 64"),
        (Volunteer, {"cuff_systolic": 120.0}, r"cuff_systolic must be between .*, found 120"),
        (
            Volunteer,
            {"ejection_fraction": 60.0},
            r"ejection_fraction must be between .*, found 60",
        ),
        (Volunteer, {"passive_scale": float("nan")}, r"passive_scale must be positive, found nan"),
    ],
)
def test_a_recipe_out_of_bounds_is_refused_by_name(model, change, message):
    with pytest.raises(InputError, match=message):
        replace(model(), **change)


def test_the_end_systolic_pressure_is_nine_tenths_of_the_cuffs():
    assert Volunteer(cuff_systolic=130 * MMHG).end_systolic_pressure == pytest.approx(117 * MMHG)


def test_a_finer_template_gives_the_same_heart():
    coarse, fine = (
        end_diastolic_wall(
            replace(Volunteer(), template=replace(Volunteer().template, rings=rings))
        )
        for rings in (8, 16)
    )
    assert cavity_volume(coarse.points, coarse) == pytest.approx(
        cavity_volume(fine.points, fine), rel=2e-3
    )
