"""CPU time of a whole stack: input from the images, motion, wall, and flow of every voxel of it.

`python experiments/first_pass_stack.py [slices=10] [frames=60] [model=2cxm] [delay=0]
[motion=shift] [output=folder]`. The slices are those of `first_pass_motion.py`, each with its own
breaths and noise; nothing of their truth is given to the chain. The flow's error is of the voxels
that the chain took for wall and that are wall; with `delay=1` each has a delay of its own.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from experiment import run
from first_pass_motion import HAEMATOCRIT, ML_MIN_G, moving_slice
from first_pass_motion import Options as Phantom

from cardiotwin.perfusion import fit_kinetics
from cardiotwin.perfusion.arterial_input import find_arterial_input
from cardiotwin.perfusion.registration import hold_still
from cardiotwin.perfusion.wall import find_wall

DELAY = (-1.0, 3.0)  # s


@dataclass(frozen=True, kw_only=True)
class Options:
    slices: int = 10
    frames: int = 60
    model: str = "2cxm"
    delay: int = 0
    motion: str = "shift"
    output: str = "outputs/first_pass_stack"


def measure(options: Options) -> Mapping[str, Any]:
    """Return CPU seconds of each stage, and the flow's error."""
    torch.set_num_threads(1)
    made = [moving_slice(Phantom(frames=options.frames, seed=i)) for i in range(options.slices)]
    times = made[0].time
    ticks = [time.process_time()]
    held = [hold_still(own.images, motion=options.motion).images for own in made]
    ticks.append(time.process_time())
    stack = np.stack(held, 2)
    aif = find_arterial_input(times, stack).concentration
    ticks.append(time.process_time())
    wall = np.stack([find_wall(own, aif)[0] for own in held], 2)
    ticks.append(time.process_time())
    found = fit_kinetics(
        options.model,
        times,
        stack,
        aif,
        mask=wall,
        haematocrit=HAEMATOCRIT,
        delay=DELAY if options.delay else None,
    )
    ticks.append(time.process_time())
    true = wall & np.stack([own.wall for own in made], 2)
    flow = np.stack([own.flow for own in made], 2)
    error = (found.values["mbf"] / ML_MIN_G - flow)[true]
    spent = np.diff(ticks)
    return {
        "motion_cpu_s": float(spent[0]),
        "input_cpu_s": float(spent[1]),
        "wall_cpu_s": float(spent[2]),
        "fit_cpu_s": float(spent[3]),
        "cpu_s": float(spent.sum()),
        "voxels": int(wall.sum()),
        "aif_error_percent": 100 * float(np.abs(aif - made[0].aif).max() / made[0].aif.max()),
        "not_fitted_percent": 100 * float(np.isnan(error).mean()),
        "mbf_median_error_ml_min_g": float(np.nanmedian(np.abs(error))),
        "mbf_bias_ml_min_g": float(np.nanmedian(error)),
        "flags": [flag.sentence for flag in found.flags],
    }


def paragraph(without: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Return the paragraph of a stack without delays, and with one of each voxel's own."""
    return (
        f"A stack of ten slices and 60 frames, from images to the flow of {found['voxels']} "
        f"voxels: {without['cpu_s']:.1f} CPU-s, {without['motion_cpu_s']:.1f} of them the motion "
        f"and {without['fit_cpu_s']:.1f} the fit; with a delay of each voxel's own "
        f"{found['cpu_s']:.1f}, {found['fit_cpu_s']:.1f} of them the fit.\n"
    )


if __name__ == "__main__":
    run(Options, measure)
