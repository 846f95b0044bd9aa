"""A territory with an edge: exact gradients, unit fields, and what it is made of."""

import numpy as np
import pytest
from benchmark_bodies import ellipsoid

from cardiotwin.errors import InputError
from cardiotwin.geometry import Template, frame_of, with_coordinates
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.territory import edged_territory


@pytest.fixture(scope="module")
def wall():
    mesh = ellipsoid(Template(rings=6, layers=2), 3.5)
    return PorousWall(with_coordinates(mesh, frame_of(mesh)))


@pytest.fixture(scope="module")
def prior(wall):
    return edged_territory(wall)


def test_the_gradients_are_those_of_differences(prior):
    rng = np.random.default_rng(1)
    x, turn = rng.standard_normal((2, 5, prior.n_parameters))
    logarithms, pull = prior.logarithms_and_pull(x)
    slopes = rng.standard_normal(logarithms.shape)
    step = 2e-3
    ends = [np.sum(slopes * np.log(prior.factors(x + s * step * turn)), axis=1) for s in (1, -1)]
    along = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(np.sum(pull(slopes) * turn, axis=1), along, rtol=0.02, atol=0.05)


def test_healthy_vessels_vary_as_much_as_they_are_said_to(wall, prior):
    x = np.random.default_rng(2).standard_normal((2000, prior.n_parameters))
    x[:, 0], x[:, 4] = 30.0, 0.0  # no territory, usual spread
    square = np.mean(np.log(prior.factors(x)) ** 2, axis=0) @ wall.cell_volume
    # cells average what modes have at their corners, and do so more through the wall
    assert np.sqrt(square / wall.cell_volume.sum()) == pytest.approx(0.15, rel=0.15)


def test_a_factor_is_the_healthy_one_but_in_the_territory(prior):
    x = np.random.default_rng(3).standard_normal((50, prior.n_parameters))
    without = x.copy()
    without[:, 0] = 30.0
    share, left = prior.territory(x)
    expected = prior.factors(without) * (1 - (1 - left[:, None]) * share)
    np.testing.assert_allclose(prior.factors(x), expected, rtol=2e-3)
    assert np.mean((share > 0.1) & (share < 0.9)) < 0.15  # it has an edge
    assert np.all((left >= 0.02) & (left <= 1))
    assert 0.1 < share.mean() < 0.4
    assert share.mean(axis=1).min() == 0  # in some draws there is none


def test_more_modes_than_the_wall_has_wells_are_refused(wall):
    with pytest.raises(InputError, match=f"from 1 to {wall.n_wells} modes on this wall, found"):
        edged_territory(wall, edge=(wall.n_wells + 1, 1))
