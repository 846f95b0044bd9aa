import json

import pytest

from cardiotwin.errors import InputError
from cardiotwin.exam.known import known_truth
from cardiotwin.units import MMHG

RECORD = {
    "parameters": {"passive_scale": {"value": 0.8, "sd": 0.0, "unit": "1", "prior": "known"}},
    "states": {
        "unloaded": {"lv_volume_ml": 78.0},
        "end_systole": {
            "lv_volume_ml": 57.6,
            "lv_pressure_mmhg": 108.0,
            "active_tension_kpa": 43.0,
        },
    },
}


def test_a_known_truth_is_in_si_under_the_names_of_the_twin(tmp_path):
    assert known_truth(tmp_path) == {}
    (tmp_path / "truth.json").write_text(json.dumps(RECORD))
    assert known_truth(tmp_path) == pytest.approx(
        {
            "passive_scale": 0.8,
            "unloaded_volume": 78e-6,
            "end_systolic_volume": 57.6e-6,
            "end_systolic_pressure": 108 * MMHG,
            "contractility": 43e3,
        }
    )


@pytest.mark.parametrize(("text", "found"), [("{}", "KeyError: 'states'"), ("{", "Expecting")])
def test_a_file_that_is_no_truth_is_refused(text, found, tmp_path):
    (tmp_path / "truth.json").write_text(text)
    with pytest.raises(InputError, match=rf"no record of a known heart, found .*{found}"):
        known_truth(tmp_path)
