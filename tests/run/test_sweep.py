import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cardiotwin.run import sweep
from cardiotwin.run.sweep import member_folder
from cardiotwin.run.table import Member, print_table, write_table

options = st.dictionaries(
    st.sampled_from(["path", "seed", "fit.klotz.use", "labels"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200),
    min_size=1,
)


def words(chosen):
    return [f"{key}={value}" for key, value in chosen.items()]


@given(one=options, other=options)
def test_every_member_has_a_folder_of_its_own_with_a_name_any_file_system_takes(one, other):
    names = [member_folder(words(chosen)) for chosen in (one, other)]
    assert (names[0] == names[1]) == (one == other)
    for name in names:
        assert Path(name).name == name
        assert 0 < len(name.encode()) < 250


def test_a_member_s_folder_does_not_depend_on_the_order_or_on_where_it_is_put():
    assert member_folder(["a=1", "b=2"]) == member_folder(["b=2", "a=1", "force=true", "output=x"])


def test_the_table_lists_all_members_with_their_numbers(tmp_path, capsys):
    record = {
        "geometry": {"model": {"edv_ml": 140.5}},
        "parameters": {"contractility": {"value": 90.0, "sd": 10.0, "unit": "kPa"}},
        "flags": [{"name": "a", "sentence": "b"}],
    }
    members = [
        Member(folder=Path("x"), options={"path": "/d/a", "seed": "1"}, exit_code=0, reason="",
               record=record),
        Member(folder=Path("y"), options={"path": "/d/b", "seed": "1"}, exit_code=3,
               reason="Newton stopped.", record={}),
    ]  # fmt: skip
    frame = pd.read_parquet(write_table(tmp_path, members))
    assert list(frame["status"]) == ["finished", "failed"]
    assert list(frame["exit_code"]) == [0, 3]
    assert list(frame["reason"]) == ["", "Newton stopped."]
    assert list(frame["path"]) == ["/d/a", "/d/b"]
    assert list(frame["seed"]) == [1, 1]
    assert frame["geometry.model.edv_ml"][0] == 140.5
    assert frame["parameters.contractility.sd"][0] == 10
    assert frame["parameters.contractility.unit"][0] == "kPa"
    assert np.isnan(frame["parameters.contractility.sd"][1])
    print_table(tmp_path, members)
    out = capsys.readouterr().out
    assert "140.5" in out
    assert "y: Newton stopped." in out
    assert "1 of 2 finished" in out


PROGRAM = """
import json, os, signal, sys
from pathlib import Path
options = dict(word.split("=", 1) for word in sys.argv[2:])
folder = Path(options["output"])
if options["seed"] == "2":
    os.kill(os.getpid(), signal.SIGKILL)
if options["seed"] == "3":
    sys.exit("cardiotwin: Newton stopped.")
folder.joinpath("twin.json").write_text(json.dumps({"schema": 1, "seen": options["path"]}))
"""


@pytest.mark.slow
def test_a_failed_member_stops_no_other_and_each_is_listed(tmp_path, command, monkeypatch):
    program = tmp_path / "member.py"
    program.write_text(PROGRAM)
    monkeypatch.setattr(sweep, "MEMBER", (str(program),))
    output = tmp_path / "a sweep"
    code, out, err = command(
        "twin", "-m", "path=/data/a b,/data/c", "seed=1,2,3", f"output='{output}'",
        "hydra/launcher=basic",
    )  # fmt: skip
    assert code == 128 + 9, err
    frame = pd.read_parquet(output / "sweep.parquet").set_index(["path", "seed"])
    assert len(frame) == 6
    assert (frame.xs(1, level="seed")["status"] == "finished").all()
    assert (frame.xs(2, level="seed")["reason"] == "ended by SIGKILL (memory?)").all()
    assert (frame.xs(3, level="seed")["reason"] == "Newton stopped.").all()
    seen = {json.loads(path.read_text())["seen"] for path in output.glob("*/twin.json")}
    assert seen == {"/data/a b", "/data/c"}
    assert "2 of 6 finished" in out


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])  # the latter as on a cluster
def test_members_run_on_local_cores_and_the_worst_exit_code_is_the_sweep_s(
    launcher, tmp_path, command
):
    missing = [str(tmp_path / name) for name in ("a", "b")]
    words = [f"path={','.join(missing)}", f"output={tmp_path / 's'}"]
    code, out, _ = command("twin", "-m", *words, f"hydra/launcher={launcher}")
    assert code == 2
    frame = pd.read_parquet(tmp_path / "s" / "sweep.parquet")
    assert list(frame["path"]) == missing
    assert all(path in reason for path, reason in zip(missing, frame["reason"], strict=True))
    assert "0 of 2 finished" in out


def test_a_wrong_option_stops_a_sweep_before_it_starts(tmp_path, command):
    code, _, err = command("twin", "-m", "sead=1,2", f"output={tmp_path / 's'}")
    assert code == 2
    assert "did you mean seed?" in err
    assert not (tmp_path / "s").exists()


def test_one_switch_sends_members_to_slurm_with_values_that_fit_each_other(command):
    code, out, _ = command("twin", "hydra/launcher=submitit_slurm", "--cfg", "hydra")
    assert code == 0
    launcher = yaml.safe_load(out)["hydra"]["launcher"]
    assert launcher["_target_"].endswith("SlurmLauncher")
    assert launcher["signal_delay_s"] < 60 * launcher["timeout_min"]
    assert launcher["max_num_timeout"] > 0
    assert launcher["mem_gb"] == 4


@pytest.mark.skipif(shutil.which("srun") is not None, reason="here is a cluster")
def test_a_cluster_that_is_not_there_is_said_in_one_line(tmp_path, command):
    code, _, err = command(
        "twin", "-m", "seed=1,2", f"output={tmp_path}", "hydra/launcher=submitit_slurm"
    )
    assert code == 2
    assert 'Could not detect "srun"' in err
    assert err.count("\n") == 1
