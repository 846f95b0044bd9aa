"""Many hearts at once: published cycle and slopes, conservation, stiffness, refusals."""

import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cardiotwin.circulation import (
    Circulation,
    limit_cycle,
    parameter_values,
    simulate,
    with_valves,
)
from cardiotwin.circulation.hearts import Hearts
from cardiotwin.circulation.rates import pressures, rates
from cardiotwin.circulation.rows import default_start, to_ring
from cardiotwin.circulation.valves import SMOOTH_WIDTH
from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.units import ML, MMHG

from .loops import ADULT

PUBLISHED = tomllib.loads(
    (Path(__file__).parents[1] / "published" / "regazzoni_2022.toml").read_text()
)
UNITS = {
    "mL": ML,
    "mL/s": ML,
    "mmHg": MMHG,
    "mL^2/mmHg": ML**2 / MMHG,
    "mL^2/(mmHg s)": ML**2 / MMHG,
}
VALUES = parameter_values(ADULT)


def parameters(batch=1, spread=0.0, seed=1):
    """Return every parameter of some hearts, with a gradient, spread about the adult's."""
    rng = np.random.default_rng(seed)
    return {
        name: torch.tensor(value * np.exp(rng.normal(0, spread, batch)), requires_grad=True)
        for name, value in VALUES.items()
    }


@pytest.fixture(scope="module")
def cycle():
    return limit_cycle(steps=1600).trace


@pytest.mark.validation
@pytest.mark.parametrize("name", PUBLISHED["cycle"])
def test_the_limit_cycle_is_the_published_one(cycle, name):
    """Regazzoni et al. (2022), J Comput Phys 457:111083; constants of `circulation` 0.4."""
    store, quantity, extreme = name.split(".")
    course = cycle.of(store, quantity)[:-1]
    found = {"max": course.amax, "min": course.amin, "mean": course.mean}[extreme]().item()
    row = PUBLISHED["cycle"][name]
    assert found / UNITS[row["unit"]] == pytest.approx(row["value"], rel=row["tolerance"])


@pytest.mark.validation
def test_the_limit_cycle_does_the_published_work(cycle):
    volume, pressure = cycle.of("lv")[:, 0] / ML, cycle.of("lv", "pressure")[:, 0] / MMHG
    assert -torch.trapezoid(pressure, volume) == pytest.approx(6609.83, rel=5e-5)
    slope = torch.diff(pressure).amax() / (0.8 / 1600)
    assert slope == pytest.approx(1901.3, rel=3e-3)  # a kink: differences over 0.5 ms miss it
    output = cycle.of("lv", "outflow")[:-1].mean() / ML * 60 / 1000
    assert output == pytest.approx(5.23351, rel=5e-5)


