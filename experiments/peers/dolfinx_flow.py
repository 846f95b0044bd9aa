"""A beat in a moving cavity by the project's own scheme, written in plain dolfinx.

Run by `process.py`: `python dolfinx_flow.py work.npz result.json`; nothing here imports
cardiotwin. The forms are UFL's, compiled by FFCx; matrices are assembled into PETSc's and solved
as the project does (BiCGStab with the diagonal, GMRES with a multigrid that is kept for 25 steps).
"""

import time
from typing import Any

from mpi4py import MPI

from petsc4py import PETSc  # isort: skip

import basix.ufl
import dolfinx
import dolfinx.fem.petsc
import numpy as np
import ufl
from dolfinx import fem

from peers.measured import answer, given

KEPT = 25
PREFIX = "flow_pressure_"


class Beat:
    """The scheme's fields, forms and solvers."""

    def __init__(self, work: dict[str, Any]) -> None:
        element: Any = basix.ufl.element("Lagrange", "tetrahedron", 1, shape=(3,))
        cells, points = work["cells"], np.ascontiguousarray(work["points"][0])
        self.mesh = dolfinx.mesh.create_mesh(MPI.COMM_SELF, cells, element, points)
        self.scalar = fem.functionspace(self.mesh, ("Lagrange", 1))
        self.vector = fem.functionspace(self.mesh, ("Lagrange", 1, (3,)))
        node = np.empty(len(points), dtype=int)
        geometry = np.asarray(self.mesh.geometry.dofmaps[0]).ravel()
        node[self.scalar.dofmap.list.ravel()] = geometry
        self.original = np.asarray(self.mesh.geometry.input_global_indices)
        self.node = self.original[node]
        where = np.zeros(len(points), dtype=bool)
        where[work["boundary"]] = True
        self.fixed = np.flatnonzero(where[self.node]).astype(np.int32)
        names = ("u", "u1", "u2", "w", "a", "history", "smoothed")
        self.f = {name: fem.Function(self.vector) for name in names}
        self.p, self.change = fem.Function(self.scalar), fem.Function(self.scalar)
        self.dt, self.steps, self.used = float(work["time_step"]), 0, 0
        self.rho, self.mu = float(work["density"]), float(work["viscosity"])
        self.rate: Any = fem.Constant(self.mesh, 1 / self.dt)
        self.compile()
        self.solvers(float(work["tolerance"]))

    def compile(self) -> None:
        """Compile the forms."""
        mesh, f = self.mesh, self.f
        rho, mu, step = (fem.Constant(mesh, value) for value in (self.rho, self.mu, self.dt))
        trial, test = ufl.TrialFunction(self.scalar), ufl.TestFunction(self.scalar)
        tests = ufl.TestFunction(self.vector)
        dx = ufl.dx(domain=mesh, metadata={"quadrature_degree": 2})
        dx1 = ufl.dx(domain=mesh, metadata={"quadrature_degree": 1})
        inverse = ufl.inv(ufl.Jacobian(mesh))
        metric, a = inverse.T * inverse, f["a"]
        slow = 4 * ufl.dot(a, metric * a) + 144 * (mu / rho) ** 2 * ufl.inner(metric, metric)
        tau = smooth = (slow + (2 / step) ** 2) ** -0.5
        inertia = self.rate * trial + ufl.dot(a, ufl.grad(trial))
        momentum = rho * inertia * (test + tau * ufl.dot(a, ufl.grad(test))) * dx
        momentum += mu * ufl.dot(ufl.grad(trial), ufl.grad(test)) * dx
        slope = ufl.grad(self.p)
        pull = rho * f["history"] + slope
        load = -ufl.dot(pull, tests + tau * ufl.dot(ufl.grad(tests), a)) * dx
        pushed = 1 / (rho * self.rate)
        poisson = (pushed + smooth / rho) * ufl.dot(ufl.grad(trial), ufl.grad(test)) * dx1
        source = -ufl.div(f["u"]) * test * dx1
        source -= smooth / rho * ufl.dot(slope - f["smoothed"], ufl.grad(test)) * dx1
        forms = {
            "momentum": momentum,
            "load": load,
            "poisson": poisson,
            "source": source,
            "push": pushed * ufl.dot(ufl.grad(self.change), tests) * dx1,
            "mass": test * dx1,
            "steep": smooth / rho * ufl.dot(ufl.grad(trial), ufl.grad(test)) * dx1,
            "slope": ufl.dot(slope, tests) * dx1,
        }
        for k in range(3):
            forms[f"slope_{k}"] = trial.dx(k) * test * dx1
            forms[f"near_{k}"] = smooth / rho * test.dx(k) * trial * dx1
        self.forms: dict[str, Any] = {name: fem.form(form) for name, form in forms.items()}
        create: Any = dolfinx.fem.petsc.create_matrix
        names = [
            "momentum",
            "poisson",
            "steep",
            *(f"{n}_{k}" for n in ("slope", "near") for k in range(3)),
        ]
        self.matrices = {name: create(self.forms[name]) for name in names}
        for matrix in self.matrices.values():
            matrix.setOption(PETSc.Mat.Option.KEEP_NONZERO_PATTERN, True)  # noqa: FBT003

    def solvers(self, tolerance: float) -> None:
        """Make the linear solvers."""
        self.ksp: dict[str, Any] = {}
        for name, kind, pc in (("momentum", "bcgs", "jacobi"), ("poisson", "gmres", "gamg")):
            self.ksp[name] = PETSc.KSP().create()
            self.ksp[name].setType(kind)
            self.ksp[name].getPC().setType(pc)
            self.ksp[name].setTolerances(rtol=tolerance, atol=1e-30, max_it=500)
        self.ksp["momentum"].setInitialGuessNonzero(True)
        self.ksp["poisson"].setGMRESRestart(60)
        side: Any = PETSc.PC.Side.RIGHT
        self.ksp["poisson"].setPCSide(side)
        self.ksp["poisson"].getPC().setUseAmat(False)
        size = self.matrices["poisson"].getSizes()
        self.shell: Any = PETSc.Mat().createPython(size, self)
        self.shell.setUp()
        options: Any = PETSc.Options()
        options[PREFIX + "mg_coarse_pc_type"] = "redundant"
        options[PREFIX + "mg_coarse_redundant_pc_type"] = "svd"
        self.ksp["poisson"].setOptionsPrefix(PREFIX)
        self.ksp["poisson"].setFromOptions()
        self.null = PETSc.NullSpace().create(constant=True)
        self.shell.setNullSpace(self.null)

    def mult(self, _: Any, x: Any, y: Any) -> None:
        """Fill y with the sources that a change of the pressure takes from the velocity."""
        m, told = self.matrices, y.duplicate()
        m["steep"].mult(x, y)
        for k in range(3):
            m[f"slope_{k}"].mult(x, told)
            told.array_w[:] = told.array_r / self.mass
            near = m[f"near_{k}"] * told
            told.array_w[:] = told.array_r / (self.rho * float(self.rate.value))
            told.array_w[self.fixed] = 0
            y.axpy(-1, near)
            y.axpy(-1, m[f"slope_{k}"] * told)

    def matrix(self, name: str) -> Any:
        """Return a form's matrix."""
        matrix = self.matrices[name]
        matrix.zeroEntries()
        assemble: Any = dolfinx.fem.petsc.assemble_matrix
        assemble(matrix, self.forms[name])
        matrix.assemble()
        return matrix

    def sums(self, name: str) -> Any:
        """Return a form's vector."""
        return np.array(fem.assemble_vector(self.forms[name]).array)

    def solve(self, name: str, load: Any, guess: Any) -> Any:
        """Return a system's solution."""
        x, b = self.matrices[name].createVecs()
        x.array_w[:], b.array_w[:] = guess, load
        if name == "poisson":
            self.null.remove(b)
        self.ksp[name].solve(b, x)
        if name == "poisson" and self.ksp[name].getConvergedReason() <= 0:
            self.ksp[name].getPC().setReusePreconditioner(False)
            self.matrices[name].stateIncrease()
            self.used = 1
            x.set(0)
            self.ksp[name].solve(b, x)
        reason = self.ksp[name].getConvergedReason()
        assert reason > 0, f"{name} of step {self.steps}: {reason}"  # noqa: S101
        return np.array(x.array_r)

    def step(self, points: Any, wall: Any, boundary: Any) -> None:
        """Go one step on."""
        f = self.f
        self.mesh.geometry.x[:] = points[self.original]
        f["w"].x.array[:] = wall[self.node].ravel()
        if self.steps == 0:
            f["u2"].x.array[:] = f["u1"].x.array
        now, last, before = (1.0, -1.0, 0.0) if self.steps == 0 else (1.5, -2.0, 0.5)
        self.rate.value = now / self.dt
        u1, u2 = f["u1"].x.array, f["u2"].x.array
        f["history"].x.array[:] = (last * u1 + before * u2) / self.dt
        f["a"].x.array[:] = 2 * u1 - u2 - f["w"].x.array
        matrix, load = self.matrix("momentum"), self.sums("load").reshape(-1, 3)
        matrix.zeroRowsLocal(self.fixed, diag=1.0)
        self.ksp["momentum"].setOperators(matrix)
        held, guess = boundary[self.node], (2 * u1 - u2).reshape(-1, 3)
        load[self.fixed] = guess[self.fixed] = held[self.fixed]
        parts = [self.solve("momentum", load[:, k], guess[:, k]) for k in range(3)]
        f["u"].x.array[:] = np.stack(parts, axis=1).ravel()
        self.mass = mass = self.sums("mass")
        smoothed = self.sums("slope").reshape(-1, 3) / mass[:, None]
        f["smoothed"].x.array[:] = smoothed.ravel()
        matrix = self.matrix("poisson")
        matrix.setNullSpace(self.null)
        self.ksp["poisson"].getPC().setReusePreconditioner(self.used % KEPT > 0)
        self.used += 1
        for name in self.matrices:
            if name not in {"momentum", "poisson"}:
                self.matrix(name)
        self.ksp["poisson"].setOperators(self.shell, matrix)
        source = self.sums("source")
        self.change.x.array[:] = self.solve("poisson", source, np.zeros_like(source))
        push = self.sums("push").reshape(-1, 3) / mass[:, None]
        push[self.fixed] = 0
        f["u"].x.array[:] -= push.ravel()
        self.p.x.array[:] += self.change.x.array + self.mu * source / mass
        self.p.x.array[:] -= mass @ self.p.x.array / mass.sum()
        f["u2"].x.array[:], f["u1"].x.array[:] = np.array(u1), f["u"].x.array
        self.steps += 1


def main() -> None:
    """Walk through the steps that are given."""
    work, how = given()
    beat = Beat(work)
    rows = list(zip(work["points"], work["wall"], work["given"], strict=True))
    beat.step(*rows[0])
    if how["forms_only"]:
        answer({"forms": True})
        return
    start = time.process_time()
    for row in rows[1:]:
        beat.step(*row)
    cost = time.process_time() - start
    velocity = np.empty_like(rows[0][0])
    velocity[beat.node] = beat.f["u1"].x.array.reshape(-1, 3)
    answer({"cpu_s": cost, "steps": len(rows) - 1, "velocity": velocity.tolist()})


if __name__ == "__main__":
    main()
