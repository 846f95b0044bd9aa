"""Half sections of ventricles, where what is the same at every angle is solved in a plane."""

from collections.abc import Callable
from typing import Any

from mpi4py import MPI

import basix.ufl
import dolfinx
import numpy as np
import ufl
from jaxtyping import Float, Integer
from spheroid import Spheroid

DEGREE = 6  # of the quadrature rule

Nodes = Float[np.ndarray, "nodes 2"]
Line = Callable[[Float[np.ndarray, " _"], Float[np.ndarray, " _"]], Float[np.ndarray, "_ 2"]]


def section(line: Line, n_up: int, n_through: int, grading: float) -> dolfinx.mesh.Mesh[Any]:
    """Return a half section (R, Z), m, in curved triangles.

    `line(u, t)` gives its points, u from the apex (on the axis) to the base, t from the
    endocardium to the epicardium. Column k of n lies at u = (k/n)^grading.
    """
    points, cells = _triangles(line, n_up, n_through, grading)
    curved: Any = basix.ufl.element("Lagrange", "triangle", 2, shape=(2,))
    order = dolfinx.io.utils.cell_perm_vtk(dolfinx.mesh.CellType.triangle, 6)
    cells = np.ascontiguousarray(cells[:, order])
    return dolfinx.mesh.create_mesh(MPI.COMM_SELF, cells, curved, points)


def _triangles(
    line: Line, n_up: int, n_through: int, grading: float
) -> tuple[Nodes, Integer[np.ndarray, "cells 6"]]:
    """Return nodes and cells, in VTK's order."""
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
    return line(u, t), np.concatenate([np.stack(lower, axis=1), np.stack(upper, axis=1)])


def boundary(
    mesh: dolfinx.mesh.Mesh[Any], line: Line
) -> tuple[dict[str, Integer[np.ndarray, " _"]], Any]:
    """Return the facets of endocardium, epicardium, base and axis by name, and a measure of each.

    The measures' numbers are the names' ranks.
    """
    mesh.topology.create_connectivity(1, 2)
    facets = dolfinx.mesh.exterior_facet_indices(mesh.topology)
    nodes = dolfinx.mesh.entities_to_geometry(mesh, 1, facets)[:, :2]
    ends = mesh.geometry.x[nodes][:, :, :2]
    u = np.linspace(0, 1, 2001)
    rim = [line(np.array([1.0]), np.array([t]))[0] for t in (0.0, 1.0)]
    across = (rim[1] - rim[0]) / np.linalg.norm(rim[1] - rim[0])
    off_base = np.abs((ends - rim[0]) @ np.array([-across[1], across[0]])).max(axis=1)
    on_axis = np.abs(ends[:, :, 0]).max(axis=1) < 1e-9
    middle = ends.mean(axis=1)
    to_inner, to_outer = (
        np.linalg.norm(middle[:, None] - line(u, 0 * u + t)[None], axis=2).min(axis=1)
        for t in (0.0, 1.0)
    )
    on_base = (off_base < 1e-9) & ~on_axis
    inner = ~on_axis & ~on_base & (to_inner < to_outer)
    outer = ~on_axis & ~on_base & ~inner
    parts = {
        name: np.sort(facets[chosen]).astype(np.int32)
        for name, chosen in (
            ("endocardium", inner),
            ("epicardium", outer),
            ("base", on_base),
            ("axis", on_axis),
        )
    }
    found = np.concatenate([*parts.values()])
    values = np.repeat(np.arange(4), [len(part) for part in parts.values()]).astype(np.int32)
    rank = np.argsort(found)
    tags = dolfinx.mesh.meshtags(mesh, 1, found[rank], values[rank])
    metadata = {"quadrature_degree": DEGREE}
    ds = ufl.Measure("ds", domain=mesh, subdomain_data=tags, metadata=metadata)
    return parts, {name: ds(number) for number, name in enumerate(parts)}


def fibres(
    mesh: dolfinx.mesh.Mesh[Any], wall: Spheroid, depth: Any = None
) -> tuple[list[Any], list[Any], list[Any]]:
    """Return fibre, sheet and normal at the quadrature points in (R, Theta, Z).

    `depth` is a function of the wall's depth; by default it is that of the spheroids.
    """
    rule = np.array(basix.make_quadrature(basix.CellType.triangle, DEGREE)[0])
    cells = np.arange(mesh.topology.index_map(2).size_local, dtype=np.int32)

    def values(expression: Any) -> Float[np.ndarray, "..."]:
        return np.asarray(dolfinx.fem.Expression(expression, rule).eval(mesh, cells))

    x = values(ufl.SpatialCoordinate(mesh)).reshape(-1, 2)
    order = [0, 2, 1] if wall.axis == 2 else [1, 0, 2]  # of R, Z, 0 in the wall's coordinates
    points = np.stack([x[:, 0], x[:, 1], 0 * x[:, 0]], axis=1)[:, order]
    at = wall.depth(points) if depth is None else values(depth).ravel()
    element = basix.ufl.quadrature_element("triangle", value_shape=(3,), degree=DEGREE)
    space = dolfinx.fem.functionspace(mesh, element)
    dofs = space.dofmap.list[:, :, None] * 3 + np.arange(3)
    result = []
    for axis in wall.axes(points, at):
        function = dolfinx.fem.Function(space)
        function.x.array[dofs.ravel()] = np.roll(axis, 2 - wall.axis, axis=1).ravel()
        result.append([function[i] for i in range(3)])
    return result[0], result[1], result[2]
