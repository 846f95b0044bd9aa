"""Beats of a heart's reduced wall in the loop of its blood, against the full coupled beat.

`python experiments/reduced_beat.py [path=subject] [beats=2] [step_ms=4] [training=64] [batch=32]
[output=folder]`: the reduced heart is that of `reduced_mechanics.py` (its folder is used again).
Both models begin at the twin's end-diastole in its personal circulation and beat as often; the
last beats are compared. `surface_s` is what a heart's pressure surface costs once, `beat_s` a beat
of one heart with it, `beats_per_s` that of a batch of hearts; all CPU times.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from experiment import run
from reduced_hearts import heart_of, trained

from cardiotwin.circulation import State, simulate
from cardiotwin.coupling import ClosedLoop, Moment
from cardiotwin.mechanics.active.prescribed import SystolicTwitch
from cardiotwin.mechanics.wall import Wall
from cardiotwin.run.recipe import kept_recipe
from cardiotwin.surrogates.chamber import PressureSurface, pressure_surface, twitch
from cardiotwin.surrogates.heart import ReducedHeart
from cardiotwin.surrogates.training import Reduction
from cardiotwin.twin import Twin, load_twin
from cardiotwin.twin.beating import beating_heart
from cardiotwin.units import ML, MMHG

MS = 1e-3
VESSELS = ("systemic_arteries", "systemic_veins", "pulmonary_arteries", "pulmonary_veins")
STRAINS = ("circumferential_strain", "longitudinal_strain", "radial_strain", "fibre_strain")


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    beats: int = 2
    step_ms: float = 4.0
    training: int = 64
    modes: int = 100
    pressure_modes: int = 12
    seed: int = 1
    batch: int = 32
    output: str = "outputs/reduced_mechanics"


def full_beats(loop: ClosedLoop, start: Moment, options: Options) -> tuple[list[State], Moment]:
    """Return the last beat's states of the full model, and its emptiest moment."""
    period, states = loop.circulation.period, []
    begin = start.time + (options.beats - 1) * period
    emptiest = start
    for moment in loop.march(start, start.time + options.beats * period, options.step_ms * MS):
        if moment.time > begin - 1e-9:
            states.append(moment.loop)
            if moment.loop.volume.lv < emptiest.loop.volume.lv:
                emptiest = moment
    return states, emptiest


def first_state(state: State, batch: int) -> torch.Tensor:
    """Return a state of the loop as `simulate` takes it."""
    rows = [getattr(state.volume, name) for name in ("la", "lv", "ra", "rv")]
    rows += [getattr(state.pressure, name) for name in VESSELS]
    rows += [getattr(state.outflow, name) for name in VESSELS]
    return torch.tensor(rows, dtype=torch.float64)[:, None].expand(12, batch)


def fitted(twin: Twin, heart: ReducedHeart) -> torch.Tensor:
    """Return the fitted parameters, with all muscle and supports as they are."""
    known = {name: twin.parameters[name].value for name in ("passive_scale", "passive_exponent")}
    return torch.tensor([[known.get(name, 1.0) for name in heart.span.names]], dtype=torch.float64)


def global_strains(wall: Wall, points: np.ndarray) -> np.ndarray:
    """Return the wall's mean strains from end-diastole."""
    found = wall.strains(points)
    return np.array([found[name].mean() for name in STRAINS])


def reduced_beat(options: Options) -> Mapping[str, Any]:
    """Beat both models and return how they differ, and what the reduced one costs."""
    model, span = heart_of(options.path, options.output)
    reduction = Reduction(modes=options.modes, pressure_modes=options.pressure_modes)
    _, heart, _ = trained(
        model, span, options.training, seed=options.seed, options=reduction, output=options.output
    )
    folder = Path(options.output) / "twin"
    twin = load_twin(folder)
    wall, loop, start = beating_heart(twin, kept_recipe(folder))
    tension = SystolicTwitch(
        peak=twin.parameters["contractility"].value, period=loop.circulation.period
    )
    began = time.process_time()
    values = fitted(twin, heart)
    volumes = (span.unloaded_volume, span.least_volume, span.largest_volume)
    surface, _ = pressure_surface(heart, values, volumes, tension.peak)
    surface_s = time.process_time() - began
    course = twitch(tension)
    trace, _ = beating(loop, start, surface, course, beats=options.beats, batch=1)
    beat_s, batch_s = (seconds(loop, start, surface, course, n) for n in (1, options.batch))
    states, emptiest = full_beats(loop, start, options)
    v = np.array([state.volume.lv for state in states])
    p = np.array([state.pressure.lv for state in states])
    rows = slice(-401, None)
    rv, rp = trace.of("lv")[rows, 0].numpy(), trace.of("lv", "pressure")[rows, 0].numpy()
    ef, reduced_ef = 1 - v.min() / v.max(), 1 - rv.min() / rv.max()
    loads = emptiest.wall.solved.loads
    held = values.clone()
    held[:, 2], held[:, 3] = loads.cavity_pressure, loads.active_tension
    near = heart.nearest(held)
    goal = torch.tensor([rv.min()])
    state, _, reached = heart.wall.solve(held, heart.states[near], goal)
    points = heart_points(heart, model.body.fields.placed(model.reference), state)
    truth = global_strains(wall, wall.points(emptiest.wall.solved))
    miss = np.abs(global_strains(wall, points) - truth) / np.abs(truth)
    return {
        "ef_error_points": 100 * abs(reduced_ef - ef),
        "peak_pressure_error_percent": 100 * abs(rp.max() / p.max() - 1),
        "strain_error_percent": 100 * float(miss.max()),
        "strain_reached": bool(reached.all()),
        **{f"{name}_error_percent": 100 * float(m) for name, m in zip(STRAINS, miss, strict=True)},
        "ef_percent": 100 * ef,
        "reduced_ef_percent": 100 * reduced_ef,
        "peak_pressure_mmhg": p.max() / MMHG,
        "reduced_peak_pressure_mmhg": rp.max() / MMHG,
        "smallest_volume_ml": v.min() / ML,
        "smallest_pressure_mmhg": p.min() / MMHG,
        "surface_s": surface_s,
        "beat_s": beat_s,
        "beats_per_s": options.batch / batch_s,
    }


def heart_points(heart: ReducedHeart, unloaded: np.ndarray, state: torch.Tensor) -> np.ndarray:
    """Return the wall's nodes of a reduced state, m."""
    return np.asarray(unloaded + heart.displacement(state)[0].numpy())


def beating(
    loop: ClosedLoop,
    start: Moment,
    surface: PressureSurface,
    course: Any,
    *,
    beats: int,
    batch: int,
) -> tuple[Any, float]:
    """Return the beats of a batch of the same heart, and their CPU time."""
    began = time.process_time()
    trace = simulate(
        beats=beats,
        circulation=loop.circulation,
        start=first_state(start.loop, batch),
        outside={"lv": surface.law(course)},
    )
    return trace, time.process_time() - began


def seconds(
    loop: ClosedLoop, start: Moment, surface: PressureSurface, course: Any, batch: int
) -> float:
    """Return the CPU time of a beat of a batch."""
    return min(beating(loop, start, surface, course, beats=1, batch=batch)[1] for _ in range(2))


if __name__ == "__main__":
    run(Options, reduced_beat)
