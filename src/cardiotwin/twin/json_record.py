"""`twin.json`: the numbers of a twin for machines, in clinical units with the unit in the key.

What is not known is absent or null, never zero, and the text is strict JSON. It is for reading:
the twin itself, SI and to the last bit, is in `twin.vtkhdf`, from where it is loaded.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from cardiotwin.geometry.anatomy import PhaseFit
from cardiotwin.imaging.examination import Phase, Subject
from cardiotwin.mechanics.state import WallState
from cardiotwin.twin.beat import state_times
from cardiotwin.twin.clinical import clinical_unit
from cardiotwin.twin.function_record import function_record
from cardiotwin.twin.twin import Agreement, Estimate, Twin
from cardiotwin.units import KPA, ML, MM, MMHG

SCHEMA = 1
SHORT = {Phase.END_DIASTOLE: ("edv_ml", "wall_ed_ml"), Phase.END_SYSTOLE: ("esv_ml", "wall_es_ml")}
LARGE_IS_BAD = frozenset({"inverted", "surface_distance_mm"})
PER_MINUTE = 1 / 60  # beats / s
CM = 1e-2  # m


def twin_record(twin: Twin, files: Mapping[str, str], fingerprint: str = "") -> dict[str, Any]:
    """Return the content of `twin.json` (DESIGN, section 4).

    `files` holds the SHA-256 of the run folder's other files; `fingerprint` says of which
    configuration the twin is, where the caller keeps one.
    """
    record = {
        "schema": SCHEMA,
        "subject": subject_record(twin.subject),
        "geometry": geometry_record(twin),
        "states": states_record(twin),
        "parameters": {name: estimate_record(name, one) for name, one in twin.parameters.items()},
        "fit": {name: agreement_record(name, one) for name, one in twin.fit.items()},
        "checks": {f"{name}_mm": length / MM for name, length in twin.checks.items()},
        "flags": [{"name": flag.name, "sentence": flag.sentence} for flag in twin.flags],
        "timing_s": dict(twin.timing),
        "inputs": dict(twin.inputs),
        "software": dict(twin.software),
        "seed": twin.seed,
        "files": dict(files),
    }
    if twin.function is not None:
        record["function"] = function_record(twin.function)
    if twin.segment_contractility:
        record["segment_contractility"] = {
            str(number): share for number, share in twin.segment_contractility.items()
        }
    return record | ({"fingerprint": fingerprint} if fingerprint else {})


def as_json(record: Mapping[str, Any]) -> str:
    """Return strict JSON, a number that is not finite as null, ending in a newline."""
    return json.dumps(_finite(record), indent=2, allow_nan=False) + "\n"


def subject_record(subject: Subject) -> dict[str, Any]:
    """Return the person's known numbers under the keys of `subject.yaml`."""
    found = {
        "id": subject.identifier,
        "age": subject.age,
        "sex": subject.sex,
        "height_cm": _in(subject.height, CM),
        "mass_kg": subject.mass,
        "heart_rate_bpm": _in(subject.heart_rate, PER_MINUTE),
        "cuff_systolic_mmhg": _in(subject.cuff_systolic, MMHG),
        "cuff_diastolic_mmhg": _in(subject.cuff_diastolic, MMHG),
    }
    for name in ("end_diastolic_pressure", "end_systolic_pressure"):
        mean, sd = getattr(subject, name) or (None, None)
        found |= {f"{name}_mmhg": _in(mean, MMHG), f"{name}_sd_mmhg": _in(sd, MMHG)}
    known: dict[str, Any] = {key: value for key, value in found.items() if value is not None}
    if subject.diastolic_points:
        known["diastolic_points"] = [
            {"volume_ml": volume / ML, "pressure_mmhg": pressure / MMHG, "sd_mmhg": sd / MMHG}
            for volume, pressure, sd in subject.diastolic_points
        ]
    return known


