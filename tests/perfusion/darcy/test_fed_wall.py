"""A wall by its conductance's factor: exact gradients, one by one and side by side; its map."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from benchmark_bodies import ellipsoid
from scipy import sparse

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.geometry import Template, frame_of, with_coordinates
from cardiotwin.perfusion.darcy import many_walls
from cardiotwin.perfusion.darcy.bed import three_compartments
from cardiotwin.perfusion.darcy.fed_wall import FedWall
from cardiotwin.perfusion.darcy.feeding import fed_from_aorta, segment_territory
from cardiotwin.perfusion.darcy.many_walls import ManyWalls
from cardiotwin.perfusion.darcy.measured_map import MeasuredMap, over_pieces, wall_pieces
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.steady import steady_flow

BED = three_compartments()
AORTA = 12000.0


def wall_of(rings):
    mesh = ellipsoid(Template(rings=rings, layers=2), 3.5)
    return PorousWall(with_coordinates(mesh, frame_of(mesh)))


@pytest.fixture(scope="module")
def model():
    wall = wall_of(4)
    return FedWall(wall, BED, fed_from_aorta(BED, segment_territory(wall.mesh)), AORTA)


@pytest.fixture(scope="module")
def pieces(model):
    return wall_pieces(model.wall, 3, 6, 2)


def weights_of(pieces):
    n = pieces.shape[0]
    return over_pieces(pieces, np.zeros(n), np.ones(n)).weights


def test_the_model_is_the_steady_flow(model):
    found = steady_flow(model.wall, BED, model.feeding, aortic_pressure=AORTA)
    np.testing.assert_allclose(model.mbf(np.ones(len(found.mbf))), found.mbf, rtol=1e-10)


def test_the_adjoint_gradients_are_those_of_differences(model, pieces):
    rng = np.random.default_rng(3)
    log, turn = rng.normal(0, 0.3, (2, pieces.shape[1]))
    weights = weights_of(pieces)
    values, slopes = model.linearise(np.exp(log), weights)
    step = 1e-5
    ends = [weights @ model.mbf(np.exp(log + sign * step * turn)) for sign in (1, -1)]
    along = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(slopes @ turn, along, atol=1e-7 * np.abs(along).max())
    np.testing.assert_allclose(values, weights @ model.mbf(np.exp(log)), rtol=1e-12)


def test_many_factors_side_by_side_flow_and_pull_as_each_does(model, pieces):
    rng = np.random.default_rng(4)
    factors = np.exp(rng.normal(-0.3, 0.7, (7, pieces.shape[1])))
    weights = weights_of(pieces)
    mbf, pull = model.flows_and_pull(factors)
    slopes = pull(np.tile(weights.todense()[5], (7, 1)))
    for factor, found, slope in zip(factors, mbf, slopes, strict=True):
        exact = model.mbf(factor)
        assert np.sqrt(np.mean((found / exact - 1) ** 2)) < 2e-3
        expected = model.linearise(factor, weights)[1][5]
        assert np.abs(slope - expected).max() < 0.02 * np.abs(expected).max()
    many = model.flows(np.tile(factors, (8, 1)))  # more than one batch
    np.testing.assert_allclose(many[-7:], mbf, rtol=5e-3)


def test_the_balances_of_many_walls_are_symmetric_and_say_when_not_solved(monkeypatch):
    rng = np.random.default_rng(5)
    stiffness = sparse.eye_array(12, dtype=np.float32).tolil()
    stiffness[0, 3] = stiffness[3, 0] = -0.4
    joints, drain, feeding = (
        torch.from_numpy(rng.uniform(0.1, 9, shape).astype(np.float32))
        for shape in ((2, 4, 3), 4, (4, 3))
    )
    walls = ManyWalls(stiffness.tocsr(), joints, drain, feeding)
    x, y = (torch.from_numpy(rng.normal(size=(3, 4, 3)).astype(np.float32)) for _ in range(2))
    forth, back = (walls.forward(x) * y).sum(), (x * walls.adjoint(y)).sum()
    assert float(forth) == pytest.approx(float(back), rel=1e-5)
    np.testing.assert_allclose(walls.solve(walls.forward(x), 1e-5), x, atol=1e-3)
    monkeypatch.setattr(many_walls, "ITERATIONS", 1)
    with pytest.raises(ConvergenceError, match="stopped after 1 steps at a residual of"):
        walls.solve(y, 1e-9)


def test_pieces_hold_all_of_the_wall_and_are_the_same_on_any_mesh(model, pieces):
    np.testing.assert_allclose(pieces.sum(axis=0), model.wall.cell_volume, rtol=1e-12)
    coarse, fine = (wall_pieces(wall_of(n), 3, 6, 2).sum(axis=1).reshape(3, 12) for n in (6, 9))
    np.testing.assert_allclose(coarse[1:], fine[1:], rtol=0.05)
    # about the apex the angle has no meaning between a cell's corners
    np.testing.assert_allclose(coarse[0].sum(), fine[0].sum(), rtol=0.1)


def test_maps_and_models_that_cannot_be_fitted_are_refused(model, pieces):
    n = pieces.shape[0]
    good = over_pieces(pieces, np.ones(n), np.ones(n))
    with pytest.raises(InputError, match=f"found 1 of {n} without"):
        replace(good, sd=np.where(np.arange(n) == 2, 0.0, 1.0))
    with pytest.raises(InputError, match=r"found \d+ rows and 3 values"):
        MeasuredMap(weights=good.weights, values=np.ones(3), sd=np.ones(3))
    with pytest.raises(InputError, match=r"found \d+ of 8640 without, the first is number"):
        over_pieces(wall_pieces(model.wall, 30, 36, 8), np.ones(8640), np.ones(8640))
    narrow = replace(model.feeding.arteries[0], resistance=1e9)
    fed = replace(model.feeding, arteries=(narrow, *model.feeding.arteries[1:]))
    with pytest.raises(InputError, match="found lad and 3"):
        FedWall(model.wall, BED, fed, AORTA)
