"""What the run folder's text files say."""

import csv
import datetime as dt
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from cardiotwin.imaging.examination import Phase
from cardiotwin.twin import Agreement, Estimate, save_twin
from cardiotwin.twin.beat import beat_states, beat_table
from cardiotwin.twin.crate import crate_record
from cardiotwin.twin.json_record import (
    agreement_record,
    as_json,
    estimate_record,
    twin_record,
)
from cardiotwin.units import ML, MMHG


def strict(text):
    def refuse(word):
        raise AssertionError(word)

    return json.loads(text, parse_constant=refuse)


def test_volumes_are_in_millilitres_and_measured_and_model_share_their_keys(hearts):
    twin = hearts.heart_twin()
    geometry = twin_record(twin, {})["geometry"]
    fit = twin.fits[Phase.END_SYSTOLE]
    assert geometry["measured"]["esv_ml"] == pytest.approx(fit.measured_cavity * 1e6)
    assert geometry["measured"].keys() == geometry["model"].keys() == geometry["whole"].keys()
    edv, esv = (geometry["model"][key] for key in ("edv_ml", "esv_ml"))
    assert geometry["model"]["ejection_fraction_percent"] == pytest.approx(100 * (1 - esv / edv))


def test_a_phase_that_was_not_measured_is_absent(hearts):
    record = twin_record(hearts.heart_twin(end_systole=False), {})
    text = as_json(record)
    assert not [word for word in ("esv", "wall_es", "ejection", "end_systol") if word in text]


def test_the_mesh_is_as_good_as_its_worst_phase(hearts):
    twin = hearts.heart_twin()
    worse = replace(
        twin.fits[Phase.END_SYSTOLE], inverted=2, dihedral_min=0.1, surface_distance=2e-3
    )
    twin = replace(twin, fits={**twin.fits, Phase.END_SYSTOLE: worse})
    mesh = twin_record(twin, {})["geometry"]["mesh"]
    assert mesh["inverted"] == 2
    assert mesh["dihedral_min_deg"] == pytest.approx(np.rad2deg(0.1))
    assert mesh["surface_distance_mm"] == pytest.approx(2)
    assert mesh["phases"]["end_diastole"]["inverted"] == 0


def test_checks_are_in_millimetres(hearts):
    checks = twin_record(hearts.heart_twin(), {})["checks"]
    assert checks == {"unloading_return_p95_mm": pytest.approx(0.04)}


def test_numbers_that_are_not_known_are_null_in_strict_json(hearts):
    twin = hearts.heart_twin()
    vague = replace(twin.parameters["contractility"], sd=float("inf"))
    twin = replace(twin, parameters={"contractility": vague}, timing={"fit": float("nan")})
    record = strict(as_json(twin_record(twin, {})))
    assert record["parameters"]["contractility"]["sd"] is None
    assert record["timing_s"]["fit"] is None


def test_a_parameter_is_in_the_unit_that_a_clinic_uses(hearts):
    parameters = twin_record(hearts.heart_twin(), {})["parameters"]
    found = parameters["contractility"]
    assert (found["value"], found["sd"], found["prior_median"]) == (62, 5, 60)
    assert (found["unit"], found["prior_log_sd"]) == ("kPa", 0.5)
    assert parameters["passive_scale"]["unit"] == "1"
    volume = Estimate(value=80 * ML, sd=4 * ML, unit="m^3", prior="derived")
    assert estimate_record("unloaded_volume", volume)["value"] == pytest.approx(80)
    pressure = Estimate(value=10 * MMHG, sd=2 * MMHG, unit="Pa", prior="measured")
    assert estimate_record("end_diastolic_pressure", pressure)["unit"] == "mmHg"


def test_a_pressure_is_reported_in_mmhg_with_its_residual_in_standard_deviations():
    one = Agreement(measured=100 * MMHG, sd=5 * MMHG, model=90 * MMHG, unit="Pa", source="cuff")
    record = agreement_record("end_systolic_pressure", one)
    assert record["unit"] == "mmHg"
    assert record["residual"] == pytest.approx(-10)
    assert record["residual_in_sd"] == pytest.approx(-2)


def test_the_subject_keeps_the_keys_that_a_subject_file_has(hearts):
    twin = hearts.heart_twin()
    subject = replace(twin.subject, heart_rate=1.2, end_diastolic_pressure=(10 * MMHG, 2 * MMHG))
    record = twin_record(replace(twin, subject=subject), {})["subject"]
    assert record["heart_rate_bpm"] == pytest.approx(72)
    assert record["end_diastolic_pressure_sd_mmhg"] == pytest.approx(2)
    assert "height_cm" not in record


def test_the_beat_has_a_row_per_state_and_leaves_an_unknown_time_empty(hearts):
    twin = replace(hearts.heart_twin(), times={"end_diastole": 0.0})
    rows = list(csv.DictReader(io.StringIO(beat_table(twin))))
    assert [row["state"] for row in rows] == ["end_diastole", "end_systole"]
    assert [row["time_s"] for row in rows] == ["0.0", ""]
    state = twin.states["end_systole"]
    assert float(rows[1]["lv_volume_ml"]) == state.cavity_volume / ML
    assert float(rows[1]["lv_pressure_mmhg"]) == pytest.approx(108)
    assert float(rows[1]["active_tension_kpa"]) == pytest.approx(62)


def test_states_come_in_the_order_of_their_times_whatever_the_order_they_were_given(hearts):
    twin = hearts.heart_twin()
    twin = replace(twin, states=dict(reversed(twin.states.items())))
    assert beat_states(twin) == ("end_diastole", "end_systole")


def test_the_crate_names_files_inputs_software_and_licence_and_no_person(hearts, tmp_path):
    twin = hearts.heart_twin()
    (tmp_path / "slices.png").write_bytes(b"picture")
    save_twin(twin, tmp_path)
    graph = json.loads((tmp_path / "ro-crate-metadata.json").read_text())["@graph"]
    by_id = {entity["@id"]: entity for entity in graph}
    parts = {part["@id"] for part in by_id["./"]["hasPart"]}
    assert {item.name for item in tmp_path.iterdir()} - {"ro-crate-metadata.json"} <= parts
    assert all(len(by_id[name]["sha256"]) == 64 for name in parts - {"twin.json"})
    assert by_id["#software-cardiotwin"]["license"].endswith("MIT")
    action = by_id["#personalisation"]
    assert [by_id[item["@id"]]["sha256"] for item in action["object"]] == ["0" * 64]
    assert "female" not in json.dumps(graph)


def test_the_crate_says_when_it_was_written(hearts):
    written = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    graph = crate_record(hearts.heart_twin(), {"twin.json": ""}, written)["@graph"]
    root = next(entity for entity in graph if entity["@id"] == "./")
    assert root["datePublished"].startswith("2026-03-01T12:00:00")
