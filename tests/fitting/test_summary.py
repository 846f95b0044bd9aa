"""Estimates, spreads and draws are those of the normal law on the fit's scale."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.fitting.evidence import Evidence, Measured
from cardiotwin.fitting.heart_model import Placements, Trial
from cardiotwin.fitting.least_squares import Mode
from cardiotwin.fitting.personalise import ACTIVE, PASSIVE, Fit
from cardiotwin.fitting.summary import UNITS, Uncertainty, draws, scale_flags, uncertainty
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.solved import Solved
from cardiotwin.units import ML, MMHG

NAMES = PASSIVE + ACTIVE
TENSION = 5e4  # Pa
EVIDENCE = Evidence(
    end_diastolic_volume=Measured(value=140 * ML, sd=5 * ML, source="test"),
    end_diastolic_pressure=Measured(value=10 * MMHG, sd=2 * MMHG, source="test"),
    end_systolic_volume=Measured(value=56 * ML, sd=3 * ML, source="test"),
    end_systolic_pressure=Measured(value=108 * MMHG, sd=7 * MMHG, source="test"),
    diastolic_points=(),
    klotz=None,
    flags=(),
)
# By the parameters, SI: one per cent of stiffness or of pressure, half a per cent of volume.
SLOPES = {
    "unloaded": {"passive_scale": 2e-6, "end_diastolic_pressure": -3e-9},
    "contractility": {"end_systolic_pressure": 3.0, "end_systolic_volume": -4e8},
}


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(2)
    jacobian = np.vstack([np.diag([3.0, 5.0, 1.0, 1.0, 1.0]), rng.normal(0, 0.5, (3, 5))])
    mode = Mode(
        values=np.array([np.log(0.8), np.log(3.0), 0.4, -0.3, 0.1]),
        residuals=np.zeros(8),
        jacobian=jacobian,
        evaluations=1,
        at_bound=(False, True, False, False, False),
    )
    solved = Solved(unknown=np.zeros(3), other=np.zeros(3), loads=Loads(active_tension=TENSION))
    trial = Trial(passive_scale=0.8, passive_exponent=3.0, end_diastolic_pressure=10.8 * MMHG)
    return Fit(
        names=NAMES,
        mode=mode,
        placements=Placements(trial=trial, unloaded=solved, passive={}, systole=(solved,)),
        volumes={"unloaded": 80 * ML},
        slopes=SLOPES,
    )


@pytest.fixture(scope="module")
def found(fit):
    return uncertainty(fit, EVIDENCE)


def test_the_values_are_the_modes_in_their_own_units(found):
    assert set(found.values) == set(UNITS)
    assert found.values["passive_scale"] == pytest.approx(0.8)
    assert found.values["end_diastolic_pressure"] == pytest.approx(10.8 * MMHG)
    assert found.values["end_systolic_volume"] == pytest.approx(55.1 * ML)
    assert found.values["contractility"] == TENSION


def test_a_spread_follows_the_slopes(fit, found):
    C = fit.mode.covariance
    step = np.array([0.8 * 2e-6, 0.0, -3e-9 * 2 * MMHG, 0.0, 0.0])  # of the unloaded volume
    spread = np.sqrt(step @ C @ step)
    assert found.sd("unloaded_volume") == pytest.approx(spread, rel=0.01)
    assert found.sd("end_systolic_volume") == pytest.approx(3 * ML * np.sqrt(C[3, 3]))


def test_draws_have_the_stated_spreads_and_the_fits_covariance(found):
    some = draws(found, 200_000, np.random.default_rng(1))
    assert set(some) == set(found.values)
    scale = []
    for name, values in some.items():
        assert np.median(values) == pytest.approx(found.values[name], abs=0.01 * found.sd(name))
        assert values.std() == pytest.approx(found.sd(name), rel=0.02), name
        scale.append(np.log(values) if name in found.logarithmic else values)
        assert name not in found.logarithmic or values.min() > 0
    rows = np.stack([found.rows[name] for name in some])
    expected = rows @ found.covariance @ rows.T
    sizes = np.sqrt(np.diag(expected))
    np.testing.assert_allclose(
        np.cov(scale) / np.outer(sizes, sizes), expected / np.outer(sizes, sizes), atol=0.01
    )


def test_the_mean_of_a_logarithmic_value_is_the_log_normals():
    wide = Uncertainty(
        values={"contractility": TENSION},
        logarithmic=frozenset({"contractility"}),
        mode=np.zeros(1),
        covariance=np.array([[0.25]]),
        rows={"contractility": np.ones(1)},
    )
    some = draws(wide, 400_000, np.random.default_rng(3))["contractility"]
    assert some.mean() == pytest.approx(TENSION * np.exp(0.125), rel=0.005)
    assert some.std() == pytest.approx(wide.sd("contractility"), rel=0.02)


def test_the_same_generator_gives_the_same_draws(found):
    one, other = (draws(found, 10, np.random.default_rng(7)) for _ in range(2))
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name])


def test_a_passive_heart_has_no_contractility(fit):
    passive = replace(fit.placements, systole=())
    slopes = {"unloaded": SLOPES["unloaded"]}
    mode = replace(fit.mode, values=fit.mode.values[:3], jacobian=fit.mode.jacobian[:, :3])
    found = uncertainty(
        replace(fit, names=PASSIVE, mode=mode, placements=passive, slopes=slopes), EVIDENCE
    )
    assert set(found.values) == {*PASSIVE, "unloaded_volume"}


def test_a_parameter_on_its_bound_is_flagged_by_name(fit):
    (flag,) = scale_flags(fit)
    assert flag.name == "passive_exponent_at_bound"
    assert "The fit of passive_exponent ended at the edge" in flag.sentence
