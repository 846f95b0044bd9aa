"""A discrepancy is told from noise where there is one, and is none where there is none."""

import numpy as np
import pytest

from cardiotwin.fitting.discrepancy import Discrepancy, estimate, log_evidence

TIME = np.arange(200) * 0.004
NOISE = 0.3


def test_evidence_is_the_normal_law():
    sd, miss = np.array([0.5, 1.0, 2.0]), np.array([0.1, -1.0, 3.0])
    wanted = np.sum(-((miss / sd) ** 2) / 2 - np.log(sd * np.sqrt(2 * np.pi)))
    assert log_evidence(miss, np.diag(sd**2)) == pytest.approx(wanted)


def test_amplitude_and_length_are_found_again():
    rng = np.random.default_rng(5)
    true = Discrepancy(amplitude=1.2, length=0.02)
    root = np.linalg.cholesky(true.covariance(TIME) + 1e-9 * np.eye(200))
    found = [
        estimate(TIME, NOISE, root @ rng.normal(size=200) + rng.normal(0, NOISE, 200), 0.8)
        for _ in range(8)
    ]
    amplitudes, lengths = np.array([(one.amplitude, one.length) for one in found]).T
    assert np.exp(np.log(amplitudes).mean()) == pytest.approx(1.2, rel=0.2)
    assert np.exp(np.log(lengths).mean()) == pytest.approx(0.02, rel=0.3)


def test_noise_alone_is_no_discrepancy():
    rng = np.random.default_rng(6)
    found = estimate(TIME, NOISE, rng.normal(0, NOISE, 200), 0.8)
    assert found.amplitude < 0.4 * NOISE
