"""A cavity at the circulation's pace: shapes, rests, valves and the pressure's level."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.circulation import Record, Stores
from cardiotwin.coupling.blood import drive_of, energy_resistance, pace
from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import CavityTemplate, EndocardialFrames, make_cavity
from cardiotwin.geometry.cavity.paced import KNOTS, PacedMotion, smoothed
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.heart import HeartFlow, Moment, growth, valve_times, volume

PERIOD = 0.8
EJECTION, FILLING = (0.06, 0.32), (0.40, 0.78)  # s


def frames() -> EndocardialFrames:
    """Return a half spheroid that shrinks and grows in closed form."""
    u = np.concatenate([[0.0], np.repeat(np.linspace(0.1, 1, 9), 24)])
    angle = np.concatenate([[0.0], np.tile(2 * np.pi * np.arange(24) / 24, 9)])
    polar = 1.75 * u
    shape = np.stack(
        [np.sin(polar) * np.cos(angle), np.sin(polar) * np.sin(angle), -np.cos(polar)], axis=1
    )
    part = (1 - np.cos(2 * np.pi * np.arange(20) / 20)) / 2
    axes = np.stack([1 - 0.3 * part, 1 - 0.3 * part, 1 - 0.15 * part], axis=1)
    return EndocardialFrames(
        u=u, angle=angle, positions=shape * axes[:, None] * [0.028, 0.028, 0.075]
    )


def record() -> Record:
    """Return a beat with two isovolumic phases, its flows those of the volume."""
    time = np.linspace(0, PERIOD, 1601)

    def wave(low: float, high: float) -> np.ndarray:
        x = np.clip((time - low) / (high - low), 0, 1)
        return np.sin(np.pi * x) ** 2 * ((time > low) & (time < high))

    stroke = 80e-6
    out = wave(*EJECTION) * 2 * stroke / (EJECTION[1] - EJECTION[0])
    into = wave(*FILLING) * 2 * stroke / (FILLING[1] - FILLING[0])
    held = (
        130e-6
        + np.concatenate([[0], np.cumsum(((into - out)[1:] + (into - out)[:-1]) / 2)]) * (time[1])
    )
    table = np.zeros((3, len(time), 8))
    table[0, :, Stores._fields.index("lv")] = held
    table[1, :, Stores._fields.index("la")] = 1000.0
    table[1, :, Stores._fields.index("lv")] = 1000 + 12000 * wave(0.0, 0.4)
    table[1, :, Stores._fields.index("systemic_arteries")] = 11000.0
    table[2, :, Stores._fields.index("la")] = into
    table[2, :, Stores._fields.index("lv")] = out
    return Record(time=time, volume=table[0], pressure=table[1], outflow=table[2])


@pytest.fixture(scope="module")
def paced():
    template = CavityTemplate(edge=0.16, layers=6, collar_layers=2, stub_layers=2)
    cavity = make_cavity(frames(), PERIOD, template)
    return pace(cavity, drive_of(record(), impedance=1e6))


def test_nothing_moves_while_both_valves_are_shut(paced):
    cavity = paced.cavity
    fastest = max(abs(growth(cavity, t)) for t in np.linspace(0, PERIOD, 40))
    for rest in (0.02, 0.04, 0.35, 0.37):
        assert growth(cavity, rest) == 0
        np.testing.assert_array_equal(cavity.motion.velocity(rest), 0)
        assert paced.open(rest) == (0, 0)
    assert fastest > 3e-4


def test_the_wall_takes_the_measured_course_between_the_circulations_valve_times(paced):
    shapes = paced.cavity.motion.shapes
    measured = replace(paced.cavity, motion=shapes)
    own = valve_times(measured)
    systole = (own.end_systole - own.end_diastole) % PERIOD
    low, high = phase(record().outflow[:, Stores._fields.index("lv")])
    for share in (0.15, 0.5, 0.85):  # beyond the rounding of the rests' ends
        found = volume(paced.cavity, low + share * (high - low))
        assert found == pytest.approx(
            volume(measured, own.end_diastole + share * systole), rel=1e-3
        )
    low, high = phase(record().outflow[:, Stores._fields.index("la")])
    for share in (0.15, 0.5, 0.85):
        found = volume(paced.cavity, low + share * (high - low))
        then = own.end_systole + share * (PERIOD - systole)
        assert found == pytest.approx(volume(measured, then), rel=1e-3)


def phase(flow: np.ndarray) -> tuple[float, float]:
    """Return when a flow of one wave is above a hundredth of its largest, s."""
    times = record().time[flow > 0.01 * flow.max()]
    return float(times[0]), float(times[-1])


def test_one_valve_takes_over_from_the_other_in_the_middle_of_a_rest(paced):
    assert paced.valves.end_diastole == pytest.approx(
        (EJECTION[0] + FILLING[1] - 0.8) / 2, abs=0.02
    )
    assert paced.valves.end_systole == pytest.approx((EJECTION[1] + FILLING[0]) / 2, abs=0.02)
    assert paced.open(0.19) == pytest.approx((0, 1))
    assert paced.open(0.6) == pytest.approx((1, 0))


def test_pressure_has_the_level_of_what_is_open(paced):
    region = paced.cavity.region
    height = region.points[:, 2]

    def told(time: float, speed: float = 0.0) -> dict[str, float]:
        moment = Moment(
            time=time,
            points=paced.cavity.motion.positions(time),
            velocity=np.full_like(region.points, speed / 3**0.5),
            pressure=1e5 * height,
            inflow=speed,
            outflow=0.0,
            imbalance=0.0,
            resolved=0.0,
        )
        shifted = replace(moment, pressure=paced.pressure(time, moment))
        np.testing.assert_allclose(np.diff(shifted.pressure - moment.pressure), 0, atol=1e-6)
        return paced.means(shifted)

    assert told(0.6)["mitral"] == pytest.approx(1000)
    lost = told(0.6)["ventricle"] - told(0.6, speed=2.0)["ventricle"]
    assert lost == pytest.approx(Fluid().density / 2 * 2.0**2)  # Bernoulli
    flow = 2 * 80e-6 / (EJECTION[1] - EJECTION[0])
    assert told(0.19)["aortic"] == pytest.approx(11000 + 1e6 * flow, rel=1e-3)
    assert told(0.03)["ventricle"] == pytest.approx(
        1000 + 12000 * np.sin(np.pi * 0.075) ** 2, rel=0.01
    )


def test_blood_runs_on_while_the_wall_rests_and_no_pressure_jumps(paced):
    steps = 80
    heart = HeartFlow(paced.cavity, Fluid(), steps=steps, valves=paced.valves)
    moments = list(heart.run(steps))
    flows = np.array([[m.inflow, m.outflow, m.imbalance] for m in moments])
    assert np.abs(flows[:, 2]).max() < 1e-10 * flows.max()
    times = heart.start + np.array([m.time for m in moments])
    for rest in (0.36, 0.82):
        moment = moments[int(np.abs(times - rest).argmin())]
        assert abs(moment.inflow) + abs(moment.outflow) < 1e-3 * flows.max()
    relaxing = moments[int(np.abs(times - 0.36).argmin())]
    assert np.linalg.norm(relaxing.velocity, axis=1).max() > 0.01
    levels = np.array(
        [
            paced.means(replace(m, pressure=paced.pressure(float(t), m)))["ventricle"]
            for t, m in zip(times, moments, strict=True)
        ]
    )
    assert levels.min() > -2000
    assert levels.max() < 30000


def test_a_course_at_rest_stays_there_to_the_last_bit():
    course = np.maximum(np.arange(KNOTS) / KNOTS * PERIOD, 0.3)
    soft = smoothed(course, PERIOD, 0.02)
    resting = np.arange(KNOTS) / KNOTS * PERIOD < 0.28
    inner = resting & (np.arange(KNOTS) / KNOTS * PERIOD > 0.02)
    np.testing.assert_array_equal(soft[inner], 0.3)
    assert (np.diff(soft) >= -1e-15).all()


def test_energy_tells_a_linear_resistance_whatever_the_inertia():
    turns = np.linspace(0, np.pi, 400)
    flow, rate = np.sin(turns), np.cos(turns)
    assert energy_resistance(3 * flow + 7 * rate, flow) == pytest.approx(3, rel=1e-6)


def test_beats_and_courses_that_are_none_are_refused(paced):
    backwards = np.arange(KNOTS)[::-1] / KNOTS * PERIOD
    with pytest.raises(InputError, match=r"does not run backwards, found a step of -0.39"):
        PacedMotion(shapes=paced.cavity.motion.shapes, course=backwards)
    longer = replace(paced.drive, period=0.9)
    with pytest.raises(InputError, match=r"lasts 0.9 s and the cavity's 0.8 s"):
        pace(paced.cavity, longer)
    twice = np.arange(KNOTS) % 512 < 100
    with pytest.raises(InputError, match=r"one phase of ejecting, found 4"):
        replace(paced.drive, ejecting=twice)
