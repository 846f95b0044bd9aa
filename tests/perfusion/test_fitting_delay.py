"""Delayed curves from a table: the convolution's own values, and exact derivatives."""

import numpy as np
import pytest
import torch

from cardiotwin.perfusion.fitting_problem import Problem
from cardiotwin.perfusion.kinetics import gamma_variate
from cardiotwin.perfusion.kinetics.convolution import Input, convolve, delayed
from cardiotwin.perfusion.kinetics.models import kinetics
from cardiotwin.perfusion.kinetics.tissue import plasma

EVEN = torch.arange(0.0, 50.0, 0.9, dtype=torch.float64)
UNEVEN = torch.from_numpy(np.cumsum(np.random.default_rng(5).uniform(0.7, 1.1, 55)))
RANGE = (-2.0, 6.0)


def problem_of(name, time, ahead):
    aif = gamma_variate(time, arrival=5.0, to_peak=5.0, peak=4.0, shape=3.0) + ahead
    settings = {"haematocrit": 0.42, "density": 1050.0, "delay": RANGE}
    return Problem.of(kinetics(name), time, aif, **settings), aif


def somewhere(model):
    rng = np.random.default_rng(6)
    low, high = (np.array([item.box[end] for item in model.nonlinear]) for end in (0, 1))
    shares = rng.uniform(0.05, 0.95, (len(low), 40))
    return torch.from_numpy(low[:, None] + (high - low)[:, None] * shares)


@pytest.mark.parametrize("time", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("ahead", [0.0, 0.3], ids=["from nothing", "from a step"])
@pytest.mark.parametrize("name", ["2cxm", "extended_tofts", "patlak"])
def test_a_delayed_curve_is_the_convolution_with_the_delayed_response(name, time, ahead):
    problem, aif = problem_of(name, time, ahead)
    model = problem.model
    coordinates = somewhere(model)
    supply = Input(time, plasma(aif, 0.42), -RANGE[0])
    given = model.parameters(coordinates.unbind())
    for column, curve in zip(model.columns, model.at(coordinates, {}), strict=True):
        own = {inner: given[outer] for inner, outer in column.parameters.items()}
        expected = convolve(supply, delayed(column.response), delay=given["delay"], **own)
        np.testing.assert_allclose(curve, expected, atol=1e-6 * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["2cxm", "extended_tofts", "patlak"])
def test_the_derivatives_are_those_of_differences(name):
    model = problem_of(name, EVEN, 0.0)[0].model
    coordinates = somewhere(model)
    _, slopes = model.slopes(coordinates, {})
    for k, row in enumerate(slopes):
        step = torch.zeros_like(coordinates)
        step[k] = 1e-5
        ends = [model.at(coordinates + sign * step, {}) for sign in (1, -1)]
        for j, slope in enumerate(row):
            along = (ends[0][j] - ends[1][j]) / 2e-5
            if slope is None:
                assert not along.any()
                continue
            np.testing.assert_allclose(
                slope, along, atol=1e-4 * max(float(along.abs().max()), 1.0)
            )
