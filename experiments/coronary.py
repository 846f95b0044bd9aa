"""Blood flow of the muscle from pressures and a stenosis, against microspheres in five dogs.

`python experiments/coronary.py [animal=all] [state=all] [data=folder] [output=folder]`: `data`
has a table of one beat per animal and state, and the microspheres' flows per animal.

The baseline calibrates an animal: its demand is the microspheres' flow there, the mass that its
probe feeds is the probe's flow by that. A stenosis' resistance is what holds a wide-open bed to
the probe's flow at rest. The flow under dobutamine is then predicted from pressures alone: the
demand grows as heart rate times systolic pressure, the resistance stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from coronary_dogs import STATES, Case, Course, load
from experiment import DATA, run

from cardiotwin.errors import InputError
from cardiotwin.perfusion.coronary import (
    PER_MINUTE,
    CoronaryBeat,
    CoronaryBed,
    Drive,
    Stenosis,
    coronary_beat,
    sampled,
)
from cardiotwin.perfusion.regulation import limiting_resistance, regulated_tone
from cardiotwin.units import MMHG
from cardiotwin.viz import theme

COLOURS = (theme.GREY, theme.SKY, theme.BLUE, theme.ORANGE, theme.VERMILION)
KEPT = ("mbf_predicted_ml_min_g", "mbf_microsphere_ml_min_g", "stenosis_mmhg_per_ml_min_g")
EJECTING = 0.5  # of the ventricle's peak


@dataclass(frozen=True, kw_only=True)
class Options:
    animal: str = "all"
    state: str = "all"
    data: str = str(DATA / "pressure_volume" / "coronary_dogs")
    output: str = "outputs/coronary"


def predict(folder: Path, animal: str, state: str) -> tuple[CoronaryBeat, Case, float]:
    """Return the predicted beat, the case, and the stenosis' resistance, Pa s kg/m^3."""
    bed, case, base = CoronaryBed(), load(folder, animal, state), load(folder, animal, "baseline")
    mass = base.probe.mean() / base.microspheres
    narrow = 0.0
    if state != "baseline":
        rest = load(folder, animal, state.removesuffix("_dob"))
        held = float(rest.probe.mean() / mass)
        if held < base.microspheres * rest.work / base.work:
            narrow = limiting_resistance(bed, rest.drive, held)
    stenosis = Stenosis(resistance=narrow)
    demand = base.microspheres * case.work / base.work
    tone = regulated_tone(bed, case.drive, demand, stenosis)
    return coronary_beat(bed, case.drive, tone=np.array([tone]), stenosis=stenosis), case, narrow


def diastolic_share(flow: Course, drive: Drive) -> float:
    """Return the share of the flow while the ventricle is below half its peak."""
    resting = drive.lv_pressure < EJECTING * drive.lv_pressure.max()
    return float(flow[resting].sum() / flow.sum())


def numbers(folder: Path, animal: str, state: str) -> dict[str, Any]:
    """Return what was predicted and measured of one case."""
    beat, case, narrow = predict(folder, animal, state)
    base = load(folder, animal, "baseline")
    by_probe = case.probe.mean() / base.probe.mean() * base.microspheres
    return {
        "mbf_predicted_ml_min_g": float(beat.flow[0] / PER_MINUTE),
        "mbf_microsphere_ml_min_g": case.microspheres / PER_MINUTE,
        "mbf_by_probe_ml_min_g": float(by_probe / PER_MINUTE),
        "stenosis_mmhg_per_ml_min_g": narrow * PER_MINUTE / MMHG,
        "distal_pressure_mmhg": float(beat.distal_pressure.mean() / MMHG),
        "endo_epi_ratio": float(beat.mbf[0, -1] / beat.mbf[0, 0]),
        "diastolic_share": diastolic_share(beat.inflow[0], sampled(case.drive)),
        "diastolic_share_measured": diastolic_share(case.probe, case.drive),
        "filled_pressure": case.filled,
    }


