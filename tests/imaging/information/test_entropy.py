import math
from itertools import pairwise

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.imaging.information import (
    entropy_gain,
    quantised_entropy,
    quantised_noise_entropy,
)


def normal(seed, sd, n=400_000):
    return np.random.default_rng(seed).normal(scale=sd, size=n)


@pytest.mark.parametrize(("sd", "bits"), [(1, 2.1022), (4, 4.0502), (16, 6.0478)])
def test_gaussians_in_steps_have_the_known_entropy(sd, bits):
    """By simulation at q = 1; the exact values lie within 0.003 bits."""
    assert quantised_noise_entropy(sd, 1.0) == pytest.approx(bits, abs=0.0035)
    assert quantised_entropy(normal(sd, sd), 1.0) == pytest.approx(
        quantised_noise_entropy(sd, 1.0), abs=0.003
    )


def test_fine_steps_see_the_differential_entropy():
    fine = quantised_noise_entropy(3.0, 0.05) + math.log2(0.05)
    assert fine == pytest.approx(0.5 * math.log2(2 * math.pi * math.e * 9), abs=1e-4)


@pytest.mark.parametrize("quantum", [0.05, 0.1, 0.2, 0.5])
def test_the_bits_do_not_depend_on_the_width_of_the_steps(quantum):
    """S = 8, n = 1: log2(65)/2 = 3.0112, at every step that sees the noise."""
    values = normal(1, 8.0) + normal(2, 1.0)
    assert entropy_gain(values, 1.0, quantum) == pytest.approx(0.5 * math.log2(65), abs=0.02)


def test_coarse_steps_lose_bits_and_gain_none():
    values = normal(1, 8.0) + normal(2, 1.0)
    each = [entropy_gain(values, 1.0, quantum) for quantum in (0.5, 1.0, 2.0, 4.0)]
    assert all(later < earlier for earlier, later in pairwise(each))
    # Rounding adds noise of q^2/12.
    assert each[1] == pytest.approx(0.5 * math.log2(1 + 64 / (1 + 1 / 12)), abs=0.02)


def test_noise_alone_tells_nothing():
    assert entropy_gain(normal(3, 2.0), 2.0) == pytest.approx(0.0, abs=0.005)


def test_two_levels_far_apart_are_one_bit():
    values = np.repeat([0.0, 50.0], 100_000) + normal(4, 1.0, 200_000)
    assert entropy_gain(values, 1.0) == pytest.approx(1.0, abs=0.005)


@pytest.mark.parametrize(
    ("sd", "quantum", "found"), [(0.0, None, r"noise_sd=0"), (1.0, 9.0, r"quantum=9")]
)
def test_information_without_noise_or_sight_of_it_is_refused(sd, quantum, found):
    with pytest.raises(InputError, match=found):
        entropy_gain(normal(1, 1.0, 100), sd, quantum)
