"""Steps of a contracting wall in motion, by cardiotwin and by fenicsx-pulse, on the same mesh.

`python experiments/compare_dynamics.py [rings=8] [layers=2] [steps=40] [step_ms=1] [peers=folder]
[output=folder]`. The wall is that of Land's problem 3 (his fibres and material, the base fixed,
incompressible, P2-P1), 1000 kg/m^3 and 100 Pa s, from rest when systole begins, under the pressure
(less its value then) and the tension of the 2025 elastodynamics benchmark; generalised-alpha, both
codes at their defaults, but the peer without line search and with forms for this processor.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_bodies import ellipsoid
from experiment import run
from jaxtyping import Float
from land2015 import MATERIALS, paper_axes
from peers.environment import PULSE, install
from peers.process import COMPILED, apexes, peer_work, run_peer

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.template import Template
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.active import PressureCurve, TensionCurve
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.dynamics import Dynamics
from cardiotwin.mechanics.equations import Axes
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.schemes import GeneralisedAlpha
from cardiotwin.units import KPA, MM, MS

DENSITY = 1000.0  # kg/m^3
VISCOSITY = 100.0  # Pa s
BEGIN = 0.15  # s: systole's switch is at 0.16 s
SHARE = 0.2  # of the benchmark's loads: this wall is soft
HOW: dict[str, Any] = {
    "petsc_options": {"snes_linesearch_type": "basic"},
    "parameters": {},
    "compiler": COMPILED,
}


@dataclass(frozen=True, kw_only=True)
class Options:
    rings: int = 8
    layers: int = 2
    steps: int = 40
    step_ms: float = 1.0
    peers: str = "outputs/peers"
    output: str = "outputs/compare_dynamics"


def courses(times: Float[np.ndarray, " steps"]) -> Float[np.ndarray, "steps 2"]:
    """Return pressure and tension at times after the beginning, Pa."""
    pressure, tension = PressureCurve(), TensionCurve()
    return SHARE * np.array(
        [
            (pressure.value(BEGIN + t) - pressure.value(BEGIN), tension.value(BEGIN + t))
            for t in times
        ]
    )


def own(mesh: TetMesh, axes: Axes, options: Options) -> dict[str, Any]:
    """Return cardiotwin's numbers per step, and where it takes the apexes."""
    body = Body(
        mesh,
        axes,
        material=MATERIALS[3],
        springs=None,
        activation=Activation(cross_fibre=0.0),
        clamped=("base",),
    )
    motion = Dynamics(body, scheme=GeneralisedAlpha(), density=DENSITY, viscosity=VISCOSITY)
    dt, share = options.step_ms * MS, motion.scheme.force_share
    now = np.arange(options.steps) * dt
    ends, between = (
        [Loads(cavity_pressure=p, active_tension=t) for p, t in courses(times)]
        for times in (now + dt, now + share * dt)
    )
    here = motion.rest(body.rest())
    start = time.process_time()
    for loads, acting in zip(ends, between, strict=True):
        here = motion.step(here, loads, dt, acting=acting)
    seconds = time.process_time() - start
    points = mesh.points + body.fields.nodal.to_nodes(body.displacement(here.solved))
    return {
        "cpu_s": seconds / options.steps,
        "factorisations": motion.problem.factorisations / options.steps,
        "apex_mm": (points[apexes(mesh), 2] / MM).tolist(),
        "dofs": len(here.solved.unknown),
    }


def compare(options: Options) -> Mapping[str, Any]:
    """Return both codes' numbers per step and their ratio."""
    mesh = ellipsoid(Template(rings=options.rings, layers=options.layers))
    axes = paper_axes(mesh)
    ours = own(mesh, axes, options)
    result: dict[str, Any] = {f"cardiotwin_{key}": value for key, value in ours.items()}
    python, missing = install(PULSE, Path(options.peers))
    if missing:
        return result | {"missing": missing}
    dt = options.step_ms * MS
    now = np.arange(options.steps) * dt
    law = MATERIALS[3]
    work = peer_work(mesh, unit=1.0) | {
        "guccione": np.array([law.c / KPA, law.b_f, law.b_t, law.b_fs]),
        "fibre": axes[0],
        "sheet": axes[1],
        "normal": axes[2],
        "viscosity": np.array(VISCOSITY),
        "dt": np.array(dt),
        "loads": courses(now + GeneralisedAlpha().force_share * dt) / KPA,
    }
    peer = run_peer("pulse_land.py", python, work, HOW, Path(options.output) / "pulse")
    if "said" in peer:
        return result | {"missing": peer["said"]}
    apart = np.abs(np.subtract(peer["apex_mm"], ours["apex_mm"]))
    result |= {f"pulse_{key}": value for key, value in peer.items()}
    return result | {
        "apexes_apart_mm": float(apart.max()),
        "ratio": peer["cpu_s"] / ours["cpu_s"],
    }


if __name__ == "__main__":
    run(Options, compare)
