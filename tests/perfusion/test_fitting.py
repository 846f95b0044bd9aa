import numpy as np
import pandas as pd
import pytest
import torch

from cardiotwin.errors import InputError
from cardiotwin.imaging.retrieval import Status
from cardiotwin.perfusion import fit_kinetics
from cardiotwin.perfusion.fitting_comparison import VAGUE, flow_untold
from cardiotwin.perfusion.kinetics import KINETICS, gamma_variate, tissue_curve

MINUTE = 60.0
TIME = np.arange(0.0, 60.0, 0.9)
AIF = gamma_variate(
    torch.from_numpy(TIME), arrival=6.0, to_peak=6.0, peak=5.0, shape=3.0
).numpy() + 0.25 * (1 - np.exp(-np.clip(TIME - 14, 0, None) / 8))
REST = {"fp": 0.011, "ps": 0.012, "vp": 0.06, "ve": 0.2}
PARAMETERS = {
    "one_compartment": {"fp": 0.011, "v": 0.2},
    "tofts": {"ktrans": 0.006, "ve": 0.2},
    "extended_tofts": {"ktrans": 0.006, "ve": 0.2, "vp": 0.05},
    "patlak": {"ktrans": 0.002, "vp": 0.05},
    "2cum": {"fp": 0.011, "ps": 0.002, "vp": 0.05},
    "2cxm": REST,
    "fermi": {"fp": 0.011, "width": 4.0, "decay": 2.0},
    "btex": REST,
}


def curves(model, *, time=TIME, aif=AIF, delay=0.0, **parameters):
    values = {name: torch.from_numpy(np.atleast_1d(value)) for name, value in parameters.items()}
    late = torch.from_numpy(np.atleast_1d(delay))
    found = tissue_curve(
        model,
        torch.from_numpy(time),
        torch.from_numpy(aif),
        haematocrit=0.42,
        delay=late,
        **values,
    )
    return found.T.numpy()


@pytest.mark.parametrize("model", KINETICS)
@pytest.mark.parametrize("delay", [None, (-2.0, 6.0)])
def test_a_fit_returns_the_parameters_that_made_the_curve(model, delay):
    truth = {name: np.array([1.0, 0.8, 1.25]) * v for name, v in PARAMETERS[model].items()}
    if delay is not None:
        truth["delay"] = np.array([0.7, 2.1, 0.4])
    found = fit_kinetics(model, TIME, curves(model, **truth), AIF, delay=delay)
    assert (found.status == Status.FITTED).all()
    for name, values in truth.items():
        np.testing.assert_allclose(found.values[name], values, rtol=2e-3, err_msg=name)
    if "mbf" in found.units:
        np.testing.assert_allclose(found.values["mbf"], truth["fp"] / 0.58 / 1050, rtol=2e-3)


def test_uneven_frames_are_fitted_as_exactly():
    time = np.cumsum(np.random.default_rng(5).uniform(0.7, 1.1, 66))
    aif = np.interp(time, TIME, AIF)
    for delay in (None, (-1.0, 4.0)):
        made = curves("2cxm", time=time, aif=aif, delay=0.0 if delay is None else 1.3, **REST)
        found = fit_kinetics("2cxm", time, made, aif, delay=delay)
        assert found.values["fp"].item() == pytest.approx(REST["fp"], rel=1e-3)


def test_standard_errors_are_the_spread_of_repeated_fits():
    rng, sd, n = np.random.default_rng(1), 0.004, 600
    noisy = curves("2cxm", **REST) + rng.normal(scale=sd, size=(n, len(TIME)))
    found = fit_kinetics("2cxm", TIME, noisy, AIF, noise_sd=sd)
    assert found.fitted.mean() > 0.97
    for name in ("mbf", "fp", "ps", "vp", "ve"):
        spread = np.nanstd(found.values[name])
        told = np.sqrt(np.nanmedian(found.standard_errors[name] ** 2))
        assert spread == pytest.approx(told, rel=0.15), name
    assert found.white.mean() == pytest.approx(0.95, abs=0.035)


def test_where_tissue_is_one_compartment_flow_is_told_and_permeability_is_not():
    rng = np.random.default_rng(2)
    made = curves("one_compartment", fp=0.011, v=0.2)
    noisy = made + rng.normal(scale=0.004, size=(200, len(TIME)))
    found = fit_kinetics("2cxm", TIME, noisy, AIF)
    edge = found.status == Status.AT_BOUND
    assert edge.sum() > 50
    assert (found.simpler[edge] != "").all()
    single = edge & (found.simpler == "one_compartment")
    assert single.any()
    np.testing.assert_allclose(found.values["fp"][single], 0.011, rtol=0.1)
    assert np.isfinite(found.standard_errors["fp"][single]).all()
    assert np.isnan(found.values["ps"][single]).all()


def test_a_flow_that_is_not_told_is_marked_and_is_worse_than_those_that_are():
    """Fast flow through few vessels, noisy: what passes between two frames is not told."""
    rng = np.random.default_rng(6)
    fast = REST | {"fp": 0.035, "vp": 0.04}
    noisy = curves("2cxm", **fast) + rng.normal(scale=0.03, size=(400, len(TIME)))
    found = fit_kinetics("2cxm", TIME, noisy, AIF)
    error = np.abs(found.values["fp"] / 0.035 - 1)
    untold = flow_untold(found)
    clear = found.told & ~untold
    assert untold.mean() > 0.1
    assert clear.mean() > 0.3
    assert np.quantile(error[clear], 0.9) < VAGUE
    assert np.median(error[untold]) > 2 * np.median(error[clear])
    quiet = fit_kinetics("2cxm", TIME, curves("2cxm", **fast), AIF)
    assert not flow_untold(quiet).any()


