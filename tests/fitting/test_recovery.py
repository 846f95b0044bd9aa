"""The fit of a ventricle gives back the parameters that made the data."""

from dataclasses import replace

import numpy as np
import pytest
from benchmark_bodies import ellipsoid

from cardiotwin.fem.settings import NewtonSettings
from cardiotwin.fitting.evidence import Evidence, Measured
from cardiotwin.fitting.heart_model import HeartModel, Trial
from cardiotwin.fitting.personalise import Priors, fit_beat, fit_passive
from cardiotwin.fitting.priors import LogNormal
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.wall import Wall
from cardiotwin.units import ML, MMHG

TRUTH = Trial(passive_scale=1.6, passive_exponent=2.2, end_diastolic_pressure=10 * MMHG)
FULL, SYSTOLIC = 22 * MMHG, 105 * MMHG
EJECTED = 0.55  # end-systolic over end-diastolic volume
PRIORS = Priors(
    passive_scale=LogNormal(median=1.0, sd=2.0, source="test"),
    passive_exponent=LogNormal(median=3.5, sd=2.0, source="test"),
    contractility=LogNormal(median=6e4, sd=3.0, source="test"),
)


@pytest.fixture(scope="module")
def wall():
    return Wall(
        ellipsoid(Template(rings=5, layers=1), size=3.5),
        angles=FibreAngles(),
        material=HolzapfelOgden(),
        springs=Springs(),
        discretisation=Discretisation(newton=NewtonSettings(relative=1e-11)),
    )


@pytest.fixture(scope="module")
def model(wall):
    return HeartModel(wall, (FULL,))


@pytest.fixture(scope="module")
def beat(model):
    trial = replace(TRUTH, end_systolic=(EJECTED * model.end_diastolic_volume, SYSTOLIC))
    return model.moved(model.first(TRUTH), trial)


def evidence(model, placed):
    volumes = model.volumes(placed)
    measured = {
        key: Measured(value=value, sd=0.02 * ML, source="model") for key, value in volumes.items()
    }
    return Evidence(
        end_diastolic_volume=Measured(value=model.end_diastolic_volume, sd=1 * ML, source="model"),
        end_diastolic_pressure=Measured(value=10 * MMHG, sd=0.02 * MMHG, source="model"),
        end_systolic_volume=Measured(
            value=EJECTED * model.end_diastolic_volume, sd=0.5 * ML, source="model"
        ),
        end_systolic_pressure=Measured(value=SYSTOLIC, sd=2 * MMHG, source="model"),
        diastolic_points=((0.0, measured["unloaded"]), (FULL, measured["passive_0"])),
        klotz=None,
        flags=(),
    )


@pytest.mark.slow
def test_stiffness_exponent_and_contractility_come_back(wall, model, beat):
    data = evidence(model, beat)
    passive = fit_passive(wall, data, PRIORS)
    values = np.exp(passive.mode.values[:2])
    np.testing.assert_allclose(values, [1.6, 2.2], rtol=0.02)
    np.testing.assert_allclose(
        passive.volumes["unloaded"], data.diastolic_points[0][1].value, rtol=1e-3
    )
    fit = fit_beat(wall, data, PRIORS, passive)
    tension = beat.end_systole.loads.active_tension
    found = fit.placements.end_systole.loads.active_tension
    assert found == pytest.approx(tension, rel=0.02)
    assert not any(fit.mode.at_bound)


STEPS = {"passive_scale": 2e-3, "passive_exponent": 2e-3, "end_diastolic_pressure": 2.0}


@pytest.mark.slow
@pytest.mark.parametrize("name", [*STEPS, "end_systolic_volume", "end_systolic_pressure"])
def test_the_slopes_are_the_derivatives_of_volumes_and_tension(model, beat, name):
    volume, pressure = beat.trial.end_systolic
    ends = []
    for sign in (1, -1):
        if name in STEPS:
            step = STEPS[name]
            trial = replace(beat.trial, **{name: getattr(beat.trial, name) + sign * step})
        elif name == "end_systolic_volume":
            step = 0.02 * ML
            trial = replace(beat.trial, end_systolic=(volume + sign * step, pressure))
        else:
            step = 20.0
            trial = replace(beat.trial, end_systolic=(volume, pressure + sign * step))
        moved = model.moved(beat, trial)
        tension = moved.end_systole.loads.active_tension
        ends.append({**model.volumes(moved), "contractility": tension})
    for key, slopes in model.slopes(beat).items():
        difference = (ends[0][key] - ends[1][key]) / (2 * step)
        scale = abs(difference) + 1e-6 * abs(ends[0][key]) / step
        assert slopes.get(name, 0.0) == pytest.approx(difference, abs=2e-4 * scale), key
