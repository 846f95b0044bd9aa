"""Land et al. (2015), Proc R Soc A 471:20150641, on meshes that a test can afford."""

import tomllib
from pathlib import Path

import pytest
from land2015 import Options, solve

PUBLISHED = tomllib.loads(Path(__file__).with_name("land_2015.toml").read_text())

pytestmark = [pytest.mark.validation, pytest.mark.slow]


@pytest.mark.parametrize("problem", [1, 2])
def test_the_wall_deforms_as_the_participants_found(problem):
    found = solve(Options(problem=problem, refinement=2))
    for key, number in PUBLISHED[f"problem_{problem}"].items():
        assert found[key] == pytest.approx(number["value"], abs=number["tolerance"]), key
    if problem == 2:
        assert abs(found["wall_volume_change"]) < 1e-9
