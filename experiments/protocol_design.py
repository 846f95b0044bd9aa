"""Designed against usual acquisitions: what theory predicts, and what simulated retrieval shows.

`python experiments/protocol_design.py output=folder`. Eight inversion times for T1 against those
of 5(3)3, and nine b-values for D, D* and f against denser ones at their low end, as usual; at the
same noise and number of images. The tissue is the wall at 1.5 T; errors are standard deviations
over simulated voxels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from experiment import run

from cardiotwin.imaging.design import Choice, optimal_acquisition, variation
from cardiotwin.imaging.retrieval import fit
from cardiotwin.imaging.signal import inversion_recovery, ivim, molli_times
from cardiotwin.imaging.tissue import tissue

FIELD = 1.5  # T


@dataclass(frozen=True, kw_only=True)
class Options:
    voxels: int = 20_000
    t1_snr: float = 50.0
    ivim_snr: float = 150.0
    starts: int = 8
    seed: int = 0
    output: str = "outputs/protocol_design"


@dataclass(frozen=True, kw_only=True)
class Task:
    model: str
    axis: str
    signal: Any
    tissue: Mapping[str, float]
    usual: Any
    choice: Choice
    interest: tuple[str, ...]
    snr: float


def recovery(m0: Any, t1: Any, efficiency: Any, inversion_time: Any) -> Any:
    return inversion_recovery(t1, inversion_time=inversion_time, efficiency=efficiency, m0=m0)


def incoherent(m0: Any, d: Any, d_star: Any, f: Any, b_values: Any) -> Any:
    return ivim(d, d_star, f, b_values=b_values, m0=m0)


def tasks(options: Options) -> list[Task]:
    wall = tissue("myocardium", FIELD)
    times = molli_times(heart_period=1.0).numpy()
    return [
        Task(
            model="inversion_recovery",
            axis="inversion_time",
            signal=recovery,
            tissue={"m0": 1.0, "t1": wall.t1, "efficiency": 1.0},
            usual=times,
            choice=Choice(lowest=times.min(), highest=times.max(), number=len(times)),
            interest=("t1",),
            snr=options.t1_snr,
        ),
        Task(
            model="ivim",
            axis="b_values",
            signal=incoherent,
            # OSIPI TF2.4: the left ventricle's wall.
            tissue={"m0": 1.0, "d": 2.4e-9, "d_star": 80e-9, "f": 0.15},
            usual=1e6 * np.array([0.0, 10, 20, 40, 80, 150, 300, 500, 800]),
            choice=Choice(lowest=0.0, highest=800e6, number=9),
            interest=("d", "d_star", "f"),
            snr=options.ivim_snr,
        ),
    ]


def errors(task: Task, values: Any, options: Options) -> dict[str, float]:
    """Return the relative standard deviation of what is retrieved."""
    clean = task.signal(**task.tissue, **{task.axis: torch.from_numpy(values)}).numpy()
    noise = np.random.default_rng(options.seed).normal(size=(options.voxels, len(values)))
    found = fit(task.model, clean + noise / task.snr, **{task.axis: values})
    return {
        name: float(np.nanstd(found.values[name]) / task.tissue[name]) for name in task.interest
    }


def compare(options: Options) -> Mapping[str, Any]:
    torch.set_num_threads(1)
    numbers: dict[str, Any] = {}
    for task in tasks(options):
        design = optimal_acquisition(
            task.signal,
            [task.tissue],
            {task.axis: task.choice},
            interest=dict.fromkeys(task.interest, 1.0),
            rng=np.random.default_rng(options.seed),
            noise_sd=1 / task.snr,
            n_starts=options.starts,
        )
        best = design.acquisition[task.axis]
        given = {task.axis: torch.from_numpy(task.usual)}
        bound = variation(task.signal, task.tissue, given, noise_sd=1 / task.snr).diagonal().sqrt()
        usual = dict(zip(task.tissue, bound.tolist(), strict=True))
        shown = errors(task, task.usual, options), errors(task, best, options)
        numbers[f"{task.model}_{task.axis}"] = [float(f"{value:.4g}") for value in best]
        for name in task.interest:
            key = f"{task.model}_{name}"
            numbers[f"{key}_usual_bound"] = usual[name]
            numbers[f"{key}_designed_bound"] = design.variation[name]
            numbers[f"{key}_usual_error"] = shown[0][name]
            numbers[f"{key}_designed_error"] = shown[1][name]
            numbers[f"{key}_predicted_ratio"] = design.variation[name] / usual[name]
            numbers[f"{key}_found_ratio"] = shown[1][name] / shown[0][name]
    return numbers


if __name__ == "__main__":
    run(Options, compare)
