from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cardiotwin.errors import InputError
from cardiotwin.geometry import Quality, Template, fit, fit_anatomy
from cardiotwin.geometry.shifts import slice_shifts
from cardiotwin.geometry.stack import short_axis_stack
from cardiotwin.imaging.examination import Phase, Structure
from cardiotwin.units import ML, MM

from .ellipsoids import (
    ANTERIOR,
    AXIS,
    CENTRE,
    SEPTAL,
    Drawing,
    Ellipsoid,
    draw,
    examine,
    moved,
    names,
    surface_error,
    with_views,
)

HEART = Ellipsoid()
TEMPLATE = Template(rings=6, layers=2)
EPICARDIUM = Structure.LV_EPICARDIUM


def test_a_drawn_ellipsoid_is_found_again():
    anatomy = fit_anatomy(examine(draw(HEART, Drawing(rv_above=0.3))), TEMPLATE)
    fit = anatomy.fits[Phase.END_DIASTOLE]
    assert fit.cavity_volume == pytest.approx(HEART.cavity, rel=0.01)
    assert fit.wall_volume == pytest.approx(HEART.wall, rel=0.02)
    assert fit.model_cavity == pytest.approx(fit.measured_cavity, rel=1e-3)
    assert fit.model_wall == pytest.approx(fit.measured_wall, rel=2e-3)
    assert np.quantile(surface_error(anatomy, HEART), 0.9) < 0.5 * MM
    assert fit.surface_distance < 0.3 * MM
    assert min(fit.dice_cavity, fit.dice_wall) > 0.97
    assert (anatomy.frame.origin - CENTRE) @ AXIS == pytest.approx(HEART.base, abs=0.1 * MM)
    assert anatomy.frame.long_axis @ AXIS > np.cos(np.deg2rad(1))
    assert anatomy.frame.rv_insertion @ ANTERIOR > np.cos(np.deg2rad(5))
    assert anatomy.flags == ()


def test_the_wall_keeps_its_volume_where_the_end_systolic_base_is_not_drawn():
    cut, inner = 8e-3, (17e-3, 60e-3)  # the base has come down by 12 mm
    length = 70e-3
    section = cut + 2 / 3 * length - cut**3 / (3 * length**2)
    whole = Ellipsoid(inner=inner, outer=(1.0, length), base=cut)
    radius = np.sqrt((HEART.wall + whole.cavity) / (np.pi * section))
    systole = Ellipsoid(inner=inner, outer=(radius, length), base=cut)
    assert systole.wall == pytest.approx(HEART.wall, rel=1e-9)
    drawn = draw(systole, Drawing(top=5e-3), Phase.END_SYSTOLE)  # not up to the base
    anatomy = fit_anatomy(examine(draw(HEART, Drawing()), drawn), TEMPLATE)
    fits = anatomy.fits
    assert "end-diastolic volume" in anatomy.base_rule[Phase.END_SYSTOLE]
    assert fits[Phase.END_SYSTOLE].wall_volume == pytest.approx(
        fits[Phase.END_DIASTOLE].wall_volume, rel=1e-3
    )
    rim = anatomy.points[Phase.END_SYSTOLE][np.unique(anatomy.mesh.facets["base"])]
    assert ((rim - CENTRE) @ AXIS).mean() == pytest.approx(cut, abs=1.5 * MM)
    assert fits[Phase.END_SYSTOLE].cavity_volume == pytest.approx(systole.cavity, rel=0.04)


def test_breath_holding_is_undone():
    rng = np.random.default_rng(2)
    shifts = {k: rng.normal(0, 2e-3, 3) for k in range(11)}
    shifts = {k: shift - (shift @ AXIS) * AXIS for k, shift in shifts.items()}
    contours = draw(HEART, Drawing(shifts=shifts))
    found = slice_shifts(contours, short_axis_stack(contours))
    left = np.array([shifts[k] + found.moved[k] for k in contours.slices])
    assert found.size == pytest.approx(2e-3, abs=1.1e-3)
    heights = np.arange(len(left)) - (len(left) - 1) / 2
    # A turn or a shift of the whole stack cannot be seen.
    seen = [left - np.outer(heights, heights @ left) / (heights @ heights) - left.mean(axis=0)]
    drawn = np.array(list(shifts.values()))[: len(left)]
    assert np.linalg.norm(seen) < 0.4 * np.linalg.norm(drawn)
    assert "slice_shifts" in names(fit_anatomy(examine(contours), TEMPLATE))