@pytest.mark.validation
@pytest.mark.parametrize("name", PUBLISHED["sensitivity"])
def test_the_sensitivities_are_the_published_ones(name):
    """Central differences of the first beat, Runge-Kutta with 400 steps."""
    at = torch.tensor(VALUES[name], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(simulate({name: at}).stroke_volume.sum(), at)
    row = PUBLISHED["sensitivity"][name]
    unit = {"active": MMHG / ML, "passive": MMHG / ML, "resistance": MMHG / ML}.get(
        name.split(".")[1], ML / MMHG
    )
    assert slope.item() * unit / ML == pytest.approx(row["value"], rel=row["tolerance"])


def test_a_batch_is_its_hearts_one_by_one_with_their_blood_kept():
    some = {name: value.detach() for name, value in parameters(5, 0.15).items()}
    trace = simulate(some, beats=2, steps=200)
    blood = trace.blood
    assert ((blood - blood[0]).abs() / blood[0]).max() < 1e-12
    for heart in (0, 4):
        alone = simulate({k: v[heart] for k, v in some.items()}, beats=2, steps=200)
        torch.testing.assert_close(trace.pressure[..., heart], alone.pressure[..., 0])
        torch.testing.assert_close(trace.outflow[..., heart], alone.outflow[..., 0])


def test_every_gradient_is_that_of_differences():
    names = list(VALUES)
    at = parameters()
    weights = torch.linspace(0.5, 1.5, 12, dtype=torch.float64)[:, None]
    loop = with_valves(ADULT, "softplus", SMOOTH_WIDTH)
    at |= {
        f"{valve}.width": torch.tensor([SMOOTH_WIDTH], dtype=torch.float64, requires_grad=True)
        for valve in ("mitral", "aortic", "tricuspid", "pulmonary")
    }

    def weighed(trace):
        kinds = trace.end.detach().reshape(3, 4, -1).abs().mean(1).repeat_interleave(4, 0)
        return trace.end / kinds[:, :1] * weights

    size = 1e-6
    found = torch.autograd.grad(
        weighed(simulate(at, circulation=loop, steps=150)).sum(), list(at.values())
    )
    eye = torch.eye(len(names), dtype=torch.float64)
    shift = {name: 1 + size * torch.cat((row, -row)) for name, row in zip(names, eye, strict=True)}
    many = {name: value.detach() * shift[name] for name, value in at.items()}
    ends = weighed(simulate(many, circulation=loop, steps=150)).sum(0)
    expected = (ends[: len(names)] - ends[len(names) :]) / (2 * size)
    scaled = torch.stack([g[0] * at[n].detach()[0] for n, g in zip(names, found, strict=True)])
    torch.testing.assert_close(scaled, expected, rtol=1e-4, atol=1e-7)


def test_gradients_of_the_limit_cycle_are_those_of_differences():
    names = ("left_ventricle.active", "systemic_veins.compliance", "period", "blood_volume")
    values = torch.tensor([*(VALUES[k] for k in names[:3]), 1.6e-3], dtype=torch.float64)

    def output(factors):
        given = dict(zip(names, values[:, None] * factors, strict=True))
        trace = limit_cycle(given, blood_volume=given.pop("blood_volume"), steps=150).trace
        return trace.stroke_volume / ML + trace.of("rv", "pressure").amax(0) / MMHG

    at = torch.ones(4, 1, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(output(at).sum(), at)
    size = 1e-4
    sides = output(1 + size * torch.cat((torch.eye(4), -torch.eye(4)), 1).double())
    expected = (sides[:4] - sides[4:]) / (2 * size)
    torch.testing.assert_close(slope[:, 0], expected, rtol=2e-3, atol=1e-3)


def test_a_limit_cycle_is_found_in_few_beats_and_holds_the_blood_that_was_given():
    cycle = limit_cycle(blood_volume=1.5e-3, steps=200)
    assert cycle.beats <= 7
    assert cycle.trace.blood[0, 0] == pytest.approx(1.5e-3, rel=1e-8)
    again = simulate(start=cycle.trace.end, steps=200)
    torch.testing.assert_close(again.end, cycle.trace.end, rtol=1e-7, atol=0)


@pytest.mark.parametrize(
    ("law", "width"), [("sharp", 0.0), ("tanh", 0.02 * MMHG), ("softplus", 1.0)]
)
def test_every_valve_closes(law, width):
    trace = simulate(circulation=with_valves(ADULT, law, width), steps=800, beats=3)
    for store in ("la", "lv", "ra", "rv"):
        flow = trace.of(store, "outflow") / ML
        assert flow.max() > 300
        assert flow.min() > -0.1
    assert trace.stroke_volume.item() / ML == pytest.approx(69.8, abs=1.5)


def test_valves_of_different_laws_beat_together():
    aortic = replace(ADULT.aortic, law="sharp", width=0.0)
    mixed = simulate(circulation=replace(ADULT, aortic=aortic))
    assert mixed.stroke_volume.item() / ML == pytest.approx(69.77, abs=0.1)


def test_a_chamber_from_outside_with_the_law_of_the_one_inside_makes_no_difference():
    ventricle = ADULT.left_ventricle
    scale = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)

    def law(volume, time):
        share = ventricle.twitch.activation(time, ADULT.period, torch)
        E = ventricle.passive + scale * ventricle.active * share
        return E * (volume - ventricle.unstressed_volume)

    outer = simulate(outside={"lv": law})
    torch.testing.assert_close(outer.end, simulate().end, rtol=1e-10, atol=0)
    (slope,) = torch.autograd.grad(outer.stroke_volume.sum(), scale)
    expected = 4.78096 * ML**2 / MMHG * ventricle.active
    assert slope.item() == pytest.approx(expected, rel=1e-5)


def test_a_stiff_heart_takes_finer_steps_and_is_right():
    stiff = {"left_ventricle.active": 5 * VALUES["left_ventricle.active"]}
    fine = simulate(stiff, steps=2000)
    torch.testing.assert_close(simulate(stiff).end, fine.end, rtol=2e-4, atol=0)


def test_hearts_of_a_wide_range_all_finish_and_a_broken_one_is_reported_by_number():
    rng = np.random.default_rng(5)
    some = {
        name: torch.tensor(value * np.exp(rng.normal(0, 0.35, 100)))
        for name, value in VALUES.items()
        if not name.endswith(("onset", "contraction", "relaxation", "period"))
    }
    assert simulate(some, steps=200).finished.all()
    start = default_start(ADULT, Hearts.of({}, ADULT)).repeat(1, 2)
    start[0, 1] = torch.nan
    assert simulate(start=start, steps=100).finished.tolist() == [True, False]
    broken = limit_cycle(start=start, steps=100)
    assert broken.failures() == {1: "its beat does not end with finite numbers"}
    with pytest.raises(ConvergenceError, match=r"No heart has a beat that repeats"):
        limit_cycle(start=start[:, 1:], steps=100)


@pytest.mark.parametrize("law", ["sharp", "arctangent", "tanh", "softplus"])
def test_numpy_and_torch_read_one_right_hand_side(law):
    loop = with_valves(ADULT, law, 0.0 if law == "sharp" else 0.02 * MMHG)
    loop = replace(loop, aortic=replace(ADULT.aortic, width=0.01 * MMHG))
    hearts = Hearts.of({}, loop)
    volume, flow = to_ring(default_start(loop, hearts), hearts)
    phase = torch.tensor([0.3 / loop.period], dtype=torch.float64)
    E, V0 = hearts.elastances(phase)
    found = rates(pressures(volume, E[0], V0), flow, hearts.loop(), torch)
    expected = loop.rates(np.array(loop.start().volume), flow.numpy().ravel(), 0.3)
    for here, there in zip(found, expected, strict=True):
        np.testing.assert_allclose(here.numpy().ravel(), there, rtol=1e-11, atol=1e-18)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"left_ventricle.tension": 1.0}, r"Unknown parameter .*: left_ventricle\.tension"),
        ({"period": [0.8, -1.0]}, r"period must be positive .*found -1 in heart 1 and 1 in all"),
        ({"period": 0.6}, r"twitch of the left ventricle, 0\.65 s, found 0\.6 s in heart 0"),
        ({"period": [0.8] * 2, "mitral.width": [1.0] * 3}, r"one per heart, found .*'period': 2"),
        ({"period": [[0.8, 0.9]]}, r"period has one number per heart, found the shape \(1, 2\)"),
        ({"period": "slow"}, r"period must be a number, or one per heart, found 'slow'"),
        (
            {"mitral.open_resistance": 1e20},
            r"mitral\.closed_resistance must be larger .* in heart 0",
        ),
    ],
)
def test_parameters_that_are_none_are_refused_by_name(given, match):
    with pytest.raises(InputError, match=match):
        simulate(given)


def test_a_sharp_valve_has_no_width_to_vary():
    sharp = with_valves(Circulation(), "sharp", 0.0)
    with pytest.raises(InputError, match=r"Unknown parameter .*mitral\.width"):
        simulate({"mitral.width": 1.0}, circulation=sharp)


def test_importing_the_circulation_does_not_load_torch():
    code = "import sys, cardiotwin.circulation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"blood_volume": -1.0}, "blood_volume must be positive and finite"),
        ({"outside": {"left_ventricle": lambda *_: None}}, "Only chambers can lie outside"),
        ({"steps": 0}, "one whole beat or more"),
    ],
)
def test_a_limit_cycle_of_nothing_is_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        limit_cycle({}, **wrong)
