"""One step: conservation, closed forms, order, derivatives, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from cardiotwin.circulation import Circulation, State, Stores, beat, step
from cardiotwin.circulation.loop import VESSELS
from cardiotwin.circulation.stepping import Beside
from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.units import ML, MMHG

from .loops import AT_REST, SMOOTH, pipes


@pytest.fixture(scope="module")
def day():
    """Return 500 steps of the adult's first beat."""
    return beat(SMOOTH, SMOOTH.start(), 500)


def test_the_blood_is_kept_to_rounding(day):
    blood = np.array([state.blood for state in day])
    np.testing.assert_allclose(blood, blood[0], rtol=1e-14)


@pytest.mark.parametrize(
    ("side", "inlet", "outlet"),
    [("lv", "la", "systemic_arteries"), ("rv", "ra", "pulmonary_arteries")],
)
def test_a_closed_ventricle_is_isovolumic(day, side, inlet, outlet):
    volumes = np.array([getattr(state.volume, side) for state in day])
    before, inside, after = (
        np.array([getattr(state.pressure, name) for state in day])
        for name in (inlet, side, outlet)
    )
    closed = np.flatnonzero((before < inside - MMHG) & (inside < after - MMHG))
    phases = np.split(closed, np.flatnonzero(np.diff(closed) > 1) + 1)
    assert len(phases) == 2  # contraction, relaxation
    for phase in phases:
        assert len(phase) > 3
        assert np.ptp(volumes[phase]) < 1e-6 * volumes[0]


def exact(circulation, start, time):
    """Return the volumes at `time` by an adaptive solver of another kind."""

    def rates(t, y):
        return np.concatenate(circulation.rates(y[:8], y[8:], t))

    y = np.concatenate([start.volume, np.array(start.outflow)[VESSELS]])
    return solve_ivp(rates, (0, time), y, method="LSODA", rtol=1e-9, atol=1e-13, max_step=4e-3).y[
        :8, -1
    ]


def test_steps_converge_to_the_continuous_loop_at_their_order():
    start = SMOOTH.start()
    truth = exact(SMOOTH, start, SMOOTH.period)
    for implicitness, order in ((1.0, 1.0), (0.5, 2.0)):
        errors = [
            np.abs(beat(SMOOTH, start, n, implicitness=implicitness)[-1].volume - truth).max()
            for n in (500, 1000)
        ]
        assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2)
    assert errors[1] < 0.003 * ML


def test_a_linear_loop_follows_the_exponential_of_its_matrix():
    loop = pipes()
    start = loop.start(dict.fromkeys(("la", "lv", "ra", "rv"), 150 * ML), vessel_flow=AT_REST)

    def flat(y):
        return np.concatenate(loop.rates(y[:8], y[8:], 0.0))

    y = np.concatenate([start.volume, np.array(start.outflow)[VESSELS]])
    at_rest = flat(np.zeros(12))
    matrix = np.stack([flat(unit) - at_rest for unit in np.eye(12)], axis=1)
    whole = np.zeros((13, 13))
    whole[:12, :12], whole[:12, 12] = matrix, at_rest
    truth = (expm(0.2 * whole) @ [*y, 1])[:8]
    state = start
    for _ in range(800):
        state = step(loop, state, 0.2 / 800).state
    np.testing.assert_allclose(state.volume, truth, rtol=1e-6)


def test_arteries_empty_into_veins_that_hold_their_pressure_with_their_time_constant():
    sea = replace(SMOOTH.systemic_veins, compliance=1e4 * SMOOTH.systemic_veins.compliance)
    loop = replace(SMOOTH, systemic_veins=sea)
    state = loop.start()
    drops = []
    for _ in range(200):
        state = step(loop, state, 2e-3, {"lv": 1 * MMHG, "rv": 1 * MMHG}).state
        drops.append(state.pressure.systemic_arteries - state.pressure.systemic_veins)
    R, C, L = (
        getattr(loop.systemic_arteries, n) for n in ("resistance", "compliance", "inertance")
    )
    rate = (R - np.sqrt(R**2 - 4 * L / C)) / (2 * L)  # the slow root of L C s^2 + R C s + 1
    assert np.log(drops[99] / drops[199]) / 0.2 == pytest.approx(rate, rel=1e-3)