def geometry_record(twin: Twin) -> dict[str, Any]:
    """Return volumes and agreement of the imaged mesh.

    ``measured`` and ``model`` are over the extent that was drawn, ``whole`` is the whole mesh as
    mechanics meets it. ``mesh`` gives the worst of the measured phases, then each.
    """
    measured: dict[str, float] = {}
    model: dict[str, float] = {}
    whole: dict[str, float] = {}
    for phase, (cavity, wall) in SHORT.items():
        if phase not in twin.fits:
            continue
        fit = twin.fits[phase]
        measured |= {cavity: fit.measured_cavity / ML, wall: fit.measured_wall / ML}
        model |= {cavity: fit.model_cavity / ML, wall: fit.model_wall / ML}
        whole |= {cavity: fit.cavity_volume / ML, wall: fit.wall_volume / ML}
    if twin.right is not None:
        measured["rv_edv_ml"] = twin.right.measured / ML
        model["rv_edv_ml"] = twin.right.model / ML
        whole["rv_edv_ml"] = twin.right.cavity_volume / ML
        whole["rv_wall_ed_ml"] = twin.right.wall_volume / ML
    for volumes in (measured, model, whole):
        volumes.update(ejection(volumes))
    return {
        "measured": measured,
        "model": model,
        "whole": whole,
        "mesh": mesh_record(twin),
        "base_rule": {phase.value: rule for phase, rule in twin.base_rule.items()},
    }


def ejection(volumes: Mapping[str, float]) -> dict[str, float]:
    """Return stroke volume and ejection fraction where both volumes are known."""
    if not volumes.get("edv_ml") or "esv_ml" not in volumes:
        return {}
    stroke = volumes["edv_ml"] - volumes["esv_ml"]
    return {
        "stroke_volume_ml": stroke,
        "ejection_fraction_percent": 100 * stroke / volumes["edv_ml"],
    }


def mesh_record(twin: Twin) -> dict[str, Any]:
    """Return size and quality of the mesh and its distance from the drawing."""
    of_mesh = {phase: fit for phase, fit in twin.fits.items() if phase in twin.measured_points}
    phases = {phase.value: phase_record(fit) for phase, fit in of_mesh.items()}
    worst: dict[str, Any] = {"cells": len(twin.mesh.cells), "nodes": len(twin.mesh.points)}
    for key in next(iter(phases.values()), {}):
        numbers = [record[key] for record in phases.values()]
        worst[key] = max(numbers) if key in LARGE_IS_BAD else min(numbers)
    return worst | {"phases": phases}


def phase_record(fit: PhaseFit) -> dict[str, Any]:
    """Return quality and agreement of the mesh at one phase."""
    return {
        "inverted": fit.inverted,
        "dihedral_min_deg": math.degrees(fit.dihedral_min),
        "dice_cavity": fit.dice_cavity,
        "dice_wall": fit.dice_wall,
        "surface_distance_mm": fit.surface_distance / MM,
    }


def states_record(twin: Twin) -> dict[str, dict[str, float]]:
    """Return volume, pressure, tension and, where known, time of each equilibrium."""
    times = state_times(twin)
    return {
        name: {
            "lv_volume_ml": state.cavity_volume / ML,
            "wall_volume_ml": state.wall_volume / ML,
            "lv_pressure_mmhg": state.cavity_pressure / MMHG,
            "active_tension_kpa": state.active_tension / KPA,
        }
        | right_record(state)
        | ({"time_s": times[name]} if name in times else {})
        for name, state in twin.states.items()
    }


def right_record(state: WallState) -> dict[str, float]:
    """Return volume and pressure of the right ventricle, where there is one."""
    if state.right is None:
        return {}
    return {
        "rv_volume_ml": state.right.cavity_volume / ML,
        "rv_pressure_mmhg": state.right.cavity_pressure / MMHG,
    }


def estimate_record(name: str, one: Estimate) -> dict[str, Any]:
    """Return a parameter in the unit that a clinic uses for it."""
    scale, unit = clinical_unit(name, one.unit)
    record = {"value": one.value / scale, "sd": one.sd / scale, "unit": unit, "prior": one.prior}
    if one.prior_median is not None:
        record["prior_median"] = one.prior_median / scale
    if one.prior_log_sd is not None:
        record["prior_log_sd"] = one.prior_log_sd
    return record


def agreement_record(name: str, one: Agreement) -> dict[str, Any]:
    """Return a measurement beside the twin's value in the unit that a clinic uses for it."""
    scale, unit = clinical_unit(name, one.unit)
    residual = one.model - one.measured
    return {
        "measured": one.measured / scale,
        "sd": one.sd / scale,
        "model": one.model / scale,
        "residual": residual / scale,
        "residual_in_sd": residual / one.sd if one.sd > 0 else None,
        "unit": unit,
        "source": one.source,
    }


def _in(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


__all__ = [
    "SCHEMA",
    "agreement_record",
    "as_json",
    "ejection",
    "estimate_record",
    "geometry_record",
    "subject_record",
    "twin_record",
]
