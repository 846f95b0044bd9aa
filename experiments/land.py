"""Land et al. (2015), Proc R Soc A 471:20150641: problem 1, a bent beam, 2, an inflated wall.

`python experiments/land.py problem=1|2 refinement=2 output=folder`
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from benchmark_bodies import MM, box, constant_axes, ellipsoid
from experiment import run

from cardiotwin.errors import InputError
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.template import Template
from cardiotwin.geometry.volumes import cavity_volume, wall_volume
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import Guccione
from cardiotwin.mechanics.solved import Nodes

PRESSURES = {1: 4.0, 2: 1e4}  # Pa
MATERIALS = {
    1: Guccione(c=2e3, b_f=8.0, b_t=2.0, b_fs=4.0),
    2: Guccione(c=1e4, b_f=1.0, b_t=1.0, b_fs=1.0),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    problem: int = 2
    refinement: int = 2
    output: str = "outputs/land"


def beam(refinement: int) -> Body:
    """Return problem 1: cells shrink towards the clamp, whose edges are singular."""
    n_long, n_across = 10 * refinement, 2 * refinement
    along = 10 * MM * np.linspace(0, 1, n_long + 1) ** 1.7
    across = np.linspace(0, MM, n_across + 1)
    mesh = box(along, across, across, sides={"clamped": ["x0"], "pressurised": ["z0"]})
    return Body(
        mesh,
        constant_axes(mesh),
        material=MATERIALS[1],
        springs=None,
        pressurised="pressurised",
        clamped=("clamped",),
    )


def ventricle(refinement: int) -> Body:
    """Return problem 2, its base fixed."""
    mesh = ellipsoid(Template(rings=5 * refinement, layers=refinement))
    axes = constant_axes(mesh)
    return Body(mesh, axes, material=MATERIALS[2], springs=None, clamped=("base",))


def beam_numbers(mesh: TetMesh, points: Nodes) -> dict[str, float]:
    """Return where the tip's upper middle is."""
    tip = np.flatnonzero(np.all(np.isclose(mesh.points, np.array([10, 0.5, 1]) * MM), axis=1))[0]
    return {"tip_z_mm": float(points[tip, 2] / MM)}


def ventricle_numbers(mesh: TetMesh, points: Nodes) -> dict[str, float]:
    """Return where the apex is, and the volumes."""
    u, t = mesh.point_fields["apicobasal"], mesh.point_fields["transmural"]
    inside, outside = (np.flatnonzero((u == 0) & (t == end))[0] for end in (0, 1))
    return {
        "apex_endocardium_z_mm": float(points[inside, 2] / MM),
        "apex_epicardium_z_mm": float(points[outside, 2] / MM),
        "cavity_volume_mm3": cavity_volume(points, mesh) / MM**3,
        "wall_volume_change": wall_volume(points, mesh) / wall_volume(mesh.points, mesh) - 1,
    }


def solve(options: Options) -> Mapping[str, float]:
    """Return the numbers of one problem on one mesh."""
    if options.problem not in PRESSURES or options.refinement < 1:
        msg = (
            f"Land's problems here are 1 and 2, refined at least once, found problem="
            f"{options.problem} refinement={options.refinement}. Problem 3 is not in this program."
        )
        raise InputError(msg)
    build, measure = {1: (beam, beam_numbers), 2: (ventricle, ventricle_numbers)}[options.problem]
    body = build(options.refinement)
    start = time.process_time()
    loaded = body.load(body.rest(), Loads(cavity_pressure=PRESSURES[options.problem]))
    seconds = time.process_time() - start
    points = body.mesh.points + body.fields.nodal.to_nodes(body.displacement(loaded))
    return measure(body.mesh, points) | {
        "n_cells": len(body.mesh.cells),
        "n_dofs": len(loaded.unknown),
        "n_factorisations": body.forward.factorisations,
        "solve_cpu_s": seconds,
    }


if __name__ == "__main__":
    run(Options, solve)
