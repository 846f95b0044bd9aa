import numpy as np
import pytest

from cardiotwin.measurement.left_out import spread_without
from cardiotwin.measurement.motion import Readings, Smoothness, regress

COARSE = Smoothness(heights=3, turns=2, layers=1)
NORMAL_90 = 1.645  # standard deviations to either side


def test_the_mean_of_groups_has_the_jackknife_s_error():
    """Of groups of one reading each it is the standard error of the mean."""
    told = np.random.default_rng(0).standard_normal(12)
    square = np.ones((12, 1, 1))
    found = spread_without(square, (told - told.mean())[:, None], square.sum(axis=0))
    assert found[0, 0] == pytest.approx(told.var(ddof=1) / 12, rel=1e-12)


def test_one_group_alone_says_nothing():
    assert not spread_without(np.ones((1, 2, 2)), np.ones((1, 2)), np.eye(2)).any()


def test_an_error_that_a_slice_shares_is_told():
    """Each slice is off by a shift of its own, which the field follows as if it were motion."""
    rng = np.random.default_rng(1)
    n, sd, shift = 50, 0.1e-3, 0.5e-3
    group = np.repeat(np.arange(5), n)
    height = 0.2 + 0.15 * group + rng.uniform(-0.04, 0.04, len(group))
    angle, depth = rng.uniform(0, 2 * np.pi, len(group)), rng.uniform(0, 1, len(group))
    basis = COARSE.basis(height, angle, depth)
    middle = COARSE.basis(np.full(1, 0.5), np.zeros(1), np.full(1, 0.5))[0]
    inside = {"known": [], "ignored": []}
    for _ in range(40):
        shifts = shift * rng.standard_normal((5, 3))
        given = {
            "basis": basis,
            "displacement": shifts[group] + sd * rng.standard_normal((len(group), 3)),
            "root": np.tile(np.eye(3) / sd, (len(group), 1, 1)),
            "independent": float(len(group)),
        }
        for name, slices in (("known", group), ("ignored", None)):
            mean, covariance = regress(Readings(**given, group=slices), COARSE)
            whole = covariance.reshape(len(middle), 3, len(middle), 3)
            variance = np.einsum("k,kclc,l->c", middle, whole, middle)
            inside[name].append(np.abs(middle @ mean) < NORMAL_90 * np.sqrt(variance))
    assert np.mean(inside["known"]) == pytest.approx(0.9, abs=0.06)
    assert np.mean(inside["ignored"]) < 0.7
