"""Land et al. (2015), problem 2, and a contracting wall in motion, by fenicsx-pulse 0.12.

Run in the peer's own environment by `process.py`: `python pulse_land.py work.npz result.json`. Of
problem 2 the mesh is in mm, pressures in kPa and increments as in the peer's own demo.
"""

import sys
import time
import types
from typing import Any

# What this problem needs of scifem is nothing, and its compiled part cannot be built beside the
# dolfinx wheel, which brings no C++ headers: an empty module takes its place.
sys.modules.setdefault("scifem", types.ModuleType("scifem"))

from mpi4py import MPI  # noqa: E402

import basix.ufl  # noqa: E402
import dolfinx  # noqa: E402
import numpy as np  # noqa: E402
import pulse  # type: ignore[import-not-found]  # noqa: E402

from peers.measured import answer, deformed_z, given  # noqa: E402

BASE, ENDOCARDIUM = 1, 2
GROWTH = 1.5  # of the increment, in the peer's demo
ATTEMPTS = 12


def geometry(work: dict[str, Any]) -> Any:
    """Return the wall as the peer has it."""
    element: Any = basix.ufl.element("Lagrange", "tetrahedron", 2, shape=(3,))
    points = np.array(work["points"])
    mesh = dolfinx.mesh.create_mesh(MPI.COMM_SELF, work["cells"], element, points)
    nodes = np.asarray(mesh.geometry.input_global_indices)
    mesh.topology.create_connectivity(2, 3)
    boundary = dolfinx.mesh.exterior_facet_indices(mesh.topology)
    corners = nodes[dolfinx.mesh.entities_to_geometry(mesh, 2, boundary)[:, :3]]
    index = {
        tuple(sorted(key)): facet for key, facet in zip(corners.tolist(), boundary, strict=True)
    }
    tagged = [
        (index[tuple(sorted(key))], tag)
        for name, tag in (("base", BASE), ("endocardium", ENDOCARDIUM))
        for key in work[name][:, :3].tolist()
    ]
    pairs = np.array(sorted(tagged), dtype=np.int32)
    tags = dolfinx.mesh.meshtags(mesh, 2, pairs[:, 0], pairs[:, 1])
    markers = {"BASE": (BASE, 2), "ENDO": (ENDOCARDIUM, 2)}
    return pulse.HeartGeometry(
        mesh=mesh, facet_tags=tags, markers=markers, metadata={"quadrature_degree": 4}
    )


def fibres(mesh: Any, values: Any) -> Any:
    """Return directions per cell and quadrature point as a function."""
    element = basix.ufl.quadrature_element("tetrahedron", value_shape=(3,), degree=4)
    function = dolfinx.fem.Function(dolfinx.fem.functionspace(mesh, element))
    dofs = function.function_space.dofmap.list[:, :, None] * 3 + np.arange(3)
    function.x.array[dofs.ravel()] = values[np.asarray(mesh.topology.original_cell_index)].ravel()
    return function


def variable(mesh: Any, value: float, unit: str) -> Any:
    """Return a number that can be changed without another compilation."""
    return pulse.Variable(dolfinx.fem.Constant(mesh, float(value)), unit)


def model(mesh: Any, work: dict[str, Any]) -> tuple[Any, Any]:
    """Return the material, and the active tension."""
    c, *exponents = work["guccione"]
    names = {"C": variable(mesh, c, "kPa")}
    names |= {
        k: variable(mesh, b, "dimensionless")
        for k, b in zip(("bf", "bt", "bfs"), exponents, strict=True)
    }
    tension = variable(mesh, 0.0, "kPa")
    if "fibre" not in work:
        active = pulse.active_model.Passive()
        material = pulse.Guccione(**names)
        return pulse.CardiacModel(material, active, pulse.Incompressible()), tension
    f0, s0, n0 = (fibres(mesh, work[name]) for name in ("fibre", "sheet", "normal"))
    material = pulse.Guccione(f0=f0, s0=s0, n0=n0, **names)
    active = pulse.ActiveStress(f0, activation=tension)
    viscous = pulse.viscoelasticity.Viscous(variable(mesh, float(work["viscosity"]), "Pa s"))
    return pulse.CardiacModel(material, active, pulse.Incompressible(), viscous), tension


class Count:
    """The tangents that PETSc asked for, in all solves."""

    def __init__(self, problem: Any) -> None:
        self.tangents = 0
        problem.problem.solver.setMonitor(self)

    def __call__(self, _snes: object, number: int, _norm: float) -> None:
        """Count what follows the first residual of a solve."""
        self.tangents += number > 0


def inflate(problem: Any, load: Any, end: float, how: dict[str, Any]) -> None:
    """Walk to the pressure as the demo does: secant prediction, growing increments."""
    increment, failures = how["increment"], 0
    past = [(0.0, problem.u.x.array.copy(), problem.p.x.array.copy())]
    while past[-1][0] < end:
        value = min(past[-1][0] + increment, end)
        if len(past) > 1:
            (t0, *old), (t1, *new) = past[-2:]
            share = (value - t0) / (t1 - t0)
            for function, a, b in zip((problem.u, problem.p), old, new, strict=True):
                function.x.array[:] = (1 - share) * a + share * b
        load.value = value
        if problem.solve():
            past.append((value, problem.u.x.array.copy(), problem.p.x.array.copy()))
            increment *= how["growth"]
            continue
        failures += 1
        if failures > ATTEMPTS:
            msg = "fenicsx-pulse found no way to the pressure asked for"
            raise SystemExit(msg)
        for function, values in zip((problem.u, problem.p), past[-1][1:], strict=True):
            function.x.array[:] = values
        increment /= 2


def main() -> None:
    """Solve what the work's file says, and write the numbers."""
    work, how = given()
    wall = geometry(work)
    material, tension = model(wall.mesh, work)
    pressure = variable(wall.mesh, 0.0, "kPa")
    conditions = pulse.BoundaryConditions(neumann=(pulse.NeumannBC(pressure, ENDOCARDIUM),))
    static = "loads" not in work
    kind = pulse.StaticProblem if static else pulse.problem.DynamicProblem
    options = kind.default_parameters()["petsc_options"] | how["petsc_options"]
    parameters = {"base_bc": pulse.BaseBC.fixed, "petsc_options": options} | how["parameters"]
    if not static:
        parameters |= {"dt": pulse.Variable(float(work["dt"]), "s")}
    problem = kind(material, wall, parameters=parameters, bcs=conditions)
    problem.solve()  # without load, as the demo does
    if how["forms_only"]:
        return
    count, steps = Count(problem), 1
    start = time.process_time()
    if static:
        inflate(problem, pressure.value, float(work["pressure"]), how)
    else:
        steps = len(work["loads"])
        for now, pulling in work["loads"]:
            pressure.assign(now)
            tension.assign(pulling)
            if not problem.solve():
                msg = "a dynamic step of fenicsx-pulse did not converge"
                raise SystemExit(msg)
    seconds = time.process_time() - start
    apex = deformed_z(problem.u, work["apex"])
    answer(
        {
            "cpu_s": seconds / steps,
            "factorisations": count.tangents / steps,
            "apex_mm": [float(work["unit_mm"]) * z for z in apex],
            "dofs": len(problem.u.x.array) + len(problem.p.x.array),
        }
    )


if __name__ == "__main__":
    main()
