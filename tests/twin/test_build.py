"""From an examination to its twin, on hearts cut so coarsely that a test can afford them."""

import shutil
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import yaml

from cardiotwin.fitting.evidence import AssumedPressures
from cardiotwin.fitting.personalise import Priors
from cardiotwin.fitting.priors import LogNormal
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.geometry.template import Template
from cardiotwin.imaging.examination import Phase
from cardiotwin.imaging.read import read_examination
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.mechanics.springs import Springs
from cardiotwin.twin.build import FILLING, Recipe, build_twin
from cardiotwin.twin.stages import Stages
from cardiotwin.units import MMHG

from .identity import identical

pytestmark = pytest.mark.slow
RECIPE = Recipe(
    template=Template(rings=4, layers=1),
    fibres=FibreAngles(),
    material=HolzapfelOgden(),
    springs=Springs(),
    activation=Activation(),
    discretisation=Discretisation(),
    priors=Priors(
        passive_scale=LogNormal(median=1.0, sd=2.0, source="test"),
        passive_exponent=LogNormal(median=2.5, sd=1.0, source="test"),
        contractility=LogNormal(median=6e4, sd=1.0, source="test"),
    ),
    assumed=AssumedPressures(),
    n_draws=500,
)
STAGES = ("geometry", "diastole", "systole", "prediction")


def stages_in(folder):
    return Stages(folder, "the recipe of these tests")


@pytest.fixture(scope="module")
def examination(coarse_volunteer):
    return read_examination(coarse_volunteer)


@pytest.fixture(scope="module")
def finished(once, examination):
    """Return the folder of the finished stages, the twin and its anatomy."""
    with once("built") as folder:
        twin, anatomy = build_twin(examination, RECIPE, stages_in(folder))
    return folder, twin, anatomy


@pytest.fixture(scope="module")
def twin(finished):
    return finished[1]


def names(twin):
    return {flag.name for flag in twin.flags}


def test_the_models_volumes_and_pressures_are_the_measured_ones(twin, examination):
    assert list(twin.states) == ["unloaded", "end_diastole", "end_systole"]
    for phase in (Phase.END_DIASTOLE, Phase.END_SYSTOLE):
        state = twin.states[phase.value]
        assert state.cavity_volume == pytest.approx(twin.fits[phase].cavity_volume, rel=0.01)
        assert state.wall_volume == pytest.approx(twin.states["unloaded"].wall_volume, rel=1e-3)
        volume = twin.fit[f"{phase.value.replace('ole', 'olic')}_volume"]
        assert volume.model == pytest.approx(volume.measured, rel=0.01)
    assert twin.states["end_systole"].cavity_pressure == pytest.approx(108 * MMHG, rel=0.01)
    for pressure in (5, 18):
        one = twin.fit[f"diastolic_volume_at_{pressure}_mmhg"]
        assert one.model == pytest.approx(one.measured, rel=0.01)
    assert twin.times == {k.value: t for k, t in examination.frame_times.items()}


def test_the_unloaded_wall_inflates_to_the_imaged_one(twin):
    assert twin.checks["unloading_return_p95"] < 0.3e-3
    volume, pressure = twin.passive_curve.T
    assert np.all(np.diff(volume) > 0)
    assert np.all(np.diff(pressure) > 0)
    assert len(volume) > len(FILLING)
    assert volume[0] == pytest.approx(twin.states["unloaded"].cavity_volume, rel=1e-6)
    imaged = twin.states["end_diastole"]
    found = np.interp(imaged.cavity_pressure, pressure, volume)
    assert found == pytest.approx(imaged.cavity_volume, rel=1e-6)


def test_every_parameter_has_an_uncertainty_and_draws_that_spread_by_it(twin):
    assert {"passive_scale", "passive_exponent", "contractility"} < set(twin.parameters)
    assert set(twin.posterior) == set(twin.parameters)
    for name, one in twin.parameters.items():
        draws = twin.posterior[name]
        assert one.sd > 0
        assert len(draws) == RECIPE.n_draws
        assert np.median(draws) == pytest.approx(one.value, abs=0.2 * one.sd), name
    spread = twin.posterior["end_systolic_pressure"].std()
    assert spread == pytest.approx(twin.parameters["end_systolic_pressure"].sd, rel=0.15)


def test_the_record_names_fibres_strains_and_what_was_assumed(twin, examination):
    for name in ("f0", "s0", "n0"):
        lengths = np.linalg.norm(twin.mesh.cell_fields[name], axis=1)
        np.testing.assert_allclose(lengths, 1, atol=1e-12)
    strains = twin.state_fields["end_systole"]
    assert np.median(strains["fibre_strain"]) < -0.05
    assert np.median(strains["fibre_stress"]) > 1e4
    assert not [name for name in names(twin) if name.endswith(("_assumed", "_prior", "_bound"))]
    assert twin.inputs == examination.inputs
    assert set(twin.timing) == set(STAGES)


@pytest.mark.parametrize("lost", [(), ("prediction",), ("systole", "prediction")])
def test_a_build_from_stored_stages_has_the_same_bits(finished, examination, tmp_path, lost):
    folder, twin, anatomy = finished
    for name in STAGES:
        if name not in lost:
            shutil.copy(folder / f"{name}.npz", tmp_path)
    again, same_anatomy = build_twin(examination, RECIPE, stages_in(tmp_path))
    assert identical(replace(again, timing={}), replace(twin, timing={}))
    assert identical(same_anatomy, anatomy)


def test_a_heart_drawn_at_end_diastole_only_has_a_passive_twin_and_says_so(
    coarse_volunteer, tmp_path
):
    labels = nib.load(coarse_volunteer / "cine" / "sa_seg.nii.gz")
    first = np.asarray(labels.dataobj)[..., 0]
    nib.save(nib.Nifti1Image(first, labels.affine), tmp_path / "heart.nii.gz")
    page = {"id": "A", "labels": "acdc", "files": {"labels": "heart.nii.gz"}}
    (tmp_path / "subject.yaml").write_text(yaml.safe_dump(page))
    twin, _ = build_twin(read_examination(tmp_path), RECIPE, Stages(None, ""))
    expect_passive(twin)
    assert {"end_systole_missing", "end_diastolic_pressure_assumed"} <= names(twin)


@pytest.mark.real_data
def test_a_published_heart_has_a_twin(real_data):
    read = read_examination(real_data / "cine/autofd/A")
    twin, anatomy = build_twin(read, RECIPE, Stages(None, ""))
    expect_passive(twin)
    fit = anatomy.fits[Phase.END_DIASTOLE]
    assert fit.measured_cavity == pytest.approx(188e-6, abs=2e-6)
    assert fit.inverted == 0
    assert {"end_systole_missing", "end_diastolic_pressure_assumed", "klotz_prior"} <= names(twin)


def expect_passive(twin):
    assert list(twin.states) == ["unloaded", "end_diastole"]
    assert set(twin.measured_points) == {Phase.END_DIASTOLE}
    assert "contractility" not in twin.parameters
    assert not [name for name in twin.fit if "systolic" in name]
    assert min(one.sd for one in twin.parameters.values()) > 0
    assert twin.checks["unloading_return_p95"] < 0.3e-3
    volume = twin.fits[Phase.END_DIASTOLE].cavity_volume
    assert twin.states["end_diastole"].cavity_volume == pytest.approx(volume, rel=0.01)
    assert 0.4 * volume < twin.states["unloaded"].cavity_volume < 0.9 * volume
