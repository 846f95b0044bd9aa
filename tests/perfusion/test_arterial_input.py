import numpy as np
import pytest
import torch
from first_pass_motion import INNER, MIDDLE, RIGHT, SIZE, Options, moving_slice

from cardiotwin.errors import InputError
from cardiotwin.perfusion import fit_kinetics
from cardiotwin.perfusion.arterial_input import find_arterial_input
from cardiotwin.perfusion.kinetics import population_input
from cardiotwin.perfusion.quality import quiet_frames

ROWS, COLUMNS = np.indices((SIZE, SIZE))
LEFT = np.hypot(ROWS - MIDDLE[0], COLUMNS - MIDDLE[1])


@pytest.fixture(scope="module")
def made():
    return moving_slice(Options())


def names(found):
    return [flag.name for flag in found.flags]


def test_the_input_is_the_left_ventricles_to_three_standard_errors(made):
    found = find_arterial_input(made.time, made.still)
    error = found.concentration - (made.aif - made.aif[:5].mean())
    assert np.sqrt(np.mean(error**2)) < 3 * np.median(found.standard_error)
    assert found.voxels[LEFT > INNER - 0.5].sum() == 0
    assert found.voxels.sum() > 0.6 * (LEFT < INNER).sum()
    assert found.transit == pytest.approx(6.0, abs=0.3)  # arrivals of 3 and 9 s, one shape
    assert not names(found)


def test_the_scale_is_as_doubtful_as_the_voxels_heights_lie_apart(made):
    assert find_arterial_input(made.time, made.still).scale_error < 0.01  # noise alone
    gain = 1 + 0.08 * np.random.default_rng(4).standard_normal((SIZE, SIZE))
    images = np.where((LEFT < INNER)[..., None], gain[..., None] * made.still, made.still)
    assert find_arterial_input(made.time, images).scale_error == pytest.approx(0.08, rel=0.25)


def test_a_slow_foot_is_not_baseline():
    """What is seen of the bolus before its foot ends would be taken from the whole curve."""
    rng = np.random.default_rng(2)
    time = 0.667 * np.arange(60)
    aif = population_input(torch.from_numpy(time), arrival=6.0, dose=0.05).numpy()
    noisy = aif + rng.normal(scale=0.003, size=(200, len(aif)))
    offsets = [curve[: quiet_frames(time, curve)].mean() for curve in noisy]
    assert abs(np.mean(offsets)) < 3 * np.std(offsets) / np.sqrt(200)
    assert np.std(offsets) < 2 * 0.003 / np.sqrt((aif == 0).sum())


def test_a_breathing_heart_gives_the_same_input(made):
    found = find_arterial_input(made.time, made.images)
    assert np.abs(found.concentration - made.aif).max() < 0.03 * made.aif.max()
    assert LEFT[found.voxels].max() < INNER


def test_the_higher_pool_of_the_right_ventricle_is_not_taken(made):
    images = made.still.copy()
    images[np.hypot(ROWS - RIGHT[0], COLUMNS - RIGHT[1]) < 11] *= 1.8
    found = find_arterial_input(made.time, images)
    assert np.abs(found.concentration - made.aif).max() < 0.02 * made.aif.max()


def test_the_slice_with_the_ventricle_is_found_in_a_stack(made):
    rng = np.random.default_rng(1)
    stack = np.stack([rng.normal(scale=0.05, size=made.still.shape), made.still], axis=2)
    found = find_arterial_input(made.time, stack)
    alone = find_arterial_input(made.time, made.still)
    assert np.array_equal(found.concentration, alone.concentration)
    assert not found.voxels[:, :, 0].any()
    assert np.array_equal(found.pool[:, :, 1], alone.pool)


def test_a_fit_without_an_input_takes_that_of_the_images(made):
    own = fit_kinetics("2cxm", made.time, made.still, mask=made.wall)
    given = fit_kinetics("2cxm", made.time, made.still, made.aif, mask=made.wall)
    apart = own.values["mbf"] / given.values["mbf"] - 1
    assert abs(np.nanmedian(apart)) < 0.01
    found = find_arterial_input(made.time, made.still)
    assert np.array_equal(own.aif, found.concentration)
    assert (own.scale_error, given.scale_error) == (found.scale_error, 0)


def test_few_saturated_voxels_are_named_and_bend_nothing(made):
    clean = find_arterial_input(made.time, made.still)
    images = made.still.copy()
    some = clean.pool & (COLUMNS > 34)
    images[some] = np.where(images[some] > 0.7 * made.aif.max(), np.nan, images[some])
    found = find_arterial_input(made.time, images)
    assert names(found) == ["saturated_pool"]
    assert "does not feel it" in found.flags[0].sentence
    assert np.abs(found.concentration - made.aif).max() < 0.02 * made.aif.max()


def test_a_pool_clipped_in_all_voxels_is_named_with_its_effect(made):
    found = find_arterial_input(made.time, np.minimum(made.still, 0.6 * made.aif.max()))
    assert names(found) == ["saturated_pool"]
    assert "flow is overestimated" in found.flags[0].sentence


def test_a_wall_that_takes_up_nothing_leaves_the_pool_doubtful(made):
    images = np.where((LEFT > INNER - 0.5)[..., None] & (LEFT < 17)[..., None], 0.0, made.still)
    assert "pool_not_in_muscle" in names(find_arterial_input(made.time, images))


def test_one_pool_is_named(made):
    images = made.still.copy()
    images[np.hypot(ROWS - RIGHT[0], COLUMNS - RIGHT[1]) < 13] = 0.0
    assert names(find_arterial_input(made.time, images)) == ["one_pool"]


def test_two_boluses_are_named_by_the_fit(made):
    twice = made.still + np.roll(made.still, 22, axis=-1)
    found = fit_kinetics("2cum", made.time, twice, mask=made.wall & (COLUMNS < 20))
    assert "two_peaks" in [flag.name for flag in found.flags]


def test_images_that_hold_no_input_are_refused(made):
    with pytest.raises(InputError, match=r"No pool of blood rises and falls"):
        find_arterial_input(made.time, np.where((LEFT < 30)[..., None], 0.1, 0 * made.still))
    with pytest.raises(InputError, match=r"rows x columns x 60 frames.*found \(64, 60\)"):
        find_arterial_input(made.time, made.still[0])
    hidden = np.where(made.still > 0.5 * made.aif.max(), np.nan, made.still)
    with pytest.raises(InputError, match=r"saturated in [1-9]\d* frames"):
        find_arterial_input(made.time, hidden)
