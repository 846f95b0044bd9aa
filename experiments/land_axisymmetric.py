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

from mpi4py import MPI

import basix.ufl
import dolfinx
import numpy as np
import ufl
from benchmark_bodies import MM, land_point
from experiment import run
from jaxtyping import Float, Integer
from land2015 import LOADS, MATERIALS, WALL
from scipy.interpolate import CubicSpline

from cardiotwin.errors import InputError
from cardiotwin.fem.compilation import compile_form
from cardiotwin.fem.continuation import continue_to
from cardiotwin.fem.newton import Equilibrium
from cardiotwin.fem.settings import NewtonSettings
from cardiotwin.mechanics.material import Stretches

DEGREE = 6  # of the quadrature rule
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


def section(
    n_up: int, n_through: int, grading: float
) -> tuple[Float[np.ndarray, "nodes 2"], Integer[np.ndarray, "cells 6"]]:
    """Return the half section (R, Z), m, in curved triangles: their nodes, in VTK's order.

    Column k of n lies at (k/n)^grading of the way from the axis to the base.
    """
    corners = (np.arange(n_up + 1) / n_up) ** grading
    both = np.sort(np.concatenate([corners, (corners[1:] + corners[:-1]) / 2]))
    u, t = (
        x.ravel() for x in np.meshgrid(both, np.linspace(0, 1, 2 * n_through + 1), indexing="ij")
    )
    number = np.arange(len(u)).reshape(2 * n_up + 1, -1)

    def node(i: int, j: int) -> Integer[np.ndarray, " quads"]:
        return number[i : i + 2 * n_up : 2, j : j + 2 * n_through : 2].ravel()

    a, b, c, d = node(0, 0), node(2, 0), node(2, 2), node(0, 2)
    lower = [a, b, c, node(1, 0), node(2, 1), node(1, 1)]
    upper = [a, c, d, node(1, 1), node(1, 2), node(0, 1)]
    cells = np.concatenate([np.stack(lower, axis=1), np.stack(upper, axis=1)])
    return land_point(u, 0 * u, t)[:, [0, 2]], cells


