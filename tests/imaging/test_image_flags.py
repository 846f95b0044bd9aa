from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cardiotwin.imaging import describe, read_examination
from cardiotwin.imaging.examination import ImageStack
from cardiotwin.imaging.image_flags import beat_length, image_flags

RNG = np.random.default_rng(0)


def cine(place=0.0, *, beat=0.9, frames=10, name="one"):
    affine = np.diag([2e-3, 2e-3, 8e-3, 1.0])
    affine[2, 3] = place
    return ImageStack(
        array=RNG.uniform(0, 1000, (20, 20, 1, frames)).astype(np.float32),
        affine=affine,
        frame_times=beat * np.arange(frames) / frames,
        slice_thickness=8e-3,
        name=name,
        source=Path("here"),
    )


def test_sound_images_have_no_flag():
    assert beat_length(cine(beat=0.9)) == pytest.approx(0.9)
    assert image_flags([cine(0.01 * k, beat=0.9 + 0.01 * k) for k in range(5)]) == ()


def test_beats_of_different_length_are_told_with_their_images():
    (flag,) = image_flags([cine(beat=0.78, name="Se1"), cine(0.01, beat=0.97, name="Se2")])
    assert flag.name == "heartbeats_differ"
    assert "from 780 ms (Se1) to 970 ms (Se2)" in flag.sentence


def test_images_without_trigger_times_are_counted():
    times = np.full(10, np.nan)
    times[0] = 0.0
    found = image_flags([cine(), replace(cine(0.01, name="Se7"), frame_times=times)])
    assert [flag.name for flag in found] == ["trigger_times_missing"]
    assert "1 of 2 images have no trigger times: Se7" in found[0].sentence


def test_a_slice_that_is_missing_between_others_is_told():
    places = [0.0, 0.01, 0.02, 0.04, 0.05]
    (flag,) = image_flags([cine(place, name=f"z{place:g}") for place in places])
    assert flag.name == "slice_missing"
    assert "between z0.02 and z0.04: they are 20.0 mm apart, the others 10.0 mm" in flag.sentence


def test_broken_pixels_are_counted():
    image = cine()
    array = image.array.copy()
    array[0, :5] = np.nan
    (flag,) = image_flags([replace(image, array=array)])
    assert "one has 50 pixels that are no numbers (1.2 %)" in flag.sentence


def test_saturated_pixels_are_told_and_a_plain_background_is_not():
    image = cine()
    (flag,) = image_flags([replace(image, array=np.minimum(image.array, 900))])
    assert flag.name == "pixels_saturated"
    assert "have the largest value, 900" in flag.sentence
    assert image_flags([replace(image, array=np.zeros_like(image.array))]) == ()


@pytest.mark.real_data
def test_check_tells_that_a_patients_breath_holds_had_beats_of_their_own(real_data):
    findings = describe(read_examination(real_data / "cine" / "patient1"))
    (flag,) = (flag for flag in findings.flags if flag.name == "heartbeats_differ")
    low, high = (int(word) for word in flag.sentence.split() if word.isdigit())
    assert low == pytest.approx(776, abs=3)
    assert high == pytest.approx(975, abs=3)
