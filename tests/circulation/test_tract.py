"""An aorta with waves and valves with inertia: closed forms, limits, conservation, slopes."""

from dataclasses import astuple, replace

import numpy as np
import pytest
import torch

from cardiotwin.circulation import Circulation, from_end_diastole, limit_cycle, simulate, step
from cardiotwin.circulation.arteries import (
    Aorta,
    Arm,
    InertialValve,
    aorta,
    aortic_valve,
    mitral_valve,
)
from cardiotwin.circulation.hearts import Hearts
from cardiotwin.circulation.tangents import cycle_tangents
from cardiotwin.circulation.tract import DENSITY, valve_rates
from cardiotwin.errors import InputError
from cardiotwin.units import ML, MMHG

LOOP = from_end_diastole(Circulation())
HALF = replace(LOOP.systemic_arteries, compliance=0.7 * ML / MMHG)
TUBE = aorta(0.67 * ML / MMHG)
ARM = Arm(
    compliance=TUBE.compliance / 3, inertance=5 * TUBE.inertance, termination=9 * TUBE.termination
)
WAVES = replace(
    LOOP,
    aorta=replace(TUBE, arm=ARM),
    aortic=aortic_valve(),
    mitral=mitral_valve(),
    systemic_arteries=HALF,
)
FALL = 4 * MMHG


@pytest.fixture(scope="module")
def cycle():
    return limit_cycle(circulation=WAVES)


def ladder(tube):
    """Return the impedance at the inlet, as a function of the frequency, Hz, by the rates."""
    tract = Hearts.of({}, replace(WAVES, aorta=tube)).tract()
    n = 2 * (tube.segments + (tube.arm is not None))
    inflow = torch.zeros(4, 1, dtype=torch.float64)

    def change(state, flow):
        whole = torch.cat((state, torch.zeros(6, 1, dtype=torch.float64)))
        at = torch.cat((inflow[:1], torch.full((1, 1), flow), inflow[2:]))
        zero = torch.zeros(1, 1, dtype=torch.float64)
        return tract.rates(inflow, at, zero, whole, torch)[0][:n, 0].numpy()

    def inlet(state, flow):
        whole = torch.cat((state, torch.zeros(6, 1, dtype=torch.float64)))
        at = torch.full((1, 1), flow, dtype=torch.float64)
        return float(tract.root(whole, at, torch)[0, 0])

    eye = torch.eye(n, dtype=torch.float64)
    still = torch.zeros(n, 1, dtype=torch.float64)
    A = np.stack([change(eye[:, k : k + 1], 0.0) for k in range(n)], 1)
    c = np.array([inlet(eye[:, k : k + 1], 0.0) for k in range(n)])
    b, d = change(still, 1.0), inlet(still, 1.0)
    return lambda f: c @ np.linalg.solve(2j * np.pi * f * np.eye(n) - A, b) + d


def cascade(tube, f):
    """Return the same by the rules of circuits."""
    w, n = 2j * np.pi * f, tube.segments
    seen = tube.termination
    for _ in range(n):
        seen = seen + (tube.resistance + w * tube.inertance) / n
        wall = (1 + w * tube.viscosity) / (w * tube.compliance / n)
        seen = 1 / (1 / seen + 1 / wall)
    if tube.arm:
        held = 1 / (1 / tube.arm.termination + w * tube.arm.compliance)
        seen = 1 / (1 / seen + 1 / (w * tube.arm.inertance + held))
    return seen + tube.impedance


@pytest.mark.parametrize("arm", [None, ARM])
@pytest.mark.parametrize("segments", [1, 3])
def test_the_aorta_has_the_impedance_of_its_circuit(segments, arm):
    tube = replace(TUBE, segments=segments, arm=arm)
    found = ladder(tube)
    for f in (0.3, 1.25, 5.0, 20.0):
        assert found(f) == pytest.approx(cascade(tube, f), rel=1e-10)


