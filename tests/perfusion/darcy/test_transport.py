"""An agent through the wall: nothing is lost, nothing is made, tanks in series are met."""

from dataclasses import replace

import numpy as np
import pytest
from benchmark_bodies import ellipsoid

from cardiotwin.errors import InputError
from cardiotwin.geometry import Template, frame_of, with_coordinates
from cardiotwin.perfusion import fit_kinetics
from cardiotwin.perfusion.darcy.bed import DENSITY, three_compartments
from cardiotwin.perfusion.darcy.feeding import fed_from_aorta, segment_territory
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.steady import steady_flow
from cardiotwin.perfusion.darcy.transport import Carrier, Exchange

BED = three_compartments()
TIME = np.arange(0, 40.01, 0.2)
BOLUS = np.where(TIME > 3, 5 * np.maximum(TIME - 3, 0) / 4 * np.exp(1 - (TIME - 3) / 4), 0)
SEALED = Exchange(ps=0.0)


@pytest.fixture(scope="module")
def wall():
    mesh = ellipsoid(Template(rings=4, layers=2), 3.5)
    return PorousWall(with_coordinates(mesh, frame_of(mesh)))


@pytest.fixture(scope="module")
def uneven(wall):
    """A wall with a narrow artery, so that blood crosses from well to well."""
    fed = fed_from_aorta(BED, segment_territory(wall.mesh))
    lad = replace(fed.arteries[0], resistance=1e10)
    fed = replace(fed, arteries=(lad, *fed.arteries[1:]))
    return steady_flow(wall, BED, fed, aortic_pressure=12000.0)


@pytest.fixture(scope="module")
def even(wall):
    fed = fed_from_aorta(BED, segment_territory(wall.mesh))
    return steady_flow(wall, BED, fed, aortic_pressure=12000.0)


@pytest.mark.parametrize("exchange", [SEALED, Exchange()])
def test_what_came_has_left_or_is_still_there(wall, uneven, exchange):
    found = Carrier(wall, BED, uneven, exchange=exchange).run(TIME, BOLUS)
    assert found.balance_error < 1e-12
    assert found.least > -1e-6
    assert found.concentration.max() < BOLUS.max()


def test_a_steady_input_fills_every_space_to_its_own_concentration(wall, uneven):
    exchange = Exchange()
    carrier = Carrier(wall, BED, uneven, exchange=exchange)
    late = np.arange(0, 4000.1, 20.0)
    found = carrier.run(late, np.ones(len(late)))
    space = (1 - exchange.haematocrit) * BED.volume_fraction + exchange.ve
    np.testing.assert_allclose(found.concentration[-1], space, rtol=1e-6)
    assert found.venous[-1] == pytest.approx(1, rel=1e-6)


def tanks(flow: float) -> np.ndarray:
    """Return the tissue's concentration of tanks in series, integrated finely."""
    finer = 50
    fine = np.linspace(0, TIME[-1], finer * (len(TIME) - 1) + 1)
    given = np.interp(fine, TIME, BOLUS)
    total, entering = np.zeros(len(fine)), given
    for one in BED.compartments:
        k = flow / one.volume_fraction
        c, decay = np.zeros(len(fine)), np.exp(-k * (fine[1] - fine[0]))
        for i in range(1, len(fine)):
            c[i] = c[i - 1] * decay + (1 - decay) * (entering[i - 1] + entering[i]) / 2
        total += one.volume_fraction * c
        entering = c
    return (1 - SEALED.haematocrit) * total[::finer]


def test_an_even_wall_is_tanks_in_series_to_second_order(wall, even):
    flow = even.inflow.sum() / wall.cell_volume.sum()
    expected = tanks(flow)
    carrier = Carrier(wall, BED, even, exchange=SEALED)
    found = carrier.run(TIME, BOLUS).concentration
    assert np.ptp(found, axis=1).max() < 1e-9 * expected.max()
    finer = np.linspace(0, TIME[-1], 2 * (len(TIME) - 1) + 1)
    better = carrier.run(finer, np.interp(finer, TIME, BOLUS)).concentration[::2]
    errors = [np.abs(each[:, 0] - expected).max() for each in (found, better)]
    assert errors[0] < 5e-3 * expected.max()
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.35)


def test_the_first_rise_is_the_flow_times_the_input(wall, even):
    """Until anything leaves, tissue holds what flowed in: the maximal upslope is the flow."""
    early = np.arange(0, 0.2001, 0.01)
    found = Carrier(wall, BED, even).run(early, np.ones(len(early)))
    flow = DENSITY * wall.mean(even.mbf) * (1 - Exchange().haematocrit)
    np.testing.assert_allclose(found.concentration[-1], flow * early[-1], rtol=0.01)


def test_behind_a_narrow_artery_the_agent_comes_late(wall, uneven):
    found = Carrier(wall, BED, uneven).run(TIME, BOLUS).concentration
    lad = segment_territory(wall.mesh) == 0
    rise = int(np.argmin(np.abs(TIME - 6)))
    assert found[rise, lad].mean() < 0.9 * found[rise, ~lad].mean()


def test_ordinary_kinetics_read_the_resting_flow_again(wall, uneven):
    """A first pass of 40 s, without noise: a mixed compartment is off by some per cent."""
    leak = Exchange()
    plasma = BOLUS / (1 - leak.haematocrit)
    curves = Carrier(wall, BED, uneven, exchange=leak).run(TIME, plasma).concentration.T
    some = slice(None, None, 25)
    fit = fit_kinetics(
        "one_compartment",
        TIME,
        curves[some],
        BOLUS,
        haematocrit=leak.haematocrit,
        density=DENSITY,
    )
    np.testing.assert_allclose(fit.values["mbf"], uneven.mbf[some], rtol=0.12)
    assert np.corrcoef(fit.values["mbf"], uneven.mbf[some])[0, 1] > 0.97


def test_inputs_that_cannot_be_carried_are_refused(wall, even):
    carrier = Carrier(wall, BED, even)
    with pytest.raises(InputError, match=r"found steps from 0\.2 to 1\.2 s"):
        carrier.run(np.delete(TIME, slice(10, 15)), np.delete(BOLUS, slice(10, 15)))
    with pytest.raises(InputError, match="found -1 mmol/L"):
        carrier.run(TIME, BOLUS - 1)
    with pytest.raises(InputError, match="below 3, found 3"):
        Carrier(wall, BED, even, exchange=Exchange(compartment=3))
    with pytest.raises(InputError, match=r"found -1 m\^3/\(s kg\), 0\.2 and 0\.45"):
        Exchange(ps=-1.0)
    back = replace(even, source=-even.source)
    with pytest.raises(InputError, match=r"found \d+ such wells"):
        Carrier(wall, BED, back)
