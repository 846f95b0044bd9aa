"""Arostica et al. (2025), CMAME 435:117485, problem 1: a ventricle's second of motion.

`python experiments/elastodynamics2025.py case=0A|0B|1|2A|2B|2C [refinement=2] [facets=curved|flat]
[step_ms=1] [end_ms=1000] [output=folder]`

The long axis is x. The epicardium slides behind springs and dampers along its unloaded normals,
1e8 Pa/m stiff; with `facets=flat` these are the normals of straight-edged cells, as in the
participants' meshes. `result.json` and `curves.csv` hold the points' displacements and the volume.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from arostica2025 import CASES, SUPPORTS, Case, columns, cost, moving, report, require_steps
from experiment import run
from jaxtyping import Float
from spheroid import Spheroid

from cardiotwin.errors import InputError
from cardiotwin.fem.domain import QUADRATURE, quadrature_rule
from cardiotwin.geometry.laplace import harmonic, stiffness
from cardiotwin.geometry.mesh import TETRAHEDRON_EDGES, TetMesh
from cardiotwin.geometry.shapes import tetrahedron_shapes, triangle_shapes
from cardiotwin.geometry.template import Template, wall_mesh
from cardiotwin.geometry.volumes import triangle_rule
from cardiotwin.measurement.tracers import mark
from cardiotwin.mechanics.active import PressureCurve, TensionCurve
from cardiotwin.mechanics.dynamics import Dynamics
from cardiotwin.mechanics.loads import Loads
from cardiotwin.units import MS

SHORT, LONG = (0.025, 0.035), (0.090, 0.097)  # m
BASE = (-np.arccos(5 / 17), -np.arccos(5 / 20))
WALL = Spheroid(short=SHORT, long=LONG, helix=(-60.0, 60.0), axis=0)
POINTS = np.array([[0.025, 0.030, 0.0], [0.0, 0.030, 0.0]])  # m: p0, p1


@dataclass(frozen=True, kw_only=True)
class Options:
    case: str = "1"
    refinement: int = 2
    facets: str = "curved"
    step_ms: float = 1.0
    end_ms: float = 1000.0
    output: str = "outputs/elastodynamics2025"

    def __post_init__(self) -> None:
        require_steps(self.step_ms, self.end_ms)
        if self.case not in CASES or self.facets not in ("curved", "flat") or self.refinement < 1:
            msg = (
                f"The cases are {', '.join(CASES)}, the facets curved or flat, refined at least "
                f"once, found case={self.case} facets={self.facets} "
                f"refinement={self.refinement}."
            )
            raise InputError(msg)


def surface(
    u: Float[np.ndarray, " nodes"],
    angle: Float[np.ndarray, " nodes"],
    t: Float[np.ndarray, " nodes"],
) -> Float[np.ndarray, "nodes 3"]:
    """Return points on the straight lines from the endocardium to the epicardium, m."""
    points = np.zeros((len(u), 3))
    for share, short, long, base in zip((1 - t, t), SHORT, LONG, BASE, strict=True):
        polar = np.pi + u * (-base - np.pi)  # from the apex to the base
        across = short * np.sin(polar)
        around = [long * np.cos(polar), across * np.cos(angle), across * np.sin(angle)]
        points += share[:, None] * np.stack(around, axis=1)
    return points


def ventricle(refinement: int, *, flat: bool) -> TetMesh:
    """Return the wall: cells of about 12 mm / refinement along it, straight-edged where `flat`."""
    template = Template(rings=8 * refinement, layers=refinement, widest=3 * refinement)
    mesh = wall_mesh(template, surface)
    if flat:
        points = mesh.points.copy()
        ends = mesh.cells[:, np.array(TETRAHEDRON_EDGES)]
        points[mesh.cells[:, 4:]] = points[ends].mean(axis=2)
        mesh = replace(mesh, points=points)
    return mesh


def moving_body(case: Case, mesh: TetMesh) -> Dynamics:
    """Return the wall of a case, ready to move."""
    shapes = tetrahedron_shapes(quadrature_rule(QUADRATURE)[0])[0]
    inner, outer = (
        np.isin(np.arange(len(mesh.points)), mesh.facets[name])
        for name in ("lv_endocardium", "epicardium")
    )
    depth = harmonic(stiffness(mesh), inner | outer, outer.astype(np.float64))
    at_points = np.einsum("qn,cni->cqi", shapes, mesh.points[mesh.cells])
    axes = WALL.axes(at_points, depth[mesh.cells] @ shapes.T)
    return moving(mesh, axes, case.law, SUPPORTS)


def course(
    options: Options, mesh: TetMesh, dynamics: Dynamics
) -> Iterator[tuple[float, Float[np.ndarray, "2 3"], float]]:
    """Yield the time, s, the points' displacements, m, and the cavity's volume, m^3."""
    case, body, dt = CASES[options.case], dynamics.body, options.step_ms * MS
    n_steps = round(options.end_ms / options.step_ms)
    end = n_steps * dt
    tension, pressure = TensionCurve(peak=case.tension, end=end), PressureCurve(end=end)

    def loads(at: float) -> Loads:
        given = pressure.value(at) if case.pressure else 0.0
        return Loads(active_tension=tension.value(at), cavity_pressure=given)

    marks = mark(mesh, mesh.points, POINTS)
    motion = dynamics.rest(body.rest())
    yield 0.0, np.zeros((2, 3)), enclosed(mesh.points, mesh)
    for number in range(1, n_steps + 1):
        acting = loads((number - 1 + dynamics.scheme.force_share) * dt)
        motion = dynamics.step(motion, loads(min(number * dt, end)), dt, acting=acting)
        moved = body.fields.nodal.to_nodes(body.displacement(motion.solved))
        yield number * dt, marks.at(moved), enclosed(mesh.points + moved, mesh)


def enclosed(points: Float[np.ndarray, "nodes 3"], mesh: TetMesh) -> float:
    """Return the volume as the problem has it, m^3: the endocardium's flux of y across it."""
    (at, weights), nodes = triangle_rule(), points[mesh.facets["lv_endocardium"]]
    shapes, slopes = triangle_shapes(at)
    first, second = np.einsum("qnk,fni->kfqi", slopes, nodes)
    height = np.einsum("qn,fn->fq", shapes, nodes[..., 1])
    return -float(np.sum(weights * height * np.cross(first, second)[..., 1]))


def solve(options: Options) -> Mapping[str, Any]:
    """Return the curves of one case, their extremes, and the cost."""
    mesh = ventricle(options.refinement, flat=options.facets == "flat")
    dynamics = moving_body(CASES[options.case], mesh)
    start = time.process_time()
    times, shifts, volumes = zip(*course(options, mesh, dynamics), strict=True)
    seconds = time.process_time() - start
    curves = columns(("p0", "p1"), times, shifts, {"volume": volumes})
    return report(curves, Path(options.output)) | cost(dynamics, len(times) - 1, seconds)


if __name__ == "__main__":
    run(Options, solve)
