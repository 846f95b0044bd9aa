"""Blood driven through a ventricle's cavity at rest, by cardiotwin and by ambit.

`python experiments/compare_flow.py path=folder [steps=10] [speed=0.5] [peers=folder]
[output=folder]`. The mitral window's velocity rises from rest as half a cosine, walls hold the
blood, the aortic window is free of traction. Both take the same mesh, P1-P1 fields and steps;
cardiotwin corrects the pressure after the velocity, ambit solves for both together by Newton's
method and MUMPS. CPU seconds are those of all steps but the first, which makes what is kept.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cine_frames import cine_frames
from experiment import run
from peers.environment import AMBIT, install
from peers.process import COMPILED, run_peer

from cardiotwin.geometry.cavity import CavityTemplate, MovingCavity, make_cavity
from cardiotwin.geometry.cavity.motion import area_vectors, flux
from cardiotwin.haemodynamics.blood import Fluid
from cardiotwin.haemodynamics.domain import FluidDomain
from cardiotwin.haemodynamics.projection import Projection
from cardiotwin.units import ML

TEMPLATE = CavityTemplate(edge=0.15, layers=18)
PERIOD, OF_A_BEAT, TOLERANCE, BACKFLOW = 0.86, 400, 1e-6, 0.5  # s; steps; of linear solvers; share
WALLS, INLET, OUTLET = ("lv_endocardium", "base"), "mitral", "aortic"
FLUID = Fluid()
DEMO: dict[str, Any] = {  # of ambit's fluid_flow0d_pipe.py, its blood with P1-P1
    "compiler": ["-O2"],
    "degree": 5,
    "time": {"timint": "ost", "theta_ost": 1.0},
    "solver": {"solve_type": "direct", "tol_res": 1e-8, "tol_inc": 1e-8},
    "stabilisation": {
        "vscale": 1e3,  # mm/s
        "dscales": [1.0, 1.0, 1.0],  # of SUPG, of the divergence, of PSPG
        "symmetric": True,
        "reduced_scheme": True,
    },
}
LIKE_OURS: dict[str, Any] = {
    "compiler": COMPILED,
    "degree": 2,
    "time": {"timint": "bdf2"},
    "solver": {  # 0.5 mN is below 1 % of a step's first residual; the increment is not asked
        "solve_type": "direct",
        "tol_res": 0.5,
        "tol_inc": 1e9,
    },
    "stabilisation": {
        "vscale": 1e3,
        "dscales": [0.2, 0.0, 0.2],  # 7 mm / (1 m/s) * 0.2 = 1.4 ms; half a step is 1.1 ms
        "symmetric": False,
        "reduced_scheme": False,
    },
}
VARIANTS = {"demo": DEMO, "like_ours": LIKE_OURS}


@dataclass(frozen=True, kw_only=True)
class Options:
    path: str = ""
    steps: int = 10
    speed: float = 0.5  # m/s, in the middle of the mitral window at the end
    peers: str = "outputs/peers"
    output: str = "outputs/compare_flow"


def own(
    cavity: MovingCavity, jet: np.ndarray, course: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the CPU seconds of a step but the first, and the last velocity and pressure."""
    flow = Projection(
        FluidDomain(cavity.region),
        FLUID,
        PERIOD / OF_A_BEAT,
        walls=(*WALLS, INLET),
        openings=(OUTLET,),
        backflow=BACKFLOW,
        tolerance=TOLERANCE,
    )
    flow.step(course[1] * jet)
    start = time.process_time()
    for share in course[2:]:
        flow.step(share * jet)
    return (time.process_time() - start) / (len(course) - 2), flow.velocity, flow.pressure


def numbers_of(
    cavity: MovingCavity, seconds: float, velocity: np.ndarray, pressure: np.ndarray
) -> dict[str, Any]:
    """Return what is said of a code."""
    points, facets = cavity.region.points, cavity.region.facets
    return {
        "cpu_s_per_step": seconds,
        "inflow_ml_per_s": -flux(points, facets[INLET], velocity) / ML,
        "outflow_ml_per_s": flux(points, facets[OUTLET], velocity) / ML,
        "peak_speed_m_per_s": float(np.linalg.norm(velocity, axis=1).max()),
        "apex_pa": float(pressure[cavity.apex]),
    }


