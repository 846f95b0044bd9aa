import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from cardiotwin.errors import InputError
from cardiotwin.imaging.retrieval import MODELS, SeparableModel, Status, fit
from cardiotwin.imaging.retrieval.levenberg_marquardt import bounds
from cardiotwin.imaging.signal import (
    inversion_recovery,
    ivim,
    look_locker,
    molli_times,
    multi_echo,
    saturation_recovery,
    t2_prepared,
)

TI = molli_times(heart_period=0.9)
B = (
    1e6
    * torch.tensor(
        [0, 1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 250, 350, 400, 550, 700, 850, 1000]
    ).double()
)
RANGES = ((1e-9, 2.4e-9), (20e-9, 100e-9), (0.1, 0.3))  # of D, D* and f
ECHOES = torch.linspace(2e-3, 18e-3, 8, dtype=torch.float64)


def spread(low, high, n, seed):
    return torch.from_numpy(np.random.default_rng(seed).uniform(low, high, (n, 1)))


@settings(max_examples=30)
@given(
    t1=st.floats(0.2, 2.0), a=st.floats(0.1, 1e4), ratio=st.floats(1.6, 1.99), hidden=st.booleans()
)
def test_molli_returns_the_parameters_that_made_the_signal(t1, a, ratio, hidden):
    assume(t1 > 0.25 or not hidden)  # below, the first image's sign cannot be told
    signal = look_locker(a, ratio * a, t1, inversion_time=TI).numpy()[None]
    found = fit(
        "molli",
        abs(signal) if hidden else signal,
        inversion_time=TI.numpy(),
        polarity="unknown" if hidden else "known",
    )
    assert found.fitted.all()
    assert found.values["t1"][0] == pytest.approx(t1 * (ratio - 1), rel=1e-5)
    assert found.values["a"][0] == pytest.approx(a, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "signal", "acquisition", "key", "truth"),
    [
        ("inversion_recovery", inversion_recovery(1.2, inversion_time=TI, efficiency=0.96),
         {"inversion_time": TI}, "t1", 1.2),
        ("sasha_2", saturation_recovery(1.2, saturation_time=TI),
         {"saturation_time": TI}, "t1", 1.2),
        ("sasha", saturation_recovery(1.2, saturation_time=TI, efficiency=0.9),
         {"saturation_time": TI}, "efficiency", 0.9),
        ("t2_star", multi_echo(0.03, echo_time=ECHOES), {"echo_time": ECHOES}, "t2_star", 0.03),
        ("t2_star_offset", multi_echo(0.012, echo_time=ECHOES) + 0.05, {"echo_time": ECHOES},
         "offset", 0.05),
        ("t2_prepared_offset",
         t2_prepared(0.045, preparation_time=5 * ECHOES, m0=2.0, offset=0.3),
         {"preparation_time": 5 * ECHOES}, "t2", 0.045),
        ("ivim", ivim(1.5e-9, 70e-9, 0.12, b_values=B), {"b_values": B}, "d_star", 70e-9),
    ],
)  # fmt: skip
def test_each_model_returns_the_parameter_that_made_its_signal(
    name, signal, acquisition, key, truth
):
    found = fit(
        name, signal.numpy()[None], **{key: value.numpy() for key, value in acquisition.items()}
    )
    assert found.status.item() == Status.FITTED
    assert found.values[key].item() == pytest.approx(truth, rel=1e-4)


@pytest.mark.parametrize("snr", [50, 200])
def test_the_errors_of_t1_are_those_it_states(snr):
    """RMSE over the stated standard error (the Cramer-Rao bound) within [0.95, 1.1]."""
    n = 4000
    a, apparent, ratio = (
        spread(*range_, n, i) for i, range_ in enumerate([(0.8, 1.2), (0.7, 1.3), (1.8, 1.95)])
    )
    clean = look_locker(a, ratio * a, apparent, inversion_time=TI).numpy()
    noise = np.random.default_rng(9).normal(scale=1 / snr, size=clean.shape)
    known = fit("molli", clean + noise, inversion_time=TI.numpy(), noise_sd=1 / snr)
    truth = (apparent * (ratio - 1)).numpy()[:, 0]
    scaled = (known.values["t1"] - truth) / known.standard_errors["t1"]
    assert known.fitted.mean() > 0.999
    assert 0.95 < np.sqrt(np.nanmean(scaled**2)) < 1.1
    hidden = fit(
        "molli",
        abs(clean + noise),
        inversion_time=TI.numpy(),
        polarity="unknown",
        noise_sd=1 / snr,
    )
    scaled = (hidden.values["t1"] - truth) / hidden.standard_errors["t1"]
    assert 0.95 < np.sqrt(np.nanmean(scaled**2)) < 1.1


