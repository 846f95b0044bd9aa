"""A reduced twin of polynomials that are known: observables, their slopes, sizes, errors."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.fitting import make_ledger, posterior, scalar
from cardiotwin.fitting.acquisitions import ACQUISITIONS, Acquisition, fisher_of, hypothetical
from cardiotwin.fitting.hamiltonian import Sampling
from cardiotwin.fitting.lines import Lines
from cardiotwin.fitting.priors import Normal, Uniform
from cardiotwin.fitting.reduced_twin import ReducedTwin
from cardiotwin.measurement.tracers import Tracers
from cardiotwin.surrogates.response import Response, total_degree
from cardiotwin.units import ML, MMHG

HELD = {"base_stiffness": (0.5, 2.0), "pericardium_stiffness": (0.5, 2.0)}
WALL = {"passive_scale": (0.5, 2.0), **HELD}
ACTIVE = {"passive_scale": (0.5, 2.0), "active_tension": (2e4, 8e4), **HELD}
NO_LINES = Lines(
    names=("longitudinal", "circumferential"),
    tracers=Tracers(nodes=np.zeros((0, 10), int), weights=np.zeros((0, 10))),
    ends=np.zeros((0, 2), int),
    pieces=np.zeros((2, 0), bool),
)


def surface(box, pressure, volume, seed):
    """Return random quadratics about a pressure, two coefficients and two lengths."""
    names = (*box, "cavity_volume")
    ends = np.array([*box.values(), volume])
    powers = total_degree(len(names), 2)
    size = np.array([0.2 * pressure, 1e-3, 1e-3, 5e-3, 5e-3])
    coefficients = np.random.default_rng(seed).normal(size=(len(powers), 5)) * size / len(powers)
    coefficients[0] = [pressure, 0.0, 0.0, 0.1, 0.2]
    return Response(
        names=names,
        lower=ends[:, 0],
        upper=ends[:, 1],
        logarithmic=np.isin(names, ("passive_scale", *HELD)),
        powers=powers,
        coefficients=coefficients,
        error=np.diag([100.0, 1e-8, 1e-8, 1e-8, 4e-8]),
    )


@pytest.fixture
def twin():
    return ReducedTwin(
        surfaces={
            "relaxed": surface(WALL, 1.3e3, (120e-6, 240e-6), 1),
            "contracted": surface(ACTIVE, 14e3, (40e-6, 110e-6), 2),
        },
        states={"end_diastolic": "relaxed", "end_systolic": "contracted"},
        span={
            **ACTIVE,
            "unloaded_size": (0.94, 1.06),
            "end_diastolic_volume": (150e-6, 200e-6),
            "end_systolic_volume": (55e-6, 90e-6),
        },
        lines=NO_LINES,
        n_modes=2,
        unloaded_volume=90e-6,
        wall_volume=120e-6,
    )


SHORT = Sampling(chains=8, warm_up=40, draws=80)
HEART = np.array([[1.1, 5e4, 0.9, 1.2, 1.02, 180e-6, 70e-6]])


def test_slopes_of_every_observable_are_its_differences(twin):
    predicted, slopes = twin.linearised(HEART)
    size = np.array([1.0, 1e4, 1.0, 1.0, 1.0, 1e-4, 1e-4])
    for k in range(HEART.shape[1]):
        step = 1e-5 * size[k] * np.eye(HEART.shape[1])[k]
        ahead, behind = twin.predict(HEART + step), twin.predict(HEART - step)
        for name, value in predicted.items():
            expected = (ahead[name] - behind[name]) / (2e-5 * size[k])
            scale = np.abs(value).max() / size[k] + np.abs(expected).max()
            assert np.abs(slopes[name][..., k] - expected).max() < 1e-7 * scale, (name, k)


def test_a_larger_heart_on_softer_springs_bears_the_same_pressure(twin):
    larger = HEART.copy()
    larger[0, 4] *= 1.02
    larger[0, 2:4] /= 1.02
    larger[0, 5:] *= 1.02**3
    small, large = twin.predict(HEART), twin.predict(larger)
    np.testing.assert_allclose(large["end_systolic_pressure"], small["end_systolic_pressure"])
    np.testing.assert_allclose(large["end_systolic_strain"], small["end_systolic_strain"])
    ratio = large["end_systolic_displacement"] / small["end_systolic_displacement"]
    np.testing.assert_allclose(ratio, 1.02)
    np.testing.assert_allclose(large["wall_volume"] / small["wall_volume"], 1.02**3)


def test_a_state_outside_of_its_surface_has_no_answer(twin):
    beyond = HEART.copy()
    beyond[0, 6] = 300e-6
    found = twin.predict(beyond)
    assert np.isnan(found["end_systolic_pressure"]).all()
    assert np.isfinite(found["end_diastolic_pressure"]).all()


def test_its_error_is_that_of_its_surfaces(twin):
    assert twin.error("end_systolic_pressure", HEART[0]) == pytest.approx(100.0)
    assert twin.error("stroke_volume", HEART[0]) == 0
    told, rng = twin.predict(HEART)["end_systolic_strain"][0], np.random.default_rng(0)
    n = 40000
    lengths = {}
    for name in twin.states:
        own = twin._state(name, HEART)[0][0, 3:]
        lengths[name] = own + rng.normal(size=(n, 2)) * [1e-4, 2e-4]
    spread = np.std(lengths["end_systolic"] / lengths["end_diastolic"] - 1 - told, axis=0)
    expected = np.sqrt(np.diag(twin.error("end_systolic_strain", HEART[0])))
    np.testing.assert_allclose(spread, expected, rtol=0.02)


def priors_of(twin):
    laws = {name: Uniform(lower=a, upper=b, source="") for name, (a, b) in twin.span.items()}
    return {**laws, "unloaded_size": Normal(mean=1.0, sd=0.02, source="")}


def test_the_heart_that_was_measured_is_found_within_its_uncertainty(twin):
    truth = twin.predict(HEART)
    noise = {
        "end_diastolic_volume": 3 * ML,
        "end_systolic_volume": 3 * ML,
        "end_diastolic_pressure": 0.5 * MMHG,
        "end_systolic_pressure": 3 * MMHG,
    }
    data = [
        scalar(name, name, "scan", float(truth[name][0, 0]), sd, unit="SI", source="")
        for name, sd in noise.items()
    ]
    found = posterior(twin, data, priors_of(twin), sampling=SHORT)
    for k, name in enumerate(twin.names):
        low, high = found.interval(name, 0.99)
        assert low < HEART[0, k] < high, name
    assert not [flag for flag in found.flags if "contradicts" in flag.name]
    assert found.sd["end_diastolic_volume"] < 3.2 * ML


def test_the_ledger_of_a_twin_adds_up_and_leaves_the_untouched_alone(twin):
    priors = priors_of(twin)
    predicted = twin.predict(HEART)
    data = hypothetical(ACQUISITIONS, predicted)
    assert "second_filling" not in {each.acquisition for each in data}  # no such state here
    x = np.random.default_rng(0).standard_normal((64, len(twin.names)))
    fisher = fisher_of(twin, priors, data, x, sought=("active_tension", "passive_scale"))
    names = list(fisher.by)
    minutes = {name: ACQUISITIONS[name].minutes for name in names}
    found = make_ledger(fisher, minutes, names)
    assert sum(entry.given_before for entry in found.entries) == pytest.approx(found.joint)
    entries = {entry.acquisition: entry for entry in found.entries}
    assert (
        entries["cuff"].parameters["active_tension"] > entries["cuff"].parameters["passive_scale"]
    )
    assert entries["echo"].parameters["active_tension"] < 0.05


def test_quieter_acquisitions_never_tell_less(twin):
    priors, x = priors_of(twin), np.zeros((1, len(twin.names)))
    told = []
    for share in (1.0, 0.5, 0.1):
        quieter = {
            name: replace(each, sd={key: share * sd for key, sd in each.sd.items()})
            for name, each in ACQUISITIONS.items()
        }
        data = hypothetical(quieter, twin.predict(HEART))
        fisher = fisher_of(twin, priors, data, x)
        minutes = dict.fromkeys(fisher.by, 1.0)
        told.append(make_ledger(fisher, minutes, list(fisher.by)).joint)
    assert told == sorted(told)


def test_an_acquisition_without_noise_is_refused():
    with pytest.raises(InputError, match=r"end_systolic_volume must be positive, found 0"):
        Acquisition(minutes=1.0, sd={"end_systolic_volume": 0.0}, source="test")


def test_hearts_that_no_twin_knows_tell_nothing(twin):
    data = hypothetical(ACQUISITIONS, twin.predict(HEART))
    far = {**priors_of(twin), "end_systolic_volume": Normal(mean=1.0, sd=0.1, source="")}
    with pytest.raises(InputError, match=r"found none among 3"):
        fisher_of(twin, far, data, np.zeros((3, len(twin.names))))
