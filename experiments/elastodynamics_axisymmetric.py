"""The 2025 elastodynamics problem as what it is: axisymmetric with torsion, in a plane.

`python experiments/elastodynamics_axisymmetric.py case=0A|0B|1|2A|2B|2C [refinement=2]
[step_ms=1] [end_ms=1000] [output=folder]`

Where wall, fibres, supports and loads are the same at every angle, (R, Theta, Z) moves to
Q(Theta) (R + u, v, Z + w), with u, v, w of R and Z alone and Q a turn about the axis; so its
acceleration is Q (u'', v'', w''), and F has the columns (1 + u_R, v_R, w_R), (-v, R + u, 0) / R
and (u_Z, v_Z, 1 + w_Z). Law, supports, loads and scheme are those of `elastodynamics2025`; the
weak form is written anew, so each checks the other, and the plane can be cut so finely that its
limit is that of the problem in space.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import basix.ufl
import dolfinx
import numpy as np
import ufl
from arostica2025 import (
    BULK_MODULUS,
    CASES,
    DENSITY,
    SUPPORTS,
    VISCOSITY,
    Case,
    columns,
    report,
    require_steps,
)
from elastodynamics2025 import POINTS, WALL, surface
from experiment import run
from jaxtyping import Float
from plane import DEGREE, boundary, fibres, section

from cardiotwin.errors import InputError
from cardiotwin.fem.bordering import Dofs
from cardiotwin.fem.coefficients import as_constants
from cardiotwin.fem.compilation import compile_form
from cardiotwin.fem.newton import Equilibrium
from cardiotwin.mechanics.active import PressureCurve, TensionCurve
from cardiotwin.mechanics.dynamics import STEPPING
from cardiotwin.mechanics.material import Stretches
from cardiotwin.mechanics.schemes import GeneralisedAlpha
from cardiotwin.units import MS


@dataclass(frozen=True, kw_only=True)
class Options:
    case: str = "1"
    refinement: int = 2
    step_ms: float = 1.0
    end_ms: float = 1000.0
    output: str = "outputs/elastodynamics_axisymmetric"

    def __post_init__(self) -> None:
        require_steps(self.step_ms, self.end_ms)
        if self.case not in CASES or self.refinement < 1:
            msg = (
                f"The cases are {', '.join(CASES)}, refined at least once, found "
                f"case={self.case} refinement={self.refinement}."
            )
            raise InputError(msg)


def line(
    u: Float[np.ndarray, " nodes"], t: Float[np.ndarray, " nodes"]
) -> Float[np.ndarray, "nodes 2"]:
    """Return points of the half section, m."""
    return surface(u, 0 * u, t)[:, [1, 0]]


def gradient(w: Any, R: Any) -> Any:
    """Return the gradient in space of a shift (u, v, w) that turns with the angle."""
    return ufl.as_matrix(
        [
            [w[0].dx(0), -w[1] / R, w[0].dx(1)],
            [w[1].dx(0), w[0] / R, w[1].dx(1)],
            [w[2].dx(0), 0, w[2].dx(1)],
        ]
    )


class Plane:
    """The half section in motion.

    Parameters
    ----------
    case
        Law and loads.
    refinement
        How fine.
    """

    scheme = GeneralisedAlpha(alpha_m=0.2, alpha_f=0.4)

    def __init__(self, case: Case, refinement: int, dt: float) -> None:
        self.dt = dt
        mesh = self.mesh = section(line, 16 * refinement, 2 * refinement, 1.3)
        self.parts, self.ds = boundary(mesh, line)
        element = basix.ufl.element("Lagrange", "triangle", 2, shape=(3,))
        self.space = dolfinx.fem.functionspace(mesh, element)
        self.unknown, *self.past = (dolfinx.fem.Function(self.space) for _ in range(4))
        self.loads: list[Any] = [dolfinx.fem.Constant(mesh, 0.0) for _ in range(2)]
        dofs = dolfinx.fem.locate_dofs_topological
        conditions = [
            dolfinx.fem.dirichletbc(0.0, dofs(part, 1, self.parts["axis"]), part)
            for part in (self.space.sub(0), self.space.sub(1))
        ]
        every = np.arange(len(self.unknown.x.array))
        self.problem = Equilibrium(self._residual(case), self.unknown, every, conditions)
        R = ufl.SpatialCoordinate(mesh)[0]
        N, u = ufl.FacetNormal(mesh), self.unknown
        rise = u[2].dx(0) * N[1] - (1 + u[2].dx(1)) * N[0]  # along the line from apex to base
        square = (R + u[0]) ** 2 + u[1] ** 2
        self._volume = compile_form(np.pi * square * rise * self.ds["endocardium"])

    def _rates(self) -> tuple[Any, Any]:
        """Return velocity and acceleration at the step's end."""
        u, v, a = self.past
        return tuple(
            first * (self.unknown - u) + second * v + third * a
            for first, second, third in (
                self.scheme.velocity(self.dt),
                self.scheme.acceleration(self.dt),
            )
        )

    def _residual(self, case: Case) -> Any:
        mesh, (u_n, v_n, a_n) = self.mesh, self.past
        forces, inertia = self.scheme.force_share, self.scheme.inertia_share
        speed, acceleration = self._rates()
        u = forces * self.unknown + (1 - forces) * u_n
        v = forces * speed + (1 - forces) * v_n
        a = inertia * acceleration + (1 - inertia) * a_n
        R = ufl.SpatialCoordinate(mesh)[0]
        w = ufl.TestFunction(self.space)
        F = ufl.variable(ufl.Identity(3) + gradient(u, R))
        Q = ufl.as_matrix([list(row) for row in zip(*self._axes(), strict=True)])
        C, J = Q.T * F.T * F * Q, ufl.det(F)
        c = Stretches(ff=C[0, 0], ss=C[1, 1], nn=C[2, 2], fs=C[0, 1], fn=C[0, 2], sn=C[1, 2], J=J)
        pressure, tension = self.loads
        density = as_constants(case.law, mesh).energy(c, ufl) + tension / 2 * (C[0, 0] - 1)
        density += BULK_MODULUS / 4 * (J**2 - 1 - 2 * ufl.ln(J))
        viscous = VISCOSITY * F * ufl.sym(F.T * gradient(v, R))
        form = ufl.inner(ufl.diff(density, F) + viscous, gradient(w, R))
        form += DENSITY * ufl.inner(a, w)
        dx = ufl.Measure("dx", domain=mesh, metadata={"quadrature_degree": DEGREE})
        form = 2 * np.pi * R * form * dx
        flat = ufl.FacetNormal(mesh)
        N = ufl.as_vector([flat[0], 0, flat[1]])
        push = pressure * ufl.inner(J * ufl.inv(F).T * N, w)
        across = SUPPORTS.pericardium * ufl.dot(u, N) + SUPPORTS.pericardium_damping * ufl.dot(
            v, N
        )
        held = SUPPORTS.base_normal * u + SUPPORTS.base_damping * v
        form += 2 * np.pi * R * push * self.ds["endocardium"]
        form += 2 * np.pi * R * across * ufl.dot(w, N) * self.ds["epicardium"]
        form += 2 * np.pi * R * ufl.dot(held, w) * self.ds["base"]
        return form

    def _axes(self) -> tuple[list[Any], list[Any], list[Any]]:
        """Return the fibres' axes, by Laplace's depth."""
        space = dolfinx.fem.functionspace(self.mesh, ("Lagrange", 2))
        depth, w = dolfinx.fem.Function(space), ufl.TestFunction(space)
        conditions = [
            dolfinx.fem.dirichletbc(
                value, dolfinx.fem.locate_dofs_topological(space, 1, self.parts[name]), space
            )
            for name, value in (("endocardium", 0.0), ("epicardium", 1.0))
        ]
        for condition in conditions:
            condition.set(depth.x.array)
        R = ufl.SpatialCoordinate(self.mesh)[0]
        flux = R * ufl.inner(ufl.grad(depth), ufl.grad(w)) * ufl.dx
        every = np.arange(len(depth.x.array))
        Equilibrium(flux, depth, every, conditions).solve(STEPPING)
        return fibres(self.mesh, WALL, depth)

    def step(self, tension: float, pressure: float) -> None:
        """Move on by a step, with the loads that act in it, Pa."""
        for constant, load in zip(self.loads, (pressure, tension), strict=True):
            constant.value = load
        u, v, a = (np.array(function.x.array) for function in self.past)
        self._find(u + self.dt * v + self.dt**2 / 2 * a, u)
        shift = self.unknown.x.array - u
        rates = [
            first * shift + second * v + third * a
            for first, second, third in (
                self.scheme.velocity(self.dt),
                self.scheme.acceleration(self.dt),
            )
        ]
        for function, values in zip(self.past, (self.unknown.x.array, *rates), strict=True):
            function.x.array[:] = values

    def _find(self, *guesses: Dofs) -> None:
        """Solve a step from the guess that is nearest to equilibrium.

        Where the wall snaps, what was predicted is so far off that a tolerance relative to its
        residual would accept anything.
        """

        def size(guess: Dofs) -> float:
            self.unknown.x.array[:] = guess
            found = float(np.linalg.norm(self.problem.residual()))
            return found if np.isfinite(found) else np.inf

        nearest = min(guesses, key=size)
        self.unknown.x.array[:] = nearest
        self.problem.solve(STEPPING)

    def volume(self) -> float:
        """Return the cavity's volume, m^3."""
        return float(dolfinx.fem.assemble_scalar(self._volume).real)

    def shifts(self) -> Float[np.ndarray, "2 3"]:
        """Return the displacements of p0 and p1, m, in the benchmark's coordinates."""
        points = np.stack([POINTS[:, 1], POINTS[:, 0], 0 * POINTS[:, 0]], axis=1)
        tree = dolfinx.geometry.bb_tree(self.mesh, 2)
        near = dolfinx.geometry.compute_collisions_points(tree, points)
        cells = dolfinx.geometry.compute_colliding_cells(self.mesh, near, points)
        chosen = np.array([cells.links(point)[0] for point in range(len(points))])
        return np.asarray(self.unknown.eval(points, chosen))[:, [2, 0, 1]]


