"""The coronary arteries within the loop: blood kept, flow regulated, the loop's answer to both."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.circulation import Circulation, beat, from_end_diastole, settle
from cardiotwin.coupling.coronaries import ARTERIES, LV, RA, RV, Coronary
from cardiotwin.coupling.coronary_beat import Joined, JoinedBeat
from cardiotwin.coupling.coronary_loop import settle_joined, with_room
from cardiotwin.errors import ConvergenceError
from cardiotwin.perfusion.coronary import PER_MINUTE, Drive, Stenosis, coronary_beat
from cardiotwin.perfusion.coronary_bed import CoronaryBed
from cardiotwin.units import ML, MMHG

LEFT, RIGHT = Coronary(mass=0.18), Coronary(mass=0.06, demand=0.8 * PER_MINUTE)
LOOP = from_end_diastole(Circulation())
ROOM = with_room(LOOP, 0.04)
STEPS = 100  # the balances hold at any
NARROW = replace(LEFT, stenosis=Stenosis(resistance=40 * MMHG / PER_MINUTE))


@pytest.fixture(scope="module")
def rest():
    return settle_joined(ROOM, LEFT, RIGHT, LOOP.start(), STEPS, tolerance=1e-3)


@pytest.fixture(scope="module")
def wide():
    return settle_joined(ROOM, LEFT, RIGHT, LOOP.start(), STEPS, tolerance=1e-3, hyperaemia=True)


def mean(cycle, store):
    return cycle.record.pressure[1:, store].mean() / MMHG


def test_no_blood_is_lost_in_any_beat_nor_between_the_arteries_and_the_loop(rest, wide):
    for cycle in (rest, wide):
        assert cycle.spilt < 1e-12
        dt = np.diff(cycle.record.time)
        for artery in (cycle.left, cycle.right):
            stored = np.cumsum((artery.inflow - artery.outflow)[1:] * dt)
            np.testing.assert_allclose(
                artery.volume[1:] - artery.volume[0], stored, atol=1e-12 * artery.volume[0]
            )


def test_what_the_ventricle_ejects_leaves_by_the_systemic_vessels_and_the_coronaries(rest, wide):
    for cycle in (rest, wide):
        out = cycle.record.outflow[:, ARTERIES]
        systemic = np.trapezoid(out, cycle.record.time) / np.ptp(cycle.record.time)
        taken = cycle.left.flow + cycle.right.flow
        assert systemic + taken == pytest.approx(cycle.cardiac_output, rel=2e-3)


def test_regulation_gives_each_muscle_its_demand_and_leaves_the_aorta_its_pressure(rest):
    assert rest.left.flow == pytest.approx(0.18 * PER_MINUTE, rel=2e-3)
    assert rest.right.flow == pytest.approx(0.8 * 0.06 * PER_MINUTE, rel=2e-3)
    alone = settle(LOOP, LOOP.start(), STEPS).record
    assert mean(rest, ARTERIES) == pytest.approx(
        alone.pressure[1:, ARTERIES].mean() / MMHG, rel=0.03
    )


def test_the_same_bed_under_the_recorded_pressures_has_the_same_flow(rest, wide):
    """The open artery, driven by the closed loop's aorta, ventricle and mean right atrium."""
    for cycle in (rest, wide):
        for mass, store, artery in ((0.18, LV, cycle.left), (0.06, RV, cycle.right)):
            pressure = cycle.record.pressure[1:]
            drive = Drive(
                aortic_pressure=pressure[:, ARTERIES],
                lv_pressure=pressure[:, store],
                period=LOOP.period,
            )
            bed = CoronaryBed(venous_pressure=float(pressure[:, RA].mean()))
            alone = coronary_beat(bed, drive, tone=artery.tone[None])
            assert artery.flow / mass == pytest.approx(alone.flow[0], rel=0.01)
            np.testing.assert_allclose(artery.mbf, alone.mbf[0], rtol=0.01)


def test_wide_beds_steal_from_the_aorta_and_a_stenosis_keeps_it(rest, wide):
    reserve = wide.left.flow / rest.left.flow
    assert 2.5 < reserve < 6
    assert mean(wide, ARTERIES) < mean(rest, ARTERIES) - 3
    assert wide.share_of_output > 3 * rest.share_of_output
    kept = settle_joined(ROOM, NARROW, RIGHT, LOOP.start(), STEPS, tolerance=1e-3)
    reached = settle_joined(ROOM, NARROW, RIGHT, LOOP.start(), STEPS, hyperaemia=True)
    assert kept.left.flow == pytest.approx(rest.left.flow, rel=3e-3)
    assert (kept.left.tone > 1.5 * rest.left.tone).all()
    assert reached.left.flow < 0.5 * wide.left.flow
    # what the left artery does not take, the aorta has for the right one
    assert reached.right.flow > 1.02 * wide.right.flow


def test_inner_layers_widen_first_so_that_they_have_as_much_and_less_left(rest, wide):
    np.testing.assert_allclose(rest.left.mbf, PER_MINUTE, rtol=3e-3)
    assert (np.diff(rest.left.tone) > 0).all()
    assert (np.diff(wide.left.mbf) < 0).all()
    assert (wide.left.tone == LEFT.bed.most_tone).all()


def test_muscle_of_no_mass_leaves_the_loop_as_it_is():
    none = Coronary(mass=1e-9)
    run = JoinedBeat(
        arteries=(none, none), moments=[Joined.rest(LOOP.start(), (none, none))], perfused=[]
    )
    alone = beat(LOOP, LOOP.start(), STEPS)
    for _ in range(STEPS):
        run.grow(LOOP, LOOP.period / STEPS, 0.5)
    joined = np.array([at.loop.volume for at in run.moments])
    np.testing.assert_allclose(joined, [state.volume for state in alone], rtol=1e-5)


def course(n_steps):
    run = JoinedBeat(
        arteries=(LEFT, RIGHT), moments=[Joined.rest(LOOP.start(), (LEFT, RIGHT))], perfused=[]
    )
    for _ in range(n_steps):
        run.grow(ROOM, LOOP.period / n_steps, 0.5)
    return run.course(0).flow


def test_the_flow_converges_with_the_step_in_first_order():
    coarse, middle, fine, finest = (course(n) for n in (50, 100, 200, 400))
    assert abs(fine / finest - 1) < 5e-3
    assert (coarse - middle) / (middle - fine) == pytest.approx(2, abs=0.6)


def test_beats_that_do_not_repeat_are_refused_with_their_changes():
    with pytest.raises(ConvergenceError, match=r"after 2 the last changed by \d") as raised:
        settle_joined(ROOM, LEFT, RIGHT, LOOP.start(), 100, beats=2, tolerance=1e-9)
    assert len(raised.value.residuals) == 2
    assert raised.value.state.blood((LEFT, RIGHT)) > 300 * ML
