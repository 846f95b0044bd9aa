"""Land et al. (2015), Proc R Soc A 471:20150641: a beam, an inflated and a contracting ventricle.

`python experiments/land2015.py problem=1|2|3 [refinement=2] [grading=p] [output=folder]`
Ring k of n lies at (k/n)^p of the way from the apex to the base (in the beam: section k of n, from
the clamp to the tip). Fibres of problem 3 are those of the paper at every quadrature point. Lists
run along `LINE`, a meridian of the reference; the twist turns it about +z, and `twist_deg` is that
half way up. A strain is the relative change of a short length.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from benchmark_bodies import MM, box, constant_axes, ellipsoid, land_point
from experiment import run
from jaxtyping import Float
from spheroid import Spheroid

from cardiotwin.errors import InputError
from cardiotwin.fem.domain import QUADRATURE, quadrature_rule
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import tetrahedron_shapes
from cardiotwin.geometry.template import Template
from cardiotwin.geometry.volumes import wall_volume
from cardiotwin.measurement.tracers import mark
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.equations import Axes
from cardiotwin.mechanics.loads import Loads
from cardiotwin.mechanics.material import Guccione
from cardiotwin.mechanics.solved import Nodes
from cardiotwin.units import KPA

LOADS = {
    1: Loads(cavity_pressure=0.004 * KPA),
    2: Loads(cavity_pressure=10 * KPA),
    3: Loads(cavity_pressure=15 * KPA, active_tension=60 * KPA),
}
MATERIALS = {
    1: Guccione(c=2e3, b_f=8.0, b_t=2.0, b_fs=4.0),
    2: Guccione(c=1e4, b_f=1.0, b_t=1.0, b_fs=1.0),
    3: Guccione(c=2e3, b_f=8.0, b_t=2.0, b_fs=4.0),
}
GRADINGS = {1: 1.7, 2: 1.0, 3: 1.5}
WALL = Spheroid(short=(7 * MM, 10 * MM), long=(17 * MM, 20 * MM), helix=(90.0, -90.0))
LINE = np.linspace(0.1, 0.9, 9)  # of the way from the apex to the base
NEAR = 1e-3  # half the length over which a strain is measured, of that way


@dataclass(frozen=True, kw_only=True)
class Options:
    problem: int = 2
    refinement: int = 2
    grading: float = 0.0  # the problem's own
    output: str = "outputs/land2015"

    def __post_init__(self) -> None:
        if self.problem not in LOADS or self.refinement < 1 or self.grading < 0:
            msg = (
                "The problems are 1, 2 and 3, refined at least once, graded by a power (0: the "
                f"problem's own), found problem={self.problem} refinement={self.refinement} "
                f"grading={self.grading:g}."
            )
            raise InputError(msg)


def beam(refinement: int, grading: float) -> Body:
    """Return problem 1: cells shrink towards the clamp, whose edges are singular."""
    along = 10 * MM * np.linspace(0, 1, 10 * refinement + 1) ** grading
    across = np.linspace(0, MM, 2 * refinement + 1)
    mesh = box(along, across, across, sides={"clamped": ["x0"], "pressurised": ["z0"]})
    return Body(
        mesh,
        constant_axes(mesh),
        material=MATERIALS[1],
        springs=None,
        pressurised="pressurised",
        clamped=("clamped",),
    )


def ventricle(refinement: int, grading: float, problem: int) -> Body:
    """Return problem 2 or 3, its base fixed.

    In problem 3 the fibres turn by 180 degrees through the wall, which asks for more layers.
    """
    template = Template(rings=5 * refinement, layers=refinement)
    if problem == 3:
        template = Template(rings=6 * refinement, layers=2 * refinement, widest=2 * refinement)
    mesh = ellipsoid(template, grading=grading)
    axes = paper_axes(mesh) if problem == 3 else constant_axes(mesh)
    return Body(
        mesh,
        axes,
        material=MATERIALS[problem],
        springs=None,
        activation=Activation(cross_fibre=0.0),
        clamped=("base",),
    )


def paper_axes(mesh: TetMesh) -> Axes:
    """Return fibre, sheet and normal of problem 3 at the quadrature points."""
    shapes = tetrahedron_shapes(quadrature_rule(QUADRATURE)[0])[0]
    x = np.einsum("qn,cni->cqi", shapes, mesh.points[mesh.cells])
    return WALL.axes(x, WALL.depth(x))


def beam_numbers(mesh: TetMesh, points: Nodes) -> dict[str, Any]:
    """Return where the tip's upper middle is."""
    tip = np.flatnonzero(np.all(np.isclose(mesh.points, np.array([10, 0.5, 1]) * MM), axis=1))[0]
    return {"tip_z_mm": float(points[tip, 2] / MM)}