def course(options: Options, plane: Plane) -> Iterator[tuple[float, Any, float]]:
    """Yield the time, s, the points' displacements, m, and the cavity's volume, m^3."""
    case, dt = CASES[options.case], plane.dt
    n_steps = round(options.end_ms / options.step_ms)
    tension = TensionCurve(peak=case.tension, end=n_steps * dt)
    pressure = PressureCurve(end=n_steps * dt)
    yield 0.0, np.zeros((2, 3)), plane.volume()
    for number in range(1, n_steps + 1):
        at = (number - 1 + plane.scheme.force_share) * dt
        plane.step(tension.value(at), pressure.value(at) if case.pressure else 0.0)
        yield number * dt, plane.shifts(), plane.volume()


def solve(options: Options) -> Mapping[str, Any]:
    """Return the curves of one case, their extremes, and the cost."""
    plane = Plane(CASES[options.case], options.refinement, options.step_ms * MS)
    start = time.process_time()
    times, shifts, volumes = zip(*course(options, plane), strict=True)
    seconds = time.process_time() - start
    curves = columns(("p0", "p1"), times, shifts, {"volume": volumes})
    return report(curves, Path(options.output)) | {
        "cells": int(plane.mesh.topology.index_map(2).size_local),
        "dofs": len(plane.unknown.x.array),
        "factorisations": plane.problem.factorisations,
        "cpu_s": seconds,
    }


if __name__ == "__main__":
    run(Options, solve)
