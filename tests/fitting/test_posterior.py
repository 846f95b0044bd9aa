"""The posterior: exact where it is normal, right where it is bent, in doubt where it must be."""

from dataclasses import dataclass

import numpy as np
import pytest

from cardiotwin.errors import ConvergenceError, InputError
from cardiotwin.fitting import Measurement, posterior, scalar
from cardiotwin.fitting.convergence import effective_size, split_rhat
from cardiotwin.fitting.hamiltonian import Sampling
from cardiotwin.fitting.ledger import realised_bits
from cardiotwin.fitting.priors import LogNormal, Normal, Uniform, Within

STANDARD = Normal(mean=0.0, sd=1.0, source="test")
QUICK = Sampling(chains=16, warm_up=50, draws=60)
LONG = Sampling(chains=32, warm_up=80, draws=400)


@dataclass(frozen=True, kw_only=True)
class Quadratic:
    """Observables y = A theta + bend * theta_0^2, and each square; parameters a, b, ..."""

    A: np.ndarray
    bend: float = 0.0
    limit: float = np.inf
    told: bool = True

    @property
    def names(self):
        return tuple("abcdefgh"[: self.A.shape[1]])

    @property
    def units(self):
        return dict.fromkeys(self.names, "1")

    @property
    def bounds(self):
        return {"a": (-self.limit, self.limit)} if np.isfinite(self.limit) and self.told else {}

    def predict(self, values):
        return self.linearised(values)[0]

    def linearised(self, values):
        n = values.shape[1]
        y = values @ self.A.T + self.bend * values[:, :1] ** 2
        J = np.tile(self.A, (len(values), 1, 1)).astype(float)
        J[:, :, 0] += 2 * self.bend * values[:, :1]
        y = np.where(np.abs(values[:, :1]) > self.limit, np.nan, y)
        square = 2 * values[:, :, None] * np.eye(n)
        predicted = {f"y{k}": y[:, k : k + 1] for k in range(len(self.A))}
        slopes = {f"y{k}": J[:, k : k + 1] for k in range(len(self.A))}
        return predicted | {"squares": values**2}, slopes | {"squares": square}


def measured(observable, value, sd, name=None):
    return scalar(name or observable, observable, "scan", value, sd, unit="1", source="test")


def normal_case():
    A = np.array([[1.0, 0.5, 0.0], [0.2, -1.0, 0.8]])
    data = [measured("y0", 0.7, 0.4), measured("y1", -0.5, 0.6)]
    rows = A / np.array([[0.4], [0.6]])
    covariance = np.linalg.inv(rows.T @ rows + np.eye(3))
    mean = covariance @ rows.T @ np.array([0.7 / 0.4, -0.5 / 0.6])
    return A, data, mean, covariance


def test_a_linear_twin_has_the_normal_posterior_by_mode_laplace_and_draws():
    A, data, mean, covariance = normal_case()
    found = posterior(Quadratic(A=A), data, dict.fromkeys("abc", STANDARD), sampling=LONG)
    np.testing.assert_allclose([found.mode[n] for n in "abc"], mean, atol=2e-3)
    np.testing.assert_allclose(found.modes[0].covariance, covariance, rtol=1e-9)
    error = np.sqrt(np.diag(covariance) / found.diagnosis["a"].effective)
    assert (np.abs(found.x.mean(axis=0) - mean) < 4 * error).all()
    np.testing.assert_allclose(np.cov(found.x.T), covariance, atol=0.04)
    assert all(each.rhat < 1.01 and each.effective > 2000 for each in found.diagnosis.values())
    assert found.flags == ()
    expected = -np.linalg.slogdet(covariance)[1] + np.trace(covariance) + mean @ mean - 3
    assert realised_bits(found.x) == pytest.approx(expected / (2 * np.log(2)), abs=0.05)


def test_a_bent_posterior_is_that_of_quadrature():
    """One parameter, y = theta + theta^2: its law by the trapezoidal rule."""
    twin = Quadratic(A=np.array([[1.0]]), bend=1.0)
    found = posterior(twin, [measured("y0", 0.5, 0.5)], {"a": STANDARD}, sampling=LONG)
    grid = np.linspace(-6, 6, 20001)
    density = np.exp(-(((grid + grid**2 - 0.5) / 0.5) ** 2) / 2 - grid**2 / 2)
    share = np.cumsum(density) / density.sum()
    for level in (0.05, 0.25, 0.5, 0.75, 0.95):
        below = float(np.mean(found.samples["a"] <= grid[np.searchsorted(share, level)]))
        error = np.sqrt(level * (1 - level) / found.diagnosis["a"].effective)
        assert abs(below - level) < 4 * error


def test_priors_of_three_laws_come_back_where_nothing_is_measured():
    laws = {
        "a": LogNormal(median=3.0, sd=0.5, source="test"),
        "b": Uniform(lower=2.0, upper=6.0, source="test"),
        "c": Normal(mean=-4.0, sd=2.0, source="test"),
    }
    found = posterior(Quadratic(A=np.zeros((1, 3))), [], laws, sampling=LONG)
    assert np.median(found.samples["a"]) == pytest.approx(3.0, rel=0.05)
    assert found.samples["b"].std() == pytest.approx(4 / np.sqrt(12), rel=0.05)
    assert found.mean["c"] == pytest.approx(-4.0, abs=0.15)
    names = {flag.name for flag in found.flags}
    assert names == {f"{name}_without_data" for name in "abc"}


