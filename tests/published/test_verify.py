"""The experiments as programs: options by name, numbers in `result.json`, the page of tables."""

import json
import sys

import experiment
import pytest
import verify
import verify_motion
from land2015 import Options, solve
from verification import Section, limit, splice

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


def test_a_study_that_is_not_there_is_refused_by_name(tmp_path):
    options = verify.Options(cases="land1,land4", output=str(tmp_path))
    with pytest.raises(InputError, match=r"found cases=land1,land4 finest=3"):
        verify.verify(options)


@pytest.mark.parametrize("order", [0.5, 2.0, 3.7])
def test_richardsons_limit_is_that_of_a_power(order):
    sizes = [1.0, 1 / 2, 1 / 3]
    found = limit(sizes, [4.0 - 3.0 * size**order for size in sizes])
    assert found == pytest.approx((4.0, order), rel=1e-9)


@pytest.mark.parametrize("values", [[1.0, 2.0, 1.5], [1.0, 1.0, 1.0], [1.0, 2.0, 5.0], [1.0, 2.0]])
def test_values_that_approach_nothing_have_no_limit(values):
    assert limit([1.0, 0.5, 0.25], values) is None


def test_a_section_that_is_made_anew_leaves_the_others_as_they_were(tmp_path):
    page, titles = tmp_path / "page.md", ["one", "two"]
    for title, body, cost in (("two", "old\n", 30), ("one", "first\n", 90), ("two", "new\n", 60)):
        page.write_text(
            splice(page, "# head\n", titles, [Section(title=title, body=body, cpu_s=cost)])
        )
    text = page.read_text()
    assert text.index("## one\n\nfirst") < text.index("## two\n\nnew")
    assert "old" not in text
    assert "together cost 2 CPU-minutes" in text  # 150 s


@pytest.mark.slow
def test_the_smoke_run_writes_every_table_number_and_picture(monkeypatch, tmp_path, capsys):
    page = tmp_path / "docs" / "verification.md"
    for module in (verify, verify_motion):
        monkeypatch.setattr(module, "PAGE", page)
    words = ["verify.py", "finest=1", f"output={tmp_path / 'out'}"]
    monkeypatch.setattr(sys, "argv", words)
    experiment.run(verify.Options, verify.verify)
    text = page.read_text()
    assert text.count("\n## ") == len(verify.STUDIES)
    assert text.count("\n|---:|") == 14
    assert page.with_name("elastodynamics.png").stat().st_size > 1e4
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["config"]["finest"] == 1
    assert {"cardiotwin", "numpy"} <= set(result["software"])
    assert result["unloading_largest_distance_nm"] < 1
    assert "land1_tip_z_mm" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [*words, "cases=sphere", "resume=1"])
    experiment.run(verify.Options, verify.verify)
    assert page.read_text() == text
