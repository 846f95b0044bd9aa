import numpy as np
import pytest
from first_pass_motion import ARRIVAL, Options, moving_slice, size_in

from cardiotwin.errors import InputError
from cardiotwin.perfusion.registration import hold_still


@pytest.fixture(scope="module")
def breathing():
    return moving_slice(Options(amplitude=2.5, frames=50))


def test_breathing_is_followed_to_a_fraction_of_a_voxel_once_contrast_shows_the_heart(breathing):
    held = hold_still(breathing.images)
    seen = breathing.time > ARRIVAL
    apart = (held.shifts - breathing.shifts)[seen]
    assert np.sqrt(np.mean(breathing.shifts[seen] ** 2)) > 1.0
    assert np.sqrt(np.mean((apart - np.median(apart, 0)) ** 2)) < 0.2
    before, after = held.left
    assert after[seen].mean() < 0.5 * before[seen].mean()


def test_a_still_heart_stays_where_it_is(breathing):
    held = hold_still(breathing.still)
    assert np.abs(held.shifts[breathing.time > ARRIVAL]).max() < 0.15


def apart(held, made):
    """Return the root mean square error of the wall's place, voxels, once contrast shows it."""
    error = (held.displacements - made.displacements)[made.time > ARRIVAL]
    return size_in(error, made.wall)


def test_a_heart_that_is_squeezed_too_is_followed_by_a_form_that_bends():
    made = moving_slice(Options(amplitude=2.0, deformation=2.0, frames=50))
    moved = size_in(made.displacements[made.time > ARRIVAL], made.wall)
    rigid = apart(hold_still(made.images), made)
    bent = apart(hold_still(made.images, motion="free_form"), made)
    assert bent < 0.6 * rigid < 0.6 * moved


def test_a_form_that_bends_follows_a_heart_that_only_shifts_as_well(breathing):
    rigid = apart(hold_still(breathing.images), breathing)
    for motion in ("affine", "free_form"):
        assert apart(hold_still(breathing.images, motion=motion), breathing) < rigid + 0.1


def test_an_unknown_motion_is_refused(breathing):
    with pytest.raises(InputError, match=r"one of shift, affine, free_form, found 'rigid'"):
        hold_still(breathing.images, motion="rigid")


@pytest.mark.parametrize(
    ("cut", "region", "says"),
    [
        (slice(0, 6), None, r"at least 8 finite frames is needed, found 6 with 0 holes"),
        (slice(None), np.ones((9, 9), bool), r"region has the shape \(9, 9\) and 81 voxels"),
        (slice(None), np.zeros((64, 64), bool), r"and 0 voxels, the images \(64, 64\)"),
    ],
)
def test_a_series_that_cannot_be_registered_is_refused(breathing, cut, region, says):
    with pytest.raises(InputError, match=says):
        hold_still(breathing.images[..., cut], region)


def test_holes_are_refused_by_their_number(breathing):
    images = breathing.images.copy()
    images[0, 0, :3] = np.nan
    with pytest.raises(InputError, match=r"with 3 holes"):
        hold_still(images)
