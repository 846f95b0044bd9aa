"""Problems 2 and 3 of Land et al. (2015) as what they are: axisymmetric with torsion, in a plane.

`python experiments/land_axisymmetric.py problem=2|3 [refinement=4] [grading=2] [output=folder]`

A wall, loads and fibres that are the same at every angle deform alike at every angle: a point
(R, Theta, Z) goes to (R + u, Theta + phi, Z + w) with u, w, phi of R and Z alone. In cylindrical
axes F = [[1 + u_R, 0, u_Z], [r phi_R, r / R, r phi_Z], [w_R, 0, 1 + w_Z]], r = R + u, and the
pressure has the potential -p V. The plane can be cut so finely that its limit is that of the
problem in space.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import basix.ufl
import dolfinx
import numpy as np
import ufl
from benchmark_bodies import MM, land_point
from experiment import run
from jaxtyping import Float
from land2015 import LOADS, MATERIALS, WALL
from plane import DEGREE, boundary, fibres, section
from scipy.interpolate import CubicSpline

from cardiotwin.errors import InputError
from cardiotwin.fem.coefficients import as_constants
from cardiotwin.fem.compilation import compile_form
from cardiotwin.fem.continuation import continue_to
from cardiotwin.fem.newton import Equilibrium
from cardiotwin.fem.settings import NewtonSettings
from cardiotwin.mechanics.material import Stretches

UNIT = 10 * MM  # per rad: the turn is sought as a length
NEWTON = NewtonSettings(relative=1e-9, absolute=1e-12, iterations=15)


@dataclass(frozen=True, kw_only=True)
class Options:
    problem: int = 3
    refinement: int = 4
    grading: float = 2.0
    output: str = "outputs/land_axisymmetric"

    def __post_init__(self) -> None:
        if self.problem not in (2, 3) or self.refinement < 1 or not self.grading > 0:
            msg = (
                "The axisymmetric problems are 2 and 3, refined at least once, graded by a "
                f"positive power, found problem={self.problem} refinement={self.refinement} "
                f"grading={self.grading:g}."
            )
            raise InputError(msg)


def line(
    u: Float[np.ndarray, " nodes"], t: Float[np.ndarray, " nodes"]
) -> Float[np.ndarray, "nodes 2"]:
    """Return points of the half section, m."""
    return land_point(u, 0 * u, t)[:, [0, 2]]


class Section:
    """The half section as an equilibrium, with the loads as constants.

    Parameters
    ----------
    options
        Which problem, how fine.
    """

    def __init__(self, options: Options) -> None:
        self.mesh = section(line, 8 * options.refinement, 4 * options.refinement, options.grading)
        shift = basix.ufl.element("Lagrange", "triangle", 2, shape=(3,))
        pressure = basix.ufl.element("Lagrange", "triangle", 1)
        self.space = dolfinx.fem.functionspace(
            self.mesh, basix.ufl.mixed_element([shift, pressure])
        )
        self.unknown = dolfinx.fem.Function(self.space)
        self.loads: list[Any] = [dolfinx.fem.Constant(self.mesh, 0.0) for _ in range(2)]
        self.placements, self.dofs = self.space.sub(0).collapse()
        parts, ds = boundary(self.mesh, line)
        self.endocardium = ds["endocardium"]
        metadata = {"quadrature_degree": DEGREE}
        self.dx = ufl.Measure("dx", domain=self.mesh, metadata=metadata)
        energy, self.volume = self._energy(options.problem)
        residual = ufl.derivative(energy, self.unknown)
        zero = dolfinx.fem.Function(self.placements)
        shifts, radial = self.space.sub(0), self.space.sub(0).sub(0)
        locate = dolfinx.fem.locate_dofs_topological
        held = locate((shifts, self.placements), 1, parts["base"])
        conditions = [
            dolfinx.fem.dirichletbc(zero, held, shifts),
            dolfinx.fem.dirichletbc(0.0, locate(radial, 1, parts["axis"]), radial),
        ]
        self.problem = Equilibrium(residual, self.unknown, np.ravel(self.dofs), conditions)

    def _energy(self, problem: int) -> tuple[Any, Any]:
        """Return the potential of wall and pressure, J, and the form of the cavity's volume."""
        shift, pressure = ufl.split(self.unknown)
        R = ufl.SpatialCoordinate(self.mesh)[0]
        u, w, phi = shift[0], shift[1], shift[2] / UNIT
        r = R + u
        F = ufl.as_matrix(
            [
                [1 + u.dx(0), 0, u.dx(1)],
                [r * phi.dx(0), r / R, r * phi.dx(1)],
                [w.dx(0), 0, 1 + w.dx(1)],
            ]
        )
        Q = ufl.as_matrix([list(row) for row in zip(*fibres(self.mesh, WALL), strict=True)])
        C = Q.T * F.T * F * Q
        J = ufl.det(F)
        c = Stretches(ff=C[0, 0], ss=C[1, 1], nn=C[2, 2], fs=C[0, 1], fn=C[0, 2], sn=C[1, 2], J=J)
        cavity, tension = self.loads
        density = as_constants(MATERIALS[problem], self.mesh).energy(c, ufl) + tension / 2 * (
            C[0, 0] - 1
        )
        wall = 2 * np.pi * R * (density + 1e5 * pressure * (J - 1)) * self.dx
        N = ufl.FacetNormal(self.mesh)
        rise = w.dx(0) * N[1] - (1 + w.dx(1)) * N[0]  # of z along the line from apex to base
        volume = np.pi * r**2 * rise * self.endocardium
        return wall - cavity * volume, volume


def solve(options: Options) -> Mapping[str, Any]:
    """Return the numbers of one problem on one section."""
    start = time.process_time()
    plane = Section(options)
    loads = LOADS[options.problem]

    def apply(share: float) -> None:
        for constant, load in zip(
            plane.loads, (loads.cavity_pressure, loads.active_tension), strict=True
        ):
            constant.value = share * load

    continue_to(plane.problem, apply, NEWTON)
    x = plane.placements.tabulate_dof_coordinates()[:, :2]
    shift = plane.unknown.x.array[np.ravel(plane.dofs)].reshape(-1, 3)
    inside, outside = (np.argmin(np.hypot(x[:, 0], x[:, 1] - z)) for z in (-17 * MM, -20 * MM))
    depth = WALL.depth(np.stack([x[:, 0], 0 * x[:, 0], x[:, 1]], axis=1))
    middle = np.flatnonzero(np.abs(depth - 0.5) < 1e-6)
    height = np.arccos(np.clip(-x[middle, 1] / (18.5 * MM), -1, 1)) / np.arccos(-5 / 18.5)
    rank = np.argsort(height)
    twist = CubicSpline(height[rank], np.degrees(shift[middle, 2] / UNIT)[rank])
    volume = dolfinx.fem.assemble_scalar(compile_form(plane.volume)).real
    return {
        "apex_endocardium_z_mm": float((x[inside, 1] + shift[inside, 1]) / MM),
        "apex_epicardium_z_mm": float((x[outside, 1] + shift[outside, 1]) / MM),
        "volume_mm3": float(volume) / MM**3,
        "twist_deg": float(twist(0.5)),
        "cells": int(plane.mesh.topology.index_map(2).size_local),
        "dofs": len(plane.unknown.x.array),
        "cpu_s": time.process_time() - start,
    }


if __name__ == "__main__":
    run(Options, solve)
