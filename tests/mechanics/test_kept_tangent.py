"""Walks with a kept tangent end where those of plain Newton do, with fewer factorisations."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.errors import ConvergenceError
from cardiotwin.mechanics.loads import Loads

from .ventricle import coarse_wall

LOADS = Loads(cavity_pressure=1.5e3, passive_scale=2.0, passive_exponent=2.0)


@pytest.fixture(scope="module")
def wall():
    return coarse_wall()


def both(body, monkeypatch, solve):
    """Return placements and factorisations of a walk by plain Newton and with kept tangents."""
    placements, made = [], []
    for reuse in (False, True):
        newton = replace(body.discretisation.newton, reuse=reuse)
        monkeypatch.setattr(body, "discretisation", replace(body.discretisation, newton=newton))
        before = body.forward.factorisations + body.inverse.factorisations
        placements.append(body.displacement(solve()))
        made.append(body.forward.factorisations + body.inverse.factorisations - before)
    return placements, made


@pytest.mark.parametrize("problem", ["load", "unload"])
def test_a_wall_is_loaded_and_unloaded_to_the_same_place(wall, monkeypatch, problem):
    def solve():
        return getattr(wall.body, problem)(wall.body.rest(LOADS), LOADS)

    (plain, kept), made = both(wall.body, monkeypatch, solve)
    assert np.linalg.norm(kept - plain) < 1e-8 * np.linalg.norm(plain)
    assert made[1] <= made[0] / 2


def test_a_walk_that_fails_keeps_the_last_state_and_its_load(wall):
    """Without its muscle's strength the wall is asked for a pressure it cannot bear."""
    soft = Loads(passive_scale=0.02, passive_exponent=1.0)
    body = wall.body
    start = body.rest(soft)
    with pytest.raises(ConvergenceError, match=r"The load stopped at [\d.]+ % of") as caught:
        body.load(start, replace(soft, cavity_pressure=-2e5))
    np.testing.assert_array_equal(body.fields.unknown.x.array, caught.value.state)
    residual = np.linalg.norm(body.forward.residual())
    assert residual < 1e-2  # N: an equilibrium on the way, under the load that stands
