"""A map under several beliefs: a territory with an edge is chosen, or not, and covered."""

import numpy as np
import pytest
from benchmark_bodies import ellipsoid

from cardiotwin.fitting.flow_map import FlowDraws, draw_flows, map_posterior
from cardiotwin.fitting.tempering import Tempering
from cardiotwin.geometry import Template, frame_of, with_coordinates
from cardiotwin.perfusion.darcy.bed import DENSITY, three_compartments
from cardiotwin.perfusion.darcy.fed_wall import FedWall
from cardiotwin.perfusion.darcy.feeding import fed_from_aorta, segment_territory
from cardiotwin.perfusion.darcy.measured_map import over_pieces, wall_pieces
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.prior import by_segment, smooth_field
from cardiotwin.perfusion.darcy.territory import edged_territory

USUAL = 1 / 60 / DENSITY  # m^3/(s kg)


@pytest.fixture(scope="module")
def model():
    mesh = ellipsoid(Template(rings=5, layers=2), 3.5)
    wall, bed = PorousWall(with_coordinates(mesh, frame_of(mesh))), three_compartments()
    return FedWall(wall, bed, fed_from_aorta(bed, segment_territory(wall.mesh)), 12000.0)


def test_flow_below_a_threshold_is_that_of_either_side_of_an_edge():
    draws = FlowDraws(
        mbf=np.array([[4.0, 2.5, 1.0], [4.0, 1.0, 0.5]]),
        share=np.array([[0.0, 0.5, 1.0], [0.0, 0.0, 0.0]]),
        left=np.array([0.25, 1.0]),
    )
    size, flow = draws.below(1.9, np.array([1.0, 2.0, 1.0]))
    # of the divided cell, half has 4 and half has 1
    np.testing.assert_allclose(size, [2 / 4, 3 / 4])
    np.testing.assert_allclose(flow, [1.0, 2.5 / 3])


@pytest.mark.parametrize("shape", ["sharp", "none"])
def test_the_evidence_tells_whether_there_is_an_edge_and_the_draws_cover_the_truth(model, shape):
    wall, mesh = model.wall, model.wall.mesh
    middles = mesh.points[mesh.cells[:, :4]].mean(axis=1)
    centre = middles[mesh.cell_fields["aha_segment"] == 9].mean(axis=0)
    near = (np.linalg.norm(middles - centre, axis=1) < 0.025) & (shape == "sharp")
    pieces = wall_pieces(wall, 4, 8, 2)
    mbf = model.mbf(np.where(near, 0.2, 1.0))
    clean = pieces @ mbf / pieces.sum(axis=1)
    sd, rng = 0.1 * clean, np.random.default_rng(7)
    measured = over_pieces(pieces, clean + sd * rng.standard_normal(len(sd)), sd)
    beliefs = {
        "field": [smooth_field(wall, spread, 0.03) for spread in (0.3, 1.0)],
        "segments": [by_segment(wall, 0.8)],
        "territory": edged_territory(wall, edge=(40, 8), healthy=(12, 3)),
    }
    posterior = map_posterior(
        model, measured, beliefs, rng, Tempering(draws=40, moves=3, longest=6)
    )
    likely = posterior.probability(list(beliefs))
    assert sum(likely.values()) == pytest.approx(1)
    assert likely["territory"] > 0.9
    draws = draw_flows(model, posterior, beliefs, 200, rng)
    threshold = 0.6 * USUAL
    size, _ = draws.below(threshold, wall.cell_volume)
    true = float((mbf < threshold) @ wall.cell_volume / wall.cell_volume.sum())
    low, high = np.quantile(size, (0.05, 0.95))
    assert low <= true + 0.02
    assert high >= true - 0.02
    assert high - low < 0.06
    smooth = draw_flows(model, posterior, {"field": beliefs["field"]}, 50, rng)
    assert np.all(smooth.share == 0)
