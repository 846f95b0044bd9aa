"""The fit of a map under normal priors: their own variance, segments and a territory found."""

from dataclasses import replace

import numpy as np
import pytest
from benchmark_bodies import ellipsoid

from cardiotwin.errors import InputError
from cardiotwin.geometry import Template, frame_of, with_coordinates
from cardiotwin.perfusion.darcy.bed import DENSITY, three_compartments
from cardiotwin.perfusion.darcy.fed_wall import FedWall
from cardiotwin.perfusion.darcy.feeding import fed_from_aorta, segment_territory
from cardiotwin.perfusion.darcy.map_fit import fit_map, flow_draws
from cardiotwin.perfusion.darcy.measured_map import over_pieces, wall_pieces
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.prior import by_segment, smooth_field

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
    return wall_pieces(model.wall, 3, 6, 2)


def measured(pieces, mbf, sd):
    n = pieces.shape[0]
    blank = over_pieces(pieces, np.zeros(n), np.full(n, sd))
    return replace(blank, values=blank.weights @ mbf)


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
    fit = fit_map(model, measured(pieces, mbf, 1e-4 * USUAL), prior)
    np.testing.assert_allclose(fit.parameters, truth, atol=0.02)
    assert fit.misfit < 0.01
    np.testing.assert_allclose(fit.mbf, mbf, rtol=0.01)


def test_the_map_chooses_its_prior_and_the_posterior_covers_the_truth(model, pieces):
    mesh = model.wall.mesh
    middles = mesh.points[mesh.cells[:, :4]].mean(axis=1)
    centre = middles[mesh.cell_fields["aha_segment"] == 7].mean(axis=0)
    near = np.linalg.norm(middles - centre, axis=1) < 0.02
    clean = measured(pieces, model.mbf(np.where(near, 0.2, 1.0)), 1.0)
    rng = np.random.default_rng(5)
    sd = 0.1 * clean.values
    noisy = replace(clean, values=clean.values + sd * rng.standard_normal(len(sd)), sd=sd)
    priors = [smooth_field(model.wall, s, 0.03) for s in (0.05, 0.8)]
    fits = [fit_map(model, noisy, prior) for prior in priors]
    assert fits[1].log_evidence > fits[0].log_evidence + 5
    fit = fits[1]
    # the mode is smooth: it is lower where vessels are narrow, not as low as they are there
    assert fit.log_factor[near].mean() < fit.log_factor[~near].mean() - 0.4
    assert np.linalg.norm(middles[fit.log_factor.argmin()] - centre) < 0.03
    draws = flow_draws(model, fit, 60, rng) @ noisy.weights.T
    low, high = np.quantile(draws, (0.05, 0.95), axis=0)
    assert np.mean((low <= clean.values) & (clean.values <= high)) > 0.75
    assert np.all(fit.log_factor_sd < 0.8 * 2)


def test_fields_that_cannot_be_are_refused(model):
    with pytest.raises(InputError, match="length must be positive and finite, found -1"):
        smooth_field(model.wall, 1.0, -1.0)
