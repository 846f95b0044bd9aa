"""The thick sphere of closed form (Ogden 1984, Non-linear Elastic Deformations, ch. 5)."""

import numpy as np
import pytest
from scipy.integrate import quad
from sphere import INNER, LAW, OUTER, STRETCH, Options, pressure, radius, solve

from .stresses import pk2


def test_the_closed_form_integrates_the_radial_equilibrium():
    def slope(before):  # d(pressure)/d(radius before): 2 (hoop - radial stress) / r dr/dR
        after = radius(before, STRETCH)
        stretch = after / before
        C = np.diag([stretch**2, stretch**2, stretch**-4])
        cauchy = np.diag(np.sqrt(C) @ pk2(LAW, C) @ np.sqrt(C))
        return 2 * (cauchy[0] - cauchy[2]) / after / stretch**2

    assert quad(slope, INNER, OUTER)[0] == pytest.approx(pressure(STRETCH), rel=1e-9)


def test_the_inflated_sphere_meets_its_closed_form_at_more_than_second_order():
    coarse, fine = (solve(Options(refinement=refinement)) for refinement in (1, 2))
    order = np.log2(coarse["displacement_error"] / fine["displacement_error"])
    assert 2.3 < order < 3.5
    assert fine["displacement_error"] < 1e-3
    assert fine["inner_stretch"] == pytest.approx(STRETCH, rel=1e-4)
