"""Beats per second of a batch of circulations, against the package `circulation` on one core.

`python experiments/circulation_speed.py [hearts=1000] [beats=10] [output=folder]`. The package
(ComputationalPhysiology, 0.4.0) is installed into an environment of its own beside the results and
runs the same adult as it ships; where it cannot be installed, only our own numbers are given.
Both are CPU seconds, the best of `repeats`, taken in turn.
"""

import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from experiment import run

from cardiotwin.circulation import Circulation, parameter_values, simulate
from cardiotwin.units import ML

PEER = "circulation==0.4.0"
NEEDED = (PEER, "scipy")  # it imports scipy for its adaptive methods without asking for it
PROGRAM = """
import json, logging, time
from circulation.regazzoni2020 import Regazzoni2020
logging.disable(logging.CRITICAL)
model = Regazzoni2020()
begin = time.process_time()
model.solve(num_beats=12)
seconds = time.process_time() - begin
volume = model.results_state[1, -801:]
print(json.dumps({"rate": 12 / seconds, "edv": volume.max(), "esv": volume.min()}))
"""
PUBLISHED = {"edv": 136.7442, "esv": 66.9636}  # mL: LSODA at 1e-9, beat 200


@dataclass(frozen=True, kw_only=True)
class Options:
    hearts: int = 1000
    beats: int = 10
    repeats: int = 3
    output: str = "outputs/circulation_speed"


def install(folder: Path, needed: Sequence[str] = NEEDED) -> Path | None:
    """Return the interpreter of the peer's environment, or None where it does not install."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    words = [str(python), "-m", "pip", "install", "--quiet", *needed]
    done = subprocess.run(words, check=False, capture_output=True)  # noqa: S603
    return python if done.returncode == 0 else None


def peer_run(python: Path, folder: Path) -> dict[str, float]:
    """Return the peer's beats per CPU second and its last beat's volumes, mL."""
    done = subprocess.run(  # noqa: S603
        [str(python), "-c", PROGRAM],
        check=True,
        capture_output=True,
        cwd=folder,
        env=dict(os.environ),
    )
    return dict(json.loads(done.stdout.decode().splitlines()[-1]))


def adults(hearts: int, *, gradient: bool = False) -> dict[str, torch.Tensor]:
    """Return every parameter of equal adults, one number per heart."""
    return {
        name: torch.full((hearts,), value, dtype=torch.float64, requires_grad=gradient)
        for name, value in parameter_values(Circulation()).items()
    }


def forward(hearts: int, beats: int) -> float:
    """Return the CPU seconds of one beat of the batch."""
    parameters, begin = adults(hearts), time.process_time()
    simulate(parameters, beats, only_last=True)
    return (time.process_time() - begin) / beats


def with_gradient(hearts: int) -> tuple[float, float]:
    """Return the CPU seconds of one recorded beat, and of it with all parameters' gradients."""
    parameters, begin = adults(hearts), time.process_time()
    simulate(parameters)
    plain = time.process_time() - begin
    parameters, begin = adults(hearts, gradient=True), time.process_time()
    simulate(parameters).stroke_volume.sum().backward()
    return plain, time.process_time() - begin


def speed(options: Options) -> Mapping[str, Any]:
    """Run both in turn and return their rates."""
    torch.set_num_threads(1)
    folder = Path(options.output).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    python = install(folder / "peer")
    ours, theirs, gradients = [], [], []
    for _ in range(options.repeats):
        ours.append(options.hearts / forward(options.hearts, options.beats))
        gradients.append(with_gradient(options.hearts))
        if python is not None:
            theirs.append(peer_run(python, folder))
    last = simulate(beats=12, only_last=True).of("lv")[:, 0] / ML
    own = {"edv": float(last.max()), "esv": float(last.min())}
    sizes = [options.hearts, 2 * options.hearts, 4 * options.hearts]
    costs = [min(forward(size, 2) for _ in range(2)) / size for size in sizes]
    result = {
        "beats_per_s": max(ours),
        "gradient_over_forward": min(g for _, g in gradients) / min(f for f, _ in gradients),
        "cost_per_heart_of_4_times_the_batch": costs[-1] / costs[0],
        **{f"{k}_error_ml": abs(own[k] - v) for k, v in PUBLISHED.items()},
    }
    if not theirs:
        print(f"{PEER} could not be installed: no ratio.", file=sys.stderr)
        return result
    rate = max(peer["rate"] for peer in theirs)
    return result | {
        "peer_beats_per_s": rate,
        "ratio": max(ours) / rate,
        **{f"peer_{k}_error_ml": abs(theirs[0][k] - v) for k, v in PUBLISHED.items()},
    }


def paragraph(blood: Mapping[str, Any]) -> str:
    """Return the circulation's paragraph."""
    ours = (
        "One core, a batch of 1,000 hearts, 400 Runge-Kutta steps per beat: "
        f"{blood['beats_per_s']:.0f} beats per CPU-s; the gradient of all parameters costs "
        f"{blood['gradient_over_forward']:.1f} times the forward run, a heart in four times the "
        f"batch {blood['cost_per_heart_of_4_times_the_batch']:.2f} times as much. "
    )
    if "ratio" not in blood:
        return ours + f"`{PEER}` could not be installed.\n"
    return ours + (
        f"`{PEER}` as it ships: {blood['peer_beats_per_s']:.2f} beats per "
        f"CPU-s, a ratio of {blood['ratio']:.0f}. Errors of the end-diastolic volume, 136.744 mL: "
        f"{blood['edv_error_ml']:.4f} and {blood['peer_edv_error_ml']:.4f} mL.\n"
    )


if __name__ == "__main__":
    run(Options, speed)