def test_a_voxel_without_signal_or_outside_the_mask_has_no_value():
    made = np.stack([curves("2cxm", **REST)[0]] * 4).reshape(2, 2, -1)
    made[0, 0, 3] = np.nan
    made[0, 1] = 0.0
    mask = np.array([[True, True], [False, True]])
    found = fit_kinetics("2cxm", TIME, made, AIF, mask=mask)
    expected = [[Status.NO_SIGNAL, Status.NO_SIGNAL], [Status.NO_SIGNAL, Status.FITTED]]
    np.testing.assert_array_equal(found.status, expected)
    assert np.isfinite(found.values["mbf"]).tolist() == [[False, False], [False, True]]
    np.testing.assert_allclose(found.curves()[1, 1], made[1, 1], atol=1e-6)


def test_the_criterion_of_akaike_prefers_the_model_that_made_the_data():
    rng = np.random.default_rng(3)
    for model in ("one_compartment", "2cxm"):
        made = curves(model, **PARAMETERS[model])
        noisy = made + rng.normal(scale=0.004, size=(100, len(TIME)))
        criteria = {
            name: fit_kinetics(name, TIME, noisy, AIF).aicc
            for name in ("one_compartment", "patlak", "2cum", "2cxm")
        }
        chosen = np.array(list(criteria))[np.argmin(list(criteria.values()), axis=0)]
        assert (chosen == model).mean() > 0.8


def test_an_input_of_another_unit_is_seen_by_its_flows_and_one_curve_alone_is_fitted():
    made = curves("2cxm", **REST)
    odd = fit_kinetics("2cum", TIME, made, AIF / 30)
    assert {flag.name for flag in odd.flags} >= {"input_too_low", "tissue_too_high"}
    low = fit_kinetics("one_compartment", TIME, made, AIF / 12)
    assert "mostly_untold" in {flag.name for flag in low.flags}
    one = fit_kinetics("2cxm", TIME, made[0], AIF)
    assert one.values["mbf"].shape == ()
    assert not one.flags


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"time": np.where(TIME[7] == TIME, 0.5, TIME)},
            r"found 5.4 s then 0.5 s \(frames 6, 7\)",
        ),
        ({"time": TIME[1:]}, r"one value for each of the 67 frames .* \(66,\)"),
        ({"aif": np.zeros_like(TIME)}, r"aif must be finite and rise above 0"),
        ({"mask": np.ones((3, 3), bool)}, r"mask has the shape \(3, 3\), the images \(1,\)"),
        ({"delay": (2.0, 2.0)}, r"delay must be two increasing times, found \(2.0, 2.0\)"),
        ({"delay": (-1000.0, 4000.0)}, r"delay may differ by 5000 s .* found a series of"),
        ({"mask": np.array([2])}, r"mask must be of 0 and 1, found values up to 2"),
        ({"density": 1.05}, r"density must be that of tissue in kg/m\^3, .* found 1\.05"),
        ({"noise_sd": -1.0}, r"noise_sd must be positive and finite, found -1"),
        ({"model": "3cxm"}, r"no kinetic model '3cxm'"),
    ],
)
def test_what_does_not_belong_together_is_refused(change, says):
    given = {"model": "2cxm", "time": TIME, "concentration": curves("2cxm", **REST), "aif": AIF}
    with pytest.raises(InputError, match=says):
        fit_kinetics(**(given | change))


def test_what_is_doubtful_of_the_input_stays_with_the_fit():
    clipped = np.minimum(AIF, 3.0)
    found = fit_kinetics("2cxm", TIME, curves("2cxm", **REST), clipped)
    assert [flag.name for flag in found.flags] == ["clipped_input"]
    assert not fit_kinetics("2cxm", TIME, curves("2cxm", **REST), AIF).flags


def read(path, curve, aif):
    table = pd.read_csv(path)
    rows = {name: np.stack([np.array(r.split(), float) for r in table[name]]) for name in
            ("t", curve, aif)}  # fmt: skip
    return table, rows["t"][0], rows[curve], rows[aif][0]


@pytest.mark.real_data
@pytest.mark.validation
@pytest.mark.parametrize(
    ("model", "file", "columns"),
    [
        ("2cxm", "2cxm_sd_0.001_delay_0", ("C_t", "cp_aif")),
        ("2cum", "2cum_sd_0.0025_delay_0", ("C_t", "cp_aif")),
        ("patlak", "patlak_sd_0.02_delay_0", ("C_t", "cp_aif")),
        ("tofts", "dce_DRO_data_tofts", ("C", "ca")),
    ],
)
def test_the_collections_objects_are_found_within_its_tolerances(real_data, model, file, columns):
    """OSIPI DCE-DSC-MRI_CodeCollection, test/DCEmodels/DCEmodels_data.py: its tolerances."""
    table, time, tissue, plasma = read(real_data / f"perfusion/dce/{file}.csv", *columns)
    found = fit_kinetics(model, time, tissue, plasma, haematocrit=0.0)
    minute, percent = MINUTE, 6000.0  # per min, and mL/100mL/min
    for name, theirs, unit, absolute, relative in (
        ("vp", "vp", 1.0, 0.025, 0.0),
        ("ve", "ve", 1.0, 0.05, 0.0),
        ("fp", "fp", percent, 5.0, 0.1),
        ("ps", "ps", minute, 0.005, 0.1),
        ("ktrans", "Ktrans" if model == "tofts" else "ps", minute, 0.005, 0.1),
    ):
        if name in found.units:
            np.testing.assert_allclose(
                found.values[name] * unit, table[theirs], atol=absolute, rtol=relative
            )