@pytest.mark.parametrize("outside", [("lv",), ("lv", "rv"), ("rv", "la")])
def test_the_slope_of_outer_volumes_is_that_of_differences(day, outside):
    state = day[60]  # ejecting
    here = {name: getattr(state.pressure, name) for name in outside}
    found = step(SMOOTH, state, 2e-3, here)
    np.testing.assert_allclose(found.slope, found.slope.T, rtol=1e-9)
    for column, name in enumerate(outside):
        sides = [
            step(SMOOTH, state, 2e-3, {**here, name: here[name] + side}).outside_volume
            for side in (1.0, -1.0)
        ]
        expected = (sides[0] - sides[1]) / 2
        np.testing.assert_allclose(found.slope[:, column], expected, rtol=1e-4, atol=1e-18)


def test_a_chamber_given_its_own_pressure_from_outside_does_not_notice(day):
    state = day[100]
    inside = step(SMOOTH, state, 2e-3)
    outside = step(SMOOTH, state, 2e-3, {"lv": inside.state.pressure.lv})
    np.testing.assert_allclose(outside.state.volume, inside.state.volume, rtol=1e-10)


def test_newton_is_quadratic_where_valves_move(day):
    runs = [np.array(step(SMOOTH, state, 2e-3).residuals) for state in day[:-1]]
    assert max(map(len, runs)) <= 9
    slowest = max(runs, key=len) / SMOOTH.start().blood
    small = slowest[slowest < 1e-6]
    assert len(small) >= 3
    assert small[1] < 1e-2 * small[0]
    assert small[2] < 10 * (small[1] / small[0]) ** 2 * small[0] or small[2] < 1e-14


def test_a_store_that_is_sucked_empty_is_named_with_its_time():
    heavy = replace(SMOOTH.systemic_arteries, resistance=1e6, inertance=3e6)
    loop = replace(SMOOTH, systemic_arteries=heavy, period=5.0)
    state = loop.start()
    match = r"systemic arteries is not positive at 0\.\d+ s: found -[\d.]+ mmHg in -[\d.]+ mL"
    with pytest.raises(ConvergenceError, match=match) as info:  # noqa: PT012  # any of the steps
        for _ in range(500):
            state = step(loop, state, 2e-3, {"lv": 1 * MMHG}).state
    assert 0 < info.value.state.pressure.systemic_arteries < 2 * MMHG


def test_a_start_without_pressure_and_pressure_that_is_none_are_refused():
    with pytest.raises(ConvergenceError, match=r"right ventricle .* in 5 mL"):
        SMOOTH.start({"la": 65 * ML, "lv": 120 * ML, "ra": 65 * ML, "rv": 5 * ML})
    with pytest.raises(ConvergenceError, match="residual of nan"):
        step(SMOOTH, SMOOTH.start(), 1e-3, {"lv": np.nan})
    with pytest.raises(InputError, match="aorta"):
        step(SMOOTH, SMOOTH.start(), 1e-3, {"aorta": 1e4})


def test_a_ring_of_stores_is_named_once():
    state = SMOOTH.start()
    assert isinstance(state, State)
    assert replace(state, time=1.0).volume == state.volume
    assert Stores._fields[0] == "la"


def test_parameters_that_are_none_are_refused_by_name():
    with pytest.raises(InputError, match=r"Vessel.compliance must be positive.*found -1"):
        replace(SMOOTH.systemic_veins, compliance=-1.0)
    with pytest.raises(InputError, match=r"closed_resistance must be larger .*found 100"):
        replace(SMOOTH.mitral, closed_resistance=100.0)
    with pytest.raises(InputError, match=r"longer than a twitch, 0\.65 s, found 0\.4 s"):
        Circulation(period=0.4)


def test_vessels_beside_the_ring_take_what_they_say_and_their_slope_is_in_the_answer(day):
    """An affine bypass from the aorta, squeezed by the left ventricle, to the right atrium."""
    start = day[60]  # ejecting
    rate = np.zeros((8, 8))
    rate[2, [1, 2, 4]] = np.array([2.0, -4.0, 3.0]) * 1e-9
    rate[4, [1, 2, 4]] = np.array([3.0, 2.0, -5.0]) * 1e-9
    past = Beside(flow=np.eye(8)[2] * -1e-6, slope=rate)
    pressure = {"lv": start.pressure.lv + 900.0}
    found = step(SMOOTH, start, 2e-3, pressure, beside=past)
    gained = found.state.blood - start.blood
    given = 2e-3 * (past.flow + rate @ np.array(found.state.pressure))
    assert gained == pytest.approx(given.sum(), rel=1e-6)
    nudge = 10.0
    ends = [
        step(SMOOTH, start, 2e-3, {"lv": pressure["lv"] + d}, beside=past).state.volume.lv
        for d in (-nudge, nudge)
    ]
    assert found.slope[0, 0] == pytest.approx((ends[1] - ends[0]) / (2 * nudge), rel=1e-5)
