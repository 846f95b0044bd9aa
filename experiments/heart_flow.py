"""A beat of flow in the measured left ventricle: its cost, its balance, and what it looks like.

`python experiments/heart_flow.py path=folder [steps=1000] [edge=0.115] [layers=27] [period_s=0.86]
[beats=1] [output=folder]`; the folder holds the contours of a whole cine (guide points). Of
several beats the last one is told; the first begins at rest at end-diastole.
"""

import csv
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cine_frames import cine_frames
from experiment import run

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import CavityTemplate, make_cavity
from cardiotwin.geometry.regions import cell_sizes
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.heart import VALVES, HeartFlow, Moment
from cardiotwin.haemodynamics.numbers import dissipation, filling, kinetic_energy, vorticity
from cardiotwin.units import ML, MMHG
from cardiotwin.viz.flow import draw_flow

EVERY = 10  # steps between two moments whose derivatives are taken


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    steps: int = 1000
    edge: float = 0.115  # of the cross-section's radius
    layers: int = 27
    harmonics: int = 6
    period_s: float = 0.86
    beats: int = 1
    ramp_ms: float = 15.0
    output: str = "outputs/heart_flow"


def beat(options: Options) -> Mapping[str, Any]:
    """Return the numbers of a beat; draw it."""
    if options.beats < 1:
        msg = f"heart_flow tells the last of at least one beat, found beats={options.beats}."
        raise InputError(msg)
    start = time.process_time()
    template = CavityTemplate(edge=options.edge, layers=options.layers)
    frames = cine_frames(options.path, "heart_flow")
    cavity = make_cavity(frames, options.period_s, template, harmonics=options.harmonics)
    made = time.process_time() - start
    heart = HeartFlow(cavity, Fluid(), steps=options.steps, ramp=options.ramp_ms * 1e-3)
    start = time.process_time()
    for _ in heart.run(options.steps * (options.beats - 1)):
        pass
    rows, kept = _watch(heart, options.steps)
    cost = time.process_time() - start
    table = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    end_systole = (heart.valves.end_systole - heart.start) % options.period_s
    waves = filling(table["time_s"].tolist(), table["inflow_ml_per_s"].tolist(), end_systole)
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "flow.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    peaks = {"peak systole": float(table["time_s"][np.argmax(table["outflow_ml_per_s"])])}
    if waves is not None:
        peaks |= {"E wave": waves.early_time, "A wave": waves.late_time}
    shown = {
        name: min(kept, key=lambda k, t=at: abs(table["time_s"][k] - t))  # type: ignore[misc]
        for name, at in peaks.items()
    }
    draw_flow({name: kept[k] for name, k in shown.items()}, cavity, folder / "heart_flow.png")
    energies = {
        f"kinetic_energy_{name.lower().replace(' ', '_')}_mj": float(table["kinetic_energy_mj"][k])
        for name, k in shown.items()
    }
    volumes = table["volume_ml"]
    period = options.period_s
    return {
        "cells": len(cavity.region.cells),
        "steps": options.steps,
        "cpu_s": cost,
        "cavity_cpu_s": made,
        "flux_error": float(
            np.abs(table["imbalance_ml_per_s"]).max() / table["inflow_ml_per_s"].max()
        ),
        "max_speed_m_per_s": float(table["max_speed_m_per_s"].max()),
        "cell_shrinkage": cavity.shrinkage,
        "edv_ml": float(volumes.max()),
        "esv_ml": float(volumes.min()),
        "stroke_volume_ml": float(volumes.max() - volumes.min()),
        "ejected_ml": float(table["outflow_ml_per_s"].mean() * period),
        "filled_ml": float(table["inflow_ml_per_s"].mean() * period),
        "peak_outflow_ml_per_s": float(table["outflow_ml_per_s"].max()),
        "e_ml_per_s": None if waves is None else waves.early,
        "a_ml_per_s": None if waves is None else waves.late,
        "e_over_a": None if waves is None else waves.ratio,
        **energies,
        "dissipated_mj": float(np.nanmean(table["dissipation_mw"]) * period),
        "pressure_apex_to_aorta_max_mmhg": float(table["apex_minus_aortic_mmhg"].max()),
        "pressure_apex_to_aorta_min_mmhg": float(table["apex_minus_aortic_mmhg"].min()),
        "pressure_mitral_to_apex_max_mmhg": float(table["mitral_minus_apex_mmhg"].max()),
        "pressure_mitral_to_apex_min_mmhg": float(table["mitral_minus_apex_mmhg"].min()),
        "flags": [flag.sentence for flag in cavity.flags],
    }


def _watch(heart: HeartFlow, steps: int) -> tuple[list[dict[str, float]], dict[int, Moment]]:
    """Return one row per step, and every tenth moment itself."""
    rows, kept, begin = [], {}, heart.flow.time
    for k, moment in enumerate(heart.run(steps)):
        slow = k % EVERY == 0
        rows.append(_row(heart, moment, slow=slow) | {"time_s": moment.time - begin})
        if slow:
            kept[k] = moment
    return rows, kept


def _row(heart: HeartFlow, moment: Moment, *, slow: bool) -> dict[str, float]:
    region, fluid = heart.cavity.region, heart.flow.fluid
    field = (moment.points, region.cells, moment.velocity)
    mitral, aortic = (
        float(moment.pressure[np.unique(region.facets[name])].mean()) for name in VALVES
    )
    tip = float(moment.pressure[heart.cavity.apex])
    sizes = cell_sizes(moment.points, region.cells)
    row = {
        "volume_ml": float(sizes[: heart.cavity.n_ventricle].sum()) / ML,
        "inflow_ml_per_s": moment.inflow / ML,
        "outflow_ml_per_s": moment.outflow / ML,
        "imbalance_ml_per_s": moment.imbalance / ML,
        "max_speed_m_per_s": float(np.linalg.norm(moment.velocity, axis=1).max()),
        "apex_minus_aortic_mmhg": (tip - aortic) / MMHG,
        "mitral_minus_apex_mmhg": (mitral - tip) / MMHG,
    }
    told = {"kinetic_energy_mj": np.nan, "dissipation_mw": np.nan, "vorticity_per_s": np.nan}
    if slow:
        curl = np.linalg.norm(vorticity(*field), axis=1)
        told = {
            "kinetic_energy_mj": kinetic_energy(*field, fluid.density) * 1e3,
            "dissipation_mw": dissipation(*field, fluid.viscosity) * 1e3,
            "vorticity_per_s": float(sizes @ curl / sizes.sum()),
        }
    return row | told


if __name__ == "__main__":
    run(Options, beat)
