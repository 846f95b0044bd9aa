"""The whole job as a person runs it: its record, its end after kills, its pictures."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cardiotwin.twin import load_twin
from cardiotwin.twin.stages import fingerprint

pytestmark = pytest.mark.slow
PROGRAM = (sys.executable, "-m", "cardiotwin.run.main", "twin", "output=run", "pictures=false")
COARSE = (
    *("template.rings=3", "template.layers=1"),
    *("volunteer.template.rings=4", "volunteer.template.layers=1"),
)
SOON = 0.4  # s, into a stage: the undisturbed run may have compiled its forms there
LONGEST = 240  # s, of one process on a machine that is busy and compiles


def start(folder):
    """Start the job in a folder; its inputs have the same names wherever that is."""
    command = [*PROGRAM, *COARSE]
    with (folder / "said.txt").open("wb") as said:
        return subprocess.Popen(command, cwd=folder, stderr=said)  # noqa: S603 - our own program


def end(folder):
    with start(folder) as process:
        assert process.wait(LONGEST) == 0, (folder / "said.txt").read_text()
    return (folder / "said.txt").read_text()


def kill_in(folder, stage, seconds, how=signal.SIGKILL):
    """Kill the job early in a stage that took so many seconds; return what it said."""
    with start(folder) as process:
        limit = time.monotonic() + LONGEST
        while f"{stage} ...\n" not in (folder / "said.txt").read_text():
            assert process.poll() is None, (folder / "said.txt").read_text()
            assert time.monotonic() < limit
            time.sleep(0.02)
        time.sleep(min(0.15 * seconds, SOON))
        process.send_signal(how)
        code = process.wait(LONGEST)
    assert code == (-how if how == signal.SIGKILL else 130)
    assert not (folder / "run" / "twin.json").exists()
    return (folder / "said.txt").read_text()


def record(folder):
    return json.loads((folder / "run" / "twin.json").read_text())


@pytest.fixture(scope="module")
def undisturbed(once):
    with once("undisturbed") as folder:
        if not (folder / "run" / "twin.json").exists():
            end(folder)
    return folder


def test_a_run_killed_three_times_ends_as_an_undisturbed_one(undisturbed, tmp_path):
    seconds = record(undisturbed)["timing_s"]
    kill_in(tmp_path, "volunteer", seconds["volunteer"])
    said = kill_in(tmp_path, "diastole", seconds["diastole"], signal.SIGTERM)
    last = "cardiotwin: Interrupted. The same command goes on from the last finished stage."
    assert said.splitlines()[-1] == last
    assert "PETSC" not in said
    kill_in(tmp_path, "prediction", seconds["prediction"])
    said = end(tmp_path)
    for stage in ("volunteer", "geometry", "diastole", "systole"):
        assert f"{stage}: kept from before" in said
    ends = [record(folder) for folder in (tmp_path, undisturbed)]
    for one in ends:
        del one["timing_s"]
        del one["files"]["twin.vtkhdf"]  # it holds the seconds, too
    assert ends[0] == ends[1]
    twins = [load_twin(folder / "run") for folder in (tmp_path, undisturbed)]
    bits = [fingerprint(replace(twin, timing={})) for twin in twins]
    assert bits[0] == bits[1]
    assert not list(tmp_path.rglob(".part-*"))


def test_the_volunteers_truth_lies_within_what_its_twin_says(undisturbed):
    truth = json.loads((undisturbed / "run" / "subject" / "truth.json").read_text())
    found = record(undisturbed)["parameters"]
    for name, true in truth["parameters"].items():
        assert abs(found[name]["value"] - true["value"]) < 2 * found[name]["sd"], name


def test_a_finished_run_is_complete_and_left_alone(undisturbed):
    names = {path.name for path in (undisturbed / "run").iterdir()}
    assert names >= {
        *("twin.json", "twin.vtkhdf", "beat.csv", "posterior.parquet", "run.log"),
        *("ro-crate-metadata.json", ".hydra", "subject", "stages"),
    }
    before = (undisturbed / "run" / "twin.json").stat()
    assert "is finished: nothing to do" in end(undisturbed)
    assert (undisturbed / "run" / "twin.json").stat() == before


def test_the_pictures_of_a_finished_run_can_be_drawn_later(undisturbed, tmp_path, command):
    folder = tmp_path / "run"
    shutil.copytree(undisturbed / "run", folder)
    code, out, err = command("view", f"path={folder}")
    assert code == 0, err
    drawn = [line for line in out.split() if line.endswith(".png")]
    assert len(drawn) >= 4
    assert (folder / "report.html").stat().st_size > 1e5


def test_beats_that_are_interrupted_say_in_one_line_how_to_go_on(undisturbed, tmp_path):
    folder = tmp_path / "beats"
    shutil.copytree(undisturbed / "run", folder / "twin")
    program = Path(__file__).parents[2] / "experiments" / "beat.py"
    command = [sys.executable, program, f"output={folder}", "step_ms=12", "frames=20"]
    page, limit = folder / "journal" / "steps_000000.npz", time.monotonic() + LONGEST
    with (tmp_path / "said.txt").open("w") as said:
        process = subprocess.Popen(command, stderr=said)  # noqa: S603 - our own program
        while not page.exists():
            assert process.poll() is None, (tmp_path / "said.txt").read_text()
            assert time.monotonic() < limit
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(LONGEST) == 130
    said = (tmp_path / "said.txt").read_text()
    assert said == f"Interrupted. The same command goes on from what it kept in {folder}.\n"
    with np.load(page) as kept:
        assert len(kept["time"]) >= 50
    other = subprocess.run(  # noqa: S603 - our own program
        [*command, "tension_share=0.5"],
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert other.returncode == 2
    assert "is the journal of another run, found different: tension_share" in other.stderr
