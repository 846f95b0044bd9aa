"""Fits of the circulation find the circulation that made the data, as often as they say."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.circulation import Circulation, from_end_diastole, limit_cycle
from cardiotwin.fitting.beat_problem import BeatProblem
from cardiotwin.fitting.channels import Channel
from cardiotwin.fitting.haemodynamics import ROOT_SHARE, fit_circulation
from cardiotwin.fitting.priors import LogNormal
from cardiotwin.units import ML, MMHG

SHARE = 0.75  # of what the open valve resists, that is the root's
LOOP = from_end_diastole(Circulation(), 0.8)
TRUTH = {
    "left_ventricle.active": 3.2 * MMHG / ML,
    "systemic_arteries.resistance": 0.95 * MMHG / ML,
}
BLOOD = 1.75e-3
NOISE, LEVEL, SHIFT = {"pressure": 1.5 * MMHG, "volume": 2 * ML}, 4 * MMHG, 0.03


@pytest.mark.slow
def test_a_fit_recovers_the_circulation_with_its_levels_and_clocks():
    rng = np.random.default_rng(4)
    trace = limit_cycle(TRUTH, circulation=LOOP, blood_volume=BLOOD, steps=400).trace
    time = np.linspace(0, 0.79, 80)
    phase = trace.time[:, 0].numpy()

    def measured(store, quantity, delay=0.0, level=0.0):
        course = trace.of(store, quantity)[:, 0].numpy()
        clean = np.interp(time - delay, phase, course, period=0.8) + level
        return clean + rng.normal(0, NOISE[quantity], len(time))

    outflow = np.interp(time, phase, trace.of("lv", "outflow")[:, 0].numpy(), period=0.8)
    before_root = SHARE * LOOP.aortic.open_resistance * outflow
    channels = [
        Channel(
            name="lv_pressure",
            time=time,
            value=measured("lv", "pressure", level=LEVEL),
            noise=NOISE["pressure"],
            level_sd=5 * MMHG,
        ),
        Channel(
            name="aortic_pressure",
            time=time,
            value=measured("systemic_arteries", "pressure") + before_root,
            noise=NOISE["pressure"],
        ),
        Channel(
            name="lv_volume",
            time=time,
            value=measured("lv", "volume", delay=SHIFT),
            noise=NOISE["volume"],
            shift_sd=0.05,
        ),
    ]
    wide = {"left_ventricle.active": 4.482, "systemic_arteries.resistance": 0.733}
    priors = {
        name: LogNormal(median=value * MMHG / ML, sd=0.7, source="the adult")
        for name, value in wide.items()
    }
    priors["blood_volume"] = LogNormal(median=1.6e-3, sd=0.3, source="the adult")
    priors[ROOT_SHARE] = LogNormal(median=0.5, sd=0.4, source="a guess")
    fit = fit_circulation(LOOP, priors, channels)
    assert abs(np.log(fit.values[ROOT_SHARE] / SHARE)) < 3 * fit.sd[ROOT_SHARE] < 0.6
    for name, value in {**TRUTH, "blood_volume": BLOOD}.items():
        assert abs(np.log(fit.values[name] / value)) < 3 * fit.sd[name]
        assert fit.sd[name] < 0.05
    assert fit.values["lv_pressure.level"] == pytest.approx(LEVEL, abs=0.8 * MMHG)
    assert fit.values["lv_volume.shift"] == pytest.approx(SHIFT, abs=0.004)
    for channel in channels:
        assert fit.residual[channel.name] == pytest.approx(channel.noise, rel=0.25)


def test_a_trial_that_is_worse_does_not_move_where_the_next_one_begins():
    time = np.linspace(0, 0.79, 20)
    quiet = Channel(name="lv_volume", time=time, value=np.full(20, 100 * ML), noise=ML)
    laws = {"blood_volume": LogNormal(median=1.6e-3, sd=0.3, source="the adult")}

    def posed(channel):
        return BeatProblem(
            circulation=LOOP, loop=laws, channels=[channel], shapes=[], spread=[ML], steps=100
        )

    here = np.zeros(len(posed(quiet).names))
    course, _ = posed(quiet).predict(here)
    problem = posed(replace(quiet, value=course))
    problem.linearised(here)
    best = problem.near["start"].clone()
    problem.linearised(here + 0.3)
    assert float((problem.near["last"] / best - 1).abs().max()) > 0.01
    np.testing.assert_array_equal(problem.near["start"], best)
    other = posed(replace(quiet, value=2 * course))
    other.linearised(here)
    other.linearised(here + 0.3)
    np.testing.assert_array_equal(other.near["start"], other.near["last"])
