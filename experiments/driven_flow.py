"""The blood of a measured ventricle, driven by a circulation with valves and isovolumic phases.

`python experiments/driven_flow.py path=folder [steps=300] [edge=0.15] [layers=18] [period_s=0.86]
[beats=2] [rounds=1] [systolic_mmhg=120] [diastolic_mmhg=10] [relaxation_ms=80] [output=folder]`

The circulation is fitted to the cavity's own volumes and systole, an end-systolic pressure of 0.9
times the systolic one (Kelly et al. 1992, Circulation 86:513-521), an end-diastolic pressure and
the time of isovolumic relaxation. With `rounds` above one the flow answers: the valves become such
as take as much energy as the blood took between the ventricle and the windows, the blood settles
anew in the loop, and the beat is run again.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from cine_frames import cine_frames
from experiment import run

from cardiotwin.circulation import Circulation, resistive, settle
from cardiotwin.coupling import Beat
from cardiotwin.coupling.blood import PacedCavity, drive_of, energy_resistance, pace
from cardiotwin.coupling.timing import root_impedance, timed_circulation
from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import CavityTemplate, MovingCavity, make_cavity
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.heart import HeartFlow, valve_times, volume
from cardiotwin.units import ML, MMHG
from cardiotwin.viz.driven_flow import draw_driven_flow

END_SYSTOLIC = 0.9  # of the systolic pressure


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    steps: int = 300
    edge: float = 0.15  # of the cross-section's radius
    layers: int = 18
    period_s: float = 0.86
    beats: int = 2
    rounds: int = 1
    systolic_mmhg: float = 120.0
    diastolic_mmhg: float = 10.0
    relaxation_ms: float = 80.0
    output: str = "outputs/driven_flow"


def driven(options: Options) -> Mapping[str, Any]:
    """Return what the driven beat tells; draw its courses."""
    if min(options.rounds, options.beats) < 1:
        msg = (
            "driven_flow needs a beat and a round, found "
            f"beats={options.beats} rounds={options.rounds}. Give at least one of each."
        )
        raise InputError(msg)
    start = time.process_time()
    template = CavityTemplate(edge=options.edge, layers=options.layers)
    cavity = make_cavity(cine_frames(options.path, "driven_flow"), options.period_s, template)
    own = valve_times(cavity)
    systole = (own.end_systole - own.end_diastole) % options.period_s
    circulation, cycle, drive = timed_circulation(
        _beat(cavity, options), systole, options.relaxation_ms * 1e-3
    )
    root = root_impedance(circulation)
    fitted = time.process_time() - start
    courses = _beat_of_flow(pace(cavity, drive), options)
    told = [_resistances(courses)]
    for _ in range(options.rounds - 1):
        circulation = _answered(circulation, told[-1], root)
        cycle = settle(circulation, cycle.state)
        drive = drive_of(cycle.record, root)
        courses = _beat_of_flow(pace(cavity, drive), options)
        told.append(_resistances(courses))
    draw_driven_flow(courses, Path(options.output) / "driven_flow.png")
    shut = courses["mitral_open"] + courses["aortic_open"] < 1e-9
    level = courses["ventricle_mmhg"]
    resting = np.abs(courses["inflow_ml_per_s"]) + np.abs(courses["outflow_ml_per_s"])
    return {
        "cells": len(cavity.region.cells),
        "steps": options.steps,
        "cpu_s": time.process_time() - start,
        "cavity_and_circulation_cpu_s": fitted,
        "max_speed_m_per_s": float(courses["max_speed_m_per_s"].max()),
        "flux_error": float(np.abs(courses["imbalance"]).max()),
        "isovolumic_contraction_ms": drive.rest_before_ejection[1] * 1e3,
        "isovolumic_relaxation_ms": drive.rest_before_filling[1] * 1e3,
        "isovolumic_flow_ml_per_s": float(resting[shut].max()),
        "isovolumic_speed_m_per_s": float(courses["max_speed_m_per_s"][shut].max()),
        "peak_outflow_ml_per_s": float(courses["outflow_ml_per_s"].max()),
        "peak_inflow_ml_per_s": float(courses["inflow_ml_per_s"].max()),
        "ventricle_max_mmhg": float(level.max()),
        "ventricle_min_mmhg": float(level.min()),
        "ventricle_against_circulation_mmhg": float(
            np.abs(level - courses["circulation_mmhg"]).max()
        ),
        "largest_pressure_step_mmhg": float(np.abs(np.diff(level)).max()),
        "circulation_pressure_step_mmhg": float(
            np.abs(np.diff(courses["circulation_mmhg"])).max()
        ),
        "volume_against_circulation_ml": float(
            np.abs(courses["volume_ml"] - courses["circulation_ml"]).max()
        ),
        "mitral_resistance_mmhg_s_per_ml": [r["mitral"] * ML / MMHG for r in told],
        "aortic_resistance_mmhg_s_per_ml": [r["aortic"] * ML / MMHG for r in told],
    }


def _beat(cavity: MovingCavity, options: Options) -> Beat:
    own = valve_times(cavity)
    return Beat(
        period=options.period_s,
        end_diastolic_volume=volume(cavity, own.end_diastole),
        end_systolic_volume=volume(cavity, own.end_systole),
        end_diastolic_pressure=options.diastolic_mmhg * MMHG,
        end_systolic_pressure=END_SYSTOLIC * options.systolic_mmhg * MMHG,
    )


def _beat_of_flow(paced: PacedCavity, options: Options) -> dict[str, np.ndarray]:
    """Return the courses of the last beat, from the circulation's end-diastole on."""
    heart = HeartFlow(paced.cavity, Fluid(), steps=options.steps, valves=paced.valves)
    for _ in heart.run(options.steps * (options.beats - 1)):
        pass
    rows = []
    for moment in heart.run(options.steps):
        at = (heart.start + moment.time) % options.period_s
        shifted = replace(moment, pressure=paced.pressure(at, moment))
        means = paced.means(shifted)
        mitral, aortic = paced.open(at)
        drive = paced.drive
        rows.append(
            {
                "time_s": at,
                "volume_ml": volume(paced.cavity, at) / ML,
                "inflow_ml_per_s": moment.inflow / ML,
                "outflow_ml_per_s": moment.outflow / ML,
                "imbalance": moment.imbalance / ML,
                "max_speed_m_per_s": float(np.linalg.norm(moment.velocity, axis=1).max()),
                "mitral_open": mitral,
                "aortic_open": aortic,
                **{f"{name}_mmhg": value / MMHG for name, value in means.items()},
                "circulation_mmhg": drive.at("ventricle", at) / MMHG,
                "circulation_ml": drive.at("volume", at) / ML,
                "atrium_mmhg": drive.at("atrium", at) / MMHG,
                "root_mmhg": drive.at("root", at) / MMHG,
            }
        )
    table = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    order = np.argsort(table["time_s"])
    return {key: values[order] for key, values in table.items()}


def _resistances(courses: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return the resistances, Pa s/m^3, that take the energy that the blood took in the valves."""
    out, into = courses["outflow_ml_per_s"] * ML, courses["inflow_ml_per_s"] * ML
    lv = courses["ventricle_mmhg"]
    return {
        "aortic": energy_resistance((lv - courses["aortic_mmhg"]) * MMHG, out),
        "mitral": energy_resistance((courses["mitral_mmhg"] - lv) * MMHG, into),
    }


def _answered(circulation: Circulation, told: Mapping[str, float], root: float) -> Circulation:
    """Return the circulation with the flow's own resistances; the aorta's root keeps its own."""
    return replace(
        circulation,
        mitral=replace(resistive(circulation.mitral), open_resistance=told["mitral"]),
        aortic=replace(resistive(circulation.aortic), open_resistance=root + told["aortic"]),
    )


if __name__ == "__main__":
    run(Options, driven)
