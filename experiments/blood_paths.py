"""Where the blood of a measured ventricle goes, and what it does to the wall.

`python experiments/blood_paths.py path=folder [steps=300] [edge=0.15] [layers=18]
[harmonics=0] [period_s=PERIOD] [beats=2] [washes=4] [movie=1] [output=folder]`; the folder holds
the contours of a whole cine, or is the run folder of a twin with its beat.

Particles, one per cell, are followed from end-diastole through systole and back through diastole:
direct flow, retained inflow, delayed ejection and residual volume, as shares of the blood at
end-diastole with that of the stubs; then onwards through `washes` beats, what of it is still
there. What the particles eject is held against what went through the window. `blood_paths.png`
shows both in the long axis, and the wall's shear.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cine_frames import beat_period, beating_frames, wall_harmonics
from experiment import run
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.geometry.cavity import CavityTemplate, make_cavity
from cardiotwin.geometry.cavity.template import ENDOCARDIUM
from cardiotwin.geometry.regions import cell_sizes
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.heart import VALVES, HeartFlow, Moment
from cardiotwin.haemodynamics.particles import INSIDE, Tracer, components, kinds, seeds
from cardiotwin.haemodynamics.wall_shear import oscillating_shear_index, wall_shear_stress
from cardiotwin.measurement.flow import Lumen
from cardiotwin.measurement.flow.pressure import relative_pressure
from cardiotwin.units import ML, MMHG
from cardiotwin.viz.blood_paths import draw_blood_paths
from cardiotwin.viz.flow_film import draw_flow_film

FRAMES = 25  # of the beat, for shear and the film
FINER = 4  # times as many for the pressure, which rises and falls within a valve's ramp


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    steps: int = 300
    edge: float = 0.15  # of the cross-section's radius
    layers: int = 18
    harmonics: int = 0  # of the wall's motion; 0: 6, of a twin's beat 16
    period_s: float = 0.0  # 0: the twin's, of a cine 0.86
    beats: int = 2
    washes: int = 4
    movie: int = 1
    output: str = "outputs/blood_paths"


def paths(options: Options) -> Mapping[str, Any]:
    """Return the parts of the blood, its washout, the wall's shear and Poisson's pressure."""
    counts = (options.steps, options.beats, options.washes)
    if min(counts) < 1 or options.steps % (FRAMES * FINER):
        msg = (
            f"blood_paths needs a multiple of {FRAMES * FINER} steps, a beat and a wash, found "
            f"steps={options.steps} beats={options.beats} washes={options.washes}."
        )
        raise InputError(msg)
    template = CavityTemplate(edge=options.edge, layers=options.layers)
    frames = beating_frames(options.path, "blood_paths")
    period = options.period_s or beat_period(options.path)
    harmonics = wall_harmonics(options.path, options.harmonics)
    cavity = make_cavity(frames, period, template, harmonics=harmonics)
    heart = HeartFlow(cavity, Fluid(), steps=options.steps)
    for _ in heart.run(options.steps * (options.beats - 1) - 1):
        pass
    kept = list(heart.run(options.steps + 1))  # the first at end-diastole, the last a beat later
    outflow = np.array([m.outflow for m in kept])
    start = time.process_time()
    told, kind, beats = _parts(heart, kept, options)
    cost = time.process_time() - start
    shown = kept[: -1 : options.steps // FRAMES]
    often = kept[: -1 : options.steps // (FRAMES * FINER)]
    shear = _shear(heart, shown)
    draw_blood_paths(
        kept[0],
        cavity,
        Path(options.output) / "blood_paths.png",
        kind=kind,
        beats=beats,
        washes=options.washes,
        shear=np.linalg.norm(shear, axis=2).mean(axis=0),
    )
    if options.movie:
        draw_flow_film(shown, cavity, Path(options.output) / "flow.mp4")
    return {
        "cells": len(cavity.region.cells),
        "steps": options.steps,
        **told,
        "ejected_ml": float(outflow[1:].mean() * period / ML),
        **_sheared(shear),
        **_pressure(heart, often, period),
        "tracing_cpu_s": cost,
    }


def _parts(
    heart: HeartFlow, kept: list[Moment], options: Options
) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """Return the numbers, and of each cell's blood its part and the beat in which it leaves."""
    cavity, period = heart.cavity, heart.cavity.motion.period
    tracer = Tracer(cavity.region.cells, {name: cavity.region.facets[name] for name in VALVES})
    shots = [(m.points, m.velocity) for m in kept]
    step = heart.time_step
    systole = round(((heart.valves.end_systole - heart.start) % period) / step)
    cell, shares, volume = seeds(kept[0].points, cavity.region.cells)
    forwards = tracer.trace(shots[: systole + 1], step, cell=cell, shares=shares)
    backwards = tracer.trace(shots[systole:][::-1], -step, cell=cell, shares=shares)
    valves = {name: VALVES.index(name) for name in VALVES}
    parts = components(forwards, backwards, volume, **valves)
    onwards = tracer.trace(
        shots + shots[1:] * (options.washes - 1), step, cell=cell, shares=shares
    )
    beats = np.arange(1, options.washes + 1) * (len(shots) - 1)
    still = [
        float(volume[(onwards.exit == INSIDE) | (onwards.step > n)].sum() / volume.sum())
        for n in beats
    ]
    numbers = {
        "direct_flow_percent": 100 * parts.direct,
        "retained_inflow_percent": 100 * parts.retained,
        "delayed_ejection_percent": 100 * parts.delayed,
        "residual_volume_percent": 100 * parts.residual,
        "blood_at_end_diastole_ml": float(volume.sum() / ML),
        "ejected_by_particles_ml": float(
            volume[forwards.exit == VALVES.index("aortic")].sum() / ML
        ),
        "filled_by_particles_ml": float(
            volume[backwards.exit == VALVES.index("mitral")].sum() / ML
        ),
        "still_there_percent": [100 * share for share in still],
        "particles": len(cell),
    }
    gone = np.where(onwards.exit == INSIDE, options.washes, onwards.step // beats[0]) + 1
    return numbers, kinds(forwards, backwards, **valves), gone


def _shear(heart: HeartFlow, shown: list[Moment]) -> Float[np.ndarray, "moments triangles 3"]:
    region, viscosity = heart.cavity.region, heart.flow.fluid.viscosity
    wall = region.facets[ENDOCARDIUM]
    return np.stack(
        [wall_shear_stress(m.points, region.cells, m.velocity, wall, viscosity) for m in shown]
    )


def _sheared(stress: Float[np.ndarray, "moments triangles 3"]) -> dict[str, float]:
    size = np.linalg.norm(stress, axis=2).mean(axis=0)
    return {
        "wall_shear_mean_pa": float(size.mean()),
        "wall_shear_p95_pa": float(np.quantile(size, 0.95)),
        "oscillating_shear_index_mean": float(oscillating_shear_index(stress).mean()),
    }


def _pressure(heart: HeartFlow, shown: list[Moment], period: float) -> dict[str, float]:
    """Return how near the pressure from velocities alone comes to the flow's own."""
    region = heart.cavity.region
    nothing = np.zeros(len(region.points), dtype=bool)
    lumen = Lumen(
        positions=np.stack([m.points for m in shown]),
        cells=region.cells,
        wall=nothing,
        open=nothing,
        wall_velocity=np.zeros((1, len(nothing), 3)),
    )
    velocity = np.stack([m.velocity for m in shown])
    told = relative_pressure(lumen, velocity, period=period, fluid=heart.flow.fluid)
    own = np.stack([m.pressure for m in shown])
    tip, base = heart.cavity.apex, np.unique(region.facets["aortic"])
    drops = [p[:, tip] - p[:, base].mean(axis=1) for p in (told, own)]
    volume = [cell_sizes(m.points, region.cells).sum() for m in shown]
    return {
        "poisson_drop_error_percent": float(
            100 * np.sqrt(np.mean((drops[0] - drops[1]) ** 2)) / np.abs(drops[1]).max()
        ),
        "apex_to_aorta_max_mmhg": float(drops[1].max() / MMHG),
        "poisson_apex_to_aorta_max_mmhg": float(drops[0].max() / MMHG),
        "volume_max_ml": float(max(volume) / ML),
    }


if __name__ == "__main__":
    run(Options, paths)
