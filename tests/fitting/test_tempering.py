"""Tempering: closed forms of evidence and moments, and two modes by their weights."""

import numpy as np
import pytest

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.fitting import tempering
from cardiotwin.fitting.tempering import Tempering, temper


def test_a_linear_model_has_the_evidence_and_the_moments_of_its_closed_form():
    rng = np.random.default_rng(1)
    n, sd = 20, 0.3
    A = rng.standard_normal((30, n)) * np.exp(-np.arange(n) / 5)
    y = A @ rng.standard_normal(n) + sd * rng.standard_normal(30)

    def likelihood(x):
        missed = (y - x @ A.T) / sd
        value = -np.sum(missed**2, axis=1) / 2 - len(y) * np.log(sd * np.sqrt(2 * np.pi))
        return value, missed @ A / sd

    total = A @ A.T + sd**2 * np.eye(len(y))
    logs = np.linalg.slogdet(2 * np.pi * total)[1]
    evidence = -(y @ np.linalg.solve(total, y) + logs) / 2
    covariance = np.linalg.inv(np.eye(n) + A.T @ A / sd**2)
    mean = covariance @ A.T @ y / sd**2
    found = temper(likelihood, n, Tempering(draws=600), rng)
    assert found.powers[-1] == 1
    assert found.log_evidence == pytest.approx(evidence, abs=0.8)
    sds = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose((found.x.mean(axis=0) - mean) / sds, 0, atol=0.25)
    np.testing.assert_allclose(found.x.std(axis=0) / sds, 1, atol=0.2)


def test_two_modes_keep_their_weights():
    weights, places, sd = np.array([0.7, 0.3]), np.array([1.5, -1.5]), 0.2

    def likelihood(x):
        parts = weights * np.exp(-((x - places) ** 2) / (2 * sd**2))
        value = np.log(np.maximum(parts.sum(axis=1), 1e-300))
        pulls = np.sum(parts * (places - x), axis=1) / np.maximum(parts.sum(axis=1), 1e-300)
        return value, (pulls / sd**2)[:, None]

    found = temper(likelihood, 1, Tempering(draws=2000), np.random.default_rng(2))
    # both modes are as far from the prior's, so that they keep the weights of the likelihood
    assert np.mean(found.x > 0) == pytest.approx(0.7, abs=0.06)
    width = sd / np.sqrt(1 + sd**2)
    evidence = width * np.exp(-(1.5**2) / (2 * (1 + sd**2)))
    assert found.log_evidence == pytest.approx(np.log(evidence), abs=0.1)


def test_what_cannot_be_tempered_is_refused(monkeypatch):
    with pytest.raises(InputError, match=r"found 1, 5, 8 and 0\.5"):
        Tempering(draws=1)
    monkeypatch.setattr(tempering, "POWERS", 2)
    with pytest.raises(ConvergenceError, match="after 2 steps"):
        temper(
            lambda x: (-1e6 * np.sum(x**2, axis=1), -2e6 * x),
            3,
            Tempering(draws=20),
            np.random.default_rng(3),
        )
