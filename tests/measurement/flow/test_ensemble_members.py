"""Members of an ensemble of flows: their inflow, their motion, and what they foresee."""

from dataclasses import replace

import numpy as np
import pytest
from pulsing import PERIOD, pulsing_spheroid

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import CavityTemplate, make_cavity
from cardiotwin.geometry.cavity.motion import area_vectors
from cardiotwin.geometry.cavity.paced import PacedMotion
from cardiotwin.haemodynamics.heart import volume
from cardiotwin.measurement.flow.members import (
    InflowFlow,
    _window_weights,
    chart_between,
    forecast,
)
from cardiotwin.measurement.flow.unknowns import UNKNOWNS, values_of

STEPS, FRAMES = 64, 8
TEMPLATE = CavityTemplate(edge=0.16, layers=8, collar_layers=2, stub_layers=2)
FINER = replace(TEMPLATE, edge=0.13, layers=12, collar_layers=3)
MIDDLE = values_of(np.zeros(len(UNKNOWNS)))


def made(template: CavityTemplate):
    return make_cavity(pulsing_spheroid(), PERIOD, template)


@pytest.fixture(scope="module")
def cavity():
    return made(TEMPLATE)


def test_parameters_stay_where_the_model_takes_them():
    far = values_of(np.full(len(UNKNOWNS), 50.0))
    assert all(far[name] == unknown.high for name, unknown in UNKNOWNS.items())
    assert MIDDLE["viscosity"] == pytest.approx(3.5e-3)
    once = values_of(np.eye(len(UNKNOWNS))[list(UNKNOWNS).index("ramp")])
    assert once["ramp"] / MIDDLE["ramp"] == pytest.approx(np.exp(0.35))


def test_an_oblique_narrow_jet_brings_in_what_the_wall_displaces(cavity):
    given = MIDDLE | {"orifice_x": 0.2, "orifice_radius": 0.6, "tilt_x": 0.4, "tilt_y": -0.2}
    flow = InflowFlow(cavity, TEMPLATE, given, steps=STEPS)
    late = 0.75 * cavity.motion.period
    points, wall, told, grown = flow.boundary(late)
    assert grown > 0
    triangles = cavity.region.facets["mitral"]
    vectors = area_vectors(points, triangles)
    through = float((vectors * (told - wall)[triangles].mean(axis=1)).sum())
    assert through == pytest.approx(-grown, rel=1e-9)
    fastest = np.argmax(np.linalg.norm(told - wall, axis=1))
    normal = vectors.sum(axis=0) / np.linalg.norm(vectors.sum(axis=0))
    jet = (told - wall)[fastest]
    slope = np.linalg.norm(jet - jet @ normal * normal) / abs(jet @ normal)
    assert slope == pytest.approx(np.hypot(0.4, 0.2), rel=1e-6)
    straight = InflowFlow(cavity, TEMPLATE, MIDDLE, steps=STEPS).boundary(late)[2]
    assert np.linalg.norm(jet) > 1.2 * np.abs(straight - wall).max()


def test_the_motions_size_excursion_and_lag_are_what_they_say(cavity):
    def at(time: float, **changed: float) -> float:
        return volume(InflowFlow(cavity, TEMPLATE, MIDDLE | changed, steps=STEPS).cavity, time)

    period = cavity.motion.period
    assert at(0.1, size=1.02) == pytest.approx(1.02**3 * at(0.1), rel=1e-9)
    assert at(0.1 + 5e-3, lag=5e-3) == pytest.approx(at(0.1), rel=1e-9)
    stroke = at(0.0, stroke=1.05) - at(period / 2, stroke=1.05)
    assert stroke == pytest.approx(1.05 * (at(0.0) - at(period / 2)), rel=0.01)


def test_a_motion_that_is_no_fourier_series_is_refused(cavity):
    course = np.arange(16) / 16 * cavity.motion.period
    paced = replace(cavity, motion=PacedMotion(shapes=cavity.motion, course=course))
    with pytest.raises(InputError, match="as a Fourier series, found PacedMotion"):
        InflowFlow(paced, TEMPLATE, MIDDLE, steps=STEPS)


def test_a_chart_between_two_cuts_carries_what_is_linear_in_the_wall(cavity):
    finer = made(FINER)
    there, back = (
        chart_between(cavity, TEMPLATE, finer, FINER),
        chart_between(finer, FINER, cavity, TEMPLATE),
    )
    np.testing.assert_allclose(there.sum(axis=1), 1.0, atol=1e-12)
    for time in (0.0, 0.3):
        places, others = finer.motion.positions(time), cavity.motion.positions(time)
        apart = np.linalg.norm(there @ others - places, axis=1)
        assert np.percentile(apart, 90) < 1e-3
        assert np.percentile(np.linalg.norm(back @ places - others, axis=1), 90) < 1e-3
    own = chart_between(cavity, TEMPLATE, cavity, TEMPLATE)
    np.testing.assert_allclose((own @ others), others, atol=1e-12)


@pytest.mark.parametrize("window", [0.0, 0.5, 0.9, 1.0, 1.5])
def test_means_over_a_window_are_exact_between_steps(window):
    """Of 1, t and t^2 between steps, whose own error there is h^2 / 6."""
    half = int(np.ceil(window * 4))
    weights, places = _window_weights(half, window * 4), np.arange(-half, half + 1)
    assert weights.sum() == pytest.approx(1, rel=1e-12)
    assert weights @ places == pytest.approx(0, abs=1e-12)
    reach = window * 4
    fine = np.linspace(-reach, reach, 200_001)
    told = np.interp(fine, places, places**2) if half else np.zeros(1)
    assert weights @ places**2 == pytest.approx(told.mean(), rel=1e-4)


def test_a_model_foresees_its_own_flow(cavity):
    """Corrected at each frame to its own flow, on whose first frame nothing is known before."""
    flow = InflowFlow(cavity, TEMPLATE, MIDDLE, steps=STEPS)
    flow.begin(np.zeros_like(cavity.region.points))
    own = [moment.velocity for moment in flow.run(2 * STEPS)][STEPS - 1 :: STEPS // FRAMES]
    own = np.stack(own[:FRAMES])
    chart = chart_between(cavity, TEMPLATE, cavity, TEMPLATE)
    again = InflowFlow(cavity, TEMPLATE, MIDDLE, steps=STEPS)
    found = forecast(again, (chart, chart), own, per_frame=STEPS // FRAMES, window=1.0)
    inside = ~again.held
    size = np.sqrt(np.mean(own[:, inside] ** 2))
    wrong = np.sqrt(np.mean((found.middles - own)[2:, inside] ** 2))
    still = np.sqrt(np.mean((np.roll(own, 1, axis=0) - own)[2:, inside] ** 2))
    assert wrong < 0.1 * size
    assert wrong < 0.25 * still
    assert np.sqrt(np.mean((found.means - own)[2:, inside] ** 2)) < 0.5 * still
