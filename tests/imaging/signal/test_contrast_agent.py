import math

import numpy as np
import pytest
import torch

from cardiotwin.errors import InputError
from cardiotwin.imaging.signal import (
    corrected_for_t2_star,
    first_pass,
    multi_echo,
    relaxed_t1,
    relaxivity,
)

from .integration import integrate

SEQUENCE = {
    "r1": relaxivity("gadobutrol", 1.5),
    "saturation_time": 0.1,
    "flip_angle": math.radians(14),
    "repetition_time": 2.2e-3,
}


def test_rates_add():
    assert float(1 / relaxed_t1(1.2, 0.5, 5.2)) == pytest.approx(1 / 1.2 + 2.6, rel=1e-14)


def test_an_agent_that_is_not_known_is_refused():
    with pytest.raises(InputError, match=r"No relaxivity is known of 'gadolinium' at 1.5 T"):
        relaxivity("gadolinium", 1.5)


@pytest.mark.parametrize("concentration", [0.0, 0.8, 4.0])
def test_a_first_pass_is_that_of_the_bloch_equations(concentration):
    t1 = 1 / (1 / 1.44 + 5.2 * concentration)
    cycle = [("pulse", SEQUENCE["flip_angle"], math.pi / 2), ("spoil",), ("wait", 2.2e-3)]
    now = integrate([0, 0, 0], [("wait", 0.1)], t1=t1, t2=0.2)
    for _ in range(7):
        now = integrate(now, cycle, t1=t1, t2=0.2)
    found = first_pass(concentration, 1.44, pulse=8.0, **SEQUENCE)
    assert float(found) == pytest.approx(now[2] * math.sin(SEQUENCE["flip_angle"]), rel=1e-6)


def test_the_signal_rises_with_little_agent_in_proportion():
    """dS/dC = m0 sin(a) TS r1 exp(-TS/T1) for the first pulse."""
    at = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    first_pass(at, 1.44, pulse=1.0, **SEQUENCE).backward()
    expected = math.sin(SEQUENCE["flip_angle"]) * 0.1 * 5.2 * math.exp(-0.1 / 1.44)
    assert float(at.grad) == pytest.approx(expected, rel=1e-12)


def test_two_echoes_give_the_signal_before_any_decay():
    star = torch.tensor([5e-3, 10e-3, 30e-3], dtype=torch.float64)
    first, second = (multi_echo(star, echo_time=te, m0=2.0) for te in (0.8e-3, 1.9e-3))
    np.testing.assert_allclose(corrected_for_t2_star(first, second, (0.8e-3, 1.9e-3)), 2.0)
