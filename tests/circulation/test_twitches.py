"""Courses of the elastance: closed forms, and the same numbers in numpy and torch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cardiotwin.circulation import Circulation, from_end_diastole, limit_cycle
from cardiotwin.circulation.hearts import Hearts
from cardiotwin.circulation.twitches import HillTwitch, spline_weights
from cardiotwin.errors import InputError

LOOP = from_end_diastole(Circulation())
VENTRICLE = LOOP.left_ventricle


def test_a_hill_twitch_is_half_up_and_half_down_at_its_times():
    steep = HillTwitch(rise_time=0.1, rise_power=30.0, fall_time=0.4, fall_power=40.0)
    time = np.linspace(0, 0.799, 800)
    share = steep.activation(time, 0.8)
    assert share.max() == pytest.approx(1, abs=1e-3)
    assert steep.activation(0.1, 0.8) == pytest.approx(0.5, abs=1e-3)
    assert steep.activation(0.4, 0.8) == pytest.approx(0.5, abs=1e-3)
    assert steep.activation(0.9, 0.8) == pytest.approx(float(steep.activation(0.1, 0.8)))


def test_splines_are_a_partition_of_one_that_comes_back():
    phase = np.linspace(0, 1, 301)
    weights = spline_weights(phase, 12, np)
    assert weights.sum(1) == pytest.approx(1)
    assert weights.min() >= 0
    assert weights[0] == pytest.approx(weights[-1])
    line = np.cos(2 * np.pi * np.arange(12) / 12)
    far = weights @ line / np.cos(2 * np.pi * phase / 1)
    assert far[:20] == pytest.approx(far[0], rel=0.01)  # a wave stays a wave, a little lower


@pytest.mark.parametrize("twitch", [VENTRICLE.twitch, HillTwitch()])
def test_numpy_and_torch_read_one_elastance(twitch):
    rng = np.random.default_rng(3)
    shape = tuple(rng.normal(0, 0.3, 16).tolist())
    loop = replace(LOOP, left_ventricle=replace(VENTRICLE, twitch=twitch, shape=shape))
    phase = torch.linspace(0, 0.99, 45, dtype=torch.float64)
    E, _ = Hearts.of({}, loop).elastances(phase)
    laws = [loop.laws(0.8 * float(share))[0] for share in phase]
    assert E[..., 0].numpy() == pytest.approx(np.array(laws), rel=1e-9)


@pytest.mark.slow
def test_a_shape_of_zeros_changes_nothing():
    flat = replace(LOOP, left_ventricle=replace(VENTRICLE, shape=(0.0,) * 8))
    plain = limit_cycle(circulation=LOOP, steps=100).trace.volume
    found = limit_cycle(circulation=flat, steps=100).trace.volume
    torch.testing.assert_close(found, plain, rtol=1e-9, atol=0)


@pytest.mark.slow
def test_every_coefficient_has_its_gradient():
    loop = replace(LOOP, left_ventricle=replace(VENTRICLE, shape=(0.0,) * 8))
    names = [f"left_ventricle.shape_{k}" for k in range(8)]
    at = {name: torch.zeros(1, dtype=torch.float64, requires_grad=True) for name in names}
    trace = limit_cycle(at, circulation=loop, steps=100).trace
    found = torch.cat(torch.autograd.grad(trace.of("lv", "pressure").sum(), list(at.values())))
    h = 1e-4
    many = {
        name: h * torch.cat((torch.eye(8)[k], -torch.eye(8)[k])).double()
        for k, name in enumerate(names)
    }
    ends = limit_cycle(many, circulation=loop, steps=100).trace.of("lv", "pressure").sum(0)
    assert found.numpy() == pytest.approx(((ends[:8] - ends[8:]) / (2 * h)).numpy(), rel=1e-4)


def test_bad_twitches_are_refused():
    with pytest.raises(InputError, match="rise_power must be positive"):
        HillTwitch(rise_power=0.0)
    with pytest.raises(InputError, match=r"HillTwitch\.onset must be finite, found nan"):
        HillTwitch(onset=float("nan"))
    with pytest.raises(InputError, match="4 finite numbers or more"):
        replace(VENTRICLE, shape=(0.1, 0.2))
