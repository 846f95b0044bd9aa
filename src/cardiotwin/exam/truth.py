"""What is known of the volunteer: `truth.json`, with the keys and units of `twin.json`."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.exam.volunteer import TrueBeat, Volunteer
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import wall_volume
from cardiotwin.imaging.examination import Subject
from cardiotwin.twin.json_record import SCHEMA, ejection, subject_record
from cardiotwin.units import KPA, ML, MM, MMHG

_SOURCE = "known: the volunteer was made with it"


def subject(volunteer: Volunteer, beat: TrueBeat) -> Subject:
    """Return the person's numbers as an examination states them."""
    return Subject(
        identifier=volunteer.identifier,
        age=volunteer.age,
        sex=volunteer.sex,
        height=volunteer.height,
        mass=volunteer.mass,
        heart_rate=volunteer.heart_rate,
        cuff_systolic=volunteer.cuff_systolic,
        cuff_diastolic=volunteer.cuff_diastolic,
        end_diastolic_pressure=(
            volunteer.end_diastolic_pressure,
            volunteer.end_diastolic_pressure_sd,
        ),
        diastolic_points=tuple(
            (volume, pressure, volunteer.diastolic_pressure_sd)
            for volume, pressure in zip(
                beat.diastolic_volumes, volunteer.diastolic_pressures, strict=True
            )
        ),
    )


def truth_record(
    volunteer: Volunteer,
    mesh: TetMesh,
    beat: TrueBeat,
    shifts: Float[np.ndarray, "t k 2"],
) -> dict[str, Any]:
    """Return the content of `truth.json`."""
    model = {
        "edv_ml": cavity_volume(beat.end_diastole, mesh) / ML,
        "wall_ed_ml": wall_volume(beat.end_diastole, mesh) / ML,
        "esv_ml": cavity_volume(beat.end_systole, mesh) / ML,
        "wall_es_ml": wall_volume(beat.end_systole, mesh) / ML,
    }
    model |= ejection(model)
    return {
        "schema": SCHEMA,
        "subject": subject_record(subject(volunteer, beat)),
        "geometry": {
            "model": model,
            "whole": dict(model),
            "mesh": {"cells": len(mesh.cells), "nodes": len(mesh.points)},
        },
        "states": _states(volunteer, mesh, beat),
        "parameters": {
            name: {"value": value, "sd": 0.0, "unit": unit, "prior": _SOURCE}
            for name, value, unit in (
                ("passive_scale", volunteer.passive_scale, "1"),
                ("passive_exponent", volunteer.passive_exponent, "1"),
                ("contractility", beat.contractility / KPA, "kPa"),
            )
        },
        "slice_shifts_mm": (shifts / MM).tolist(),
        "recipe": recipe_record(volunteer),
        "seed": volunteer.seed,
    }


def recipe_record(volunteer: Volunteer) -> dict[str, Any]:
    """Return the recipe, SI, as JSON gives it back."""
    record: dict[str, Any] = json.loads(json.dumps(asdict(volunteer)))
    return record


def _states(volunteer: Volunteer, mesh: TetMesh, beat: TrueBeat) -> Mapping[str, dict[str, float]]:
    """Return volume, pressure, tension and time of the equilibria."""
    told = {
        "unloaded": (beat.unloaded, 0.0, 0.0, None),
        "end_diastole": (beat.end_diastole, volunteer.end_diastolic_pressure, 0.0, 0.0),
        "end_systole": (
            beat.end_systole,
            volunteer.end_systolic_pressure,
            beat.contractility,
            volunteer.end_systole_time,
        ),
    }
    return {
        name: {
            "lv_volume_ml": cavity_volume(points, mesh) / ML,
            "wall_volume_ml": wall_volume(points, mesh) / ML,
            "lv_pressure_mmhg": pressure / MMHG,
            "active_tension_kpa": tension / KPA,
        }
        | ({} if time is None else {"time_s": time})
        for name, (points, pressure, tension, time) in told.items()
    }


__all__ = ["recipe_record", "subject", "truth_record"]
