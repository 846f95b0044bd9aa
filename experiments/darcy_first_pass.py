"""Blood flow that ordinary tracer kinetics read from a first pass whose truth is spatial.

`python experiments/darcy_first_pass.py [path=subject] [lad=0.5] [tone=1] [noise_mmol_l=0.005]
[models=fermi,one_compartment,2cum,2cxm] [output=folder]`: blood flows through a wall by Darcy's
law, the anterior artery narrowed by `lad` of its territory's resistance; a bolus is carried
through it; each model fits the curves of all cells, sampled once a second with white noise.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from experiment import run
from jaxtyping import Float
from perfused_heart import ML_MIN_G, heart, narrowed

from cardiotwin.geometry.template import Template
from cardiotwin.perfusion import fit_kinetics
from cardiotwin.perfusion.darcy.bed import DENSITY, three_compartments
from cardiotwin.perfusion.darcy.feeding import fed_from_aorta, segment_territory
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.regulation import Regulation, with_tone
from cardiotwin.perfusion.darcy.steady import steady_flow
from cardiotwin.perfusion.darcy.transport import Carrier, Exchange
from cardiotwin.units import MMHG
from cardiotwin.viz import theme

AORTA = 90 * MMHG
PEAK, ARRIVAL, TO_PEAK = 3.5, 5.0, 5.0  # mmol/L of whole blood; s
RECIRCULATED = 0.25  # of the peak, later
LAST, FRAME, STEP = 60.0, 1.0, 0.1  # s


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    lad: float = 0.5
    tone: float = 1.0
    noise_mmol_l: float = 0.005
    models: str = "fermi,one_compartment,2cum,2cxm"
    rings: int = 6
    layers: int = 3
    seed: int = 1
    output: str = "outputs/darcy_first_pass"


def arterial(times: Float[np.ndarray, " times"]) -> Float[np.ndarray, " times"]:
    """Return a bolus and what comes round again, mmol/L of whole blood."""
    x = np.maximum(times - ARRIVAL, 0) / TO_PEAK
    first = (x * np.exp(1 - x)) ** 3
    return np.asarray(PEAK * (first + RECIRCULATED * (1 - np.exp(-x / 3)) * (x > 0)))


def loop(options: Options) -> Mapping[str, Any]:
    """Return each model's error of the blood flow, and what carrying and fitting cost."""
    bed, leak = three_compartments(), Exchange()
    template = Template(rings=options.rings, layers=options.layers)
    mesh = heart(options.path, template)[0]
    wall = PorousWall(mesh)
    fed = fed_from_aorta(bed, segment_territory(mesh))
    fed = narrowed(wall, fed, (options.lad, 0, 0), AORTA)
    tone = np.full(len(mesh.cells), options.tone)
    fed, joined = with_tone(bed, fed, tone, Regulation())
    flow = steady_flow(wall, bed, fed, aortic_pressure=AORTA, conductances=joined)
    start = time.process_time()
    fine = np.linspace(0, LAST, round(LAST / STEP) + 1)
    plasma = arterial(fine) / (1 - leak.haematocrit)
    passage = Carrier(wall, bed, flow, exchange=leak, conductances=joined).run(fine, plasma)
    carried = time.process_time() - start
    every = round(FRAME / STEP)
    times, curves = fine[::every], passage.concentration[::every].T
    rng = np.random.default_rng(options.seed)
    noisy = curves + options.noise_mmol_l * rng.standard_normal(curves.shape)
    truth = flow.mbf / ML_MIN_G
    result: dict[str, Any] = {
        "cells": float(len(truth)),
        "carry_cpu_s": carried,
        "balance_error": passage.balance_error,
        "true_mbf_ml_min_g": float(wall.mean(truth)),
    }
    shown = {}
    for model in options.models.split(","):
        start = time.process_time()
        fit = fit_kinetics(
            model, times, noisy, arterial(times), haematocrit=leak.haematocrit, density=DENSITY
        )
        found = fit.values["mbf"] / ML_MIN_G
        shown[model] = found
        told = np.isfinite(found)
        error = found[told] / truth[told] - 1
        result |= {
            f"{model}_cpu_s": time.process_time() - start,
            f"{model}_told_percent": float(100 * told.mean()),
            f"{model}_bias_percent": float(100 * error.mean()),
            f"{model}_rmse_percent": float(100 * np.sqrt((error**2).mean())),
            f"{model}_correlation": float(np.corrcoef(found[told], truth[told])[0, 1]),
            f"{model}_white_percent": float(100 * fit.white[told].mean()),
        }
    draw(truth, shown, Path(options.output) / "first_pass.png")
    return result


def draw(
    truth: Float[np.ndarray, " cells"],
    shown: Mapping[str, Float[np.ndarray, " cells"]],
    path: Path,
) -> None:
    """Draw what each model found against the truth, cell by cell."""
    most = 1.5 * float(truth.max())
    with theme.figure(2.6 * len(shown), 2.9) as figure:
        plots = figure.subplots(1, len(shown), squeeze=False, sharey=True)
        for plot, (model, found) in zip(plots.flat, shown.items(), strict=True):
            plot.plot([0, most], [0, most], color=theme.GREY, linewidth=0.8)
            plot.plot(truth, found, ".", color=theme.BLUE, markersize=2, alpha=0.4)
            plot.set(title=model, xlabel="true, mL/min/g", xlim=(0, most), ylim=(0, most))
        plots[0, 0].set_ylabel("fitted, mL/min/g")
        figure.tight_layout()
        path.parent.mkdir(parents=True, exist_ok=True)
        theme.save(figure, path)


if __name__ == "__main__":
    run(Options, loop)
