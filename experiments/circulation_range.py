"""Circulations sampled over and beyond the physiological range: which beat, which do not, and why.

`python experiments/circulation_range.py [draws=10000] [spread=0.35] [beats=4] [output=folder]`.
Every parameter is log-normal about the adult's with `spread` as the standard deviation of its
logarithm (0.35: nine of ten within a factor 1.8); heart rates are 40 to 180 per minute, and
twitches last as large a share of the beat as the adult's, spread alike.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from experiment import run

from cardiotwin.circulation import Circulation, limit_cycle, parameter_values, simulate
from cardiotwin.circulation.hearts import Hearts
from cardiotwin.circulation.simulation import FINEST, STABLE
from cardiotwin.units import ML, MMHG

TWITCHES = ("onset", "contraction", "relaxation")
LONGEST = 0.95  # of the beat


@dataclass(frozen=True, kw_only=True)
class Options:
    draws: int = 10_000
    cycles: int = 500
    spread: float = 0.35
    beats: int = 4
    seed: int = 0
    output: str = "outputs/circulation_range"


def sample(options: Options) -> dict[str, torch.Tensor]:
    """Return the draws by name, SI."""
    rng = np.random.default_rng(options.seed)
    adult = parameter_values(Circulation())
    factor = {name: np.exp(rng.normal(0, options.spread, options.draws)) for name in adult}
    draws = {name: value * factor[name] for name, value in adult.items()}
    draws["period"] = 60 / rng.uniform(40, 180, options.draws)
    share = draws["period"] / adult["period"]
    for chamber in ("left_atrium", "left_ventricle", "right_atrium", "right_ventricle"):
        names = [f"{chamber}.{key}" for key in TWITCHES]
        for name in names:
            draws[name] = draws[name] * share
        twitch = draws[names[1]] + draws[names[2]]
        shorter = np.minimum(1, LONGEST * draws["period"] / twitch)
        for name in names[1:]:
            draws[name] = draws[name] * shorter
    return {name: torch.tensor(value) for name, value in draws.items()}


def draw(options: Options) -> Mapping[str, Any]:
    """Run the draws and return how many beat, and over which range."""
    torch.set_num_threads(1)
    draws, begin = sample(options), time.process_time()
    hearts = Hearts.of(draws, Circulation())
    finer = torch.ceil(draws["period"] / 400 * hearts.fastest() / STABLE)
    trace = simulate(draws, options.beats, only_last=True)
    seconds = time.process_time() - begin
    finished, blood = trace.finished, trace.blood
    leak = ((blood - blood[0]).abs() / blood[0])[:, finished].amax()
    pressure = trace.of("lv", "pressure")[:, finished].amax(0) / MMHG
    begin = time.process_time()
    cycle = limit_cycle({name: value[: options.cycles] for name, value in draws.items()})
    return {
        "draws": options.draws,
        "finished": int(finished.sum()),
        "too_stiff": int((finer > FINEST).sum()),
        "finest_steps_per_beat": 400 * int(finer.clamp(1, FINEST).max()),
        "blood_change": float(leak),
        "stroke_volume_ml_min": float(trace.stroke_volume[finished].min()) / ML,
        "stroke_volume_ml_max": float(trace.stroke_volume[finished].max()) / ML,
        "peak_pressure_mmhg_min": float(pressure.min()),
        "peak_pressure_mmhg_max": float(pressure.max()),
        "cpu_s": seconds,
        "cycles": options.cycles,
        "cycles_reached": int(cycle.reached.sum()),
        "cycles_cpu_s": time.process_time() - begin,
        "failures": [f"{heart}: {why}" for heart, why in cycle.failures().items()],
    }


if __name__ == "__main__":
    run(Options, draw)