def test_a_tube_of_many_segments_has_the_impedance_of_a_wave():
    """At a matched end a line without loss shows sqrt(L/C) at every frequency."""
    lossless = {"resistance": 1e-6 * TUBE.termination, "viscosity": 0.0, "impedance": 0.0}
    tube = replace(TUBE, **lossless)
    misses = [
        abs(ladder(replace(tube, segments=n))(2.0) / tube.termination - 1) for n in (10, 20, 40)
    ]
    assert misses[2] < 0.02
    assert misses[0] / misses[1] == pytest.approx(2, rel=0.1)
    assert misses[1] / misses[2] == pytest.approx(2, rel=0.1)


def test_without_inertance_it_is_a_windkessel():
    lossless = {"resistance": 1e-6 * TUBE.termination, "viscosity": 0.0, "impedance": 0.0}
    one = replace(TUBE, **lossless)
    light = ladder(replace(one, inertance=1e-6 * one.inertance, segments=1))
    for f in (1.25, 5.0):
        windkessel = 1 / (1 / one.termination + 2j * np.pi * f * one.compliance)
        assert light(f) == pytest.approx(windkessel, rel=1e-4)


def test_a_small_aorta_changes_little():
    tiny = 0.1
    tube = Aorta(
        compliance=tiny * HALF.compliance,
        inertance=tiny**2 * aorta().inertance,
        resistance=tiny**2 * aorta().termination,
        termination=tiny**2 * aorta().termination,
        segments=1,
    )
    arteries = replace(HALF, compliance=(1 + tiny) * HALF.compliance)
    plain = simulate(circulation=replace(LOOP, systemic_arteries=arteries), steps=200)
    found = simulate(circulation=replace(LOOP, aorta=tube, systemic_arteries=HALF), steps=200)
    assert float(found.stroke_volume / plain.stroke_volume) == pytest.approx(1, abs=0.02)
    inlet = found.aorta[0][:, 0].amax() / plain.of("systemic_arteries", "pressure").amax()
    assert float(inlet) == pytest.approx(1, abs=0.02)


def test_an_open_valve_accelerates_blood_as_bernoulli_says():
    """Q = Q1 tanh(t/tau), Q1 = A sqrt(2 dp/rho), tau = 2 l A/Q1."""
    valve = aortic_valve()
    numbers = tuple(torch.tensor([[value]], dtype=torch.float64) for value in astuple(valve))
    last = valve.area * np.sqrt(2 * FALL / DENSITY)
    tau = 2 * valve.length * valve.area / last
    fall = torch.full((1, 1), FALL, dtype=torch.float64)
    flow, dt = torch.zeros(1, 1, dtype=torch.float64), tau / 400
    wide = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    for _ in range(600):
        middle = flow + dt / 2 * valve_rates(fall, flow, wide, numbers, torch)[0]
        flow = flow + dt * valve_rates(fall, middle, wide, numbers, torch)[0]
    assert float(flow) == pytest.approx(last * np.tanh(1.5), rel=1e-5)


def test_shut_leaflets_hold_the_blood_as_a_membrane():
    valve = mitral_valve()
    numbers = tuple(torch.tensor([[value]], dtype=torch.float64) for value in astuple(valve))
    fall = torch.full((1, 1), -80 * MMHG, dtype=torch.float64)
    flow = torch.full((1, 1), 100 * ML, dtype=torch.float64)
    leaflets = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    for _ in range(8000):
        faster, opening, bulge = valve_rates(fall, flow, leaflets, numbers, torch)
        flow = flow + 2e-5 * faster
        leaflets = leaflets + 2e-5 * torch.cat((opening, bulge))
    assert abs(float(flow)) < 0.01 * ML
    assert 0 <= float(leaflets[0]) < 1e-6
    assert float(leaflets[1]) == pytest.approx(-80 * MMHG * valve.bulge, rel=1e-3)


@pytest.mark.slow
def test_the_beat_repeats_with_its_blood_and_flows_back_at_closure(cycle):
    trace = cycle.trace
    assert bool(cycle.reached.all())
    assert float((trace.blood / trace.blood[0] - 1).abs().max()) < 1e-12
    outflow = trace.of("lv", "outflow")
    back = -float(torch.trapezoid(outflow.clamp(max=0)[:, 0], trace.time[:, 0]))
    assert 0.1 * ML < back < 0.1 * float(trace.stroke_volume)
    balance = torch.trapezoid(outflow - trace.of("la", "outflow"), trace.time, dim=0)
    assert abs(float(balance)) < 2e-3 * float(trace.stroke_volume)


