"""Blood driven through a cavity at rest by ambit-fe 2026.1.0: mm, kPa, P1-P1 with SUPG and PSPG.

Run in the peer's own environment by `process.py`: `python ambit_flow.py work.npz result.json`. The
mesh goes in as XDMF, as in ambit's demos; its stabilisation is that of its demo fluid_flow0d_pipe.
What is solved is a Newton iteration of velocity and pressure together in each step.
"""

import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import numpy as np
from ambit_fe.ambit_main import Ambit  # type: ignore[import-not-found]
from scipy.spatial import cKDTree

from peers.ambit_land import write_grid
from peers.measured import answer, given

WALL, INLET, OUTLET = 1, 2, 3
MM, KPA = 1e-3, 1e3  # m, Pa


def write_mesh(work: dict[str, Any]) -> dict[str, str]:
    """Write the region and its tagged boundary beside the work, and return their names."""
    facets = [work[name] for name in ("wall", "inlet", "outlet")]
    tags = np.repeat([WALL, INLET, OUTLET], [len(part) for part in facets])
    names = {"mesh_domain": "domain.xdmf", "mesh_boundary": "boundary.xdmf"}
    points, cells = work["points"] / MM, work["cells"]
    write_grid(Path("domain.xdmf"), "Tetrahedron", cells, np.ones(len(cells), int), points)
    write_grid(Path("boundary.xdmf"), "Triangle", np.concatenate(facets), tags, points)
    return names


def inflow(work: dict[str, Any]) -> type:
    """Return the velocity at the inlet as ambit asks for it: by place, at a time."""
    tree, jet = cKDTree(work["points"] / MM), work["jet"] / MM
    courses = np.arange(len(work["course"])) * float(work["time_step"]), work["course"]

    class Inflow:
        t = 0.0
        nearest: Any = None

        def evaluate(self, x: Any) -> Any:
            """Return the velocity, mm/s, at places that are the same at each time."""
            if self.nearest is None:
                self.nearest = tree.query(x.T)[1]
            return float(np.interp(self.t, *courses)) * jet[self.nearest].T

    return Inflow


def problem(work: dict[str, Any], how: dict[str, Any]) -> Any:
    """Return the problem as ambit has it, its forms compiled."""
    steps, density = len(work["course"]) - 1, float(work["density"]) * MM**3
    viscosity = float(work["viscosity"]) / KPA
    return Ambit(
        {
            "problem_type": "fluid",
            "write_results_every": 0,
            "results_to_write": [],
            "output_path": ".",
            "simname": "flow",
        }
        | write_mesh(work),
        {"maxtime": steps * float(work["time_step"]), "numstep": steps},
        [how["time"]],
        how["solver"],
        [
            {
                "order_vel": 1,
                "order_pres": 1,
                "quad_degree": how["degree"],
                "stabilization": {"scheme": "supg_pspg", **how["stabilisation"]},
            }
        ],
        [{"MAT1": {"newtonian": {"eta": viscosity}, "inertia": {"rho": density}}}],
        [
            {
                "dirichlet": [
                    {"id": [INLET], "dir": "all", "expression": inflow(work)},
                    {"id": [WALL], "dir": "all", "val": 0.0},
                ],
                "stabilized_neumann": [
                    {"id": [OUTLET], "beta": float(work["backflow"]) * density}
                ],
            }
        ],
    )


def clocked(update: Callable[[], None], clock: list[float]) -> Callable[[], None]:
    """Return what ends a step, and notes the CPU seconds then."""

    def noted() -> None:
        update()
        clock.append(time.process_time())

    return noted


def at_nodes(field: Any) -> Any:
    """Return a P1 field's values at the nodes as they were given."""
    space = field.function_space
    geometry = space.mesh.geometry
    place = np.empty(len(geometry.x), dtype=int)
    place[space.dofmap.list.ravel()] = np.asarray(geometry.dofmaps[0]).ravel()
    values = field.x.array.reshape(len(place), -1)
    found = np.empty_like(values)
    found[np.asarray(geometry.input_global_indices)[place]] = values
    return found


def main() -> None:
    """Solve what the work's file says, and write the numbers."""
    work, how = given()
    clock: list[float] = []
    with Path("log").open("w") as log, redirect_stdout(log):
        blood = problem(work, how)
        if how["forms_only"]:
            return
        blood.mp.update = clocked(blood.mp.update, clock)
        blood.solve_problem()
    answer(
        {
            "cpu_s": clock[-1] - clock[0],
            "steps": len(clock) - 1,
            "iterations": blood.ms.solnln.ni_all,
            "velocity": (at_nodes(blood.mp.v) * MM).tolist(),
            "pressure": (at_nodes(blood.mp.p)[:, 0] * KPA).tolist(),
            "dofs": blood.mp.numdof,
        }
    )


if __name__ == "__main__":
    main()
