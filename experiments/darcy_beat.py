"""Blood flow of a beating wall: when it enters, which layers it reaches, what a stenosis takes.

`python experiments/darcy_beat.py [path=subject] [lad=0] [others=0] [steps=100] [rings=6]
[layers=3] [output=folder]`: `lad` and `others` are stenoses by the territory's own resistance.
The end-systolic shape is the subject's; its pressures and their timing are of the circulation
of a healthy adult. At rest the tone meets an even demand; under hyperaemia it is at its end.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from experiment import run
from perfused_heart import ML_MIN_G, beat_of, draw_walls, heart, narrowed, territory_means

from cardiotwin.geometry import TetMesh
from cardiotwin.geometry.template import Template
from cardiotwin.perfusion.darcy.beat import Beat, BeatFlow, BeatingWall
from cardiotwin.perfusion.darcy.beat_regulation import autoregulated_beat
from cardiotwin.perfusion.darcy.bed import three_compartments
from cardiotwin.perfusion.darcy.feeding import CORONARIES, fed_from_aorta, segment_territory
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.regulation import Regulation, with_tone
from cardiotwin.perfusion.darcy.segments import endo_epi_ratio, segment_means
from cardiotwin.units import ML, MMHG
from cardiotwin.viz import theme
from cardiotwin.viz.segments import Eye, draw_eyes

EJECTING = 0.5  # of the ventricle's peak


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    lad: float = 0.0
    others: float = 0.0
    demand_ml_min_g: float = 0.95
    steps: int = 100
    rings: int = 6
    layers: int = 3
    output: str = "outputs/darcy_beat"


def beaten(options: Options) -> Mapping[str, Any]:
    """Return what flows at rest and under hyperaemia, and draw it."""
    bed = three_compartments()
    template = Template(rings=options.rings, layers=options.layers)
    mesh, late = heart(options.path, template)
    wall, beat = PorousWall(mesh), beat_of(late, options.steps)
    aorta = float(beat.aortic_pressure.mean())
    fed = fed_from_aorta(bed, segment_territory(mesh))
    fed = narrowed(wall, fed, (options.lad, options.others, options.others), aorta)
    demand = np.full(len(mesh.cells), options.demand_ml_min_g * ML_MIN_G)
    start = time.process_time()
    rest = autoregulated_beat(wall, bed, fed, beat, demand=demand)
    feeding, joined = with_tone(bed, fed, np.full(len(demand), Regulation().most), Regulation())
    flows = {"rest": rest.flow, "hyperaemia": BeatingWall(wall, bed, feeding, beat, joined).run()}
    spent = time.process_time() - start
    result: dict[str, Any] = {"cells": float(len(mesh.cells))}
    result |= {"regulation_rounds": float(rest.rounds), "cpu_s": spent}
    for name, flow in flows.items():
        into = flow.inflow.sum(axis=1)
        diastole = beat.lv_pressure < EJECTING * beat.lv_pressure.max()
        by_artery = territory_means(wall, fed, flow.mbf) / ML_MIN_G
        result |= {
            f"{name}_beats": float(flow.beats),
            f"{name}_balance_error": flow.balance_error,
            f"{name}_coronary_flow_ml_min": float(into.mean() / ML * 60),
            f"{name}_diastolic_share": float(into[diastole].sum() / into.sum()),
            f"{name}_mbf_ml_min_g": float(wall.mean(flow.mbf) / ML_MIN_G),
            f"{name}_endo_epi_ratio": float(np.nanmean(endo_epi_ratio(mesh, flow.mbf))),
        }
        result |= {
            f"{name}_{artery}_mbf_ml_min_g": float(value)
            for artery, value in zip(CORONARIES, by_artery, strict=True)
        }
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    draw_inflow(beat, flows, folder / "inflow.png")
    fields = {f"Blood flow, {name}": flow.mbf / ML_MIN_G for name, flow in flows.items()}
    draw_walls(mesh, fields, "mL/min/g", folder / "wall.png")
    draw_eyes([[eye(mesh, flow, name) for name, flow in flows.items()]], folder / "segments.png")
    return result


def eye(mesh: TetMesh, flow: BeatFlow, name: str) -> Eye:
    """Return a bull's eye of blood flow."""
    return Eye(
        title=f"Blood flow, {name}",
        label="mL/min/g",
        values=segment_means(mesh, flow.mbf) / ML_MIN_G,
        diverging=False,
        digits=2,
    )


def draw_inflow(beat: Beat, flows: Mapping[str, BeatFlow], path: Path) -> None:
    """Draw pressures, and what flows in and out, over the beat."""
    with theme.figure(7.2, 7.0) as figure:
        top, *below, last = figure.subplots(4, 1, sharex=True)
        time_ms = 1e3 * next(iter(flows.values())).time
        top.plot(time_ms, beat.aortic_pressure / MMHG, color=theme.VERMILION, label="aorta")
        top.plot(time_ms, beat.lv_pressure / MMHG, color=theme.BLUE, label="left ventricle")
        top.set_ylabel("mmHg")
        top.legend(loc="upper right")
        for plot, (name, flow), style in zip(below, flows.items(), ("-", "--"), strict=True):
            for number, colour in enumerate((theme.ORANGE, theme.GREEN, theme.PURPLE)):
                label = CORONARIES[number].upper()
                plot.plot(time_ms, flow.inflow[:, number] / ML * 60, color=colour, label=label)
            plot.set(ylabel="mL/min", title=f"inflow, {name}")
            plot.set_ylim(min(0.0, plot.get_ylim()[0]))
            last.plot(time_ms, flow.venous_outflow / ML * 60, style, color=theme.BLACK, label=name)
        below[0].legend(loc="lower right", ncols=3)
        last.axhline(0, color=theme.PALE, linewidth=0.8)
        last.set(ylabel="mL/min", title="outflow to the veins")
        last.legend(loc="upper right")
        last.set_xlabel("time after the R wave, ms")
        figure.tight_layout()
        theme.save(figure, path)


if __name__ == "__main__":
    run(Options, beaten)