def test_the_errors_of_ivim_are_those_it_states():
    n, sd = 4000, 0.004
    ranges = {"d": (1e-9, 2.4e-9), "d_star": (30e-9, 90e-9), "f": (0.12, 0.3)}
    truth = {key: spread(*limits, n, i) for i, (key, limits) in enumerate(ranges.items())}
    clean = ivim(**truth, b_values=B).numpy()
    noisy = clean + np.random.default_rng(4).normal(scale=sd, size=clean.shape)
    found = fit("ivim", noisy, b_values=B.numpy(), noise_sd=sd)
    for key, value in truth.items():
        scaled = (found.values[key] - value.numpy()[:, 0]) / found.standard_errors[key]
        assert 0.95 < np.sqrt(np.nanmean(scaled**2)) < 1.1, key


def test_the_residual_shows_the_noise_where_none_is_stated():
    clean = multi_echo(spread(0.02, 0.05, 3000, 1), echo_time=ECHOES).numpy()
    noisy = clean + np.random.default_rng(2).normal(scale=0.01, size=clean.shape)
    found = fit("t2_star", noisy, echo_time=ECHOES.numpy())
    assert np.sqrt(np.mean(found.residual_sd**2)) == pytest.approx(0.01, rel=0.02)
    stated = fit("t2_star", noisy, echo_time=ECHOES.numpy(), noise_sd=0.01)
    np.testing.assert_allclose(
        found.standard_errors["t2_star"] * 0.01,
        stated.standard_errors["t2_star"] * found.residual_sd,
        rtol=1e-9,
    )


def test_the_misfit_is_never_above_that_of_scipy():
    n = 60
    clean = look_locker(1.0, spread(1.7, 1.95, n, 0), spread(0.5, 1.5, n, 1), inversion_time=TI)
    noisy = clean.numpy() + np.random.default_rng(6).normal(scale=0.03, size=(n, len(TI)))
    found = fit("molli", noisy, inversion_time=TI.numpy())

    def curve(time, a, b, apparent):
        return a - b * np.exp(-time / apparent)

    for voxel, data in enumerate(noisy):
        theirs, _ = curve_fit(curve, TI.numpy(), data, (1.0, 1.9, 1.0))
        mine = [found.values[key][voxel] for key in ("a", "b", "t1_apparent")]
        misfit = [np.sum((curve(TI.numpy(), *p) - data) ** 2) for p in (mine, theirs)]
        assert misfit[0] <= misfit[1] * (1 + 1e-6)


def test_voxels_that_cannot_be_fitted_are_marked():
    good = multi_echo(0.03, echo_time=ECHOES).numpy()
    signal = np.stack(
        [good, good * np.nan, good * 0, np.ones(8), good[::-1], -good, [*good[:-1], np.inf]]
    )
    found = fit("t2_star", signal, echo_time=ECHOES.numpy())
    assert list(found.status) == [
        Status.FITTED,
        Status.NO_SIGNAL,
        Status.NO_SIGNAL,
        Status.AT_BOUND,  # no decay
        Status.AT_BOUND,  # growth
        Status.NOT_ADMISSIBLE,  # negative magnitude
        Status.NO_SIGNAL,
    ]
    for maps in (found.values, found.standard_errors):
        assert all(np.isnan(values[1:]).all() for values in maps.values())


def test_tissue_that_does_not_perfuse_has_no_pseudo_diffusion():
    """D* is nothing there: hardly a voxel may claim it within a tenth."""
    clean = np.exp(-B.numpy() * 1.5e-9)
    noisy = clean + np.random.default_rng(8).normal(scale=0.01, size=(500, len(B)))
    found = fit("ivim", noisy, b_values=B.numpy())
    claimed = found.fitted & (found.standard_errors["d_star"] < 0.1 * found.values["d_star"])
    assert claimed.mean() < 0.02


