"""What the fit was not asked for, on motions whose errors are known."""

from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.geometry.anatomy import Anatomy, HeartFrame
from cardiotwin.imaging.examination import Phase
from cardiotwin.twin.agreement import checks, motion_flags

UP = np.array([0.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def twin(hearts):
    return hearts.heart_twin()


@pytest.fixture(scope="module")
def anatomy(twin):
    return Anatomy(
        mesh=twin.mesh,
        points=twin.measured_points,
        frame=HeartFrame(origin=np.zeros(3), long_axis=UP, rv_insertion=np.eye(3)[0]),
        fits=twin.fits,
        contours={},
        base_rule=twin.base_rule,
    )


def test_a_heart_that_moved_as_a_whole_has_no_other_error(twin, anatomy):
    state = twin.states["end_systole"]
    moved = replace(state, displacement=state.displacement + 3e-3 * UP)
    found = checks(anatomy, {"end_systole": moved}, twin.mesh.points)
    assert found["unloading_return_p95"] == 0
    assert found["end_systolic_displacement_error_mean"] == pytest.approx(3e-3)
    assert found["end_systolic_displacement_error_p95"] == pytest.approx(3e-3)
    assert found["end_systolic_displacement_error_without_shift_mean"] < 1e-9


def test_a_heart_that_did_not_move_errs_by_the_measured_motion(twin, anatomy):
    still = replace(twin.states["end_systole"], displacement=0 * twin.mesh.points)
    found = checks(anatomy, {"end_systole": still}, twin.mesh.points)
    measured = found["end_systolic_displacement_measured_mean"]
    assert found["end_systolic_displacement_error_mean"] == pytest.approx(measured)
    assert measured > 4e-3


def test_an_end_systole_missed_by_as_much_as_it_moved_is_told():
    said = {"end_systolic_displacement_measured_mean": 10e-3}
    (flag,) = motion_flags(said | {"end_systolic_displacement_error_mean": 8e-3})
    assert "moved 10.0 mm" in flag.sentence
    assert "by 8.0 mm" in flag.sentence
    assert motion_flags(said | {"end_systolic_displacement_error_mean": 5e-3}) == ()
    assert motion_flags({}) == ()


def test_what_inflation_misses_is_the_worst_but_five_in_a_hundred(twin, anatomy):
    nodes = twin.mesh.points
    missed = np.zeros(len(nodes))
    missed[: int(0.1 * len(nodes))] = 1e-3
    found = checks(anatomy, {}, nodes + missed[:, None] * UP)
    assert found == {"unloading_return_p95": pytest.approx(1e-3)}
    missed[int(0.04 * len(nodes)) :] = 0
    assert checks(anatomy, {}, nodes + missed[:, None] * UP)["unloading_return_p95"] < 1e-9


def test_without_a_measured_end_systole_nothing_is_said_of_it(twin, anatomy):
    passive = replace(anatomy, points={Phase.END_DIASTOLE: twin.mesh.points})
    assert len(checks(passive, twin.states, twin.mesh.points)) == 1
