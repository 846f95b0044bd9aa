"""`cardiotwin information path=RUN`: the ledger of a finished twin, from the command line."""

import json

import numpy as np
import pytest

COARSE = (
    *("template.rings=3", "template.layers=1"),
    *("volunteer.template.rings=4", "volunteer.template.layers=1"),
    "pictures=false",
)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    """Return the folder of a coarse volunteer's ledger."""
    from cardiotwin.run.main import main  # noqa: PLC0415 - as a user calls it

    folder = tmp_path_factory.mktemp("ledger")
    assert main(["twin", f"output={folder / 'twin'}", *COARSE]) == 0
    words = (f"path={folder / 'twin'}", f"output={folder / 'out'}", "states=24", "confirm=1")
    assert main(["information", *words]) == 0
    return folder / "out"


@pytest.mark.slow
def test_a_finished_twin_has_a_ledger_that_adds_up(ledger):
    page = json.loads((ledger / "information.json").read_text())
    rows = page["acquisitions"]
    made = [row for row in rows.values() if row["performed"]]
    assert sum(row["given_before_bits"] for row in made) == pytest.approx(page["joint_bits"])
    assert {"cine", "tagging", "cuff", "second_filling", "catheter"} <= set(rows)
    assert all(row["given_all_bits"] > -1e-9 for row in rows.values())
    assert all(bits > -1e-9 for row in page["bits"].values() for bits in row.values())
    rates = {name: row["bits_per_minute"] for name, row in rows.items() if not row["performed"]}
    assert page["best_next"] == max(rates, key=rates.get)
    assert page["bits"]["cuff"]["active_tension"] > page["bits"]["cuff"]["passive_exponent"]
    assert (ledger / "information.png").stat().st_size > 10_000


@pytest.mark.slow
def test_its_posterior_stands_beside_the_full_model(ledger):
    page = json.loads((ledger / "posterior.json").read_text())
    for one in page["parameters"].values():
        assert one["interval_90"][0] < one["mean"] < one["interval_90"][1]
    confirmed = page["confirmed"]["observables"]["end_systolic_pressure"]
    full, reduced = (np.array(confirmed[key]) for key in ("full", "reduced"))
    assert full.shape == (2, 1)
    np.testing.assert_allclose(reduced, full, rtol=0.05)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("states=8", "states must be at least 24, found 8"),
        ("confirm=-1", "confirm must be at least 0, found -1"),
        ("reach=0", "reach must be at least 0.5, found 0"),
    ],
)
def test_an_option_without_meaning_is_refused(word, sentence, tmp_path, command):
    (tmp_path / "twin.json").write_text("{}")
    code, _, err = command("information", f"path={tmp_path}", f"output={tmp_path / 'out'}", word)
    assert (code, sentence in err) == (2, True), err