def compare(options: Options) -> Mapping[str, Any]:
    """Return one case's numbers, or every case's with the errors over all but the baselines."""
    folder = Path(options.data)
    if not folder.is_dir():
        msg = f"data must be a folder of beats, found {options.data}. Name the one with tables."
        raise InputError(msg)
    if "all" not in (options.animal, options.state):
        return numbers(folder, options.animal, options.state)
    animals = sorted({path.name.split("_")[0] for path in folder.glob("*_microsphere.csv")})
    chosen = [
        (animal, state)
        for animal in (animals if options.animal == "all" else [options.animal])
        for state in (STATES if options.state == "all" else [options.state])
        if (folder / f"{animal}_{state}.csv").is_file()
    ]
    if not chosen:
        msg = (
            f"There is no beat of animal={options.animal} state={options.state} in {folder}. It "
            f"has {', '.join(animals) or 'none'}, each in some of {', '.join(STATES)}."
        )
        raise InputError(msg)
    result: dict[str, Any] = {}
    rows = []
    for animal, state in chosen:
        row = numbers(folder, animal, state) | {"animal": animal, "state": state}
        rows.append(row)
        result |= {f"{animal}_{state}_{key}": row[key] for key in KEPT}
    draw(rows, Path(options.output) / "coronary.png")
    return result | summary(rows)


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return errors over the cases that did not calibrate, and of two simpler predictions."""
    tested = [row for row in rows if row["state"] != "baseline"]
    dobutamine = [row for row in tested if row["state"].endswith("dob")]
    apart = np.array([row["diastolic_share"] - row["diastolic_share_measured"] for row in rows])
    result = {
        "cases": float(len(tested)),
        "diastolic_share_rms_error": float(np.sqrt((apart**2).mean())),
    }
    for name, some in (("", tested), ("dobutamine_", dobutamine)):
        if not some:
            continue
        truth = np.array([row["mbf_microsphere_ml_min_g"] for row in some])
        resting = {row["animal"]: row for row in rows if row["state"] == "baseline"}
        guesses = {
            "": [row["mbf_predicted_ml_min_g"] for row in some],
            "probe_": [row["mbf_by_probe_ml_min_g"] for row in some],
        }
        if all(row["animal"] in resting for row in some):
            guesses["no_change_"] = [
                resting[row["animal"]]["mbf_microsphere_ml_min_g"] for row in some
            ]
        for guess, values in guesses.items():
            error = np.array(values) - truth
            result |= {
                f"{name}{guess}rmse_ml_min_g": float(np.sqrt((error**2).mean())),
                f"{name}{guess}bias_ml_min_g": float(error.mean()),
                f"{name}{guess}median_error_percent": float(100 * np.median(abs(error) / truth)),
            }
        if len(some) > 2:
            told = np.array(guesses[""])
            result[f"{name}correlation"] = float(np.corrcoef(told, truth)[0, 1])
    return result


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw prediction against microspheres, and the diastolic share against the probe's."""
    with theme.figure(8.4, 4.0) as figure:
        plots = figure.subplots(1, 2)
        pairs = (
            ("mbf_microsphere_ml_min_g", "mbf_predicted_ml_min_g", "blood flow, mL/min/g", 3.6),
            ("diastolic_share_measured", "diastolic_share", "flow in diastole, share", 1.0),
        )
        for plot, (x, y, words, most) in zip(plots, pairs, strict=True):
            plot.plot([0, most], [0, most], color=theme.GREY, linewidth=0.8)
            for state, colour in zip(STATES, COLOURS, strict=True):
                some = [row for row in rows if row["state"] == state]
                told = "calibrates" if state == "baseline" and y.startswith("mbf") else ""
                label = f"{theme.spoken(state)} {told}".strip()
                values = ([row[key] for row in some] for key in (x, y))
                plot.plot(*values, "o", color=colour, label=label, markersize=5)
            plot.set(xlabel=f"{words}, measured", ylabel=f"{words}, predicted", aspect="equal")
            plot.set(xlim=(0, most), ylim=(0, most))
        plots[0].legend(fontsize=7)
        figure.tight_layout()
        path.parent.mkdir(parents=True, exist_ok=True)
        theme.save(figure, path)


if __name__ == "__main__":
    run(Options, compare)
