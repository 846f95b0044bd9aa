"""Circulations drawn from the priors, measured with noise and fitted: how often sds hold them.

`python experiments/circulation_recovery.py [hearts=4] [structure=aorta] [seed=1] [output=folder]`:
pressures of the left ventricle and the aorta of dogs drawn from half the priors' width (where all
have a beat), with the noise of DSEA08's catheters, fitted as `circulation_fit.py` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from circulation_structures import loop_and_priors
from experiment import run

from cardiotwin.errors import ConvergenceError
from cardiotwin.fitting.beat_problem import BeatProblem
from cardiotwin.fitting.channels import Channel
from cardiotwin.fitting.haemodynamics import STEPS, fit_circulation
from cardiotwin.fitting.priors import LogNormal, Prior
from cardiotwin.units import MMHG

PERIOD = 0.74  # s
NOISE = {"lv_pressure": 0.15 * MMHG, "aortic_pressure": 0.36 * MMHG}  # Pa: DSEA08, baseline
FRAMES = 111
NARROW = 0.5  # of the priors' width, within which hearts are drawn


@dataclass(frozen=True, kw_only=True)
class Options:
    hearts: int = 4
    structure: str = "aorta"
    seed: int = 1
    output: str = "outputs/circulation_recovery"


def narrowed(prior: Prior) -> Prior:
    """Return the law with half its width."""
    return replace(prior, sd=NARROW * prior.sd)  # type: ignore[type-var, attr-defined]


def recovered(options: Options) -> Mapping[str, Any]:
    """Return how often the truth lies within one and within two standard deviations."""
    rng = np.random.default_rng(options.seed)
    loop, priors, shapes = loop_and_priors(PERIOD, options.structure)
    laws = {name: narrowed(prior) for name, prior in priors.items()}
    time = np.arange(FRAMES) * PERIOD / FRAMES
    blank = [
        Channel(name=name, time=time, value=np.zeros(FRAMES), noise=sd)
        for name, sd in NOISE.items()
    ]
    problem = BeatProblem(
        circulation=loop, loop=laws, channels=blank, shapes=shapes, spread=[1.0, 1.0], steps=STEPS
    )
    far: dict[str, list[float]] = {}
    failed = 0
    while len(far.get("blood_volume", [])) < options.hearts:
        x = rng.normal(size=len(problem.names))
        try:
            problem.near.clear()
            clean = problem.split(problem.predict(x)[0])
            measured = [
                replace(c, value=frames + rng.normal(0, c.noise, FRAMES))
                for c, frames in zip(blank, clean, strict=True)
            ]
            fit = fit_circulation(loop, laws, measured, shapes)
        except ConvergenceError:
            failed += 1
            continue
        truth = {name: float(value[0]) for name, value in problem.si(x[:, None]).items()}
        for name, value in truth.items():
            law = problem.priors.get(name)
            miss = fit.values[name] - value
            if isinstance(law, LogNormal):
                miss = float(np.log(fit.values[name] / value))
            far.setdefault(name, []).append(miss / fit.sd[name])
        ratios = [fit.residual[c.name] / c.noise for c in measured]
        print(f"residual by noise {ratios[0]:.2f} and {ratios[1]:.2f}", flush=True)
    every = np.abs(np.concatenate([np.array(one) for one in far.values()]))
    return {
        "hearts": options.hearts,
        "without_a_beat": failed,
        "parameters": len(far),
        "within_one_sd_percent": 100 * float(np.mean(every < 1)),
        "within_two_sd_percent": 100 * float(np.mean(every < 2)),
        "worst_sd": float(every.max()),
        "worst": max(far, key=lambda name: float(np.abs(far[name]).max())),
    }


if __name__ == "__main__":
    run(Options, recovered)
