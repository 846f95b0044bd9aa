"""A wall as dolfinx sees it, with the way back to the wall's own numbering."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mpi4py import MPI

import basix.ufl
import dolfinx
import numpy as np
import ufl
from jaxtyping import Float, Integer, Num

from cardiotwin.geometry.mesh import TetMesh

QUADRATURE = 4
"""Degree of the rules in use; basix's rule of degree 3 on tetrahedra has a negative weight."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Domain:
    """A mesh of quadratic tetrahedra in dolfinx's numbering.

    Parameters
    ----------
    mesh
        The dolfinx mesh with order-2 geometry.
    nodes
        The `TetMesh`'s node of each geometry node.
    cells
        The `TetMesh`'s cell of each cell.
    facets
        Tagged boundary facets.
    tags
        The value in `facets` of each named part of the boundary.
    """

    mesh: dolfinx.mesh.Mesh[Any]
    nodes: Integer[np.ndarray, " nodes"]
    cells: Integer[np.ndarray, " cells"]
    facets: dolfinx.mesh.MeshTags
    tags: Mapping[str, int]

    def measure(self, name: str, degree: int) -> Any:
        """Return the surface measure of a named part of the boundary."""
        metadata = {"quadrature_degree": degree}
        return ufl.Measure("ds", domain=self.mesh, subdomain_data=self.facets, metadata=metadata)(
            self.tags[name]
        )


def make_domain(mesh: TetMesh) -> Domain:
    """Return the mesh in dolfinx, curved as it is."""
    coordinate: Any = basix.ufl.element("Lagrange", "tetrahedron", 2, shape=(3,))
    order = dolfinx.io.utils.cell_perm_vtk(dolfinx.mesh.CellType.tetrahedron, 10)
    cells = np.ascontiguousarray(mesh.cells[:, order], dtype=np.int64)
    domain = dolfinx.mesh.create_mesh(MPI.COMM_SELF, cells, coordinate, mesh.points)
    # `astype`, for dolfinx's long long is int64 by another name, which `array` would keep.
    nodes = np.asarray(domain.geometry.input_global_indices).astype(np.int64)
    facets, tags = _tag_facets(domain, nodes, mesh.facets)
    return Domain(
        mesh=domain,
        nodes=nodes,
        cells=np.asarray(domain.topology.original_cell_index).astype(np.int64),
        facets=facets,
        tags=tags,
    )


def _tag_facets(
    domain: dolfinx.mesh.Mesh[Any],
    nodes: Integer[np.ndarray, " nodes"],
    named: Mapping[str, Integer[np.ndarray, "_ 6"]],
) -> tuple[dolfinx.mesh.MeshTags, dict[str, int]]:
    """Return the boundary's tags, found by the corner nodes of each facet."""
    dimension = domain.topology.dim - 1
    domain.topology.create_connectivity(dimension, dimension + 1)
    boundary = dolfinx.mesh.exterior_facet_indices(domain.topology)
    corners = dolfinx.mesh.entities_to_geometry(domain, dimension, boundary)[:, :3]
    index = {
        tuple(sorted(key)): facet
        for key, facet in zip(nodes[corners].tolist(), boundary, strict=True)
    }
    tags = {name: number for number, name in enumerate(named, start=1)}
    found = [
        (index[tuple(sorted(key))], tags[name])
        for name, triangles in named.items()
        for key in triangles[:, :3].tolist()
    ]
    pairs = np.array(sorted(found), dtype=np.int32)
    return dolfinx.mesh.meshtags(domain, dimension, pairs[:, 0], pairs[:, 1]), tags


class NodalField:
    """Values at the wall's nodes as a quadratic Lagrange function, and back.

    Parameters
    ----------
    domain
        The mesh.
    space
        A (collapsed) quadratic Lagrange space on it, scalar or blocked.
    """

    def __init__(self, domain: Domain, space: dolfinx.fem.FunctionSpace[Any]) -> None:
        geometry = domain.mesh.geometry.dofmaps[0]
        dofs = space.dofmap.list
        self.block = space.dofmap.bs
        self.n_nodes = len(domain.nodes)
        self._node_of_dof = np.empty(self.n_nodes, dtype=np.int64)
        self._node_of_dof[dofs.ravel()] = domain.nodes[np.asarray(geometry).ravel()]

    def to_dofs(self, values: Num[np.ndarray, "nodes ..."]) -> Float[np.ndarray, " dofs"]:
        """Return the dof array of values in the wall's node order."""
        return np.ascontiguousarray(values[self._node_of_dof], dtype=np.float64).ravel()

    def to_nodes(self, dofs: Float[np.ndarray, " dofs"]) -> Float[np.ndarray, "nodes block"]:
        """Return values in the wall's node order of a dof array."""
        result = np.empty((self.n_nodes, self.block))
        result[self._node_of_dof] = dofs.reshape(-1, self.block)
        return result


def quadrature_rule(
    degree: int,
) -> tuple[Float[np.ndarray, "points 3"], Float[np.ndarray, " points"]]:
    """Return points and weights of the rule for the reference tetrahedron."""
    points, weights = basix.make_quadrature(basix.CellType.tetrahedron, degree)
    return np.array(points), np.array(weights)


def quadrature_function(
    domain: Domain, values: Num[np.ndarray, "cells points 3"], degree: int
) -> dolfinx.fem.Function[Any]:
    """Return vectors given per cell and quadrature point (in the wall's cell order)."""
    element = basix.ufl.quadrature_element("tetrahedron", value_shape=(3,), degree=degree)
    space = dolfinx.fem.functionspace(domain.mesh, element)
    function = dolfinx.fem.Function(space)
    block = space.dofmap.bs
    dofs = space.dofmap.list[:, :, None] * block + np.arange(block)
    function.x.array[dofs.ravel()] = values[domain.cells].ravel()
    return function


class QuadratureScalar:
    """One number per cell and quadrature point, in the wall's cell order, as a form's function.

    Parameters
    ----------
    domain
        The mesh.
    degree
        Of the rule.
    """

    def __init__(self, domain: Domain, degree: int) -> None:
        element = basix.ufl.quadrature_element("tetrahedron", degree=degree)
        space = dolfinx.fem.functionspace(domain.mesh, element)
        self.function = dolfinx.fem.Function(space)
        self._cells = domain.cells
        self._dofs = space.dofmap.list
        self.shape: tuple[int, int] = self._dofs.shape

    def set(self, values: Float[np.ndarray, "cells points"]) -> None:
        """Give the values."""
        self.function.x.array[self._dofs.ravel()] = values[self._cells].ravel()


def cell_function(
    domain: Domain, values: Float[np.ndarray, " cells"]
) -> dolfinx.fem.Function[Any]:
    """Return numbers per cell (in the wall's cell order) as a function constant on each."""
    function = dolfinx.fem.Function(dolfinx.fem.functionspace(domain.mesh, ("DG", 0)))
    function.x.array[function.function_space.dofmap.list.ravel()] = values[domain.cells]
    return function
