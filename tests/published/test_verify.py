"""The experiments as programs: options by name, numbers in `result.json`, the page of tables."""

import json
import sys

import experiment
import pytest
import verify
from land2015 import Options, solve

from cardiotwin.errors import InputError


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("problm=1", r"Unknown option 'problm=1'. The options are problem, refinement, grading"),
        ("problem", r"Unknown option 'problem'"),
        ("problem=two", r"problem takes int values, found 'two'"),
    ],
)
def test_a_wrong_option_is_refused_by_name(word, message):
    with pytest.raises(InputError, match=message):
        experiment.read_options(Options, [word])


def test_a_problem_that_is_not_there_ends_the_program_with_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["land2015.py", "problem=4"])
    with pytest.raises(SystemExit) as caught:
        experiment.run(Options, solve)
    assert caught.value.code == 2
    assert "found problem=4 refinement=2" in capsys.readouterr().err


@pytest.mark.slow
def test_the_smoke_run_writes_every_table_and_number(monkeypatch, tmp_path, capsys):
    page = tmp_path / "docs" / "verification.md"
    monkeypatch.setattr(verify, "PAGE", page)
    monkeypatch.setattr(sys, "argv", ["verify.py", "finest=1", f"output={tmp_path / 'out'}"])
    experiment.run(verify.Options, verify.verify)
    text = page.read_text()
    assert text.count("\n## ") == 4
    assert text.count("\n|---:|") == 4
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["config"] == {"finest": 1, "output": str(tmp_path / "out")}
    assert {"cardiotwin", "numpy"} <= set(result["software"])
    assert result["heart_largest_distance_nm"] < 1
    assert "beam_tip_z_mm" in capsys.readouterr().out
