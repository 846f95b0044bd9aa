"""Land et al. (2015), problem 2, by cardiotwin and by fenicsx-pulse on the same mesh.

`python experiments/compare_land.py [rings=8] [layers=2] [repeats=3] [scan=yes|no] [peers=folder]
[output=folder]`. CPU seconds from the unloaded wall to 10 kPa, without building the problem and
compiling its forms, the least of all repeats: what else the machine does only adds to them. Each
code runs at its defaults (the peer as in its own demo of it) and at its best settings, which for
the peer are the fastest of those tried. The peer's environment is made on the first run.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_bodies import MM, constant_axes, ellipsoid
from experiment import run
from land2015 import LOADS, MATERIALS
from peers.environment import PULSE, install
from peers.process import COMPILED, apexes, peak_memory, peer_work, run_peer

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.body import Body
from cardiotwin.units import KPA

DEMO: dict[str, Any] = {
    "increment": 1.0,  # kPa
    "growth": 1.5,
    "petsc_options": {},
    "parameters": {},
    "compiler": ["-O2"],
}


@dataclass(frozen=True, kw_only=True)
class Options:
    rings: int = 8
    layers: int = 2
    repeats: int = 3
    scan: str = "no"
    peers: str = "outputs/peers"
    output: str = "outputs/compare_land"


def variants(*, scan: bool) -> dict[str, dict[str, Any]]:
    """Return the settings tried for the peer's best."""
    searches = ("l2", "bt", "basic") if scan else ("basic",)
    increments = (1.0, 2.0, 4.0) if scan else (1.0, 2.0)
    return {
        f"{increment:g} kPa, {search}": DEMO
        | {
            "increment": increment,
            "petsc_options": {"snes_linesearch_type": search},
            "compiler": COMPILED,
        }
        for increment, search in product(increments, searches)
    }


def own(mesh: TetMesh, first_step: float) -> dict[str, Any]:
    """Return cardiotwin's numbers."""
    body = Body(mesh, constant_axes(mesh), material=MATERIALS[2], springs=None, clamped=("base",))
    body.forward.residual()
    start = time.process_time()
    loaded = body.load(body.rest(), LOADS[2], first_step=first_step)
    seconds = time.process_time() - start
    points = mesh.points + body.fields.nodal.to_nodes(body.displacement(loaded))
    return {
        "cpu_s": seconds,
        "memory_gb": peak_memory(),
        "factorisations": body.forward.factorisations,
        "apex_mm": (points[apexes(mesh), 2] / MM).tolist(),
        "dofs": len(loaded.unknown),
    }


def fastest(runs: Callable[[], dict[str, Any]], repeats: int) -> dict[str, Any]:
    """Return the numbers of the run that took least; of one that failed, what it said."""
    found = [runs() for _ in range(repeats)]
    return min(found, key=lambda one: float(one.get("cpu_s", np.inf)))


def compare(options: Options) -> Mapping[str, Any]:
    """Return both codes' numbers and their ratios."""
    mesh, repeats = (
        ellipsoid(Template(rings=options.rings, layers=options.layers)),
        options.repeats,
    )
    steps = {"default": 0.25, "best": 0.2}
    ours = {name: fastest(partial(own, mesh, step), repeats) for name, step in steps.items()}
    python, missing = install(PULSE, Path(options.peers))
    result: dict[str, Any] = {"dofs": ours["default"]["dofs"]}
    for name, numbers in ours.items():
        result |= {f"cardiotwin_{name}_{key}": value for key, value in numbers.items()}
    if missing:
        return result | {"missing": missing}
    work = peer_work(mesh) | {
        "guccione": np.array([MATERIALS[2].c / KPA, 1.0, 1.0, 1.0]),
        "pressure": np.array(LOADS[2].cavity_pressure / KPA),
    }
    folder = Path(options.output)
    default = fastest(partial(run_peer, python, work, DEMO, folder / "default"), repeats)
    tried = {
        name: fastest(partial(run_peer, python, work, how, folder / "best"), repeats)
        for name, how in variants(scan=options.scan == "yes").items()
    }
    arrived = {name: found for name, found in tried.items() if "cpu_s" in found}
    if "said" in default or not arrived:
        return result | {"missing": default.get("said") or str(tried)}
    best = min(arrived, key=lambda name: float(arrived[name]["cpu_s"]))
    for name, numbers in (("default", default), ("best", arrived[best])):
        result |= {f"pulse_{name}_{key}": value for key, value in numbers.items()}
        apart = np.subtract(numbers["apex_mm"], ours[name]["apex_mm"])
        result[f"{name}_apexes_apart_mm"] = float(np.abs(apart).max())
        result[f"{name}_ratio"] = numbers["cpu_s"] / ours[name]["cpu_s"]
    seconds = {name: found.get("cpu_s", found.get("said")) for name, found in tried.items()}
    return result | {"pulse_best_settings": best, "pulse_tried_cpu_s": seconds}


if __name__ == "__main__":
    run(Options, compare)