def ventricle_numbers(mesh: TetMesh, points: Nodes) -> dict[str, Any]:
    """Return where the apex and the middle of the wall are, the volumes, strains and twist."""
    u, t = mesh.point_fields["apicobasal"], mesh.point_fields["transmural"]
    inside, outside = (np.flatnonzero((u == 0) & (t == end))[0] for end in (0, 1))
    middle = land_point(LINE, 0 * LINE, 0 * LINE + 0.5)
    moved = mark(mesh, mesh.points, middle).at(points)
    twist = np.degrees(np.arctan2(moved[:, 1], moved[:, 0]))
    strains = {
        f"{name}_strain_{layer}": values.tolist()
        for depth, layer in ((0.0, "endocardium"), (0.5, "midwall"), (1.0, "epicardium"))
        for name, values in length_changes(mesh, points, depth).items()
    }
    return {
        "apex_endocardium_z_mm": float(points[inside, 2] / MM),
        "apex_epicardium_z_mm": float(points[outside, 2] / MM),
        "volume_mm3": cavity_volume(points, mesh) / MM**3,
        "wall_volume_change": wall_volume(points, mesh) / wall_volume(mesh.points, mesh) - 1,
        "midwall_radius_mm": (np.hypot(moved[:, 0], moved[:, 1]) / MM).tolist(),
        "midwall_z_mm": (moved[:, 2] / MM).tolist(),
        "midwall_twist_deg": twist.tolist(),
        "twist_deg": float(twist[len(LINE) // 2]),
        **strains,
    }


def length_changes(
    mesh: TetMesh, points: Nodes, depth: float
) -> dict[str, Float[np.ndarray, " line"]]:
    """Return by how much short lengths of a line at a depth change, as shares of them."""
    t, low, high = 0 * LINE + depth, max(depth - NEAR, 0), min(depth + NEAR, 1)
    ends = {
        "longitudinal": [(LINE - NEAR, 0 * t, t), (LINE + NEAR, 0 * t, t)],
        "circumferential": [(LINE, 0 * t - NEAR, t), (LINE, 0 * t + NEAR, t)],
        "radial": [(LINE, 0 * t, 0 * t + low), (LINE, 0 * t, 0 * t + high)],
    }
    changes = {}
    for name, (first, last) in ends.items():
        pair = [land_point(*first), land_point(*last)]
        marks = [mark(mesh, mesh.points, positions) for positions in pair]
        here, there = (
            np.linalg.norm(marks[1].at(nodes) - marks[0].at(nodes), axis=1)
            for nodes in (mesh.points, points)
        )
        changes[name] = there / here - 1
    return changes


def solve(options: Options) -> Mapping[str, Any]:
    """Return the numbers of one problem on one mesh."""
    grading = options.grading or GRADINGS[options.problem]
    start = time.process_time()
    if options.problem == 1:
        body, measure = beam(options.refinement, grading), beam_numbers
    else:
        body = ventricle(options.refinement, grading, options.problem)
        measure = ventricle_numbers
    loaded = body.load(body.rest(), LOADS[options.problem])
    points = body.mesh.points + body.fields.nodal.to_nodes(body.displacement(loaded))
    return measure(body.mesh, points) | {
        "cells": len(body.mesh.cells),
        "dofs": len(loaded.unknown),
        "factorisations": body.forward.factorisations,
        "cpu_s": time.process_time() - start,
    }


if __name__ == "__main__":
    run(Options, solve)
