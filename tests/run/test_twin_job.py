import errno
import json
import os
from pathlib import Path

import pytest
import yaml

from cardiotwin.errors import InputError
from cardiotwin.imaging.examination import Subject
from cardiotwin.mechanics.material import Guccione
from cardiotwin.run import twin as job
from cardiotwin.run.recipe import kept_recipe
from cardiotwin.units import MMHG


@pytest.fixture
def builds(monkeypatch):
    """Replace the building of a twin by a stage and a record; return what was built."""
    built = []

    def finish(examination, options, folder, stages, *, recipe, mark):
        assert recipe.seed == options["seed"]
        value = stages.run(
            "fit", dict[str, float], lambda: built.append(options["seed"]) or {"value": 1.0}
        )
        content = {"schema": 1, "fingerprint": mark, "parameters": {"passive_scale": value}}
        (folder / "twin.json").write_text(json.dumps(content))
        assert examination.contours

    monkeypatch.setattr(job, "_finish", finish)
    return built


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("discretisation.form=foo", "form must be mixed or penalty, found 'foo'"),
        ("discretisation.newton.iterations=0", "iterations must be at least 1, found 0"),
        ("material.a=-1", "HolzapfelOgden.a must be finite and positive, found -1"),
        ("springs.annulus=-1", "Springs.annulus must be finite and not negative, found -1"),
        ("template.rings=1", "Template.rings must be at least 2, found 1"),
        ("segment_contractility=18:0", "AHA segments are 1 to 17, found 18"),
        ("segment_contractility=7:0/8", "pairs AHA segments with factors, found '8'"),
        ("biventricular.rv_wall=0.004", "biventricular is of anatomy=biventricular"),
        ("biventricular_fibres=bayer", "biventricular_fibres is of anatomy=biventricular"),
        ("seed=-1", "seed must be at least 0, found -1"),
        ("volunteer.seed=-1", "Volunteer.seed must be between 0"),
        ("volunteer.diastolic_pressures=[5]", "between 67 and 5333 Pa, found 5"),
        ("fit.pressure.end_diastolic_mmhg=1e3", "end-diastolic pressure must lie between"),
    ],
)
def test_a_number_that_no_model_takes_is_refused_before_anything_runs(
    word, found, tmp_path, builds, command
):
    output = tmp_path / "run"
    code, out, err = command("twin", f"output={output}", word)
    assert (code, out, builds) == (2, "", [])
    assert found in err
    assert not output.exists()


@pytest.mark.parametrize("word", ["template.rings=5", "fibres.endo=1.0"])
def test_an_option_of_the_left_ventricle_alone_is_refused_for_both(
    word, labels, tmp_path, builds, command
):
    words = (f"path={labels}", f"output={tmp_path / 'run'}", "anatomy=biventricular", word)
    code, _, err = command("twin", *words)
    assert (code, builds) == (2, [])
    assert f"{word.partition('.')[0]} is of anatomy=lv" in err


def test_the_recipe_of_a_run_is_read_again_from_its_folder(labels, tmp_path, builds, command):
    output = tmp_path / "run"
    words = ("material=guccione", "material.c=900", "segment_contractility=7:0/8:0.5")
    code, _, err = command("twin", f"path={labels}", f"output={output}", *words)
    assert (code, len(builds)) == (0, 1), err
    found = kept_recipe(output)
    assert found.material == Guccione(c=900.0)
    assert found.segment_contractility == {7: 0.0, 8: 0.5}
    with pytest.raises(InputError, match=r"read from .*config.yaml, found FileNotFoundError"):
        kept_recipe(tmp_path)


def test_a_run_leaves_its_settings_and_its_log(labels, tmp_path, builds, command):
    output = tmp_path / "run"
    code, _, err = command("twin", f"path={labels}", f"output={output}", "seed=4")
    assert code == 0, err
    assert builds == [4]
    assert yaml.safe_load((output / ".hydra/config.yaml").read_text())["seed"] == 4
    overrides = yaml.safe_load((output / ".hydra/overrides.yaml").read_text())
    assert "seed=4" in overrides
    assert "job:" in (output / ".hydra/hydra.yaml").read_text()
    log = (output / "run.log").read_text()
    assert "fit: 0.0 s" in log
    assert "finished in" in log
    assert "fit: 0.0 s" in err


