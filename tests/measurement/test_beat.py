"""Work, slopes and volumes of beats in closed form."""

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.measurement import (
    fibre_work,
    loop_work,
    pressure_strain_work,
    pump_function,
    sphericity,
)
from cardiotwin.units import ML, MMHG

PERIOD = 0.9  # s


def beat(n):
    """Return time, volume and pressure of an elliptic loop of n frames."""
    time = np.arange(n) / n * PERIOD
    turn = 2 * np.pi * time / PERIOD
    # Anticlockwise in the pressure-volume plane: filled at low pressure, emptied at high.
    return time, (85 + 35 * np.cos(turn)) * ML, (60 + 55 * np.sin(turn)) * MMHG


def test_stroke_work_of_an_ellipse_is_its_area_to_second_order():
    exact = np.pi * 35 * ML * 55 * MMHG
    errors = [exact - pump_function(*beat(n)[1:]).stroke_work for n in (40, 80)]
    assert errors[1] / exact < 2e-3
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.05)


def test_the_pump_in_closed_form():
    time, volume, pressure = beat(360)
    pump = pump_function(volume, pressure, time=time, heart_rate=1 / PERIOD)
    assert pump.ejection_fraction == pytest.approx(70 / 120)
    assert pump.stroke_volume == pytest.approx(70 * ML)
    assert pump.cardiac_output == pytest.approx(70 * ML / PERIOD)
    assert pump.peak_pressure == pytest.approx(115 * MMHG)
    steepest = 55 * MMHG * 2 * np.pi / PERIOD
    assert pump.dpdt_max == pytest.approx(steepest, rel=1e-3)
    assert pump.dpdt_min == pytest.approx(-steepest, rel=1e-3)


def test_two_frames_tell_volumes_and_no_work():
    pump = pump_function(np.array([120, 50]) * ML, np.array([10, 110]) * MMHG)
    assert pump.ejection_fraction == pytest.approx(70 / 120)
    assert pump.stroke_work is pump.dpdt_max is pump.cardiac_output is None


def test_an_elastic_fibre_works_nothing_and_one_that_lags_the_area_of_its_loop():
    turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)[:, None]
    log_stretch = -0.1 + 0.1 * np.cos(turn) * np.array([1.0, 1.0, 1.0])
    elastic, tense, late = 2e3 * np.cos(turn), 3e4 * np.sin(turn), -1e4 * np.sin(turn)
    stress = np.concatenate([elastic, elastic + tense, elastic + late], axis=1)
    work = fibre_work(np.exp(log_stretch), stress)
    np.testing.assert_allclose(work, np.pi * 0.1 * np.array([0, 3e4, -1e4]), rtol=1e-4, atol=1e-9)


def test_myocardial_work_index_is_the_pressure_strain_loop_of_each_segment():
    time, _, pressure = beat(400)
    turn = 2 * np.pi * time[:, None] / PERIOD
    strain = -0.1 + np.array([0.1, 0.05]) * np.cos(turn)
    exact = np.pi * 55 * MMHG * np.array([0.1, 0.05])
    np.testing.assert_allclose(pressure_strain_work(strain, pressure), exact, rtol=1e-3)


def test_a_sphere_has_sphericity_one():
    np.testing.assert_allclose(sphericity(np.array([np.pi / 6]), np.array([1.0])), 1)


def test_a_loop_run_backwards_does_negative_work():
    _, volume, pressure = beat(50)
    assert loop_work(volume[::-1], pressure[::-1]) == pytest.approx(-loop_work(volume, pressure))


def test_times_that_fall_and_loops_of_two_frames_are_refused():
    with pytest.raises(InputError, match=r"must rise, found 0\.3 s before 0\.2 s"):
        pump_function(np.ones(3), np.ones(3), time=np.array([0.1, 0.3, 0.2]))
    with pytest.raises(InputError, match=r"at least 3 frames, found 2"):
        fibre_work(np.ones((2, 4)), np.ones((2, 4)))