def test_stacks_keep_their_shape():
    clean = multi_echo(spread(0.02, 0.05, 24, 1), echo_time=ECHOES).numpy().reshape(2, 3, 4, 8)
    found = fit("t2_star", clean, echo_time=ECHOES.numpy())
    assert found.values["t2_star"].shape == found.status.shape == (2, 3, 4)


@pytest.mark.parametrize(
    ("name", "acquisition", "sentence"),
    [
        ("t3", {"echo_time": ECHOES}, r"no model 't3' to retrieve"),
        ("t2", {}, r"takes echo_time, found nothing. Set right echo_time"),
        ("t2", {"inversion_time": ECHOES}, r"Set right echo_time, inversion_time"),
        ("t2", {"echo_time": ECHOES[:5]}, r"one value, not negative, for each of the 8"),
        ("t2", {"echo_time": ECHOES * math.nan}, r"one value, not negative, for each of the 8"),
        ("t2", {"echo_time": ECHOES * 0}, r"1 different values \[0.0\], too few"),
        ("t2", {"echo_time": ECHOES, "polarity": "unknown"}, r"is for images after an inversion"),
    ],
)
def test_an_acquisition_that_does_not_belong_is_refused(name, acquisition, sentence):
    given = {k: v.numpy() if torch.is_tensor(v) else v for k, v in acquisition.items()}
    with pytest.raises(InputError, match=sentence):
        fit(name, np.ones((2, 8)), **given)


def test_too_few_images_are_refused():
    with pytest.raises(InputError, match=r"3 parameters needs 4 values, found 3"):
        fit("molli", np.ones((2, 3)), inversion_time=np.array([0.1, 1.0, 2.0]))


@pytest.mark.parametrize("name", MODELS)
def test_every_model_reports_a_unit_for_each_value(name):
    model = MODELS[name]
    if not isinstance(model, SeparableModel):
        model = model({"echo_time": ECHOES.numpy()})
    rows = torch.full((model.n_parameters, 2), 0.5, dtype=torch.float64)
    n = len(model.nonlinear)
    named = model.parameters(rows[:n].unbind())
    reported = model.report(**named, **{f"c{j}": rows[n + j] for j in range(model.n_linear)})
    assert set(reported) == set(model.units)


@pytest.mark.parametrize(
    "name",
    [name for name, model in MODELS.items() if getattr(model, "derivatives", None) is not None],
)
def test_known_derivatives_are_those_of_autograd(name):
    model = MODELS[name]
    times = torch.tensor([0.0, 0.02, 0.3, 1.1, math.inf], dtype=torch.float64)[:, None]
    acquisition = {model.acquisition[0]: 1e9 * times[:4] if name == "ivim" else times}
    low, high = bounds(model, times)
    coordinates = low + (high - low) * torch.rand(
        len(low), 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    basis, known = model.slopes(coordinates, acquisition)
    same, slopes = replace(model, derivatives=None).slopes(coordinates, acquisition)
    for column, other in zip(basis, same, strict=True):
        torch.testing.assert_close(column.expand_as(other), other)
    for row, others in zip(known, slopes, strict=True):
        for column, other in zip(row, others, strict=True):
            mine = torch.zeros_like(other) if column is None else column.expand_as(other)
            torch.testing.assert_close(mine, other.nan_to_num())


def test_single_precision_on_the_way_does_not_change_where_it_ends():
    rng = np.random.default_rng(4)
    b_values = 1e6 * np.array([0, 10, 20, 50, 100, 200, 400, 700, 1000.0])
    d, d_star, f = (rng.uniform(low, high, (300, 1)) for low, high in RANGES)
    signal = (1 - f) * np.exp(-b_values * d) + f * np.exp(-b_values * d_star)
    signal += rng.normal(scale=0.01, size=signal.shape)
    found = fit("ivim", signal, noise_sd=0.01, b_values=b_values)
    double = fit(
        replace(MODELS["ivim"], derivatives=None), signal, noise_sd=0.01, b_values=b_values
    )
    assert np.mean(found.status == double.status) > 0.99
    both = found.fitted & double.fitted
    for name, errors in double.standard_errors.items():
        apart = np.abs(found.values[name] - double.values[name]) / errors
        assert np.quantile(apart[both], 0.99) < 1e-3
