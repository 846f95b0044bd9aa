"""Arostica et al. (2025), CMAME 435:117485, problem 2, on two ventricles of our own.

`python experiments/biventricle2025.py [edge_mm=12] [step_ms=1] [end_ms=400] [output=folder]`

Law, supports, loads and scheme are the benchmark's; the organisers' mesh is not at hand, so the
wall lies between ellipsoids in closed form, with fibres by the rule of Bayer et al. (2012), and
what can be shown is that the answer stands still when the cells shrink. The base is z = 0, the
long axis of the left ventricle z, and the right one lies towards +x. `p0`, `p1` are in the left
free wall near the base and half way down, `p2` in the right free wall.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from arostica2025 import LAW, SUPPORTS, columns, cost, moving, report, require_steps
from experiment import run
from jaxtyping import Float

from cardiotwin.fem.domain import QUADRATURE, quadrature_rule
from cardiotwin.geometry.anatomy import HeartFrame
from cardiotwin.geometry.biventricular import Bayer, BiventricularOptions
from cardiotwin.geometry.biventricular.curved import order_two
from cardiotwin.geometry.biventricular.fit import sound_mesh
from cardiotwin.geometry.biventricular.grid import VOXEL, Grid, Level, redistanced, smooth_max
from cardiotwin.geometry.biventricular.shape import FILLET, ROOM, Shape
from cardiotwin.geometry.closure import cavity_volume
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.measurement.tracers import mark
from cardiotwin.mechanics.active import PressureCurve, TensionCurve
from cardiotwin.mechanics.dynamics import Dynamics
from cardiotwin.mechanics.loads import Loads
from cardiotwin.units import MM, MS

DEPTH = 20 * MM  # of the ellipsoids' centres below the base
LEFT_INNER, LEFT_OUTER = np.array([25, 25, 60]) * MM, np.array([34, 34, 68]) * MM
RIGHT_INNER, RIGHT_CENTRE = np.array([36, 34, 52]) * MM, 24 * MM
RIGHT_WALL = 4 * MM
POINTS = np.array([[-29.0, 0.0, -8.0], [-29.0, 0.0, -30.0], [61.5, 0.0, -20.0]]) * MM
NAMES = ("p0", "p1", "p2")
HELD = replace(SUPPORTS, base_normal=1e6, base_plane=1e6)
PRESSURES = (
    PressureCurve(mid=16e3, pre=12e3, mid_rate=15.0, atrial_rate=5.0),
    PressureCurve(mid=4e3, pre=3e3, mid_rate=10.0, atrial_rate=1.0),
)


@dataclass(frozen=True, kw_only=True)
class Options:
    edge_mm: float = 12.0
    step_ms: float = 1.0
    end_ms: float = 400.0
    output: str = "outputs/biventricle2025"

    def __post_init__(self) -> None:
        require_steps(self.step_ms, self.end_ms)


def inside(
    points: Float[np.ndarray, "n 3"], half_axes: Float[np.ndarray, "3"], across: float = 0.0
) -> Float[np.ndarray, " n"]:
    """Return about how far points lie inside an ellipsoid, m (exactly on it, to first order)."""
    away = points - np.array([across, 0.0, -DEPTH])
    level = np.maximum(np.linalg.norm(away / half_axes, axis=1), 1e-6)
    slope = np.linalg.norm(away / half_axes**2, axis=1) / level
    return np.asarray((1 - level) / np.maximum(slope, 1 / half_axes.max()))


def two_ventricles() -> Shape:
    """Return the solids, sampled as those of drawn hearts are."""
    low = np.array([-LEFT_OUTER[0], -LEFT_OUTER[1], -DEPTH - LEFT_OUTER[2]]) - ROOM
    high = np.array([RIGHT_CENTRE + RIGHT_INNER[0], LEFT_OUTER[1], 0.0]) + ROOM
    n = np.ceil((high - low) / VOXEL).astype(int) + 1
    grid = Grid(low=low, shape=(int(n[0]), int(n[1]), int(n[2])))

    def sampled(half_axes: Float[np.ndarray, "3"], across: float = 0.0) -> Level:
        values = inside(grid.points, half_axes, across)
        return Level(grid=grid, values=values.reshape(grid.shape))

    left, ventricle = sampled(LEFT_INNER), sampled(LEFT_OUTER)
    right = sampled(RIGHT_INNER, RIGHT_CENTRE)
    cavity = redistanced(right.with_values(-smooth_max(-right.values, ventricle.values, FILLET)))
    outer = smooth_max(ventricle.values, cavity.values + RIGHT_WALL, FILLET)
    x, _, z = np.eye(3)
    return Shape(
        left=left,
        right=cavity,
        ventricle=ventricle,
        outer=cavity.with_values(outer),
        axes=np.eye(3),
        origin=np.zeros(3),
        frame=HeartFrame(origin=np.zeros(3), long_axis=z, rv_insertion=x, mirrored=False),
    )


def wall(edge: float) -> TetMesh:
    """Return both ventricles in curved cells with edges up to a length, m."""
    shape = two_ventricles()
    straight, _ = sound_mesh(shape, BiventricularOptions(rv_wall=RIGHT_WALL, edge=edge))
    mesh = order_two(straight, shape)
    height = mesh.points[:, 2]
    return replace(mesh, point_fields={"apicobasal": 1 - height / height.min()})


def course(
    options: Options, mesh: TetMesh, dynamics: Dynamics
) -> Iterator[tuple[float, Float[np.ndarray, "3 3"], float, float]]:
    """Yield the time, s, the points' displacements, m, and both cavities' volumes, m^3."""
    body, dt = dynamics.body, options.step_ms * MS
    n_steps = round(options.end_ms / options.step_ms)
    end = n_steps * dt
    tension = TensionCurve(end=end)
    left, right = (replace(curve, end=end) for curve in PRESSURES)

    def loads(at: float) -> Loads:
        return Loads(
            active_tension=tension.value(at),
            cavity_pressure=left.value(at),
            rv_pressure=right.value(at),
        )

    def volumes(points: Float[np.ndarray, "nodes 3"]) -> tuple[float, float]:
        return cavity_volume(points, mesh), cavity_volume(points, mesh, "rv_endocardium")

    marks = mark(mesh, mesh.points, POINTS)
    motion = dynamics.rest(body.rest())
    yield 0.0, np.zeros((3, 3)), *volumes(mesh.points)
    for number in range(1, n_steps + 1):
        acting = loads((number - 1 + dynamics.scheme.force_share) * dt)
        motion = dynamics.step(motion, loads(min(number * dt, end)), dt, acting=acting)
        moved = body.fields.nodal.to_nodes(body.displacement(motion.solved))
        yield number * dt, marks.at(moved), *volumes(mesh.points + moved)


def solve(options: Options) -> Mapping[str, Any]:
    """Return the curves, their extremes, and the cost."""
    mesh = wall(options.edge_mm * MM)
    dynamics = moving(mesh, Bayer().axes(mesh, quadrature_rule(QUADRATURE)[0]), LAW, HELD)
    start = time.process_time()
    times, shifts, left, right = zip(*course(options, mesh, dynamics), strict=True)
    seconds = time.process_time() - start
    curves = columns(NAMES, times, shifts, {"lv_volume": left, "rv_volume": right})
    return report(curves, Path(options.output)) | cost(dynamics, len(times) - 1, seconds)


if __name__ == "__main__":
    run(Options, solve)