class Section:
    """The half section as an equilibrium, with the loads as constants.

    Parameters
    ----------
    options
        Which problem, how fine.
    """

    def __init__(self, options: Options) -> None:
        points, cells = section(8 * options.refinement, 4 * options.refinement, options.grading)
        curved: Any = basix.ufl.element("Lagrange", "triangle", 2, shape=(2,))
        order = dolfinx.io.utils.cell_perm_vtk(dolfinx.mesh.CellType.triangle, 6)
        cells = np.ascontiguousarray(cells[:, order])
        self.mesh = dolfinx.mesh.create_mesh(MPI.COMM_SELF, cells, curved, points)
        shift = basix.ufl.element("Lagrange", "triangle", 2, shape=(3,))
        pressure = basix.ufl.element("Lagrange", "triangle", 1)
        self.space = dolfinx.fem.functionspace(
            self.mesh, basix.ufl.mixed_element([shift, pressure])
        )
        self.unknown = dolfinx.fem.Function(self.space)
        self.loads = [dolfinx.fem.Constant(self.mesh, 0.0) for _ in range(2)]
        self.placements, self.dofs = self.space.sub(0).collapse()
        metadata = {"quadrature_degree": DEGREE}
        self.endocardium, conditions = self._boundaries()
        self.dx = ufl.Measure("dx", domain=self.mesh, metadata=metadata)
        self.ds = ufl.Measure(
            "ds", domain=self.mesh, subdomain_data=self.endocardium, metadata=metadata
        )(1)
        energy, self.volume = self._energy(options.problem)
        residual = ufl.derivative(energy, self.unknown)
        self.problem = Equilibrium(residual, self.unknown, np.ravel(self.dofs), conditions)

    def _boundaries(self) -> tuple[Any, list[Any]]:
        """Return the tag of the endocardium, and no shift at the base, none off the axis."""
        level = self._levels(WALL.short[0], WALL.long[0])
        locate = dolfinx.mesh.locate_entities_boundary
        inner = locate(self.mesh, 1, lambda x: np.abs(level(x) - 1) < 1e-6)
        base = locate(self.mesh, 1, lambda x: np.abs(x[1] - 5 * MM) < 1e-9)
        axis = locate(self.mesh, 1, lambda x: np.abs(x[0]) < 1e-9)
        inner = np.sort(inner).astype(np.int32)
        tags = dolfinx.mesh.meshtags(self.mesh, 1, inner, np.ones_like(inner))
        zero = dolfinx.fem.Function(self.placements)
        held = dolfinx.fem.locate_dofs_topological((self.space.sub(0), self.placements), 1, base)
        conditions = [dolfinx.fem.dirichletbc(zero, held, self.space.sub(0))]
        radial = self.space.sub(0).sub(0)
        none = dolfinx.fem.locate_dofs_topological(radial, 1, axis)
        conditions.append(dolfinx.fem.dirichletbc(0.0, none, radial))
        return tags, conditions

    def _levels(self, short: float, long: float) -> Any:
        return lambda x: np.hypot(x[0] / short, x[1] / long)

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
        Q = ufl.as_matrix([list(row) for row in zip(*self._axes(), strict=True)])
        C = Q.T * F.T * F * Q
        J = ufl.det(F)
        c = Stretches(ff=C[0, 0], ss=C[1, 1], nn=C[2, 2], fs=C[0, 1], fn=C[0, 2], sn=C[1, 2], J=J)
        cavity, tension = self.loads
        density = MATERIALS[problem].energy(c, ufl) + tension / 2 * (C[0, 0] - 1)
        wall = 2 * np.pi * R * (density + 1e5 * pressure * (J - 1)) * self.dx
        N = ufl.FacetNormal(self.mesh)
        rise = w.dx(0) * N[1] - (1 + w.dx(1)) * N[0]  # of z along the line from apex to base
        volume = np.pi * r**2 * rise * self.ds
        return wall - cavity * volume, volume

    def _axes(self) -> list[list[Any]]:
        """Return fibre, sheet and normal at the quadrature points in (R, Theta, Z)."""
        rule = basix.make_quadrature(basix.CellType.triangle, DEGREE)[0]
        place = dolfinx.fem.Expression(ufl.SpatialCoordinate(self.mesh), rule)
        n_cells = self.mesh.topology.index_map(2).size_local
        x = place.eval(self.mesh, np.arange(n_cells, dtype=np.int32)).reshape(-1, 2)
        points = np.stack([x[:, 0], 0 * x[:, 0], x[:, 1]], axis=1)
        element = basix.ufl.quadrature_element("triangle", value_shape=(3,), degree=DEGREE)
        space = dolfinx.fem.functionspace(self.mesh, element)
        result = []
        for axis in WALL.axes(points, WALL.depth(points)):
            function = dolfinx.fem.Function(space)
            dofs = space.dofmap.list[:, :, None] * 3 + np.arange(3)
            function.x.array[dofs.ravel()] = axis.ravel()
            result.append([function[i] for i in range(3)])
        return result


def solve(options: Options) -> Mapping[str, Any]:
    """Return the numbers of one problem on one section."""
    start = time.process_time()
    plane = Section(options)
    loads = LOADS[options.problem]

    def apply(share: float) -> None:
        plane.loads[0].value = share * loads.cavity_pressure
        plane.loads[1].value = share * loads.active_tension

    continue_to(plane.problem, apply, NEWTON)
    x = plane.placements.tabulate_dof_coordinates()[:, :2]
    shift = plane.unknown.x.array[np.ravel(plane.dofs)].reshape(-1, 3)
    inside, outside = (np.argmin(np.hypot(x[:, 0], x[:, 1] - z)) for z in (-17 * MM, -20 * MM))
    depth = WALL.depth(np.stack([x[:, 0], 0 * x[:, 0], x[:, 1]], axis=1))
    middle = np.flatnonzero(np.abs(depth - 0.5) < 1e-6)
    height = np.arccos(np.clip(-x[middle, 1] / (18.5 * MM), -1, 1)) / np.arccos(-5 / 18.5)
    rank = np.argsort(height)
    twist = CubicSpline(height[rank], np.degrees(shift[middle, 2] / UNIT)[rank])
    volume = dolfinx.fem.assemble_scalar(compile_form(plane.volume))
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
