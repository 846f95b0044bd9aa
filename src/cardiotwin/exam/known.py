"""What is known of a heart: `truth.json`, which a virtual examination leaves in its folder."""

import json
from pathlib import Path

from cardiotwin.errors import InputError
from cardiotwin.exam.write import TRUTH
from cardiotwin.units import KPA, ML, MMHG

_STATES = {"end_diastole": "end_diastolic", "end_systole": "end_systolic"}


def known_truth(subject: Path) -> dict[str, float]:
    """Return the truth, SI, by the names of parameters and measurements; empty where none lies.

    Raises
    ------
    InputError
        If the file is not such a record.
    """
    path = subject / TRUTH
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_bytes())
        states, parameters = record["states"], record["parameters"]
        found = {
            name: float(parameters[name]["value"])
            for name in ("passive_scale", "passive_exponent")
            if name in parameters
        }
        for state, name in _STATES.items():
            if state in states:
                found[f"{name}_volume"] = states[state]["lv_volume_ml"] * ML
                found[f"{name}_pressure"] = states[state]["lv_pressure_mmhg"] * MMHG
        if "unloaded" in states:
            found["unloaded_volume"] = states["unloaded"]["lv_volume_ml"] * ML
        if "end_systole" in states:
            found["contractility"] = states["end_systole"]["active_tension_kpa"] * KPA
    except (ValueError, KeyError, TypeError) as error:
        msg = (
            f"{path} is no record of a known heart, found {type(error).__name__}: {error}. "
            "Remove it, or copy the whole examination again."
        )
        raise InputError(msg) from error
    return found
