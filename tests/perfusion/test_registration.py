import numpy as np
import pytest
from first_pass_motion import ARRIVAL, Options, moving_slice

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
