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
        The `TetMesh`'s node of each of this process's geometry nodes.
    cells
        The `TetMesh`'s cell of each of this process's cells; no other process has them.
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

    def by_cell(self, values: Float[np.ndarray, "own ..."]) -> Float[np.ndarray, "cells ..."]:
        """Return every process's values per cell, in the wall's cell order."""
        n_cells = self.mesh.topology.index_map(3).size_global
        result = np.zeros((n_cells, *values.shape[1:]))
        result[self.cells] = values
        return _summed(self.mesh.comm, result)


def _summed(comm: MPI.Intracomm, array: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Return the sum of the processes' arrays, which is the array itself where there is one."""
    if comm.size > 1:
        comm.Allreduce(MPI.IN_PLACE, array)
    return array


def make_domain(mesh: TetMesh, comm: MPI.Intracomm = MPI.COMM_SELF) -> Domain:
    """Return the mesh in dolfinx, curved as it is, its cells spread over the processes.

    Every process has the whole `mesh`; the first one's is spread.
    """
    coordinate: Any = basix.ufl.element("Lagrange", "tetrahedron", 2, shape=(3,))
    order = dolfinx.io.utils.cell_perm_vtk(dolfinx.mesh.CellType.tetrahedron, 10)
    cells = np.ascontiguousarray(mesh.cells[:, order], dtype=np.int64)
    points = mesh.points
    if comm.rank > 0:
        cells, points = cells[:0], points[:0]
    unghosted: Any = dolfinx.mesh.create_cell_partitioner(dolfinx.mesh.GhostMode.none, 2)  # type: ignore[call-arg]
    domain = dolfinx.mesh.create_mesh(comm, cells, coordinate, points, unghosted)
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
        (index[corner], tags[name])
        for name, triangles in named.items()
        for corner in map(tuple, np.sort(triangles[:, :3], axis=1).tolist())
        if corner in index
    ]
    missing = sum(map(len, named.values())) - domain.comm.allreduce(len(found))
    assert missing == 0, f"{missing} named facets are not of the boundary"  # noqa: S101 - a bug
    pairs = np.array(sorted(found), dtype=np.int32).reshape(-1, 2)
    return dolfinx.mesh.meshtags(domain, dimension, pairs[:, 0], pairs[:, 1]), tags


class NodalField:
    """Values at the wall's nodes as a continuous Lagrange function, and back.

    Every process has all nodes, and those dofs that it owns or sees.

    Parameters
    ----------
    domain
        The mesh.
    space
        A (collapsed) Lagrange space on it, scalar or blocked: quadratic, or linear, which has
        dofs at the corners alone.
    """

    def __init__(self, domain: Domain, space: dolfinx.fem.FunctionSpace[Any]) -> None:
        dofs, index_map = space.dofmap.list, space.dofmap.index_map
        nodes = np.asarray(domain.mesh.geometry.dofmaps[0])[:, : dofs.shape[1]]
        self.space = space
        self.block = space.dofmap.bs
        self.n_nodes: int = domain.mesh.geometry.index_map().size_global
        self._comm: MPI.Intracomm = domain.mesh.comm
        self._n_owned = index_map.size_local
        self.node_of_dof = np.empty(self._n_owned + index_map.num_ghosts, dtype=np.int64)
        self.node_of_dof[dofs.ravel()] = domain.nodes[nodes.ravel()]

    def to_dofs(self, values: Num[np.ndarray, "nodes ..."]) -> Float[np.ndarray, " dofs"]:
        """Return the dof array of values in the wall's node order."""
        return np.ascontiguousarray(values[self.node_of_dof], dtype=np.float64).ravel()

    def to_nodes(self, dofs: Float[np.ndarray, " dofs"]) -> Float[np.ndarray, "nodes block"]:
        """Return values in the wall's node order of a dof array (zero where it has no dof)."""
        result = np.zeros((self.n_nodes, self.block))
        own = dofs.reshape(-1, self.block)[: self._n_owned]
        result[self.node_of_dof[: self._n_owned]] = own
        return _summed(self._comm, result)


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
        n_cells = domain.mesh.topology.index_map(3).size_global
        self.shape: tuple[int, int] = (n_cells, self._dofs.shape[1])

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
