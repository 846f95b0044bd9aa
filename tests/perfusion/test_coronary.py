"""The coronary bed: balances, closed forms at rest, diastolic flow, regulation, real dogs."""

from dataclasses import replace

import numpy as np
import pytest
from coronary_dogs import load
from hypothesis import given, settings
from hypothesis import strategies as st

from cardiotwin.errors import InputError
from cardiotwin.perfusion.coronary import (
    PER_MINUTE,
    CoronaryBed,
    Drive,
    Stenosis,
    coronary_beat,
    sampled,
)
from cardiotwin.perfusion.regulation import limiting_resistance, regulated_tone
from cardiotwin.units import MMHG

BED = CoronaryBed()
N = 120
PHASE = np.arange(N) / N
EJECTION = np.sin(np.pi * np.clip(PHASE / 0.4, 0, 1))
BEAT = Drive(
    aortic_pressure=MMHG * (80 + 40 * EJECTION),
    lv_pressure=MMHG * (8 + 112 * EJECTION),
    period=0.8,
)
ONE = np.ones(1)


def still(aorta: float, ventricle: float) -> Drive:
    return Drive(aortic_pressure=np.full(N, aorta), lv_pressure=np.full(N, ventricle), period=1.0)


@settings(max_examples=8)
@given(tone=st.floats(0.5, 6), aorta=st.floats(50, 150), narrow=st.floats(0, 50))
def test_without_a_beat_the_layers_meet_ohm_at_their_own_volume(tone, aorta, narrow):
    stenosis = Stenosis(resistance=narrow * MMHG / PER_MINUTE)
    found = coronary_beat(
        BED, still(aorta * MMHG, 20 * MMHG), tone=np.array([tone]), stenosis=stenosis
    )
    distal = found.distal_pressure[0, -1]
    for layer, flow in zip(BED.squeeze, found.mbf[0], strict=True):
        # both resistances go as 1/V^2, so that the pressure between them does not
        ratio = BED.venous_resistance / (BED.venous_resistance + BED.arterial_resistance / tone)
        within = BED.venous_pressure + ratio * (distal - BED.venous_pressure)
        stored = BED.wall_compliance * (within - layer * 20 * MMHG - BED.reference_pressure)
        size = (1 + stored / BED.reference_volume) ** 2
        expected = size * (within - BED.venous_pressure) / BED.venous_resistance
        assert flow == pytest.approx(expected, rel=1e-3)
    lost = (stenosis.resistance or 0.01 * MMHG / PER_MINUTE) * found.flow[0]
    assert aorta * MMHG - distal == pytest.approx(lost, rel=1e-2, abs=1e-3 * aorta * MMHG)


def test_what_flows_in_over_a_beat_feeds_the_layers():
    found = coronary_beat(BED, BEAT, tone=np.array([0.5, 1.0, 4.0]))
    np.testing.assert_allclose(found.inflow.mean(axis=1), found.flow, rtol=1e-4)
    assert np.all(np.diff(found.flow) > 0)


def diastolic(squeeze: tuple[float, ...]) -> float:
    found = coronary_beat(replace(BED, squeeze=squeeze), BEAT, tone=ONE)
    resting = sampled(BEAT).lv_pressure < 60 * MMHG
    return found.inflow[0, resting].sum() / found.inflow[0].sum()


def test_the_squeeze_sends_the_flow_into_diastole():
    resting = (sampled(BEAT).lv_pressure < 60 * MMHG).mean()
    unsqueezed = diastolic((1e-6,))
    assert unsqueezed == pytest.approx(resting, abs=0.12)  # the aorta's pressure is larger then
    assert diastolic((0.4,)) > unsqueezed
    assert diastolic((0.8,)) > diastolic((0.4,)) > 0.7


def test_the_inner_layers_are_perfused_less_and_least_behind_a_stenosis():
    wide = np.full(1, BED.most_tone)
    free = coronary_beat(BED, BEAT, tone=wide)
    narrow = coronary_beat(
        BED, BEAT, tone=wide, stenosis=Stenosis(resistance=30 * MMHG / PER_MINUTE)
    )
    assert np.all(np.diff(free.mbf[0]) < 0)
    assert narrow.mbf[0, -1] / narrow.mbf[0, 0] < free.mbf[0, -1] / free.mbf[0, 0]


def test_regulation_keeps_the_flow_until_its_reserve_is_spent():
    demand = 1.0 * PER_MINUTE
    tones, flows = [], []
    for narrow in (0.0, 20.0, 200.0):
        stenosis = Stenosis(resistance=narrow * MMHG / PER_MINUTE)
        tones.append(regulated_tone(BED, BEAT, demand, stenosis))
        beat = coronary_beat(BED, BEAT, tone=np.array([tones[-1]]), stenosis=stenosis)
        flows.append(beat.flow[0] / PER_MINUTE)
    assert flows[:2] == pytest.approx([1, 1], rel=1e-3)
    assert tones[0] < tones[1] < tones[2] == pytest.approx(BED.most_tone)
    assert flows[2] < 0.6


def test_the_stenosis_that_made_a_flow_is_found():
    narrow = 45 * MMHG / PER_MINUTE
    wide = np.full(1, BED.most_tone)
    flow = coronary_beat(BED, BEAT, tone=wide, stenosis=Stenosis(resistance=narrow)).flow[0]
    assert limiting_resistance(BED, BEAT, flow) == pytest.approx(narrow, rel=1e-3)
    assert limiting_resistance(BED, BEAT, 10 * PER_MINUTE) == 0


def test_a_jet_costs_more_the_more_flows():
    jet = Stenosis(separation=20 * MMHG / PER_MINUTE**2)
    tones = np.array([1.0, 6.0])
    found = coronary_beat(BED, still(100 * MMHG, 20 * MMHG), tone=tones, stenosis=jet)
    lost = 100 * MMHG - found.distal_pressure[:, -1]
    np.testing.assert_allclose(lost, jet.separation * found.flow**2, rtol=1e-2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: replace(BED, squeeze=()), r"squeeze must be .* found \(\)"),
        (lambda: replace(BED, wall_compliance=-2.0), "wall_compliance must be .* found -2"),
        (lambda: replace(BED, most_tone=0.1), "found 0.25 and 0.1"),
        (lambda: Stenosis(resistance=-1.0), "found -1"),
        (lambda: replace(BEAT, lv_pressure=BEAT.lv_pressure[1:]), "found 120 and 119 values"),
        (
            lambda: replace(BEAT, lv_pressure=np.where(PHASE > 0.5, np.nan, 1.0)),
            "found 59 gaps",
        ),
    ],
)
def test_a_bed_or_beat_that_cannot_be_is_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()


@pytest.mark.real_data
def test_a_dog_at_rest_is_perfused_mostly_in_diastole_as_its_probe_says(real_data):
    folder = real_data / "pressure_volume" / "coronary_dogs"
    for animal in ("DSEA06", "DSEA07", "DSEA08"):
        case = load(folder, animal, "baseline")
        tone = regulated_tone(BED, case.drive, case.microspheres)
        beat = coronary_beat(BED, case.drive, tone=np.array([tone]))
        shares = []
        for flow, drive in ((beat.inflow[0], sampled(case.drive)), (case.probe, case.drive)):
            resting = drive.lv_pressure < drive.lv_pressure.max() / 2
            shares.append(flow[resting].sum() / flow.sum())
        assert shares[0] == pytest.approx(shares[1], abs=0.12)
        assert min(shares) > 0.55
