"""The page of benchmarks: a section is rewritten, the others stay."""

from bench_mechanics import HEADING, land_lines
from bench_page import with_section

PAGE = "# Benchmarks\n\nhearts\n"


def test_a_section_is_put_at_the_end_and_rewritten_in_its_place():
    first = with_section(PAGE, HEADING, "one\n")
    assert first == f"{PAGE}\n{HEADING}\n\none\n"
    more = f"{first}\n## What was tried\n\nmuch\n"
    again = with_section(more, HEADING, "two\n")
    assert again == f"{PAGE}\n{HEADING}\n\ntwo\n\n## What was tried\n\nmuch\n"
    assert with_section(again, HEADING, "two\n") == again


def land_numbers(seconds, names):
    runs = {
        f"{name}_{key}": value
        for name in names
        for key, value in {
            "cpu_s": seconds,
            "factorisations": 9,
            "memory_gb": 0.3,
            "apex_mm": [-26.0, -28.0],
            "ratio": seconds,
            "apexes_apart_mm": 2e-9,
        }.items()
    }
    return {"dofs": 12906, "config": {"repeats": 1}} | runs


def test_a_code_has_its_rows_or_the_reason_why_it_has_none():
    found = land_numbers(7.0, ["cardiotwin_default", "cardiotwin_best", "ambit_best"])
    found |= {"ambit_best_settings": "10 steps", "ambit_said": "no way", "pulse_missing": "no pip"}
    page = "\n".join(land_lines(found))
    assert page.count("| cardiotwin, ") == 2
    assert page.count("| ambit-fe 2026.1.0, best | 7.00 | 9 |") == 1
    assert "ambit-fe 2026.1.0, default |" not in page
    assert "7.0 times at its best settings (10 steps, " in page
    assert "2e-09 mm apart. At its defaults it ended with: no way" in page
    assert "fenicsx-pulse 0.12 gave no numbers: no pip" in page
