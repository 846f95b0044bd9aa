"""Open networks: closed forms, and the public cases of svZeroDSolver to a millionth."""

import numpy as np
import pytest

from cardiotwin.circulation.blocks import CoronaryBed, Resistor, Source, Tube, Windkessel
from cardiotwin.circulation.network import Network
from cardiotwin.errors import ConvergenceError, InputError

from . import cases

CASES = (
    "steadyFlow_R_RCR",
    "steadyFlow_R_coronary",
    "pulsatileFlow_R_RCR",
    "pulsatileFlow_R_coronary",
    "pulsatileFlow_R_coronary_varres",
    "valve_tanh",
    "chamber_elastance_inductor",
    pytest.param("piecewise_Chamber_and_Valve", marks=pytest.mark.slow),
)
SETTLING = 31  # steps of a tenth of the period under the mean load, before the first beat


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.validation
@pytest.mark.parametrize("name", CASES)
def test_a_public_case_is_met_to_a_millionth(real_data, name):
    """Menon et al. (2025), svZeroDSolver, J Open Source Softw: its stored solutions."""
    folder = real_data / "circulation"
    case, net, period, step = cases.load(folder, name)
    settings = case["simulation_parameters"]
    per_cycle = settings["number_of_time_pts_per_cardiac_cycle"] - 1
    cycles = settings["number_of_cardiac_cycles"]
    start = cases.start(case, net) if "initial_condition" in case else net.steady()
    if name == "chamber_elastance_inductor":
        start = cases.settled(case, net, start, period / 10, SETTLING)
    elif name.startswith("pulsatile") or name == "valve_tanh":
        cycles = min(cycles, 10)  # forgotten long before
    rows = net.run(start, step, cycles * per_cycle)
    wanted = cases.reference(folder, name)
    if settings.get("output_all_cycles"):
        wanted = {key: course[-per_cycle:] for key, course in wanted.items()}
    misses = cases.miss(net, rows, wanted)
    assert len(misses) >= 4
    assert max(misses.values()) < 1e-6


def windkessel(flow, start):
    blocks = {
        "inlet": Source(value=flow, kind="flow"),
        "outlet": Windkessel(proximal=1.0, distal=2.0, compliance=0.5),
    }
    net = Network(blocks=blocks, wires=(("inlet", "outlet"),))
    y = np.zeros(net.size)
    y[net.own["outlet"]] = start
    return net, y


def test_a_windkessel_empties_with_its_time_constant_to_second_order():
    def error(steps):
        net, y = windkessel(lambda _: 0.0, 3.0)
        y[0] = 3.0  # no flow, no fall over the proximal resistance
        falling = np.where(y == 3.0, -3.0, 0.0)
        rows = net.run(y, 1.0 / steps, steps, falling)
        return abs(rows[-1, net.own["outlet"]][0] - 3.0 * np.exp(-1.0))

    assert np.log2(error(40) / error(80)) == pytest.approx(2, abs=0.1)


def test_what_stays_as_it_is_is_found_at_once():
    net, y = windkessel(lambda _: 4.0, 0.0)
    steady = net.steady(y)
    assert steady[net.pressure(("inlet", "outlet"))] == pytest.approx(4.0 * 3.0)
    np.testing.assert_allclose(net.run(steady, 0.1, 5)[-1], steady, rtol=1e-12)


def test_a_muscle_that_squeezes_pushes_the_coronary_blood_both_ways():
    bed = CoronaryBed(
        arterial=1.0,
        micro=lambda _: 1.0,
        venous=1.0,
        arterial_compliance=0.01,
        wall_compliance=0.1,
        squeeze=lambda time: 90.0 * np.sin(np.pi * time) ** 2,
    )
    blocks = {"aorta": Source(value=lambda _: 90.0, kind="pressure"), "bed": bed}
    net = Network(blocks=blocks, wires=(("aorta", "bed"),))
    rows = net.run(net.steady(), 0.01, 300)[-100:]
    into, volume = rows[:, 1], rows[:, net.own["bed"]][:, 0]
    assert into[:50].min() < 0.8 * into.mean()
    assert into[50:].max() > 1.1 * into.mean()
    squeezed = np.array([bed.squeeze(0.01 * (201 + k)) for k in range(100)])
    out = (volume / 0.1 + squeezed) / bed.venous
    assert into.mean() == pytest.approx(out.mean(), rel=2e-3)  # what enters leaves


def test_a_stenosis_falls_with_the_square_of_the_flow():
    blocks = {
        "in": Source(value=lambda _: -3.0, kind="flow"),
        "tube": Tube(resistance=2.0, stenosis=0.5),
        "out": Resistor(resistance=1.0, beyond=7.0),
    }
    net = Network(blocks=blocks, wires=(("in", "tube"), ("tube", "out")))
    start = np.full(net.size, -1.0)
    assert net.steady(start)[0] == pytest.approx(7 - 3 - 2 * 3 - 0.5 * 9)


def test_networks_with_loose_ends_and_without_a_state_say_so():
    outlet = Resistor(resistance=1.0)
    with pytest.raises(InputError, match=r"wires end at nowhere, found no such block"):
        Network(blocks={"out": outlet}, wires=(("nowhere", "out"),))
    tube = Tube(resistance=1.0)
    with pytest.raises(InputError, match=r"lacks a wire, found .*'tube': \(0, 1\)"):
        Network(blocks={"tube": tube, "out": outlet}, wires=(("tube", "out"),))
    with pytest.raises(InputError, match=r"4 unknowns, found 3 laws"):
        Network(blocks={"tube": tube, "out": outlet}, wires=(("tube", "out"), ("out", "tube")))
    blind = Source(value=lambda _: np.nan, kind="flow")
    net = Network(blocks={"in": blind, "out": outlet}, wires=(("in", "out"),))
    with pytest.raises(
        ConvergenceError, match=r"found no state at 0: after 1 Newton steps .* by nan"
    ):
        net.steady()
    closed = {"a": Tube(resistance=1.0), "b": Tube(resistance=1.0)}
    ring = Network(blocks=closed, wires=(("a", "b"), ("b", "a")))
    with pytest.raises(ConvergenceError, match=r"not determined by its laws: after 0 Newton"):
        ring.steady()
