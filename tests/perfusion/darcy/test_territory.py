"""A territory with an edge: exact gradients, unit fields, and what it is made of."""

import numpy as np
import pytest
from benchmark_bodies import ellipsoid

from cardiotwin.errors import InputError
from cardiotwin.geometry import Template, frame_of, with_coordinates
from cardiotwin.perfusion.darcy.bed import three_compartments
from cardiotwin.perfusion.darcy.fed_wall import FedWall
from cardiotwin.perfusion.darcy.feeding import fed_from_aorta, segment_territory
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.territory import edged_territory

BED = three_compartments()


@pytest.fixture(scope="module")
def model():
    mesh = ellipsoid(Template(rings=6, layers=2), 3.5)
    wall = PorousWall(with_coordinates(mesh, frame_of(mesh)))
    return FedWall(wall, BED, fed_from_aorta(BED, segment_territory(wall.mesh)), 12000.0)


@pytest.fixture(scope="module")
def prior(model):
    return edged_territory(model)


def test_the_gradients_are_those_of_differences(prior):
    rng = np.random.default_rng(1)
    x, turn = rng.standard_normal((2, 5, prior.n_parameters))
    logarithms, pull = prior.logarithms_and_pull(x)
    slopes = rng.standard_normal(logarithms.shape)
    step = 2e-3
    ends = [np.sum(slopes * np.log(prior.factors(x + s * step * turn)), axis=1) for s in (1, -1)]
    along = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(np.sum(pull(slopes) * turn, axis=1), along, rtol=0.02, atol=0.05)


def test_healthy_vessels_vary_as_much_as_they_are_said_to(model, prior):
    x = np.random.default_rng(2).standard_normal((2000, prior.n_parameters))
    x[:, 0], x[:, 4] = 30.0, 0.0  # no territory, usual spread
    square = np.mean(np.log(prior.factors(x)) ** 2, axis=0) @ model.wall.cell_volume
    # cells average what modes have at their corners, and do so more through the wall
    assert np.sqrt(square / model.wall.cell_volume.sum()) == pytest.approx(0.15, rel=0.15)


def test_a_cell_flows_as_much_as_both_sides_of_its_edge_would_alone(prior):
    x = np.random.default_rng(3).standard_normal((50, prior.n_parameters))
    x[:, 4] = -50.0  # healthy vessels vary little
    share, contrast = prior.territory(x)
    factors = prior.factors(x)
    # 3400, 3000 and 3000 Pa before the veins, 1000 Pa in them, at the same flow
    flow = 10400 / (9400 / factors + 1000)
    np.testing.assert_allclose(flow, 1 - (1 - contrast[:, None]) * share, rtol=0.1)
    assert np.mean((share > 0.1) & (share < 0.9)) < 0.15  # it has an edge
    assert np.all((contrast >= 0.02) & (contrast <= 1))
    assert 0.1 < share.mean() < 0.4
    assert share.mean(axis=1).min() == 0  # in some draws there is none


def test_more_modes_than_the_wall_has_wells_are_refused(model):
    most = model.wall.n_wells
    with pytest.raises(InputError, match=f"from 1 to {most} modes on this wall, found"):
        edged_territory(model, edge=(most + 1, 1))