def test_a_finished_run_is_left_alone_by_the_same_call_wherever_its_input_lies(
    labels, tmp_path, builds, command
):
    output = tmp_path / "run"
    command("twin", f"path={labels}", f"output={output}")
    elsewhere = tmp_path / "elsewhere" / labels.name
    elsewhere.parent.mkdir()
    labels.rename(elsewhere)
    code, _, err = command("twin", f"path={elsewhere}", f"output={output}", "pictures=false")
    assert code == 0
    assert "is finished: nothing to do" in err
    assert builds == [1]


@pytest.mark.parametrize(
    "change", ["seed=2", "subject.age=50", "material=guccione", "fit.klotz.use=false"]
)
def test_another_setting_does_not_overwrite_a_finished_run(
    change, labels, tmp_path, builds, command
):
    where = [f"path={labels}", f"output={tmp_path / 'run'}"]
    command("twin", *where)
    before = (tmp_path / "run" / "twin.json").read_bytes()
    code, _, err = command("twin", *where, change)
    assert code == 2
    assert "force=true" in err
    assert (tmp_path / "run" / "twin.json").read_bytes() == before
    assert len(builds) == 1
    code, *_ = command("twin", *where, change, "force=true")
    assert code == 0
    assert (tmp_path / "run" / "twin.json").read_bytes() != before


def test_a_run_that_stopped_goes_on_from_its_stages(labels, tmp_path, builds, command):
    where = [f"path={labels}", f"output={tmp_path / 'run'}"]
    command("twin", *where)
    (tmp_path / "run" / "twin.json").unlink()
    code, _, err = command("twin", *where)
    assert code == 0
    assert "fit: kept from before" in err
    assert builds == [1]


def test_without_an_output_the_run_folder_is_named_by_the_subject(
    labels, tmp_path, builds, command, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert command("twin", f"path={labels.name}")[0] == 0
    assert Path("runs/heart/twin.json").is_file()
    assert command("twin", f"path={labels.name}", "subject.id=N 1")[0] == 0
    assert Path("runs/N_1/twin.json").is_file()
    assert len(builds) == 2


def test_bad_input_leaves_no_folder(tmp_path, command):
    code, _, err = command("twin", "path=/does/not/exist", f"output={tmp_path / 'run'}")
    assert code == 2
    assert "/does/not/exist" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("below", "found"), [("", "File exists"), ("a", "Not a directory")], ids=["file", "below"]
)
def test_an_output_that_cannot_be_a_folder_is_refused_with_advice(
    below, found, labels, builds, command
):
    output = labels / below
    code, _, err = command("twin", f"path={labels}", f"output={output}")
    assert code == 2
    assert err.startswith(f"cardiotwin: {output} cannot be a run folder, found: {found}. Name one")
    assert err.count("\n") == 1
    assert not builds


def test_a_broken_record_says_how_to_go_on_and_force_does(labels, tmp_path, builds, command):
    where = [f"path={labels}", f"output={tmp_path / 'run'}"]
    command("twin", *where)
    record = tmp_path / "run" / "twin.json"
    record.write_bytes(record.read_bytes()[:20])
    code, _, err = command("twin", *where)
    assert code == 2
    assert "twin.json is not JSON, found" in err
    assert "force=true" in err
    assert command("twin", *where, "force=true")[0] == 0
    assert len(builds) == 2


@pytest.mark.usefixtures("builds")
def test_a_full_disk_ends_the_log_with_one_line(labels, tmp_path, command):
    output = tmp_path / "run"
    output.mkdir()
    (output / "run.log").symlink_to("/dev/full")
    code, _, err = command("twin", f"path={labels}", f"output={output}")
    assert code == 2
    assert os.strerror(errno.ENOSPC) in err.splitlines()[-1]
    assert "Traceback" not in err
    assert not (output / "twin.json").exists()


def test_options_override_a_subject_s_numbers_in_their_units():
    read = Subject(identifier="A", age=30.0, end_diastolic_pressure=(10 * MMHG, 2 * MMHG))
    words = {"built_in": False, "id": None, "sex": "F", "age": None, "heart_rate_bpm": 60.0}
    found = job.with_options(read, words | {"end_diastolic_pressure_mmhg": 12.0})
    assert (found.identifier, found.age, found.heart_rate, found.sex) == ("A", 30.0, 1.0, "female")
    assert found.end_diastolic_pressure[0] == pytest.approx(12 * MMHG)


def test_a_pressure_in_another_unit_is_refused(labels, command):
    code, _, err = command("twin", f"path={labels}", "subject.cuff_systolic_mmhg=16")
    assert code == 2
    assert "cuff_systolic_mmhg must be in mmHg" in err
