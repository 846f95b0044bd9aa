"""Both coronary arteries within a heart's closed loop: rest, hyperaemia, and behind a stenosis.

`python experiments/coronary_loop.py [path=subject] [edp_mmhg=10] [esp_mmhg=110] [period_s=0.85]
[right_mass_share=0.3] [stenosis_mmhg_per_ml_min_g=30] [output=folder]`. Muscle and both volumes of
the left ventricle are the subject's (an ellipsoid's without a path), its pressures are given, the
circulation is scaled to them; the right artery feeds the right ventricle, whose mass is a share of
the left one's. Regulated, the arteries give 1 and 0.8 mL/min/g. Writes loop.png.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from experiment import run
from perfused_heart import heart

from cardiotwin.coupling import Beat, personal_circulation
from cardiotwin.coupling.coronaries import ARTERIES, LV, RA, RIGHT_DEMAND, Coronary
from cardiotwin.coupling.coronary_beat import CoronaryCourse
from cardiotwin.coupling.coronary_loop import CoronaryCycle, settle_joined, with_room
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.template import Template
from cardiotwin.geometry.volumes import wall_volume
from cardiotwin.perfusion.coronary_bed import PER_MINUTE, Stenosis
from cardiotwin.perfusion.darcy.bed import DENSITY
from cardiotwin.units import ML, MMHG
from cardiotwin.viz import theme

EMPTIED = 0.45  # of its volume that an ellipsoid keeps
EJECTING = 0.5  # of the ventricle's peak
ML_MIN = ML / 60


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    edp_mmhg: float = 10.0
    esp_mmhg: float = 110.0
    period_s: float = 0.85
    right_mass_share: float = 0.3
    stenosis_mmhg_per_ml_min_g: float = 30.0
    steps: int = 500
    output: str = "outputs/coronary_loop"


def joined(options: Options) -> Mapping[str, Any]:
    """Return flows, pressures and balances of each state, and draw them."""
    mesh, late = heart(options.path, Template(rings=6, layers=3))
    full = cavity_volume(mesh.points, mesh)
    small = EMPTIED * full if late is None else cavity_volume(mesh.points + late, mesh)
    mass = DENSITY * wall_volume(mesh.points, mesh)
    beat = Beat(
        period=options.period_s,
        end_diastolic_volume=full,
        end_systolic_volume=small,
        end_diastolic_pressure=options.edp_mmhg * MMHG,
        end_systolic_pressure=options.esp_mmhg * MMHG,
    )
    circulation, cycle = personal_circulation(beat)
    left = Coronary(mass=mass)
    right = Coronary(mass=options.right_mass_share * mass, demand=RIGHT_DEMAND)
    asked = left.mass * left.demand + right.mass * right.demand
    room = with_room(circulation, asked * options.period_s / (full - small))
    narrow = Stenosis(resistance=options.stenosis_mmhg_per_ml_min_g * MMHG / PER_MINUTE)
    states = {
        "rest": (left, False),
        "hyperaemia": (left, True),
        "stenosis": (replace(left, stenosis=narrow), False),
        "stenosis_hyperaemia": (replace(left, stenosis=narrow), True),
    }
    numbers: dict[str, Any] = {"left_mass_g": 1e3 * mass, "stroke_volume_ml": (full - small) / ML}
    begin, cycles = time.process_time(), {}
    for name, (artery, wide) in states.items():
        cycles[name] = settle_joined(
            room, artery, right, cycle.state, options.steps, hyperaemia=wide, tolerance=1e-3
        )
        numbers |= {f"{name}_{key}": value for key, value in told(cycles[name], mass).items()}
    numbers["cpu_s"] = time.process_time() - begin
    for name, pair in (("", states), ("stenosis_", tuple(states)[2:])):
        low, high = (cycles[key].left.flow for key in tuple(pair)[:2])
        numbers[f"{name}left_reserve"] = high / low
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    draw(cycles, folder / "loop.png")
    return numbers


def told(cycle: CoronaryCycle, mass: float) -> dict[str, Any]:
    """Return a state's numbers."""
    pressure = cycle.record.pressure[1:]
    balance = [
        abs(np.mean((artery.inflow - artery.outflow)[1:])) / artery.flow
        for artery in (cycle.left, cycle.right)
    ]
    return {
        "left_flow_ml_min": cycle.left.flow / ML_MIN,
        "right_flow_ml_min": cycle.right.flow / ML_MIN,
        "left_mbf_ml_min_g": cycle.left.flow / mass / PER_MINUTE,
        "left_diastolic_share": diastolic(cycle, cycle.left),
        "right_diastolic_share": diastolic(cycle, cycle.right),
        "endo_epi_ratio": float(cycle.left.mbf[-1] / cycle.left.mbf[0]),
        "left_tone_epi": float(cycle.left.tone[0]),
        "left_tone_endo": float(cycle.left.tone[-1]),
        "share_of_output_percent": 100 * cycle.share_of_output,
        "cardiac_output_l_min": cycle.cardiac_output / ML_MIN / 1e3,
        "aortic_pressure_mmhg": float(pressure[:, ARTERIES].mean() / MMHG),
        "right_atrial_pressure_mmhg": float(pressure[:, RA].mean() / MMHG),
        "blood_spilt": cycle.spilt,
        "not_repeated_of_flow": float(max(balance)),
        "beats": len(cycle.changes),
    }


def diastolic(cycle: CoronaryCycle, artery: CoronaryCourse) -> float:
    """Return the share of the inflow while the left ventricle does not eject."""
    lv = cycle.record.pressure[1:, LV]
    return float(artery.inflow[1:][lv < EJECTING * lv.max()].sum() / artery.inflow[1:].sum())


def draw(cycles: Mapping[str, CoronaryCycle], path: Path) -> None:
    """Draw pressures, both arteries' flows and the left bed's blood over the beat."""
    colours = (theme.BLACK, theme.BLUE, theme.ORANGE, theme.VERMILION)
    with theme.figure(7.2, 8.4) as figure:
        plots = figure.subplots(4, 1, sharex=True)
        for (name, cycle), colour in zip(cycles.items(), colours, strict=True):
            moment = 1e3 * (cycle.record.time - cycle.record.time[0])
            label = name.replace("_", ", ")
            plots[0].plot(moment, cycle.record.pressure[:, ARTERIES] / MMHG, color=colour)
            plots[0].plot(moment, cycle.record.pressure[:, LV] / MMHG, ":", color=colour)
            plots[1].plot(moment, cycle.left.inflow / ML_MIN, color=colour, label=label)
            plots[2].plot(moment, cycle.right.inflow / ML_MIN, color=colour)
            plots[3].plot(moment, cycle.left.outflow / ML_MIN, color=colour)
        titles = (
            ("mmHg", "aorta, and left ventricle (dotted)"),
            ("mL/min", "into the left coronary artery"),
            ("mL/min", "into the right coronary artery"),
            ("mL/min", "from the left bed into the right atrium"),
        )
        for plot, (label, title) in zip(plots, titles, strict=True):
            plot.set(ylabel=label, title=title)
        for plot in plots[1:]:
            plot.axhline(0, color=theme.PALE, linewidth=0.8)
        plots[1].legend(loc="upper left", fontsize="small", ncols=2)
        plots[-1].set_xlabel("time after end-diastole, ms")
        figure.tight_layout()
        theme.save(figure, path)


if __name__ == "__main__":
    run(Options, joined)
