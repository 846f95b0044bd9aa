"""A ventricle of finite elements in the blood's loop: conservation, isovolumic phases, failure."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from benchmark_bodies import ellipsoid

from cardiotwin.circulation import Circulation, Stores
from cardiotwin.coupling import Beat, ClosedLoop, Journal, personal_circulation
from cardiotwin.coupling.coronaries import Coronary
from cardiotwin.coupling.coronary_step import bed_volumes
from cardiotwin.coupling.personal import healthy_adult
from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.active.prescribed import DoubleHill
from cardiotwin.mechanics.dynamics import Dynamics
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.mechanics.schemes import BackwardEuler
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.wall import Wall
from cardiotwin.units import ML, MMHG

pytestmark = pytest.mark.slow

LV, VEINS = (Stores._fields.index(name) for name in ("lv", "pulmonary_veins"))
EDP, PERIOD, STEP = 10 * MMHG, 0.9, 0.006


@pytest.fixture(scope="module")
def heart():
    """Return the loop of a coarse ventricle and its end-diastole."""
    wall = Wall(
        ellipsoid(Template(rings=3, layers=1), size=3.5),
        angles=FibreAngles(),
        material=HolzapfelOgden(),
        springs=Springs(),
    )
    loads = Loads(cavity_pressure=EDP, passive_scale=2.0, passive_exponent=2.0)
    image = wall.imaged(wall.unload(loads))
    volume = wall.volume(image)
    beat = Beat(
        period=PERIOD,
        end_diastolic_volume=volume,
        end_systolic_volume=0.45 * volume,
        end_diastolic_pressure=EDP,
        end_systolic_pressure=105 * MMHG,
    )
    circulation, cycle = personal_circulation(beat)
    tension = DoubleHill(peak=5e4, period=PERIOD).value
    loop = ClosedLoop(Dynamics(wall.body, scheme=BackwardEuler()), circulation, tension)
    return loop, loop.begin(image, cycle.state), wall


@pytest.fixture(scope="module")
def moments(heart):
    loop, start, _ = heart
    return [start, *loop.march(start, start.time + PERIOD, STEP)]


def test_the_loop_keeps_its_blood_and_agrees_with_the_cavity(heart, moments):
    wall = heart[2]
    blood = np.array([moment.loop.blood for moment in moments])
    np.testing.assert_allclose(blood, blood[0], rtol=1e-12)
    for moment in moments:
        assert wall.volume(moment.wall.solved) == pytest.approx(moment.loop.volume.lv, rel=1e-7)
        assert moment.wall.solved.loads.cavity_pressure == moment.loop.pressure.lv


def test_the_beat_is_a_hearts(moments):
    volume = np.array([moment.loop.volume.lv for moment in moments])
    pressure = np.array([moment.loop.pressure.lv for moment in moments])
    assert 0.4 < 1 - volume.min() / volume.max() < 0.75
    assert 80 * MMHG < pressure.max() < 160 * MMHG
    assert volume[-1] == pytest.approx(volume[0], rel=0.05)


def test_a_closed_ventricle_keeps_its_volume_while_its_pressure_rises(moments):
    loops = [moment.loop for moment in moments]
    closed = [
        (here, there)
        for here, there in pairwise(loops)
        if there.pressure.lv > here.pressure.lv
        and here.pressure.lv > here.pressure.la + 2 * MMHG
        and there.pressure.lv < there.pressure.systemic_arteries - 2 * MMHG
    ]
    assert len(closed) >= 2
    changes = [there.volume.lv / here.volume.lv - 1 for here, there in closed]
    assert np.abs(changes).max() < 1e-6


def test_smaller_steps_lead_to_the_same_beat_to_first_order(heart):
    loop, start, _ = heart
    ends = [
        [m.loop.volume.lv for m in loop.march(start, start.time + 0.18, dt)][-1]
        for dt in (0.006, 0.003, 0.0015)
    ]
    ratio = (ends[0] - ends[1]) / (ends[1] - ends[2])
    assert ratio == pytest.approx(2, abs=0.3)
    assert abs(ends[1] - ends[2]) < 0.2 * ML


def test_beats_follow_each_other_until_they_repeat(heart):
    loop, start, _ = heart
    told = []
    beats = loop.beats(start, 0.012, tolerance=0.05, tell=lambda *what: told.append(what))
    assert beats.changes[-1] < 0.05
    assert told == list(enumerate(beats.changes, start=2))
    assert np.ptp(beats.record.time) == pytest.approx(PERIOD)
    with pytest.raises(ConvergenceError, match=r"do not repeat: after 2 the last changed by"):
        loop.beats(start, 0.012, tolerance=1e-12, most=2)


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(heart, tmp_path):
    loop, start, _ = heart
    settings = {"tolerance": 0.05, "most": 3}

    def stop(moment):
        if moment.time > start.time + 1.3 * PERIOD:
            raise KeyboardInterrupt

    loop.dynamics.problem.forget()
    whole = loop.beats(start, 0.012, journal=Journal(tmp_path / "whole"), **settings)
    loop.dynamics.problem.forget()
    with pytest.raises(KeyboardInterrupt):
        loop.beats(start, 0.012, journal=Journal(tmp_path / "stopped"), watch=stop, **settings)
    loop.dynamics.problem.forget()
    seen = []
    later = loop.beats(
        start, 0.012, journal=Journal(tmp_path / "stopped"), watch=seen.append, **settings
    )
    assert len(seen) < (len(whole.changes) + 0.5) * PERIOD / 0.012  # the first beat was kept
    np.testing.assert_array_equal(later.record.volume, whole.record.volume)
    np.testing.assert_array_equal(later.last.wall.solved.unknown, whole.last.wall.solved.unknown)
    assert later.changes == whole.changes


def test_the_coronary_arteries_take_and_return_their_blood_mostly_while_the_wall_is_slack(
    heart, tmp_path
):
    plain, start, wall = heart
    arteries = (Coronary(mass=0.15), Coronary(mass=0.05))
    loop = ClosedLoop(plain.dynamics, plain.circulation, plain.muscle, arteries=arteries)
    start = loop.begin(start.wall.solved, start.loop)
    settings = {"tolerance": 1e-12, "most": 2}
    kept = Journal(tmp_path / "kept")
    with pytest.raises(ConvergenceError, match="after 2 the last changed"):
        loop.beats(start, 0.018, journal=kept, **settings)
    course, last = kept.read(wall.body.fields)
    held = np.array([bed_volumes(arteries, at.beds).sum() for at in course.perfused])
    blood = course.record.volume.sum(axis=1) + held
    assert np.ptp(held) > 1e-2 * held[0]
    np.testing.assert_allclose(blood, blood[0], rtol=1e-12)
    beat = course.between(start.time + PERIOD, start.time + 2 * PERIOD)
    inflow = np.array([at.flows[0, 0] for at in beat.perfused])[1:]
    lv = beat.record.pressure[1:, LV]
    assert inflow[lv < 0.5 * lv.max()].sum() > 0.6 * inflow.sum()
    # the inner layers were squeezed more: they widened more after the first beat
    assert np.all(np.diff(last.perfused.tones[0]) > 0)
    np.testing.assert_array_equal(
        last.perfused.beds[0].transmural, beat.perfused[-1].beds[0].transmural
    )


def test_a_page_of_the_journal_that_is_no_page_is_named(heart, tmp_path):
    loop, start, _ = heart
    (tmp_path / "steps_000000.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match=r"steps_000000\.npz of the beats' journal cannot"):
        loop.beats(start, 0.012, journal=Journal(tmp_path))


def test_a_wall_that_sucks_the_loop_empty_is_stopped_by_name(heart):
    loop, start, _ = heart
    thirsty = ClosedLoop(loop.dynamics, loop.circulation, lambda _: -3e5)
    with pytest.raises(ConvergenceError, match=r"lv falls to -\d+ mmHg|wall stopped at \d+"):
        list(thirsty.march(start, start.time + 0.1, 0.02))


def test_steps_that_were_halved_meet_the_whole_steps_again(heart, monkeypatch):
    loop, start, _ = heart

    def step(here, dt):
        if 0.03 < here.time < 0.05 and dt > 0.003:
            msg = "too long a step"
            raise ConvergenceError(msg, ())
        return replace(here, loop=replace(here.loop, time=here.time + dt))

    monkeypatch.setattr(loop, "step", step)
    first = replace(start, loop=replace(start.loop, time=0.0))
    times = [moment.time for moment in loop.march(first, 0.1, 0.008)]
    assert len(times) > 13
    for whole in (*np.arange(1, 13) * 0.008, 0.1):
        assert min(abs(time - whole) for time in times) < 1e-12
    on = replace(start, loop=replace(start.loop, time=0.04))  # goes on in the midst
    later = [moment.time for moment in loop.march(on, 0.1, 0.008, begin=0.0)]
    assert later == pytest.approx([time for time in times if time > 0.041], abs=1e-12)


def test_the_lungs_of_a_persons_loop_resist_as_before_and_44_percent_of_it_in_their_veins():
    """Gaar et al. (1967): 0.014 of 0.018 + 0.014 mmHg/(mL/min)."""
    public, own = Circulation(), healthy_adult()
    lungs = [
        np.array([loop.pulmonary_arteries.resistance, loop.pulmonary_veins.resistance])
        for loop in (public, own)
    ]
    assert lungs[1].sum() == pytest.approx(lungs[0].sum(), rel=1e-12)
    assert lungs[1][1] / lungs[1].sum() == pytest.approx(0.014 / 0.032, abs=0.005)
    impedance = own.aortic.open_resistance - public.aortic.open_resistance
    assert 47 <= impedance * 1e-5 <= 54  # dyn s/cm^5
    impedance = own.pulmonary.open_resistance - public.pulmonary.open_resistance
    assert 19 <= impedance * 1e-5 <= 25


def test_the_personal_loop_has_the_end_diastole_and_the_end_systolic_pressure():
    beat = Beat(
        period=0.8,
        end_diastolic_volume=180 * ML,
        end_systolic_volume=70 * ML,
        end_diastolic_pressure=10 * MMHG,
        end_systolic_pressure=108 * MMHG,
    )
    _, cycle = personal_circulation(beat)
    assert cycle.state.volume.lv == pytest.approx(180 * ML, rel=1e-3)
    assert cycle.state.pressure.lv == pytest.approx(10 * MMHG, rel=5e-3)
    record = cycle.record
    assert record.volume[:, LV].min() == pytest.approx(70 * ML, rel=0.1)
    ejecting = record.volume[:, LV] < 72 * ML
    assert record.pressure[ejecting, LV].max() == pytest.approx(108 * MMHG, rel=0.05)
    back = -np.trapezoid(np.minimum(record.outflow[:, VEINS], 0), record.time)
    assert back < 0.02 * 110 * ML  # the atrium empties forwards
    with pytest.raises(InputError, match=r"Beat.end_systolic_pressure must be .*, found nan"):
        replace(beat, end_systolic_pressure=np.nan)
    with pytest.raises(InputError, match=r"its end-diastolic one, found 8 and 10 mmHg"):
        replace(beat, end_systolic_pressure=8 * MMHG)
    with pytest.raises(InputError, match=r"A beat ejects: .*, found 190 and 180 mL"):
        Beat(
            period=0.8,
            end_diastolic_volume=180 * ML,
            end_systolic_volume=190 * ML,
            end_diastolic_pressure=10 * MMHG,
            end_systolic_pressure=108 * MMHG,
        )
