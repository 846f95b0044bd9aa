"""Whole beats of a personalised heart in the closed loop of its blood, until they repeat.

`python experiments/beat.py [path=subject] [anatomy=lv|biventricular] [step_ms=4]
[tension_share=1] [output=folder]`: the twin is built first (without `path` that of the volunteer;
a finished run folder `twin` in `output` is used again), then it beats from its end-diastole at its
heart rate. `tension_share` multiplies the fitted contractility.
"""

import csv
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from command import build_twin
from experiment import run

from cardiotwin.circulation import Stores
from cardiotwin.coupling import Beat, Beats, ClosedLoop, Journal, personal_circulation
from cardiotwin.geometry.biventricular import Doste
from cardiotwin.geometry.fibres import FibreAngles
from cardiotwin.measurement.beat import pump_function
from cardiotwin.mechanics.active.prescribed import DoubleHill
from cardiotwin.mechanics.dynamics import Dynamics
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import HolzapfelOgden
from cardiotwin.mechanics.schemes import BackwardEuler
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.wall import Wall
from cardiotwin.twin import Twin, load_twin
from cardiotwin.units import KPA, ML, MMHG

RESTING_RATE = 70 / 60  # beats/s, where none was measured
MS = 1e-3


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    anatomy: str = "lv"
    step_ms: float = 4.0
    tension_share: float = 1.0
    output: str = "outputs/beat"


def personal_twin(options: Options) -> Twin:
    """Return the twin, built where its run folder is not finished."""
    folder = Path(options.output) / "twin"
    words = [f"path={options.path}"] if options.path else []
    if not (folder / "twin.json").exists():
        build_twin(folder, *words, f"anatomy={options.anatomy}", "pictures=false")
    return load_twin(folder)


def closed_loop(twin: Twin, options: Options) -> tuple[ClosedLoop, Any]:
    """Return wall and blood, and their end-diastole."""
    wall = Wall(
        twin.mesh,
        angles=Doste() if options.anatomy == "biventricular" else FibreAngles(),
        material=HolzapfelOgden(),
        springs=Springs(),
    )
    full, empty = twin.states["end_diastole"], twin.states["end_systole"]
    loads = Loads(
        cavity_pressure=full.cavity_pressure,
        rv_pressure=0.0 if full.right is None else full.right.cavity_pressure,
        passive_scale=twin.parameters["passive_scale"].value,
        passive_exponent=twin.parameters["passive_exponent"].value,
    )
    image = wall.imaged(wall.unload(loads))
    beat = Beat(
        period=1 / (twin.subject.heart_rate or RESTING_RATE),
        end_diastolic_volume=full.cavity_volume,
        end_systolic_volume=empty.cavity_volume,
        end_diastolic_pressure=full.cavity_pressure,
        end_systolic_pressure=empty.cavity_pressure,
    )
    circulation, cycle = personal_circulation(beat)
    peak = options.tension_share * twin.parameters["contractility"].value
    loop = ClosedLoop(
        Dynamics(wall.body, scheme=BackwardEuler()),
        circulation,
        DoubleHill(peak=peak, period=beat.period).value,
    )
    return loop, loop.begin(image, cycle.state)


def table(beats: Beats, path: Path) -> None:
    """Write the last beat's volumes, pressures and flows."""
    record = beats.record
    heads = [f"{name}_{unit}" for unit in ("ml", "mmhg") for name in Stores._fields]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["time_s", *heads, "active_tension_kpa"])
        for now, volume, pressure, tension in zip(
            record.time, record.volume, record.pressure, beats.course.tension, strict=True
        ):
            since = now - record.time[0]
            writer.writerow([since, *(volume / ML), *(pressure / MMHG), tension / KPA])


def beat(options: Options) -> Mapping[str, Any]:
    """Run the beats, write the last one's table, and return its numbers."""
    twin = personal_twin(options)
    loop, start = closed_loop(twin, options)
    began = time.process_time()

    def tell(number: int, change: float) -> None:
        print(f"beat {number}: changed by {100 * change:.2f} %", flush=True)

    journal = Journal(Path(options.output) / "journal")
    beats = loop.beats(start, options.step_ms * MS, journal=journal, tell=tell)
    seconds = time.process_time() - began
    table(beats, Path(options.output) / "beat.csv")
    record = beats.record
    lv = Stores._fields.index("lv")
    rate = 1 / loop.circulation.period
    pump = pump_function(
        record.volume[:-1, lv], record.pressure[:-1, lv], time=record.time[:-1], heart_rate=rate
    )
    count = len(beats.changes) + 1
    blood = record.volume.sum(axis=1)
    return {
        "ef_percent": 100 * pump.ejection_fraction,
        "edv_ml": pump.end_diastolic_volume / ML,
        "esv_ml": pump.end_systolic_volume / ML,
        "peak_pressure_mmhg": pump.peak_pressure / MMHG,
        "dpdt_max_mmhg_per_s": (pump.dpdt_max or np.nan) / MMHG,
        "dpdt_min_mmhg_per_s": (pump.dpdt_min or np.nan) / MMHG,
        "stroke_work_j": pump.stroke_work or np.nan,
        "cycles": count,
        "last_change_percent": 100 * beats.changes[-1],
        "cpu_s": seconds / count,
        "dofs": len(start.wall.solved.unknown),
        "steps": len(record.time) - 1,
        "factorisations": loop.dynamics.problem.factorisations,
        "blood_change": float(np.ptp(blood) / blood[0]),
    }


if __name__ == "__main__":
    run(Options, beat)
