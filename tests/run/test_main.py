import errno
import os
import re
import signal
import subprocess
import sys

import pytest

from cardiotwin.errors import ConvergenceError
from cardiotwin.run import check as check_job
from cardiotwin.run.main import JOBS

HEAVY = {"dolfinx", "hydra", "matplotlib", "nibabel", "numpy", "pyvista", "scipy", "torch", "ufl"}


def test_the_first_page_lists_the_jobs(command):
    code, out, _ = command("--help")
    assert code == 0
    for job in JOBS:
        assert re.search(rf"^  {job} ", out, re.MULTILINE)


def test_the_first_page_loads_no_library():
    program = (
        "import sys; from cardiotwin.run.main import main; main(['--help']); main(['--version']);"
        f"found = {HEAVY} & set(sys.modules); sys.exit(', '.join(found) or 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)  # noqa: S603 - our own program


def test_a_job_that_does_not_exist_is_refused_with_the_nearest(command):
    code, _, err = command("twn")
    assert (code, err) == (2, "cardiotwin: There is no job 'twn'; did you mean twin?\n")


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        (
            "compliense=1",
            r"twin has no option compliense, found compliense=1: cardiotwin twin --help lists",
        ),
        ("contractilty=1", r"has no option contractilty.*did you mean fit.contractility\?"),
        ("fit.klotz.uze=1", r"has no option fit.klotz.uze.*did you mean fit.klotz.use\?"),
        ("material.bf=1", r"has no option material.bf, found material.bf=1: did you mean"),
        ("+x=1", r"twin has no option x, found \+x=1"),
        ("~seed", r"'~seed'|no option"),
        ("seed=high", r"seed must be a whole number, found high"),
        ("pictures=perhaps", r"pictures must be true or false, found perhaps"),
        ("fit.contractility.prior.sd=wide", r"prior.sd must be a number, found wide"),
        ("fit.contractility.prior.sd=null", r"prior.sd must have a value, found null"),
        ("volunteer.shape.wall=thick", r"volunteer.shape.wall must be a number, found thick"),
        (
            "material=steel",
            r"no material=steel. Choose guccione or holzapfel_ogden or neo_hookean or usyk",
        ),
        ("seed=1,2", r"seed=1,2 has several values. Add -m for a sweep"),
        ("folder", r"written key=value, found 'folder'. Write key=value"),
        ("labels='acdc", r"value of labels cannot be read, found \"'acdc\""),
        ("--multrun", r"no flag --multrun. Did you mean --multirun\?"),
        ("--outptu=x", r"no flag --outptu. Options have no dashes: did you mean output=x\?"),
        ("--forse", r"no flag --forse. Options have no dashes: did you mean force=true\?"),
    ],
)
def test_a_wrong_option_gets_one_sentence(word, sentence, command):
    code, out, err = command("twin", word)
    assert code == 2
    assert out == ""
    assert re.fullmatch(r"cardiotwin: [^\n]+\n", err), err
    assert re.search(sentence, err)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("material=usyk", "material.bff=1"), r"no option material.bff.*mean material.b_ff\?"),
        (("material=neo_hookean", "material.nu=1"), r"option material.nu.*mean material.mu\?"),
        (("material=guccione", "material.c=900", "seed=high"), r"seed must be a whole number"),
    ],
)
def test_a_chosen_law_has_its_own_options(words, sentence, command):
    code, _, err = command("twin", *words)
    assert code == 2
    assert re.search(sentence, err)


def test_a_value_that_no_law_takes_is_refused_before_the_volunteer_is_made(command, tmp_path):
    code, _, err = command("twin", "material.switch=ramps", f"output={tmp_path / 'run'}")
    assert code == 2
    assert "found 'ramps'. Choose ramp, logistic or none." in err
    assert not (tmp_path / "run" / "stages").exists()


def test_a_sweep_is_told_of_a_wrong_flag_too(command):
    code, out, err = command("twin", "-m", "seed=1,2", "--forse", "output=x")
    assert (code, out) == (2, "")
    assert err == (
        "cardiotwin: There is no flag --forse. Options have no dashes: did you mean force=true?\n"
    )


def test_a_file_given_without_its_key_is_recognised(command, labels):
    code, _, err = command("twin", labels)
    assert code == 2
    assert f"Write path={labels}." in err


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConvergenceError("Newton stopped\n at 0.1.", [1.0]), 3, "Newton stopped at 0.1."),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/a/twin.json"),
            2,
            "runs/a/twin.json: No space left on device. Make room on the disk",
        ),
        (
            OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), "x/outcome.json"),
            2,
            "x/outcome.json: Not a directory. Name a folder with output=",
        ),
        (KeyboardInterrupt(), 130, "Interrupted. The same command goes on from the last "),
    ],
)
def test_an_error_ends_with_its_code_and_one_line(error, code, line, monkeypatch, command):
    def fail(_options):
        raise error

    monkeypatch.setattr(check_job, "check_examination", fail)
    found, _, err = command("check", "path=x")
    assert found == code
    assert err.startswith(f"cardiotwin: {line}")
    assert err.count("\n") == 1


def test_v_shows_the_traceback(command):
    code, _, err = command("check", "-v", "path=/does/not/exist")
    assert code == 2
    assert "Traceback" in err
    assert "/does/not/exist" in err.splitlines()[-1]


def test_check_prints_what_is_there(labels, command):
    code, out, _ = command("check", f"path={labels}")
    assert code == 0
    assert re.search(r"end-diastole: cavity \d", out)
    assert "! end_diastolic_pressure_assumed" in out


@pytest.mark.parametrize("name", ["it's (2), a=b", "na me", "[x]", "ü{1}", "$x", "a,b", 'q"q'])
def test_a_path_may_be_called_anything(name, labels, tmp_path, command):
    path = tmp_path / f"{name}.nii.gz"
    labels.rename(path)
    code, _, err = command("check", f"path={path}")
    assert code == 0, err


def test_the_volunteer_takes_no_path(command):
    code, _, err = command("twin", "subject=volunteer", "path=x")
    assert code == 2
    assert "subject=volunteer is the built-in volunteer and takes no path, found path=x" in err


def test_ctrl_c_ends_a_process_with_130():
    program = (
        "import signal, sys, time\n"
        "from cardiotwin.run import check, main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a suite run with & has none
        "def wait(options):\n"
        "    print('waiting', flush=True)\n"
        "    time.sleep(60)\n"
        "check.check_examination = wait\n"
        "sys.exit(main.main(['check', 'path=x']))\n"
    )
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.count("\n") == 1


@pytest.mark.real_data
def test_check_reads_published_hearts(real_data, command):
    code, out, _ = command("check", f"path={real_data / 'cine/autofd/A'}")
    assert code == 0
    assert "cavity 188.4 mL, wall 132.2 mL" in out