def test_contradictory_measurements_are_named_even_where_the_fit_bends_to_both():
    twin = Quadratic(A=np.array([[1.0, 0.0], [1.0, 0.0]]))
    data = [measured("y0", 0.0, 0.1), measured("y1", 1.0, 0.1)]
    found = posterior(twin, data, dict.fromkeys("ab", STANDARD), sampling=QUICK)
    flags = {flag.name: flag.sentence for flag in found.flags}
    assert {"y0_contradicts", "y1_contradicts", "b_without_data"} <= set(flags)
    assert found.fit["y0"].conflict == pytest.approx(50, rel=0.02)  # (1 / 0.1)^2 / 2


def test_two_modes_are_found_and_weighed():
    twin = Quadratic(A=np.eye(1))
    data = [
        Measurement(
            name="square",
            observable="squares",
            acquisition="scan",
            value=np.array([1.0]),
            covariance=np.array([[0.01]]),
            unit="1",
            source="test",
        )
    ]
    found = posterior(
        twin, data, {"a": STANDARD}, sampling=Sampling(chains=16, draws=60, starts=12)
    )
    assert sorted(round(float(mode.x[0])) for mode in found.modes) == [-1, 1]
    assert found.modes[0].weight == pytest.approx(0.5, abs=1e-3)
    assert "several_modes" in {flag.name for flag in found.flags}


def test_a_heart_beyond_the_range_is_said_to_be_there():
    twin = Quadratic(A=np.eye(1), limit=1.5)
    found = posterior(twin, [measured("y0", 3.0, 0.5)], {"a": STANDARD}, sampling=QUICK)
    assert found.modes[0].at_bound[0]
    names = {flag.name for flag in found.flags}
    assert {"a_at_edge_of_range", "outside_range"} <= names


def test_a_heart_where_the_answers_end_without_warning_is_said_to_be_there():
    twin = Quadratic(A=np.eye(1), limit=1.5, told=False)
    found = posterior(twin, [measured("y0", 3.0, 0.5)], {"a": STANDARD}, sampling=QUICK)
    assert 1.4 < found.modes[0].x[0] <= 1.5
    assert found.modes[0].decrement == pytest.approx((12 - 5 * 1.5) / np.sqrt(5), rel=0.1)
    assert {"mode_outside_range", "outside_range"} <= {flag.name for flag in found.flags}


def test_a_belief_that_the_range_cuts_is_said_unless_the_data_rule_the_ends_out():
    law = Within(law=STANDARD, lower=-0.5, upper=0.5)
    loose, tight = (
        posterior(Quadratic(A=np.eye(1)), [measured("y0", 0.1, sd)], {"a": law}, sampling=QUICK)
        for sd in (0.5, 0.05)
    )
    assert "a_cut_by_range" in {flag.name for flag in loose.flags}
    assert "a_cut_by_range" not in {flag.name for flag in tight.flags}


def test_absurd_exactness_is_said():
    data = [measured("y0", 1.0, 1e-6)]
    found = posterior(Quadratic(A=np.eye(1)), data, {"a": STANDARD}, sampling=QUICK)
    assert "y0_too_exact" in {flag.name for flag in found.flags}


@pytest.mark.parametrize("sd", [0.0, -1.0, np.nan, np.inf])
def test_a_measurement_without_uncertainty_is_refused(sd):
    with pytest.raises(InputError, match=rf"deviation of y0 must be positive.*found {sd:g} 1"):
        measured("y0", 1.0, sd)


def test_what_no_model_predicts_is_refused():
    with pytest.raises(InputError, match=r"is of flow, found a model of y0, squares"):
        posterior(Quadratic(A=np.eye(1)), [measured("flow", 1.0, 0.1)], {"a": STANDARD})


def test_priors_of_other_parameters_are_refused():
    with pytest.raises(InputError, match=r"missing are \['a'\], found besides \['q'\]"):
        posterior(Quadratic(A=np.eye(1)), [], {"q": STANDARD})


def test_no_answer_anywhere_is_an_error():
    twin = Quadratic(A=np.array([[np.nan]]))
    with pytest.raises(ConvergenceError, match=r"arrived from 6 starts .*6 without an answer"):
        posterior(twin, [measured("y0", 1.0, 0.1)], {"a": STANDARD})


def test_effective_size_is_that_of_an_autoregression():
    """x' = 0.8 x + noise: n (1 - 0.8) / (1 + 0.8) independent draws."""
    rng, rho = np.random.default_rng(0), 0.8
    x = np.zeros((16, 4000))
    x[:, 0] = rng.standard_normal(16)
    for k in range(1, x.shape[1]):
        x[:, k] = rho * x[:, k - 1] + np.sqrt(1 - rho**2) * rng.standard_normal(16)
    assert effective_size(x) == pytest.approx(x.size / 9, rel=0.1)
    assert split_rhat(x) < 1.01
    assert split_rhat(x + np.arange(16)[:, None]) > 2
    assert split_rhat(x * (1 + np.arange(16)[:, None])) > 1.1  # one centre, other spreads
