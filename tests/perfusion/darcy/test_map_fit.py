"""The fit of a map: exact gradients, a prior with its own variance, a territory found again."""

from dataclasses import replace

import numpy as np
import pytest
from benchmark_bodies import ellipsoid

from cardiotwin.errors import InputError
from cardiotwin.geometry import Template, frame_of, with_coordinates
from cardiotwin.perfusion.darcy.bed import DENSITY, three_compartments
from cardiotwin.perfusion.darcy.feeding import fed_from_aorta, segment_territory
from cardiotwin.perfusion.darcy.map_fit import FedWall, choose_prior, fit_map, flow_draws
from cardiotwin.perfusion.darcy.measured_map import MeasuredMap, grouped, wall_pieces
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.prior import by_segment, smooth_field
from cardiotwin.perfusion.darcy.steady import steady_flow

BED = three_compartments()
AORTA = 12000.0
USUAL = 1 / 60 / DENSITY  # m^3/(s kg)


@pytest.fixture(scope="module")
def model():
    mesh = ellipsoid(Template(rings=4, layers=2), 3.5)
    wall = PorousWall(with_coordinates(mesh, frame_of(mesh)))
    return FedWall(wall, BED, fed_from_aorta(BED, segment_territory(wall.mesh)), AORTA)


@pytest.fixture(scope="module")
def pieces(model):
    piece = wall_pieces(model.wall.mesh, 3, 6, 2)
    return np.unique(piece, return_inverse=True)[1]


def measured(model, pieces, mbf, sd):
    n = pieces.max() + 1
    blank = grouped(model.wall, pieces, np.zeros(n), np.full(n, sd))
    return replace(blank, values=blank.weights @ mbf)


def test_the_model_is_the_steady_flow(model):
    found = steady_flow(model.wall, BED, model.feeding, aortic_pressure=AORTA)
    np.testing.assert_allclose(model.mbf(np.ones(len(found.mbf))), found.mbf, rtol=1e-10)


def test_the_adjoint_gradients_are_those_of_differences(model, pieces):
    rng = np.random.default_rng(3)
    log, turn = rng.normal(0, 0.3, (2, len(pieces)))
    some = measured(model, pieces, np.ones(len(pieces)), 1.0).weights
    values, slopes = model.linearise(np.exp(log), some)
    step = 1e-5
    ends = [some @ model.mbf(np.exp(log + sign * step * turn)) for sign in (1, -1)]
    along = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(slopes @ turn, along, atol=1e-7 * np.abs(along).max())
    np.testing.assert_allclose(values, some @ model.mbf(np.exp(log)), rtol=1e-12)


def test_a_field_has_the_deviation_and_the_range_that_were_asked_for(model):
    wall, found = model.wall, []
    for length in (0.03, 0.06):
        prior = smooth_field(wall, 0.7, length)
        covariance = np.linalg.inv(prior.precision)
        variance = np.diag(covariance)
        assert np.sqrt(variance @ wall.well_volume / wall.well_volume.sum()) == pytest.approx(0.7)
        places = wall.mesh.points[wall.nodes]
        apart = np.linalg.norm(places[:, None] - places, axis=2) / length
        correlation = covariance / np.sqrt(np.outer(variance, variance))
        found.append([correlation[np.abs(apart - d) < 0.07].mean() for d in (0.25, 0.5, 1, 1.5)])
        assert np.all(np.diff(found[-1]) < 0)
    # in units of the range both are nearly one function
    np.testing.assert_allclose(found[0], found[1], atol=0.17)
    assert found[0][0] > 0.75
    assert 0.13 < found[0][2] < 0.4  # 0.13 in the plane, more in a shell that closes on itself


def test_segments_that_made_a_map_are_found_again(model, pieces):
    truth = np.zeros(17)
    truth[[0, 6, 12]] = np.log([0.3, 0.5, 0.4])
    prior = by_segment(model.wall, 2.0)
    mbf = model.mbf(np.exp(prior.basis @ truth))
    fit = fit_map(model, measured(model, pieces, mbf, 1e-4 * USUAL), prior)
    np.testing.assert_allclose(fit.parameters, truth, atol=0.02)
    assert fit.misfit < 0.01
    np.testing.assert_allclose(fit.mbf, mbf, rtol=0.01)


def test_the_map_chooses_its_prior_and_the_posterior_covers_the_truth(model, pieces):
    mesh = model.wall.mesh
    middles = mesh.points[mesh.cells[:, :4]].mean(axis=1)
    centre = middles[mesh.cell_fields["aha_segment"] == 7].mean(axis=0)
    near = np.linalg.norm(middles - centre, axis=1) < 0.02
    clean = measured(model, pieces, model.mbf(np.where(near, 0.2, 1.0)), 1.0)
    rng = np.random.default_rng(5)
    sd = 0.1 * clean.values
    noisy = replace(clean, values=clean.values + sd * rng.standard_normal(len(sd)), sd=sd)
    priors = [smooth_field(model.wall, s, 0.03) for s in (0.05, 0.8)]
    fit, evidence = choose_prior(model, noisy, priors)
    assert evidence[1] > evidence[0] + 5
    assert fit.prior.sd == 0.8
    # the mode is smooth: it is lower where vessels are narrow, not as low as they are there
    assert fit.log_factor[near].mean() < fit.log_factor[~near].mean() - 0.4
    assert np.linalg.norm(middles[fit.log_factor.argmin()] - centre) < 0.03
    draws = flow_draws(model, fit, 60, rng) @ noisy.weights.T
    low, high = np.quantile(draws, (0.05, 0.95), axis=0)
    assert np.mean((low <= clean.values) & (clean.values <= high)) > 0.75
    assert np.all(fit.log_factor_sd < 0.8 * 2)


def test_maps_and_models_that_cannot_be_fitted_are_refused(model, pieces):
    good = measured(model, pieces, np.ones(len(pieces)), 1.0)
    with pytest.raises(InputError, match=f"found 1 of {len(good.values)} without"):
        replace(good, sd=np.where(np.arange(len(good.sd)) == 2, 0.0, 1.0))
    with pytest.raises(InputError, match=r"found \d+ rows and 3 values"):
        MeasuredMap(weights=good.weights, values=np.ones(3), sd=np.ones(3))
    with pytest.raises(InputError, match="found 4 of 40 without, the first is number 35"):
        grouped(model.wall, np.where(pieces == 35, 39, pieces % 36), np.ones(40), np.ones(40))
    narrow = replace(model.feeding.arteries[0], resistance=1e9)
    fed = replace(model.feeding, arteries=(narrow, *model.feeding.arteries[1:]))
    with pytest.raises(InputError, match="found lad and 3"):
        FedWall(model.wall, BED, fed, AORTA)
    with pytest.raises(InputError, match="length must be positive and finite, found -1"):
        smooth_field(model.wall, 1.0, -1.0)
