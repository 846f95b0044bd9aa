"""Land et al. (2015), Proc R Soc A 471:20150641, on meshes that a test can afford."""

import tomllib
from dataclasses import replace
from pathlib import Path

import land2015
import land_axisymmetric
import numpy as np
import pytest

PUBLISHED = tomllib.loads(Path(__file__).with_name("land_2015.toml").read_text())

pytestmark = [pytest.mark.validation, pytest.mark.slow]


def in_space(problem, refinement):
    return land2015.solve(land2015.Options(problem=problem, refinement=refinement))


def in_a_plane(problem, refinement):
    options = land_axisymmetric.Options(problem=problem, refinement=refinement)
    return land_axisymmetric.solve(options)


@pytest.mark.parametrize("problem", [1, 2])
def test_the_wall_deforms_as_the_participants_found(problem):
    found = in_space(problem, refinement=2)
    for key, number in PUBLISHED[f"problem_{problem}"].items():
        assert found[key] == pytest.approx(number["value"], abs=number["tolerance"]), key
    if problem == 2:
        assert abs(found["wall_volume_change"]) < 1e-9


def test_the_plane_gives_a_participants_converged_ventricle():
    found = in_a_plane(2, refinement=4)
    for key, value, tolerance in (
        ("apex_endocardium_z_mm", -26.612, 0.01),
        ("apex_epicardium_z_mm", -28.279, 0.01),
        ("volume_mm3", 10734.3, 10.0),
    ):
        assert found[key] == pytest.approx(value, abs=tolerance), key
    assert abs(found["twist_deg"]) < 1e-9


def test_the_contracting_ventricle_in_space_is_that_of_the_plane():
    space, plane = in_space(3, refinement=1), in_a_plane(3, refinement=4)
    assert space["apex_epicardium_z_mm"] == pytest.approx(plane["apex_epicardium_z_mm"], abs=0.1)
    assert space["apex_endocardium_z_mm"] == pytest.approx(plane["apex_endocardium_z_mm"], abs=0.3)
    assert space["volume_mm3"] == pytest.approx(plane["volume_mm3"], rel=0.02)
    assert space["twist_deg"] == pytest.approx(plane["twist_deg"], rel=0.03)
    assert abs(space["wall_volume_change"]) < 1e-9
    lengths = [np.abs(values).max() for key, values in space.items() if "_strain_" in key]
    assert len(lengths) == 9
    assert max(lengths) < 1


def test_mirrored_fibres_turn_the_ventricle_the_other_way_alone(monkeypatch):
    one = in_a_plane(3, refinement=2)
    monkeypatch.setattr(land_axisymmetric, "WALL", replace(land2015.WALL, helix=(-90.0, 90.0)))
    other = in_a_plane(3, refinement=2)
    assert other["twist_deg"] == pytest.approx(-one["twist_deg"], rel=1e-6)
    for key in ("apex_endocardium_z_mm", "apex_epicardium_z_mm", "volume_mm3"):
        assert other[key] == pytest.approx(one[key], rel=1e-6), key
