import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from cardiotwin.errors import InputError
from cardiotwin.perfusion.kinetics import KINETICS, gamma_variate, kinetics, tissue_curve

TIME = torch.arange(0.0, 60.0, 0.6, dtype=torch.float64)
AIF = gamma_variate(TIME, arrival=3.0, to_peak=6.0, peak=5.0, shape=3.0)
REST = {"fp": 0.011, "ps": 0.014, "vp": 0.045, "ve": 0.2}
PARAMETERS = {
    "one_compartment": {"fp": 0.011, "v": 0.2},
    "tofts": {"ktrans": 0.006, "ve": 0.2},
    "extended_tofts": {"ktrans": 0.006, "ve": 0.2, "vp": 0.05},
    "patlak": {"ktrans": 0.002, "vp": 0.05},
    "2cum": {"fp": 0.011, "ps": 0.002, "vp": 0.05},
    "2cxm": REST,
    "fermi": {"fp": 0.011, "width": 3.0, "decay": 2.0},
    "btex": REST,
}


def curve(model, time=TIME, aif=AIF, haematocrit=0.42, **parameters):
    found = tissue_curve(model, time, aif, haematocrit=haematocrit, **parameters)
    return found.squeeze(-1) if found.ndim > 1 else found


def test_two_compartments_solve_their_differential_equations():
    fp, ps, vp, ve = REST.values()
    inflow = AIF.numpy() / (1 - 0.42)

    def rates(t, c):
        supply = np.interp(t, TIME.numpy(), inflow)
        crossing = ps * (c[0] - c[1])
        return [(fp * (supply - c[0]) - crossing) / vp, crossing / ve]

    solved = solve_ivp(
        rates, (0, 59.4), [0, 0], t_eval=TIME.numpy(), rtol=1e-9, atol=1e-11, max_step=0.3
    )
    expected = vp * solved.y[0] + ve * solved.y[1]
    np.testing.assert_allclose(curve("2cxm", **REST), expected, atol=1e-7)


def marched(cells, fp, ps, vp, ve):
    """Return the capillary's tissue curve along its characteristics: plug flow moves one cell."""
    step = vp / fp / cells
    inflow = AIF.numpy() / (1 - 0.42)
    times = np.arange(int(59.4 / step) + 1) * step
    blood, tissue, total = np.zeros(cells), np.zeros(cells), []
    out, back = ps / vp * step, ps / ve * step
    decay = np.exp(-(out + back))
    for t in times:
        total.append(vp * blood.mean() + ve * tissue.mean())
        blood = np.concatenate([[np.interp(t + step / 2, TIME.numpy(), inflow)], blood[:-1]])
        mean = (vp * blood + ve * tissue) / (vp + ve)
        blood, tissue = mean + (blood - mean) * decay, mean + (tissue - mean) * decay
    return np.interp(TIME.numpy(), times, total)


def test_the_distributed_capillary_is_the_limit_of_many_cells_in_a_row():
    exact = curve("btex", **REST).numpy()
    errors = [np.abs(marched(cells, **REST) - exact).max() for cells in (40, 80)]
    assert errors[1] < errors[0] / 1.9
    assert errors[1] < 2e-3 * exact.max()


def test_a_capillary_without_leak_holds_what_flowed_in_during_its_transit():
    short = curve("btex", **(REST | {"ps": 1e-9}))
    plug = curve("patlak", ktrans=0.011, vp=0.0)  # all that ever flowed in
    late = tissue_curve(
        "patlak", TIME, AIF, haematocrit=0.42, delay=0.045 / 0.011, ktrans=0.011, vp=0.0
    )
    np.testing.assert_allclose(short, plug - late, atol=2e-6)


@pytest.mark.parametrize("model", ["2cxm", "btex"])
def test_under_a_constant_input_tissue_fills_to_its_volume(model):
    long = torch.arange(0.0, 4000.0, 10.0, dtype=torch.float64)
    found = curve(model, time=long, aif=torch.full_like(long, 1.0), haematocrit=0.0, **REST)
    assert found[-1].item() == pytest.approx(REST["vp"] + REST["ve"], rel=1e-4)


def test_simpler_models_are_limits_of_two_compartments():
    full = {"fp": 0.011, "ps": 0.002, "vp": 0.05}
    np.testing.assert_allclose(curve("2cxm", **full, ve=1e6), curve("2cum", **full), atol=1e-6)
    wide = curve("2cxm", fp=100.0, ps=0.006, vp=0.05, ve=0.2)
    tofts = curve("extended_tofts", ktrans=0.006, vp=0.05, ve=0.2)
    np.testing.assert_allclose(wide, tofts, atol=2e-3)
    mixed = curve("2cxm", fp=0.011, ps=1e3, vp=0.05, ve=0.15)
    np.testing.assert_allclose(mixed, curve("one_compartment", fp=0.011, v=0.2), atol=1e-5)


def test_a_delay_of_a_few_samples_is_the_input_that_much_later():
    moved = torch.cat([torch.zeros(5, dtype=torch.float64), AIF[:-5]])
    for model, parameters in PARAMETERS.items():
        late = tissue_curve(model, TIME, AIF, haematocrit=0.3, delay=3.0, **parameters)
        same = tissue_curve(model, TIME, moved, haematocrit=0.3, **parameters)
        np.testing.assert_allclose(late.squeeze(), same.squeeze(), atol=1e-10, err_msg=model)


@pytest.mark.parametrize("model", KINETICS)
def test_every_model_has_gradients_and_takes_many_voxels(model):
    values = [
        torch.tensor([value, 1.3 * value], dtype=torch.float64, requires_grad=True)
        for value in PARAMETERS[model].values()
    ]
    delay = torch.tensor([0.33, 0.77], dtype=torch.float64, requires_grad=True)
    names = list(PARAMETERS[model])

    def forward(aif, delay, *values):
        given = dict(zip(names, values, strict=True))
        return tissue_curve(model, TIME[:30], aif, haematocrit=0.42, delay=delay, **given)

    aif = (AIF[:30] + 0.2).clone().requires_grad_()
    assert forward(aif, delay, *values).shape == (30, 2)
    assert torch.autograd.gradcheck(forward, (aif, delay, *values), eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("model", KINETICS)
def test_what_a_model_prepares_it_reports(model):
    chosen = kinetics(model)
    given = {
        name: torch.tensor([value], dtype=torch.float64)
        for name, value in PARAMETERS[model].items()
    }
    for name, value in chosen.report(**chosen.prepare(**given)).items():
        assert value.item() == pytest.approx(PARAMETERS[model][name], rel=1e-10)


def test_what_is_not_a_model_is_refused_by_name():
    with pytest.raises(InputError, match=r"no kinetic model 'toft'.*one_compartment"):
        tissue_curve("toft", TIME, AIF, haematocrit=0.4)
    with pytest.raises(InputError, match=r"takes ktrans, ve, found ktrans, vp"):
        tissue_curve("tofts", TIME, AIF, haematocrit=0.4, ktrans=0.1, vp=0.1)
    with pytest.raises(InputError, match=r"haematocrit .* found 42"):
        tissue_curve("tofts", TIME, AIF, haematocrit=42, ktrans=0.1, ve=0.1)
    with pytest.raises(InputError, match=r"delay must not be negative, found -1 s"):
        tissue_curve("tofts", TIME, AIF, haematocrit=0.4, delay=-1.0, ktrans=0.1, ve=0.1)