def compare(options: Options) -> Mapping[str, Any]:
    """Return each code's numbers, and ambit's ratios to ours and distances from us."""
    cavity = make_cavity(cine_frames(options.path, "compare_flow"), PERIOD, TEMPLATE)
    region = cavity.region
    inwards = -area_vectors(region.points, region.facets[INLET]).sum(axis=0)
    jet = options.speed * cavity.profile[INLET][:, None] * inwards / np.linalg.norm(inwards)
    course = 0.5 * (1 - np.cos(np.pi * np.arange(options.steps + 1) / options.steps))
    seconds, velocity, pressure = own(cavity, jet, course)
    ours = numbers_of(cavity, seconds, velocity, pressure)
    result: dict[str, Any] = {"cells": len(region.cells), "steps": options.steps}
    result |= {f"cardiotwin_{key}": value for key, value in ours.items()}
    python, missing = install(AMBIT, Path(options.peers))
    if missing:
        return result | {"missing": missing}
    work = {
        "points": region.points,
        "cells": np.ascontiguousarray(region.cells, dtype=np.int64),
        "wall": np.concatenate([region.facets[name] for name in WALLS]),
        "inlet": region.facets[INLET],
        "outlet": region.facets[OUTLET],
        "jet": jet,
        "course": course,
        "time_step": PERIOD / OF_A_BEAT,
        "density": FLUID.density,
        "viscosity": FLUID.viscosity,
        "backflow": BACKFLOW,
    }
    for name, how in VARIANTS.items():
        found = run_peer("ambit_flow.py", python, work, how, Path(options.output) / name)
        if "said" in found:
            result[f"{name}_said"] = found["said"]
            continue
        per_step = found["cpu_s"] / found["steps"]
        theirs = np.array(found["velocity"])
        numbers = numbers_of(cavity, per_step, theirs, np.array(found["pressure"]))
        numbers["ratio"] = per_step / seconds
        numbers["iterations_per_step"] = found["iterations"] / options.steps
        numbers["apart"] = float(np.linalg.norm(theirs - velocity) / np.linalg.norm(velocity))
        result |= {f"{name}_{key}": value for key, value in numbers.items()}
    return result


def paragraph(found: Mapping[str, Any]) -> str:
    """Return what the page says."""
    names = {
        "cardiotwin": "cardiotwin",
        "demo": "ambit-fe 2026.1.0, as in its demo",
        "like_ours": "ambit-fe 2026.1.0, like cardiotwin",
    }
    head = (
        f"\nOf ambit's fluid: patient1's cavity at rest (the same {found['cells']} cells), the "
        f"mitral window's velocity given, the aortic free, {found['steps']} steps of a "
        f"{OF_A_BEAT}-step beat from rest on; all but the first are timed, forms compiled before. "
        "Both use P1-P1 with SUPG and PSPG; ambit solves for velocity and pressure together, by "
        "Newton's method and MUMPS. `as in its demo`: backward Euler, its tolerances, its "
        "stabilisation. `like cardiotwin`: BDF2, a loose tolerance, stabilisation in times of the "
        "same size, compiled for the processor. `m/s`: the fastest "
        "at the end; `apart`: the velocities then, by norm."
    )
    if "missing" in found:
        return f"{head} It gave no numbers: {found['missing']}\n"
    table = [
        "| | CPU ms a step | solves a step | in, mL/s | out, mL/s | m/s | apex, Pa | apart |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    said = []
    for key, name in names.items():
        if f"{key}_said" in found:
            said.append(f" {name} ended with: {found[f'{key}_said']}")
            continue
        table.append(
            f"| {name} | {found[f'{key}_cpu_s_per_step'] * 1e3:.0f} | "
            f"{found.get(f'{key}_iterations_per_step', 1):.1f} | "
            f"{found[f'{key}_inflow_ml_per_s']:.1f} | {found[f'{key}_outflow_ml_per_s']:.1f} | "
            f"{found[f'{key}_peak_speed_m_per_s']:.2f} | {found[f'{key}_apex_pa']:.0f} | "
            f"{100 * found.get(f'{key}_apart', 0):.0f} % |"
        )
    ratios = [
        f"{found[f'{key}_ratio']:.0f} times faster than {name}"
        for key, name in names.items()
        if f"{key}_ratio" in found
    ]
    last = f"cardiotwin is {' and '.join(ratios)}." if ratios else ""
    rows = "\n".join(table)
    return f"{head}\n\n{rows}\n\n{last}{''.join(said)}\n"


if __name__ == "__main__":
    run(Options, compare)