@pytest.mark.slow
def test_the_gradient_is_that_of_differences():
    values = {
        "arm.inertance": ARM.inertance,
        "arm.compliance": ARM.compliance,
        "aorta.inertance": WAVES.aorta.inertance,
        "aorta.viscosity": WAVES.aorta.viscosity,
        "aortic.area": WAVES.aortic.area,
        "mitral.length": WAVES.mitral.length,
    }
    at = {n: torch.tensor([v], dtype=torch.float64, requires_grad=True) for n, v in values.items()}

    def seen(parameters):
        trace = simulate(parameters, circulation=WAVES, steps=200)
        return trace.aorta[0][100, 0] + 1e6 * trace.stroke_volume

    found = torch.autograd.grad(seen(at).sum(), list(at.values()))
    for k, name in enumerate(values):
        h = 1e-5 * values[name]
        ends = {n: torch.full((2,), v, dtype=torch.float64) for n, v in values.items()}
        ends[name] = values[name] + torch.tensor([h, -h], dtype=torch.float64)
        high, low = seen(ends).tolist()
        assert float(found[k]) == pytest.approx((high - low) / (2 * h), rel=1e-5)


@pytest.mark.slow
def test_tangents_are_the_differences_of_limit_cycles(cycle):
    name, nudge = "left_ventricle.active", 1e-3
    middle = WAVES.left_ventricle.active
    blood = float(cycle.trace.blood[0])
    columns = middle * (1 + nudge * torch.tensor([0.0, 1.0, -1.0], dtype=torch.float64))
    volumes = blood * torch.ones(3, dtype=torch.float64)

    def read(trace, _):
        return trace.aorta[0][::50, 0]

    found = cycle_tangents(
        {name: columns},
        read,
        nudge=nudge,
        circulation=WAVES,
        blood_volume=volumes,
        start=cycle.trace.end[:, 0],
    )
    each = limit_cycle({name: columns}, circulation=WAVES, blood_volume=volumes)
    wanted = read(each.trace, None)
    torch.testing.assert_close(found.value, wanted[:, 0], rtol=1e-7, atol=0)
    slope = (wanted[:, 1] - wanted[:, 2]) / (2 * nudge)
    torch.testing.assert_close(found.slope[:, 0], slope, rtol=1e-3, atol=0)


def test_what_is_none_is_refused():
    with pytest.raises(InputError, match="area must be positive"):
        InertialValve(area=0.0, length=0.01, opening_rate=0.1, closing_rate=0.1)
    with pytest.raises(InputError, match="compliance must be positive"):
        replace(ARM, compliance=0.0)
    with pytest.raises(InputError, match=r"arm\.termination must be positive"):
        simulate({"arm.termination": -1.0}, circulation=WAVES, steps=50)
    with pytest.raises(InputError, match=r"Unknown parameter .*arm\.inertance"):
        simulate({"arm.inertance": 1.0}, circulation=replace(WAVES, aorta=TUBE), steps=50)
    with pytest.raises(InputError, match="one segment or more"):
        replace(WAVES.aorta, segments=0)
    with pytest.raises(InputError, match="viscosity must be finite"):
        replace(WAVES.aorta, viscosity=-1.0)
    with pytest.raises(InputError, match="whose flow is a state"):
        replace(WAVES, aortic=LOOP.aortic)
    elastic = replace(WAVES.aorta, viscosity=0.0, impedance=0.0)
    with pytest.raises(InputError, match=r"aorta\.viscosity stands behind a valve whose flow"):
        simulate({"aorta.viscosity": 0.01}, circulation=replace(LOOP, aorta=elastic), steps=50)
    with pytest.raises(InputError, match="Implicit steps know resistive valves"):
        step(WAVES, WAVES.start(), 0.001)
    with pytest.raises(InputError, match="no aorta"):
        simulate(circulation=LOOP, steps=50).aorta  # noqa: B018
