import numpy as np
import pytest
import torch

from cardiotwin.errors import InputError
from cardiotwin.perfusion.kinetics import gamma_variate
from cardiotwin.perfusion.quality import check_first_pass

TIME = np.arange(0.0, 50.0, 0.8)


def bolus(time=TIME, arrival=8.0, peak=4.4):
    made = gamma_variate(
        torch.from_numpy(time), arrival=arrival, to_peak=6.0, peak=peak, shape=3.0
    ).numpy()
    return made + 0.05 * peak / (1 + np.exp(-(time - arrival - 14) / 2))


def names(*given, **more):
    return [flag.name for flag in check_first_pass(*given, **more)]


def test_a_clean_first_pass_raises_no_flag():
    noise = np.random.default_rng(0).normal(scale=0.03, size=TIME.shape)
    assert not names(TIME, bolus() + noise)


@pytest.mark.parametrize(
    ("aif", "flag"),
    [
        (np.minimum(bolus(), 3.0), "clipped_input"),
        (np.minimum(bolus(), 2.5) + 0.02 * np.sin(7 * TIME), "clipped_input"),
        (bolus() + bolus(arrival=28.0), "two_peaks"),
        (bolus(arrival=-3.0), "no_baseline"),
        (10 * bolus(), "input_too_high"),
        (bolus() - 0.6, "negative_input"),
    ],
)
def test_each_defect_of_the_input_has_its_name(aif, flag):
    assert flag in names(TIME, aif)


def test_a_gap_in_the_times_has_its_name_and_lost_beats_have_none():
    late = np.where(TIME > 20, TIME + 30, TIME)
    assert names(late, bolus(late)) == ["gap_in_series"]
    lost = np.delete(TIME, [20, 21, 40])
    assert not names(lost, bolus(lost))


def test_a_series_that_ends_with_the_bolus_is_too_short():
    short = TIME < 17
    assert names(TIME[short], bolus()[short]) == ["series_too_short"]


def test_tissue_that_falls_below_nothing_is_told():
    tissue = 0.1 * np.stack([bolus(), bolus() - 3.5, bolus()])
    assert names(TIME, bolus(), tissue) == ["negative_concentrations"]
    assert not names(TIME, bolus(), tissue, np.array([True, False, True]))


def test_tissue_that_fills_before_its_input_is_told_and_noise_is_not():
    noise = np.random.default_rng(0).normal(scale=0.02, size=(40, len(TIME)))
    early = 0.1 * bolus(arrival=5.0) + noise
    assert names(TIME, bolus(), early) == ["tissue_before_input"]
    assert not names(TIME, bolus(), 0.1 * bolus(arrival=7.5) + noise)  # within its noise
    assert not names(TIME, bolus(), np.abs(noise))


def test_tissue_as_high_as_blood_and_one_with_a_baseline_are_told():
    tissue = 0.1 * np.stack([bolus(), bolus()])
    assert names(TIME, bolus(), 10 * tissue) == ["tissue_too_high"]
    assert "tissue_baseline" in names(TIME, bolus(), tissue + 0.3)
    assert names(TIME, 0.01 * bolus()) == ["input_too_low"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((TIME, 0.02 * np.sin(7 * TIME)), r"no bolus: its largest value is 0.02"),
        ((TIME / 60, bolus()), r"bolus is 0.1\d+ s wide .* Give time in seconds"),
        ((TIME * 1000, bolus()), r"bolus is 8.\d+e\+03 s wide"),
        ((TIME, bolus(), np.ones((4, 4, len(TIME))), np.ones((5, 4), bool)),
         r"mask has the shape \(5, 4\), the images \(4, 4\)"),
        ((TIME, bolus(), np.zeros((4, 4, len(TIME))), np.ones((4, 4), bool)),
         r"mask holds 16 voxels and none has an image"),
        ((TIME, bolus(), np.full((4, 4, len(TIME)), np.nan)), r"No voxel .* has a finite value"),
    ],
)  # fmt: skip
def test_what_no_flow_can_come_of_is_refused(given, says):
    with pytest.raises(InputError, match=says):
        check_first_pass(*given)
