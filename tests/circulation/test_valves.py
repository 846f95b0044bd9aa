"""Valves: each law's limits, its slope, and what a valve refuses."""

import numpy as np
import pytest
import torch

from cardiotwin.circulation import Valve
from cardiotwin.circulation.valves import LAWS, valve_constants, valve_flow, valve_slope
from cardiotwin.errors import InputError
from cardiotwin.units import ML, MMHG

LOW, HIGH, WIDTH = 0.0075 * MMHG / ML, 75e3 * MMHG / ML, 0.01 * MMHG
CONSTANTS = (np.float64(LOW), np.float64(HIGH), np.float64(WIDTH))


@pytest.mark.parametrize("law", LAWS)
def test_far_from_its_width_a_valve_is_one_of_two_resistances(law):
    constants = valve_constants(law, *CONSTANTS, np)
    difference = np.array([1e6, -1e6]) * WIDTH
    flow = valve_flow(law, difference, constants, np)
    np.testing.assert_allclose(flow, difference / [LOW, HIGH], rtol=1e-5)


@pytest.mark.parametrize("law", LAWS)
def test_the_slope_is_that_of_autograd_and_torch_reads_the_same_text(law):
    difference = np.concatenate([-np.geomspace(1e3, 1e-3, 9), np.geomspace(1e-3, 1e3, 9)]) * WIDTH
    constants = valve_constants(law, *CONSTANTS, np)
    in_torch = valve_constants(
        law, *(torch.tensor(value, dtype=torch.float64) for value in CONSTANTS), torch
    )
    here = torch.tensor(difference, requires_grad=True)
    flow = valve_flow(law, here, in_torch, torch)
    (slope,) = torch.autograd.grad(flow.sum(), here)
    np.testing.assert_allclose(
        flow.detach(), valve_flow(law, difference, constants, np), rtol=1e-12
    )
    np.testing.assert_allclose(slope, valve_slope(law, difference, constants, np), rtol=1e-9)


def test_a_valve_of_no_known_law_and_a_width_that_a_law_has_not_are_refused():
    with pytest.raises(InputError, match=r"sharp valve has no width, found .* 1 Pa"):
        Valve(open_resistance=LOW, closed_resistance=HIGH, width=1.0, law="sharp")
    with pytest.raises(InputError, match=r"width must be positive and finite, found 0"):
        Valve(open_resistance=LOW, closed_resistance=HIGH, width=0.0)
    assert Valve(open_resistance=LOW, closed_resistance=HIGH, width=0.0, law="sharp").width == 0