def opened(contours, k):
    """Return the contours with half of a slice's ring cut away, as where the base passes it."""
    curves = [
        replace(c, points=c.points[: len(c.points) // 2], closed=c.structure is not EPICARDIUM)
        if c.slice_id == k and c.structure in (Structure.LV_ENDOCARDIUM, EPICARDIUM)
        else c
        for c in contours.curves
    ]
    return replace(contours, curves=tuple(curves))


def test_a_slice_that_is_no_ring_at_end_systole_does_not_spoil_its_shift():
    rng = np.random.default_rng(4)
    shifts = {k: rng.normal(0, 1e-3, 3) for k in range(10)}
    shifts = {k: shift - (shift @ AXIS) * AXIS for k, shift in shifts.items()}
    systole = Ellipsoid(inner=(17e-3, 60e-3), outer=(31e-3, 70e-3))
    diastole = draw(HEART, Drawing(shifts=shifts, skip_apical=1))
    drawn = opened(draw(systole, Drawing(shifts=shifts), Phase.END_SYSTOLE), 9)
    corrected = fit_anatomy(examine(diastole, drawn), TEMPLATE).contours[Phase.END_DIASTOLE]
    left = np.array([corrected.slices[k].origin - CENTRE for k in range(10)])
    heights = left @ AXIS
    left -= np.outer(heights, AXIS)
    line = np.polynomial.Polynomial.fit
    for way in (ANTERIOR, SEPTAL):
        off = left @ way - line(heights, left @ way, 1)(heights)
        assert np.abs(off).max() < 0.8 * MM


def test_a_view_taken_at_another_breath_is_moved_along_the_axis_too():
    rng = np.random.default_rng(3)
    shifts = {k: rng.normal(0, 2e-3, 3) for k in range(11)}
    shifts = {k: shift - (shift @ AXIS) * AXIS for k, shift in shifts.items()}
    slips = {20: 6e-3, 21: 0.0, 22: 0.0}
    contours = with_views(draw(HEART, Drawing(shifts=shifts)), HEART, slips)
    corrected = fit_anatomy(examine(contours), TEMPLATE).contours[Phase.END_DIASTOLE]
    moved = {k: (corrected.slices[k].origin - CENTRE) @ AXIS for k in slips}
    assert -8e-3 < moved[20] - np.mean([moved[21], moved[22]]) < -3e-3
    assert max(abs(moved[21]), abs(moved[22])) < 1.5 * MM


def test_a_bent_heart_is_not_straightened():
    bent = Ellipsoid(bend=6e-3)
    contours = draw(bent, Drawing())
    found = slice_shifts(contours, short_axis_stack(contours))
    assert found.largest < 0.3 * MM
    anatomy = fit_anatomy(examine(contours), TEMPLATE)
    assert np.quantile(surface_error(anatomy, bent), 0.9) < 0.6 * MM


def test_the_fit_turns_with_the_heart():
    rotation = Rotation.from_euler("xyz", [20, -10, 15], degrees=True).as_matrix()
    still = draw(HEART, Drawing())
    turned = moved(still, rotation, np.array([0.1, -0.05, 0.02]))
    first, second = (fit_anatomy(examine(contours), TEMPLATE) for contours in (still, turned))
    there = first.mesh.points @ rotation.T + [0.1, -0.05, 0.02]
    np.testing.assert_allclose(second.mesh.points, there, atol=1e-6)


def test_without_an_rv_the_direction_is_flagged_as_assumed():
    anatomy = fit_anatomy(examine(draw(HEART, Drawing(rv=False))), TEMPLATE)
    assert names(anatomy) == ["orientation_assumed", "base_not_verified"]
    assert anatomy.frame.rv_insertion @ ANTERIOR > np.cos(np.deg2rad(30))


def test_contours_that_fold_the_wall_are_refused_with_the_number_of_cells(monkeypatch):
    folded = Quality(inverted=7, distortion_min=-0.1, dihedral_min=0.3, dihedral_max=2.0)
    monkeypatch.setattr(fit, "quality", lambda *_: folded)
    with pytest.raises(InputError, match=r"end-diastole fold the wall: .* leave 7 cells"):
        fit_anatomy(examine(draw(HEART, Drawing())), TEMPLATE)


def test_volumes_are_those_a_person_would_measure():
    fit = fit_anatomy(examine(draw(HEART, Drawing())), TEMPLATE).fits[Phase.END_DIASTOLE]
    by_hand = sum(
        8e-3 * np.pi * HEART.radius(HEART.inner, height) ** 2
        for height in np.arange(16e-3, -66e-3, -8e-3)
    )
    assert fit.measured_cavity == pytest.approx(by_hand, rel=0.002)
    assert 60 * ML < fit.measured_cavity < 200 * ML
