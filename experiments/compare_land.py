"""Land et al. (2015), problem 2, by cardiotwin, fenicsx-pulse and ambit on the same mesh.

`python experiments/compare_land.py [rings=8] [layers=2] [repeats=3] [scan=yes|no] [peers=folder]
[output=folder]`. CPU seconds from the unloaded wall to 10 kPa, without building the problem and
compiling its forms, the least of all repeats: what else the machine does only adds to them. Each
code runs at its defaults (a peer as in its own demos) and at its best settings, which for a peer
are the fastest of those tried. The peers' environments are made on the first run.
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
from peers.environment import AMBIT, PULSE, Peer, install
from peers.measured import peak_memory
from peers.process import COMPILED, apexes, peer_work, run_peer

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.body import Body
from cardiotwin.units import KPA

PULSE_DEMO: dict[str, Any] = {
    "increment": 1.0,  # kPa
    "growth": 1.5,
    "petsc_options": {},
    "parameters": {},
    "compiler": ["-O2"],
}
USUAL, SCANNED = (10, 20), (5, 7, 10, 14, 20, 40)  # steps
AMBIT_DEMO: dict[str, Any] = {
    "steps": 100,  # of its quasi-static demo, solid_cantilever.py
    "solver": {"tol_res": 1e-8, "tol_inc": 1e-8},  # of its heart's, solid_flow0d_heart_cycle.py
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


def pulse_variants(*, scan: bool) -> dict[str, dict[str, Any]]:
    """Return the settings tried for the best of fenicsx-pulse."""
    searches = ("l2", "bt", "basic") if scan else ("basic",)
    increments = (1.0, 2.0, 4.0) if scan else (1.0, 2.0)
    return {
        f"{increment:g} kPa, {search}": PULSE_DEMO
        | {
            "increment": increment,
            "petsc_options": {"snes_linesearch_type": search},
            "compiler": COMPILED,
        }
        for increment, search in product(increments, searches)
    }


def ambit_variants(*, scan: bool) -> dict[str, dict[str, Any]]:
    """Return the settings tried for the best of ambit."""
    numbers = SCANNED if scan else USUAL
    tolerances = (1e-8, 1e-4) if scan else (1e-4,)
    return {
        f"{steps} steps, tolerance {tolerance:g}": AMBIT_DEMO
        | {
            "steps": steps,
            "solver": {"tol_res": tolerance, "tol_inc": tolerance},
            "compiler": COMPILED,
        }
        for steps, tolerance in product(numbers, tolerances)
    }


@dataclass(frozen=True, kw_only=True)
class Other:
    """Another code: its source and program, its demo's settings, those tried for its best."""

    peer: Peer
    program: str
    demo: Mapping[str, Any]
    variants: Callable[..., dict[str, dict[str, Any]]]

    def measure(self, work: Mapping[str, Any], options: Options, folder: Path) -> dict[str, Any]:
        """Return its numbers at its demo's settings and at its best, or why one is ``missing``."""
        python, missing = install(self.peer, Path(options.peers))
        if missing:
            return {"missing": missing}

        def least(how: Mapping[str, Any], name: str) -> dict[str, Any]:
            runs = partial(run_peer, self.program, python, work, how, folder / name)
            return fastest(runs, options.repeats)

        tried = {
            name: least(how, "best")
            for name, how in self.variants(scan=options.scan == "yes").items()
        }
        seconds = {name: found.get("cpu_s", found.get("said")) for name, found in tried.items()}
        arrived = {name: found for name, found in tried.items() if "cpu_s" in found}
        result: dict[str, Any] = {"tried_cpu_s": seconds}
        if not arrived:
            return result | {"missing": f"no settings led to the pressure: {seconds}"}
        best = min(arrived, key=lambda name: float(arrived[name]["cpu_s"]))
        result |= {"best_settings": best, "best": arrived[best]}
        default = least(self.demo, "default")
        return result | ({"said": default["said"]} if "said" in default else {"default": default})


OTHERS = {
    "pulse": Other(peer=PULSE, program="pulse_land.py", demo=PULSE_DEMO, variants=pulse_variants),
    "ambit": Other(peer=AMBIT, program="ambit_land.py", demo=AMBIT_DEMO, variants=ambit_variants),
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
    """Return every code's numbers, and the others' ratios to ours."""
    mesh = ellipsoid(Template(rings=options.rings, layers=options.layers))
    steps = {"default": 0.25, "best": 0.2}
    ours = {
        name: fastest(partial(own, mesh, step), options.repeats) for name, step in steps.items()
    }
    result: dict[str, Any] = {"dofs": ours["default"]["dofs"]}
    for settings, numbers in ours.items():
        result |= {f"cardiotwin_{settings}_{key}": value for key, value in numbers.items()}
    law = MATERIALS[2]
    work = peer_work(mesh) | {
        "guccione": np.array([law.c / KPA, law.b_f, law.b_t, law.b_fs]),
        "pressure": np.array(LOADS[2].cavity_pressure / KPA),
    }
    for name, other in OTHERS.items():
        found = other.measure(work, options, Path(options.output) / name)
        for settings, own_numbers in ours.items():
            numbers = found.pop(settings, None)
            if numbers is None:
                continue
            apart = np.subtract(numbers["apex_mm"], own_numbers["apex_mm"])
            numbers |= {
                "apexes_apart_mm": float(np.abs(apart).max()),
                "ratio": numbers["cpu_s"] / own_numbers["cpu_s"],
            }
            result |= {f"{name}_{settings}_{key}": value for key, value in numbers.items()}
        result |= {f"{name}_{key}": value for key, value in found.items()}
    return result


if __name__ == "__main__":
    run(Options, compare)
