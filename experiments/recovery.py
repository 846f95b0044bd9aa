"""How well the volunteer's known parameters are found again, scan after scan.

`python experiments/recovery.py [scans=5] [passive_scale=0.8] [passive_exponent=2.8]
[ejection_fraction=0.6] [diastolic_mmhg=5,18] [valve_points=1] [output=folder]`: one true heart is
scanned and annotated `scans` times with other breath-holds, label noise and valve points; each
examination gets its twin. With `diastolic_mmhg` the volume was measured at these pressures too,
and Klotz' relation is not used; with `valve_points=0` nobody drew the mitral valve.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from command import build_twin
from experiment import run

from cardiotwin.exam import Volunteer, end_diastolic_wall
from cardiotwin.exam.beat import solve_beat
from cardiotwin.exam.make import write_volunteer
from cardiotwin.imaging.valves import KEY as VALVES
from cardiotwin.units import MMHG

PARAMETERS = ("passive_scale", "passive_exponent", "contractility")


@dataclass(frozen=True, kw_only=True)
class Options:
    scans: int = 5
    passive_scale: float = Volunteer.passive_scale
    passive_exponent: float = Volunteer.passive_exponent
    ejection_fraction: float = Volunteer.ejection_fraction
    diastolic_mmhg: str = ""
    valve_points: int = 1
    output: str = "outputs/recovery"


def recover(options: Options) -> Mapping[str, float]:
    """Return each parameter's error in per cent, and the same in stated standard deviations."""
    volunteer = Volunteer(
        passive_scale=options.passive_scale,
        passive_exponent=options.passive_exponent,
        ejection_fraction=options.ejection_fraction,
        diastolic_pressures=tuple(
            float(word) * MMHG for word in options.diastolic_mmhg.split(",") if word
        ),
    )
    mesh = end_diastolic_wall(volunteer)
    beat = solve_beat(volunteer, mesh)
    errors: dict[str, list[float]] = {f"{name}_error_percent": [] for name in PARAMETERS}
    errors |= {f"{name}_error_sd": [] for name in PARAMETERS}
    for seed in range(1, options.scans + 1):
        subject = Path(options.output) / f"subject_{seed}"
        subject.mkdir(parents=True, exist_ok=True)
        write_volunteer(replace(volunteer, seed=seed), mesh, beat, subject)
        if not options.valve_points:
            without_valve(subject / "subject.yaml")
        twin = build_twin(
            Path(options.output) / f"twin_{seed}", f"path={subject}", "pictures=false"
        ).record
        truth = json.loads((subject / "truth.json").read_text())["parameters"]
        for name in PARAMETERS:
            found, true = twin["parameters"][name], truth[name]["value"]
            errors[f"{name}_error_percent"].append(100 * (found["value"] / true - 1))
            errors[f"{name}_error_sd"].append((found["value"] - true) / found["sd"])
        print(seed, {key: round(values[-1], 2) for key, values in errors.items()}, flush=True)
    result = {f"{key}_mean": float(np.mean(values)) for key, values in errors.items()}
    return result | {f"{key}_worst": max(values, key=abs) for key, values in errors.items()}


def without_valve(path: Path) -> None:
    """Take the valve's points out of a subject's file."""
    said = yaml.safe_load(path.read_text())
    del said[VALVES]
    path.write_text(yaml.safe_dump(said))


if __name__ == "__main__":
    run(Options, recover)
