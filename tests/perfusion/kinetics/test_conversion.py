import numpy as np
import pytest
import torch

from cardiotwin.errors import InputError
from cardiotwin.imaging.signal import first_pass
from cardiotwin.perfusion.kinetics.conversion import concentration_from_signal

SEQUENCE = {
    "saturation_time": 0.1, "flip_angle": np.deg2rad(12), "repetition_time": 2.2e-3,
    "pulse": 20.0, "echo_time": 1.0e-3,
}  # fmt: skip
BLOOD = {"t1": 1.44, "t2_star": 0.2, "r1": 5.2, "r2_star": 20.0}


def signal(concentration, m0=37.0):
    made = first_pass(torch.from_numpy(concentration), m0=m0, **BLOOD, **SEQUENCE)
    return made.numpy()


def test_a_concentration_comes_back_from_the_signal_that_it_makes():
    truth = np.linspace(0, 6.5, 50)
    found = concentration_from_signal(
        signal(truth), signal(np.zeros(1)), sequence=SEQUENCE, **BLOOD
    )
    np.testing.assert_allclose(found, truth, atol=2e-5)


def test_without_its_t2_star_the_peak_of_the_blood_pool_is_too_low():
    made, before = signal(np.array([5.0])), signal(np.zeros(1))
    plain = BLOOD | {"t2_star": np.inf, "r2_star": 0.0}
    found = concentration_from_signal(made, before, sequence=SEQUENCE, **plain)
    assert 0.6 < found.item() / 5.0 < 0.95


def test_a_signal_that_no_concentration_makes_is_not_a_number():
    before = signal(np.zeros(1))
    largest = signal(np.linspace(0, 40, 4000)).max()
    found = concentration_from_signal(
        np.array([1.01 * largest, before.item()]), before, sequence=SEQUENCE, **BLOOD
    )
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(0, abs=1e-5)


def test_a_reference_without_signal_is_refused():
    with pytest.raises(InputError, match=r"reference signal must be positive, found 0"):
        concentration_from_signal(np.ones(3), 0.0, sequence=SEQUENCE, **BLOOD)
