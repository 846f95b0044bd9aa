"""Hearts of people: what the issue asks of the geometry, on published data."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from cardiotwin.geometry import Template, fit_anatomy
from cardiotwin.geometry.sections import distances
from cardiotwin.imaging import read_examination
from cardiotwin.imaging.examination import Phase, Structure, Tissue
from cardiotwin.imaging.trace import trace_labels
from cardiotwin.units import ML, MM

pytestmark = pytest.mark.real_data

LABELS = tuple(f"autofd/{name}/seg_sa_ED.nii.gz" for name in "ABCD")
GUIDES = ("patient1/guidepoints", "patient_1")
SIMPSON = {"A": (188, 132), "C": (157, 84), "D": (150, 100)}  # mL, counted voxels


@cache
def examined(path: Path):
    return read_examination(path)


@cache
def fitted(path: Path):
    return fit_anatomy(examined(path), Template())


@pytest.fixture(params=LABELS + GUIDES)
def anatomy(request, real_data):
    return fitted(real_data / "cine" / request.param)


def test_the_cells_are_sound_and_the_volumes_are_those_drawn(anatomy):
    for fit in anatomy.fits.values():
        assert fit.inverted == 0
        assert fit.dihedral_min >= np.deg2rad(5)
        assert fit.model_cavity == pytest.approx(fit.measured_cavity, rel=0.01)
        assert fit.model_wall == pytest.approx(fit.measured_wall, rel=0.01)
    assert set(anatomy.mesh.cell_fields["aha_segment"]) == set(range(1, 18))


def test_overlap_and_distance_are_as_asked_in_the_mean(real_data):
    fits = [
        fit for path in LABELS + GUIDES for fit in fitted(real_data / "cine" / path).fits.values()
    ]
    assert np.mean([fit.dice_cavity for fit in fits]) >= 0.97
    assert np.mean([fit.dice_wall for fit in fits]) >= 0.92
    assert np.mean([fit.surface_distance for fit in fits]) <= 0.8 * MM


@pytest.mark.parametrize("name", SIMPSON)
def test_the_label_volumes_are_the_counted_voxels(real_data, name):
    fit = fitted(real_data / f"cine/autofd/{name}/seg_sa_ED.nii.gz").fits[Phase.END_DIASTOLE]
    assert fit.measured_cavity / ML == pytest.approx(SIMPSON[name][0], abs=1)
    # D's wall reaches one slice beyond its cavity.
    assert fit.measured_wall / ML == pytest.approx(SIMPSON[name][1], abs=1 if name != "D" else 4)


def test_with_valve_points_the_wall_keeps_its_volume_by_itself(real_data):
    fits = fitted(real_data / "cine/patient1/guidepoints").fits
    volumes = [fit.wall_volume for fit in fits.values()]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.03)
    assert fits[Phase.END_DIASTOLE].measured_cavity / ML == pytest.approx(160, abs=3)
    assert fits[Phase.END_SYSTOLE].measured_cavity / ML == pytest.approx(51, abs=2)


def test_the_wall_agrees_with_the_surface_that_others_fitted(real_data):
    anatomy = fitted(real_data / "cine/patient1/guidepoints")
    surfaces = np.load(real_data / "cine/patient1/fitted_surfaces_25frames.npz")
    for phase, frame, most in ((Phase.END_DIASTOLE, 0, 1.0), (Phase.END_SYSTOLE, 9, 1.5)):
        theirs = surfaces["LV_ENDOCARDIAL_xyz"][frame] * [-1, -1, 1] * MM
        inner = np.unique(anatomy.mesh.facets["lv_endocardium"])
        inner = inner[anatomy.mesh.point_fields["apicobasal"][inner] < 0.85]
        apart = distances(theirs[surfaces["LV_ENDOCARDIAL_tri"]], anatomy.points[phase][inner])
        assert apart.mean() < most * MM


def test_the_septum_faces_the_rv_and_the_inferior_wall_the_feet(real_data):
    anatomy = fitted(real_data / "cine/patient1/guidepoints")
    mesh, contours = anatomy.mesh, anatomy.contours[Phase.END_DIASTOLE]
    middle = mesh.points[mesh.cells[:, :4]].mean(axis=1)
    segment = mesh.cell_fields["aha_segment"]
    places = {k: middle[segment == k].mean(axis=0) for k in range(1, 18)}
    rv = np.concatenate([curve.points for curve in contours.of(Structure.RV_ENDOCARDIUM)])
    apart = {k: np.linalg.norm(rv - place, axis=1).min() for k, place in places.items()}
    assert max(apart[k] for k in (2, 3, 8, 9)) < min(apart[k] for k in (5, 6, 11, 12))
    assert places[4][2] < places[1][2] - 10 * MM
    assert places[6][0] < places[2][0] - 10 * MM


@pytest.mark.parametrize("name", "ABCD")
@pytest.mark.parametrize("end", ["basal", "apical"])
def test_two_missing_slices_are_named_and_complete_hearts_are_not(real_data, name, end):
    whole = examined(real_data / f"cine/autofd/{name}/seg_sa_ED.nii.gz")
    complete = fitted(real_data / f"cine/autofd/{name}/seg_sa_ED.nii.gz")
    assert not [flag for flag in complete.flags if "missing" in flag.name]
    labels = whole.labels[Phase.END_DIASTOLE]
    held = np.flatnonzero((labels.array == Tissue.LV_CAVITY).any(axis=(0, 1)))
    array = labels.array.copy()
    if end == "basal":
        array[:, :, held[-1] - 1 :] = 0
    else:
        array[:, :, : held[0] + 2] = 0
    cut = replace(labels, array=array)
    contours = {Phase.END_DIASTOLE: trace_labels(cut, Phase.END_DIASTOLE)}
    anatomy = fit_anatomy(
        replace(whole, contours=contours, labels={Phase.END_DIASTOLE: cut}), Template(rings=4)
    )
    assert f"missing_{end}_slices" in [flag.name for flag in anatomy.flags]
