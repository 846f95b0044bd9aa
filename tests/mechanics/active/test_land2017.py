"""The cross-bridges against their closed forms: steady, in steady motion, and step by step."""

from dataclasses import fields, replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiotwin.errors import InputError
from cardiotwin.mechanics.active import CalciumTransient, Land2017

MODEL = Land2017()
CALCIUM = CalciumTransient()
REST = np.ones(1)


def isometric(steps, until=0.2, model=MODEL, stretch=REST):
    """Return the tension when `until` is reached from rest in equal steps."""
    dt = until / steps
    state = model.steady(CALCIUM.value(0.0), stretch)
    for step in range(1, steps + 1):
        done = model.advance(state, stretch, stretch, dt, CALCIUM.value(step * dt))
        state = done.state
    return done.tension[0]


@cache
def activated():
    state = MODEL.steady(CALCIUM.value(0.0), REST)
    for step in range(1, 151):
        state = MODEL.advance(state, REST, REST, 1e-3, CALCIUM.value(step * 1e-3)).state
    return state


@pytest.mark.parametrize("stretch", [0.85, 1.0, 1.15])
@pytest.mark.parametrize("share", [0.5, 0.9, 1.5, 4.0])
def test_the_steady_force_is_hills_of_the_bound_troponin(share, stretch):
    at = np.full(1, stretch)
    ca50 = MODEL.ca50 + MODEL.beta1 * (stretch - 1)
    troponin = share**2 / (1 + share**2)
    overlap = 1 + 2.3 * (stretch + min(stretch, 0.87) - 1.87)
    expected = 120e3 * overlap / (1 + (0.35 / troponin) ** 5)
    found = MODEL.tension(MODEL.steady(share * ca50, at), at)
    assert found[0] == pytest.approx(expected, rel=1e-12)


def test_a_long_hold_ends_in_the_steady_state():
    state, steady = activated(), MODEL.steady(1e-3, REST)
    for _ in range(1000):
        state = MODEL.advance(state, REST, REST, 1e-3, 1e-3).state
    for field in fields(state):
        found, expected = (getattr(side, field.name) for side in (state, steady))
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_force_falls_with_the_speed_of_shortening_as_in_closed_form():
    model = replace(MODEL, beta0=0.0, beta1=-1e-30)  # length plays no part
    speed = np.array([0.0, 0.2, 0.5, 1.0, 2.0])
    stretch = np.ones(5)
    state = model.steady(1e-3, stretch)
    for _ in range(1000):
        done = model.advance(state, stretch, stretch - speed * 1e-3, 1e-3, 1e-3)
        state, stretch = done.state, stretch - speed * 1e-3
    z, w = (-10 * speed / decay for decay in (model.cs, model.cw))
    weak = 182 / (model.kwu + 12 + 615 * np.abs(w))
    strong = 12 * weak / (model.ksu + 8.5 * np.maximum(np.maximum(z, -z - 1), 0))
    troponin = (1 / 0.805) ** 2 / (1 + (1 / 0.805) ** 2)
    blocked = 0.35**5 / 0.375 / troponin**5
    pull = (strong * (1 + z) + weak * w) / (1 + weak + strong + blocked)
    np.testing.assert_allclose(done.tension, 120e3 / 0.25 * pull, rtol=1e-9)
    assert (np.diff(done.tension) < 0).all()


def test_the_step_is_of_first_order():
    coarse, middle, fine = (isometric(steps) for steps in (100, 200, 400))
    order = np.log2((coarse - middle) / (middle - fine))
    assert order == pytest.approx(1, abs=0.1)


@given(
    before=st.floats(0.8, 1.25),
    change=st.floats(-0.05, 0.05),
    dt=st.sampled_from([1e-4, 1e-3, 5e-3]),
    calcium=st.floats(0.1e-3, 2e-3),
)
def test_the_stiffness_is_the_derivative_of_the_steps_tension(before, change, dt, calcium):
    after, h = before + change, 1e-6
    kinks = [abs(after - at) for at in (0.87, 1.2)]
    state, start = activated(), np.full(1, before)
    done = MODEL.advance(state, start, np.full(1, after), dt, calcium)
    z, w = done.state.strong_distortion[0], done.state.weak_distortion[0]
    if min(*kinks, abs(z), abs(z + 1), abs(w)) < 1e-4 or done.tension[0] == 0:
        return
    sides = [MODEL.advance(state, start, np.full(1, after + s), dt, calcium) for s in (h, -h)]
    slope = (sides[0].tension - sides[1].tension) / (2 * h)
    np.testing.assert_allclose(done.stiffness, slope, rtol=1e-5, atol=1.0)


@given(
    stretches=st.lists(st.floats(0.6, 1.5), min_size=2, max_size=8),
    dt=st.floats(1e-5, 1.0),
    calcium=st.floats(1e-6, 1e-1),
)
def test_no_state_leaves_its_bounds_however_long_the_step(stretches, dt, calcium):
    state = activated()
    for before, after in pairwise(stretches):
        state = MODEL.advance(state, np.full(1, before), np.full(1, after), dt, calcium).state
        shares = [state.troponin, state.blocked, state.weak, state.strong]
        assert all(-1e-14 <= share[0] <= 1 + 1e-14 for share in shares)
        assert state.blocked[0] + state.weak[0] + state.strong[0] <= 1 + 1e-12


def test_a_negative_rate_is_refused_by_name():
    with pytest.raises(InputError, match=r"Land2017.kuw must be positive, found -1"):
        Land2017(kuw=-1.0)
    with pytest.raises(InputError, match=r"kws must be at most .* 182 /s, found 200"):
        Land2017(kws=200.0)
    with pytest.raises(InputError, match=r"rs must be below 1, found 1.5"):
        Land2017(rs=1.5)
