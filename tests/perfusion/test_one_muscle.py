"""Kinetics with priors: alone, and with what the curves of one muscle have in common."""

import numpy as np
import pytest
import torch

from cardiotwin.errors import InputError
from cardiotwin.perfusion.believed_fit import fit_with_prior
from cardiotwin.perfusion.kinetic_prior import NAMES, KineticPrior
from cardiotwin.perfusion.kinetics import gamma_variate, tissue_curve
from cardiotwin.perfusion.one_muscle import WITHIN, fit_one_muscle

TIME = 0.8 * np.arange(60)
ML_MIN_G = 1e-3 / 60
HAEMATOCRIT = 0.42
AIF = (
    gamma_variate(torch.from_numpy(TIME), arrival=9.0, to_peak=5.0, peak=4.0, shape=3.0)
    + 0.3 * torch.sigmoid((torch.from_numpy(TIME) - 24.0) / 3.0)
).numpy()


def curves(mbf, ps, vp, ve, delay=0.0):
    given = {"fp": mbf * 1050 * (1 - HAEMATOCRIT), "ps": ps, "vp": vp, "ve": ve, "delay": delay}
    given = {name: torch.as_tensor(value, dtype=torch.float64) for name, value in given.items()}
    made = tissue_curve(
        "2cxm", torch.from_numpy(TIME), torch.from_numpy(AIF), haematocrit=HAEMATOCRIT, **given
    )
    return made.numpy().T


def drawn(rng, prior, n):
    """Return n muscles' values from a prior; delays are not negative."""
    values = {}
    for name in NAMES:
        median, sd = getattr(prior, name), getattr(prior, f"{name}_sd")
        moved = sd * rng.standard_normal(n)
        values[name] = np.maximum(median + moved, 0) if name == "delay" else median * np.exp(moved)
    return values


def test_a_curve_almost_without_noise_tells_everything():
    made = curves(1.3 * ML_MIN_G, 0.02, 0.06, 0.22, 1.1)[None]
    made = made + 1e-5 * np.random.default_rng(0).standard_normal(made.shape)
    found = fit_with_prior(TIME, made, AIF)
    true = {"mbf": 1.3 * ML_MIN_G, "ps": 0.02, "vp": 0.06, "ve": 0.22, "delay": 1.1}
    for name, value in true.items():
        assert found.values[name][0] == pytest.approx(value, rel=0.05)
        assert found.narrowed[name][0] < 0.5
    assert found.curves[0] == pytest.approx(made[0], abs=5e-4)


def test_intervals_hold_what_was_drawn_from_the_prior():
    rng = np.random.default_rng(1)
    prior = KineticPrior(delay=1.5, delay_sd=0.4)
    true = drawn(rng, prior, 500)
    made = curves(**true)
    found = fit_with_prior(TIME, made + rng.normal(scale=0.01, size=made.shape), AIF, prior=prior)
    sd = found.standard_errors["mbf"] / found.values["mbf"]
    apart = np.log(found.values["mbf"] / true["mbf"]) / sd
    assert 0.87 < np.mean(np.abs(apart) < 1.645) < 0.96
    assert np.mean(found.narrowed["ps"]) > 0.3  # a half-minute does not tell it


def test_what_a_muscle_has_in_common_makes_each_flow_better_and_leaves_a_common_error():
    rng = np.random.default_rng(2)
    better, held, apart = [], [], []
    for _ in range(6):
        believed = KineticPrior(delay=1.5, delay_sd=0.4)
        centre = {name: float(value[0]) for name, value in drawn(rng, believed, 1).items()}
        sds = {f"{name}_sd": getattr(believed, f"{name}_sd") * WITHIN[i]
               for i, name in enumerate(NAMES)}  # fmt: skip
        true = drawn(rng, KineticPrior(**centre, **sds), 80)
        made = curves(**true) + rng.normal(scale=0.01, size=(80, len(TIME)))
        own, found = fit_one_muscle(TIME, made, AIF, prior=believed)
        alone = fit_with_prior(TIME, made, AIF, prior=believed)
        miss = np.log(found.values["mbf"] / true["mbf"])
        better.append(np.mean(miss**2) / np.mean(np.log(alone.values["mbf"] / true["mbf"]) ** 2))
        sd = found.standard_errors["mbf"] / found.values["mbf"]
        common = np.linalg.norm(found.common, axis=1)
        held.append(np.mean(np.abs(miss) < 1.645 * np.hypot(sd, common)))
        apart.append(miss.mean() / np.linalg.norm(found.common.mean(axis=0)))
        assert own.ps_sd == pytest.approx(believed.ps_sd * WITHIN[1])
    assert np.median(better) < 0.75
    assert 0.8 < np.mean(held) < 0.98
    assert np.sqrt(np.mean(np.square(apart))) < 2.5


def test_a_flow_alone_is_not_drawn_towards_the_prior():
    rng = np.random.default_rng(3)
    made = curves(0.3 * ML_MIN_G, 1 / 60, 0.05, 0.2, 0.5)
    prior = KineticPrior(mbf=0.9e-3 / 60, mbf_sd=0.3)
    noisy = made + rng.normal(scale=0.01, size=(200, len(TIME)))
    found = fit_with_prior(TIME, noisy, AIF, prior=prior)
    mbf, error = found.alone(prior)
    drawn_to = np.median(found.values["mbf"]) / ML_MIN_G
    assert drawn_to > 0.31
    assert np.median(mbf) / ML_MIN_G == pytest.approx(0.3, abs=(drawn_to - 0.3) / 2)
    assert (error > found.standard_errors["mbf"] * mbf / found.values["mbf"]).all()


def test_curves_with_gaps_are_left_out_and_a_prior_of_nothing_is_refused():
    made = np.stack([curves(1.3 * ML_MIN_G, 0.02, 0.06, 0.22), np.full(len(TIME), np.nan)])
    found = fit_with_prior(TIME, made, AIF)
    assert found.told.tolist() == [True, False]
    assert np.isnan(found.curves[1]).all()
    with pytest.raises(InputError, match=r"KineticPrior needs a positive vp and vp_sd"):
        KineticPrior(vp_sd=0.0)
    with pytest.raises(InputError, match=r"No voxel of the images has a finite value"):
        fit_with_prior(TIME, np.full((3, len(TIME)), np.nan), AIF)
