"""Fibres of both ventricles where closed forms give them: in the straight part of two tubes."""

from functools import cache

import numpy as np
import pytest

from cardiotwin.geometry import FibreAngles
from cardiotwin.geometry.biventricular import Bayer, Doste
from cardiotwin.geometry.biventricular.bayer import _bislerp
from cardiotwin.geometry.biventricular.coarsen import Limits, coarsened
from cardiotwin.geometry.biventricular.doste import right_angles
from cardiotwin.geometry.shapes import CENTROID
from cardiotwin.units import MM

from .tubes import RADII, THICK, THIN, TUBES, of_order_two, off, two_tubes

ANGLES = FibreAngles()
RULES = {"bayer": Bayer(), "doste": Doste()}
OF_RIGHT = {"bayer": ANGLES, "doste": right_angles()}
SHARE = {"bayer": 1 / 2, "doste": 2 / 3}  # of the septum up to fibres along the circumference


@cache
def tubes():
    limits = Limits(edge=4 * MM, least_angle=np.deg2rad(12), deviation=0.15 * MM)
    return of_order_two(coarsened(two_tubes(2.1 * MM), limits, off, np.random.default_rng(0)))


@cache
def fibred(rule):
    middles = tubes().points[tubes().cells[:, :4]].mean(axis=1)
    return middles, [part[:, 0] for part in RULES[rule].axes(tubes(), CENTROID)]


def off_line(fibres, lines):
    """Return the angles between axes, degrees."""
    return np.degrees(np.arccos(np.clip(np.abs(np.sum(fibres * lines, axis=1)), 0, 1)))


def helical(around, helix):
    """Return the fibres at angles from the circle about z, rising where it turns to the left."""
    circle = np.column_stack([-around[:, 1], around[:, 0], np.zeros(len(around))])
    circle /= np.linalg.norm(circle, axis=1, keepdims=True)
    return np.cos(helix)[:, None] * circle + np.sin(helix)[:, None] * [0, 0, 1]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("tube", "thickness"), [(0, THICK), (1, THIN)])
def test_free_walls_have_the_angles_of_the_cylinders_harmonic_depth(tube, thickness, rule):
    middles, (f0, _, _) = fibred(rule)
    angles = OF_RIGHT[rule] if tube else ANGLES
    arms = middles[:, :2] - TUBES[tube]
    away = arms[:, 0] * (1 if tube else -1) > 0.5 * RADII[tube]
    here = away & (middles[:, 2] > -6 * MM)
    radius = np.linalg.norm(arms[here], axis=1)
    depth = np.log(radius / RADII[tube]) / np.log1p(thickness / RADII[tube])
    helix = angles.endo * (1 - depth) + angles.epi * depth
    apart = off_line(f0[here], helical(arms[here], helix))
    assert here.sum() > 50
    assert np.median(apart) < 3
    assert np.quantile(apart, 0.9) < 10


@pytest.mark.parametrize("rule", RULES)
def test_the_septums_fibres_turn_from_the_lvs_to_the_rvs_endocardium(rule):
    middles, (f0, _, _) = fibred(rule)
    low, high = RADII[0], TUBES[1, 0] - RADII[1]
    here = (middles[:, 2] > -8 * MM) & (np.abs(middles[:, 1]) < 3 * MM)
    here &= (middles[:, 0] > low) & (middles[:, 0] < high)
    across = (middles[here, 0] - low) / (high - low)
    ends, share = (ANGLES.endo, -OF_RIGHT[rule].endo), SHARE[rule]
    helix = np.interp(across, (0, share, 1), (ends[0], 0, ends[1]))
    circle = np.tile([[1.0, 0.0]], (int(here.sum()), 1))
    apart = off_line(f0[here], helical(circle, helix))
    assert here.sum() > 10
    assert np.median(apart) < 8


@pytest.mark.parametrize("rule", RULES)
def test_no_direction_is_undefined_and_all_are_orthonormal(rule):
    _, axes = fibred(rule)
    frames = np.stack(axes, axis=-1)
    assert np.isfinite(frames).all()
    np.testing.assert_allclose(
        np.swapaxes(frames, 1, 2) @ frames, np.broadcast_to(np.eye(3), frames.shape), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(frames), 1, atol=1e-12)


def test_frames_between_two_ignore_the_axes_signs():
    first = np.eye(3)[None]
    turn = np.deg2rad(40)
    second = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    flipped = (second * [-1, -1, 1])[None]
    middle = _bislerp(first, flipped, np.array([0.5]))[0]
    assert abs(middle[0, 0]) == pytest.approx(np.cos(turn / 2))
    assert abs(middle[2, 2]) == pytest.approx(1)
