"""A beat of blood in a measured ventricle, against plain dolfinx; a pulse of it, against ambit."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import compare_flow
import numpy as np
from cine_frames import cine_frames
from peers.process import COMPILED, run_peer

from cardiotwin.geometry.cavity import CavityTemplate, MovingCavity, make_cavity
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.heart import HeartFlow

HEADING = "## Flow in a ventricle"
HEART = Path("cine") / "patient1" / "guidepoints"
TEMPLATE = CavityTemplate(edge=0.15, layers=18)
PERIOD, STEPS, TOLERANCE = 0.86, (200, 400), 1e-6  # s; of a beat; of the linear solvers
FLUID = Fluid()
PEERS = {"default": [], "compiled for the processor": COMPILED}


def own(cavity: MovingCavity, steps: int) -> tuple[float, np.ndarray]:
    """Return the CPU seconds of a beat without its first step, and the velocity at its end."""
    heart = HeartFlow(cavity, FLUID, steps=steps, tolerance=TOLERANCE)
    next(heart.run(1))
    start = time.process_time()
    *_, last = heart.run(steps - 1)
    return time.process_time() - start, last.velocity


def work(cavity: MovingCavity, steps: int) -> dict[str, Any]:
    """Return the beat as the peer reads it: all that moves, by step."""
    heart = HeartFlow(cavity, FLUID, steps=steps)
    times = heart.start + heart.time_step * np.arange(1, steps + 1)
    points, wall, given, _ = zip(*(heart.boundary(float(t)) for t in times), strict=True)
    facets = np.concatenate(list(cavity.region.facets.values()))
    return {
        "cells": np.ascontiguousarray(cavity.region.cells, dtype=np.int64),
        "boundary": np.unique(facets),
        "points": np.stack(points),
        "wall": np.stack(wall),
        "given": np.stack(given),
        "time_step": heart.time_step,
        "density": FLUID.density,
        "viscosity": FLUID.viscosity,
        "tolerance": TOLERANCE,
    }


def compare(data: Path, folder: Path) -> tuple[str, Mapping[str, Any]]:
    """Return what the page says, and the numbers."""
    frames = cine_frames(str(data / HEART), "bench")
    cavity = make_cavity(frames, PERIOD, TEMPLATE)
    pulse = compare_flow.compare(
        compare_flow.Options(
            path=str(data / HEART),
            peers=str(folder.parent / "peers"),
            output=str(folder / "pulse"),
        )
    )
    numbers: dict[str, Any] = {"cells": len(cavity.region.cells)}
    numbers |= {f"pulse_{key}": value for key, value in pulse.items()}
    beats = {steps: own(cavity, steps) for steps in STEPS}
    numbers |= {f"cpu_s_{steps}": seconds for steps, (seconds, _) in beats.items()}
    velocity = beats[STEPS[-1]][1]
    problem, apart = work(cavity, STEPS[-1]), []
    for number, (name, flags) in enumerate(PEERS.items()):
        how = {"compiler": flags}
        found = run_peer(
            "dolfinx_flow.py", Path(sys.executable), problem, how, folder / f"dolfinx_{number}"
        )
        if "said" in found:
            return f"The peer failed: {found['said']}", numbers
        numbers[f"peer_cpu_s_{name.split()[0]}"] = found["cpu_s"]
        away = np.abs(np.array(found["velocity"]) - velocity).max()
        apart.append(float(away / np.abs(velocity).max()))
    numbers["apart"] = max(apart)
    peers = [numbers[f"peer_cpu_s_{name.split()[0]}"] for name in PEERS]
    ours = numbers[f"cpu_s_{STEPS[-1]}"]
    others = [f"plain dolfinx, {name}" for name in PEERS]
    rows = zip(["cardiotwin", *others], [ours, *peers], strict=True)
    table = "".join(f"| {n} | {s:.1f} | {s / STEPS[-1] * 1e3:.0f} |\n" for n, s in rows)
    text = (
        f"One beat of {STEPS[-1]} steps in patient1's moving cavity ({numbers['cells']} cells, "
        "forms compiled before); the peer is the same scheme with UFL's forms and the same "
        "linear solvers, and is given the motion ready made.\n\n"
        f"| | CPU, s | ms per step |\n|---|---:|---:|\n{table}\n"
        f"cardiotwin is {peers[0] / ours:.1f} times faster than the peer at its defaults and "
        f"{peers[1] / ours:.1f} times than the peer compiled for the processor; at the beat's end "
        f"their velocities are {numbers['apart']:.0e} of the fastest apart. {STEPS[0]} steps take "
        f"{numbers[f'cpu_s_{STEPS[0]}']:.1f} CPU-seconds (15 are allowed for 200 to 400)."
    )
    return f"{text}\n{compare_flow.paragraph(pulse)}", numbers


__all__ = ["HEADING", "compare"]
