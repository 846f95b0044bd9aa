"""A first pass from its files to concentration."""

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.perfusion.series import first_pass_files, read_first_pass


@pytest.mark.parametrize("t1", [0.9, 1.1, 1.6])
def test_signal_becomes_the_concentration_that_it_came_from_whatever_the_own_t1(
    tmp_path, t1, made_signals, write_first_pass
):
    time = np.arange(12.0)
    wanted = np.concatenate([np.zeros(4), np.linspace(0.0, 5.0, 8)]) * np.ones((3, 3, 1, 1))
    series = read_first_pass(write_first_pass(tmp_path, 700 * made_signals(wanted, t1), time))
    found = series.concentration(series.signal, series.unsaturated, 4)
    assert found == pytest.approx(wanted, abs=2e-3)
    assert series.thickness == pytest.approx(8e-3)
    assert first_pass_files(tmp_path) == (series.source,)


def test_a_saturated_voxel_tells_no_concentration(tmp_path, made_signals, write_first_pass):
    images = made_signals(np.linspace(0.0, 4.0, 12) * np.ones((3, 3, 1, 1)))
    images[0, 0, 0, -1] = 5.0
    series = read_first_pass(write_first_pass(tmp_path, images, np.arange(12.0)))
    found = series.concentration(series.signal, series.unsaturated, 1)
    assert np.argwhere(np.isnan(found)).tolist() == [[0, 0, 0, 11]]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"DynamicTime": "none"}, r"DynamicTime .* for each of the 13 images, .* found none"),
        ({"DynamicTime": [0.0, *range(12)]}, r"must be null for one image, .* found 0"),
        ({"DynamicTime": [None, *range(11, -1, -1)]}, r"must increase"),
        ({"SaturationTime": 100.0}, r"SaturationTime .* between 0.001 and 1, found 100.0"),
        ({"FlipAngle": "none"}, r"FlipAngle .* found None"),
        ({"MagneticFieldStrength": "none"}, r"must have MagneticFieldStrength"),
        ({"ContrastBolusIngredient": "ink"}, r"No relaxivity is known of 'ink' at 1.5 T"),
        ({"SliceThickness": 30.0}, r"SliceThickness .* up to the 10 mm .* found 30.0"),
    ],
)
def test_a_header_that_does_not_tell_how_it_was_read_is_named(
    tmp_path, change, says, made_signals, write_first_pass
):
    images = made_signals(np.linspace(0.0, 4.0, 12) * np.ones((3, 3, 1, 1)))
    with pytest.raises(InputError, match=says):
        read_first_pass(write_first_pass(tmp_path, images, np.arange(12.0), **change))


def test_images_with_holes_and_an_input_of_other_times_are_named(
    tmp_path, made_signals, write_first_pass
):
    images = made_signals(np.linspace(0.0, 4.0, 12) * np.ones((3, 3, 1, 1)))
    path = write_first_pass(tmp_path, images, np.arange(12.0), np.zeros(12))
    (path.parent / "rest_aif.tsv").write_text("time concentration\n3 0\n5 1\n")
    with pytest.raises(InputError, match=r"over all frames, found 2 columns from 3 to 5 s"):
        read_first_pass(path)
    images[1, 1, 0, 3] = np.nan
    with pytest.raises(InputError, match=r"has 1 values that are no numbers"):
        read_first_pass(write_first_pass(tmp_path, images, np.arange(12.0)))
