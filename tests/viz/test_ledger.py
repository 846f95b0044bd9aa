"""The ledger's picture and table say what the ledger says."""

import re

import numpy as np
from matplotlib.image import imread

from cardiotwin.fitting.ledger import Fisher, make_ledger
from cardiotwin.viz.ledger import draw_ledger, ledger_table

MINUTES = {"cine": 4.0, "cuff": 1.0}


def ledger():
    rows = {"cine": np.array([[2.0, 0.5]]), "cuff": np.array([[0.0, 3.0]])}
    by = {name: (row.T @ row)[None] for name, row in rows.items()}
    return make_ledger(Fisher(names=("stiffness", "tension"), by=by), MINUTES, ["cine"])


def test_the_table_has_every_bit():
    found = ledger()
    lines = ledger_table(found).splitlines()
    assert lines[0].split()[-2:] == ["stiffness", "tension"]
    cuff = next(line for line in lines if "cuff (not made)" in line)
    numbers = [float(word) for word in re.findall(r"\d+\.\d+", cuff)]
    entry = found.entries[1]
    expected = [1.0, entry.alone, entry.given_all, entry.per_minute, *entry.parameters.values()]
    np.testing.assert_allclose(numbers, expected, atol=0.005)
    assert f"{found.joint:.2f}" in lines[-1]


def test_the_picture_is_drawn(tmp_path):
    path = draw_ledger(ledger(), ledger(), tmp_path / "ledger.png")
    assert imread(path).std() > 0.05
