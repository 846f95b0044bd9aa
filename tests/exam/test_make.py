import hashlib
import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from cardiotwin.errors import InputError
from cardiotwin.exam import Volunteer, make_volunteer
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import wall_volume
from cardiotwin.imaging.examination import Phase, Structure, Tissue
from cardiotwin.imaging.read import read_examination
from cardiotwin.units import ML, MMHG


def hashes(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_folder_reads_like_anybodys(folder):
    found = read_examination(folder)
    assert found.subject.identifier == "volunteer"
    assert found.subject.cuff_systolic == pytest.approx(120 * MMHG)
    assert found.subject.end_diastolic_pressure == pytest.approx((10 * MMHG, 2 * MMHG))
    assert found.frame_times[Phase.END_SYSTOLE] == pytest.approx(0.34)
    assert found.images[0].array.shape[3] == 2
    assert not found.flags
    assert len(found.contours[Phase.END_DIASTOLE].of(Structure.RV_INSERTION)) > 3


def test_labels_lie_in_the_world_where_the_true_wall_is(folder):
    """The labelled cavity's middle is the true cavity's, in an oblique frame."""
    labels = read_examination(folder).labels[Phase.END_DIASTOLE]
    index = np.argwhere(labels.array == Tissue.LV_CAVITY)
    middle = labels.affine[:3, :3] @ index.mean(axis=0) + labels.affine[:3, 3]
    wall = np.load(folder / "truth.npz")
    inner = wall["end_diastole"][np.unique(wall["facets_lv_endocardium"])]
    assert np.linalg.norm(middle - inner.mean(axis=0)) < 0.008
    lengths = np.linalg.norm(labels.affine[:3, :3], axis=0)
    np.testing.assert_allclose(lengths, [1.4e-3, 1.4e-3, 10e-3], rtol=1e-5)


def test_the_truth_has_the_twins_keys_and_the_meshs_volumes(folder):
    truth = json.loads((folder / "truth.json").read_text())
    wall = np.load(folder / "truth.npz")
    facets = {
        name.removeprefix("facets_"): wall[name] for name in wall if name.startswith("facets_")
    }
    mesh = TetMesh(points=wall["end_diastole"], cells=wall["cells"], facets=facets)
    model = truth["geometry"]["model"]
    assert model["esv_ml"] == pytest.approx(cavity_volume(wall["end_systole"], mesh) / ML)
    assert model["wall_ed_ml"] == pytest.approx(wall_volume(wall["end_diastole"], mesh) / ML)
    assert model["ejection_fraction_percent"] == pytest.approx(60)
    assert truth["parameters"]["contractility"]["value"] == 50
    assert truth["parameters"]["contractility"]["unit"] == "kPa"
    assert truth["states"]["end_systole"]["lv_pressure_mmhg"] == pytest.approx(108)
    assert truth["subject"]["cuff_systolic_mmhg"] == pytest.approx(120)


def test_the_same_recipe_gives_the_same_bytes_and_another_seed_others(folder, tmp_path, systole):
    again = make_volunteer(Volunteer(), tmp_path / "again", systole)
    assert hashes(again) == hashes(folder)
    other = make_volunteer(Volunteer(seed=2), tmp_path / "other", systole)
    labels = [nib.load(place / "cine" / "sa_seg.nii.gz").get_fdata() for place in (folder, other)]
    assert 0 < np.mean(labels[0] != labels[1]) < 0.02


def test_a_folder_that_is_there_is_kept(folder):
    before = hashes(folder)
    assert make_volunteer(Volunteer(), folder, pytest.fail) == folder
    assert hashes(folder) == before


def test_another_recipes_folder_is_refused(folder, systole):
    with pytest.raises(
        InputError, match=r"another recipe: ejection_fraction is 0.6 there and 0.5"
    ):
        make_volunteer(replace(Volunteer(), ejection_fraction=0.5), folder, systole)


def test_a_folder_with_something_else_is_refused(tmp_path, systole):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(InputError, match=r"must be a new or an empty folder, found something"):
        make_volunteer(Volunteer(), tmp_path, systole)
    (tmp_path / "truth.json").write_text("[]")
    with pytest.raises(InputError, match=r"found no recipe in it"):
        make_volunteer(Volunteer(), tmp_path, systole)
