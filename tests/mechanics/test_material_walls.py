"""The ventricle with each of the laws that no other test walks with."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden, NeoHookean, Usyk

from .ventricle import coarse_wall

# The human constants of Holzapfel & Ogden's law are stiffened as a fitted twin's are.
LAWS = {
    "usyk": (Usyk(), 1.0),
    "neo_hookean": (NeoHookean(), 1.0),
    "benchmark": (
        HolzapfelOgden(switch="logistic", kappa_f=0.08, kappa_s=0.09, split="none"),
        2.0,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS)
def test_it_unloads_fills_and_contracts_in_few_newton_steps(name):
    law, factor = LAWS[name]
    wall = coarse_wall(material=law)
    diastole = Loads(cavity_pressure=1.3e3, passive_scale=factor, passive_exponent=factor)
    unloaded = wall.unload(diastole)
    assert wall.body.inverse.factorisations <= 15
    image = wall.imaged(unloaded)
    filled = wall.load(image, replace(diastole, cavity_pressure=2e3))
    systole = replace(diastole, cavity_pressure=8e3, active_tension=3e4)
    contracted = wall.load(image, systole)
    assert wall.body.forward.factorisations <= 45
    states = [wall.state(unloaded, unloaded=True)]
    states += [wall.state(solved) for solved in (image, filled, contracted)]
    np.testing.assert_allclose([s.wall_volume for s in states], states[0].wall_volume, rtol=1e-9)
    empty, end_diastolic, full, end_systolic = (s.cavity_volume for s in states)
    assert empty < 0.9 * end_diastolic < end_diastolic < full
    assert end_systolic < 0.6 * end_diastolic
