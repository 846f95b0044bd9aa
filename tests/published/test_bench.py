"""The page of benchmarks: a section is rewritten, the others stay."""

from bench_mechanics import HEADING, land_lines
from bench_page import with_section
from compare_flow import paragraph

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


def pulse_numbers(name, seconds, **more):
    numbers = {
        "cpu_s_per_step": seconds,
        "inflow_ml_per_s": 163.7,
        "outflow_ml_per_s": 163.0,
        "peak_speed_m_per_s": 0.91,
        "apex_pa": 246.0,
    }
    return {f"{name}_{key}": value for key, value in {**numbers, **more}.items()}


def test_ambits_blood_has_its_rows_or_the_reason_why_it_has_none():
    found = {"cells": 17442, "steps": 10} | pulse_numbers("cardiotwin", 0.03)
    more = {"ratio": 20.0, "iterations_per_step": 1.5, "apart": 0.06}
    found |= pulse_numbers("like_ours", 0.6, **more) | {"demo_said": "no way"}
    page = paragraph(found)
    assert "| cardiotwin | 30 | 1.0 | 163.7 | 163.0 | 0.91 | 246 | 0 % |" in page
    assert "| ambit-fe 2026.1.0, like cardiotwin | 600 | 1.5 |" in page
    assert "| ambit-fe 2026.1.0, as in its demo |" not in page
    assert "20 times faster than ambit-fe 2026.1.0, like cardiotwin." in page
    assert "as in its demo ended with: no way" in page
    assert paragraph({**found, "missing": "no pip"}).endswith("It gave no numbers: no pip\n")
