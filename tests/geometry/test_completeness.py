"""What is missing of a drawn heart, or cannot be one, is named or refused."""

import re
from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.geometry import Template, fit_anatomy, quality, thickness
from cardiotwin.geometry.agreement import unlike_slices
from cardiotwin.imaging.examination import Phase, Structure
from cardiotwin.units import ML, MM

from .ellipsoids import AXIS, Drawing, Ellipsoid, draw, examine, moved, names, surface_error

HEART = Ellipsoid()
TEMPLATE = Template(rings=6, layers=2)


def test_the_wall_is_thick_and_sound_even_where_the_drawing_pinches_it():
    thin = Ellipsoid(outer=(28.5e-3, 71.5e-3))
    anatomy = fit_anatomy(examine(draw(thin, Drawing())), TEMPLATE)
    assert quality(anatomy.mesh.points, anatomy.mesh).inverted == 0
    assert thickness(anatomy.mesh.points, anatomy.mesh).min() > 1 * MM
    flag = next(flag for flag in anatomy.flags if flag.name == "thin_wall")
    assert re.search(r"thinner than 4 mm in the median \(thinnest 3\.\d mm, ", flag.sentence)


def test_a_wall_too_thin_to_mesh_is_refused_with_its_thickness():
    foil = Ellipsoid(outer=(26.2e-3, 69.2e-3))
    with pytest.raises(
        InputError, match=r"end-diastole is too thin .* found 1\.2 mm in the median"
    ):
        fit_anatomy(examine(draw(foil, Drawing())), TEMPLATE)


def test_too_few_slices_are_refused_with_their_number():
    contours = draw(HEART, Drawing(spacing=25e-3))
    with pytest.raises(InputError, match=r"at least 4 short-axis slices .* found 3"):
        fit_anatomy(examine(contours), TEMPLATE)


def test_a_cavity_without_wall_is_refused():
    contours = draw(HEART, Drawing())
    cavity = type(contours)(
        phase=contours.phase,
        curves=contours.of(Structure.LV_ENDOCARDIUM),
        slices=contours.slices,
        from_labels=True,
        source=contours.source,
    )
    with pytest.raises(InputError, match=r"cavity in 11 slices and no epicardium in any"):
        fit_anatomy(examine(cavity), TEMPLATE)


SHORT = Ellipsoid(inner=(26e-3, 62e-3), base=22e-3)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (Drawing(skip_basal=2), ["missing_basal_slices"]),
        (Drawing(), ["base_not_verified"]),
        (Drawing(rv_above=1.0), ["base_not_verified"]),
        (Drawing(rv_above=0.3, left_out=(9,)), ["missing_basal_slices"]),
        (Drawing(skip_apical=2, rv_above=0.3), ["missing_apical_slices"]),
        (Drawing(skip_apical=1, rv_above=0.3), ["missing_apical_slices"]),
        (Drawing(rv_above=0.3, left_out=(5,)), ["missing_middle_slices"]),
        (Drawing(rv_above=0.3), []),
    ],
)
def test_missing_slices_are_named(how, expected):
    assert names(fit_anatomy(examine(draw(SHORT, how)), TEMPLATE)) == expected


def test_a_base_that_is_not_verified_names_the_volume_of_one_more_slice():
    anatomy = fit_anatomy(examine(draw(SHORT, Drawing())), TEMPLATE)
    one_more = 8e-3 * np.pi * SHORT.radius(SHORT.inner, SHORT.base - 4e-3) ** 2 / ML
    assert f"up to {one_more:.0f} mL larger" in anatomy.flags[0].sentence


def test_a_higher_end_systole_shows_that_end_diastole_was_cut_off():
    systole = Ellipsoid(inner=(17e-3, 60e-3), outer=(31e-3, 70e-3))
    drawn = [draw(HEART, Drawing(skip_basal=1)), draw(systole, Drawing(), Phase.END_SYSTOLE)]
    flags = {flag.name: flag.sentence for flag in fit_anatomy(examine(*drawn), TEMPLATE).flags}
    assert "End-systole is drawn 8 mm higher" in flags["missing_basal_slices"]


@pytest.mark.parametrize("from_labels", [True, False])
@pytest.mark.parametrize("left_out", [(4,), (4, 5)])
def test_a_gap_is_named_and_bridged(left_out, from_labels):
    contours = replace(draw(HEART, Drawing(left_out=left_out)), from_labels=from_labels)
    anatomy = fit_anatomy(examine(contours), TEMPLATE)
    sentence = next(f.sentence for f in anatomy.flags if f.name == "missing_middle_slices")
    assert f"{len(left_out)} between slices 3 and {left_out[-1] + 1}, " in sentence
    fit = anatomy.fits[Phase.END_DIASTOLE]
    assert fit.measured_cavity == pytest.approx(HEART.cavity, rel=0.01)
    assert fit.cavity_volume == pytest.approx(HEART.cavity, rel=0.01)
    assert fit.wall_volume == pytest.approx(HEART.wall, rel=0.02)
    assert np.quantile(surface_error(anatomy, HEART), 0.9) < 0.6 * MM


def test_a_gap_too_wide_to_bridge_is_refused_with_its_place():
    contours = draw(HEART, Drawing(left_out=(3, 4, 5, 6)))
    with pytest.raises(
        InputError, match=r"4 between slices 2 and 7, 40 mm apart where slices are 8 mm"
    ):
        fit_anatomy(examine(contours), TEMPLATE)


def stretched(contours, factor):
    """Return the contours with another distance of slices."""
    along = np.eye(3) + (factor - 1) * np.outer(AXIS, AXIS)
    drawn = moved(contours, along, np.zeros(3))
    slices = {k: replace(s, thickness=s.thickness * factor) for k, s in contours.slices.items()}
    return replace(
        drawn, slices={k: replace(s, origin=along @ s.origin) for k, s in slices.items()}
    )


@pytest.mark.parametrize(
    ("factor", "found"), [(3, r"too long .* found 264 mm"), (0.4, r"too short .* found 35 mm")]
)
def test_another_spacing_of_the_slices_is_refused_with_the_length(factor, found):
    with pytest.raises(InputError, match=found + r".* Check the spacing of the slices"):
        fit_anatomy(examine(stretched(draw(HEART, Drawing()), factor)), TEMPLATE)


def test_a_small_heart_is_not_refused():
    child = Ellipsoid(inner=(15e-3, 36e-3), outer=(20e-3, 41e-3), base=11e-3)
    assert fit_anatomy(examine(draw(child, Drawing(spacing=5e-3, rv_above=0.3))), TEMPLATE).fits


def test_a_model_unlike_its_slices_is_named_with_both_volumes():
    fits = fit_anatomy(examine(draw(HEART, Drawing())), TEMPLATE).fits
    assert unlike_slices(fits) == ()
    alike = fits[Phase.END_DIASTOLE]
    small = replace(alike, measured_cavity=150 * ML, model_cavity=140 * ML)
    (flag,) = unlike_slices({Phase.END_SYSTOLE: small, Phase.END_DIASTOLE: alike})
    assert "drawn: cavity 140 for 150 mL at end-systole. Compare" in flag.sentence
