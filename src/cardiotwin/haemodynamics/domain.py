"""A region of straight-sided simplices as dolfinx sees it, whose nodes move."""

from collections.abc import Mapping
from typing import Any

from mpi4py import MPI

import basix.ufl
import dolfinx
import numpy as np
from jaxtyping import Float, Integer

from cardiotwin.geometry.regions import Region

Nodes = Float[np.ndarray, "nodes dim"]
SHAPES = {2: "triangle", 3: "tetrahedron"}


class FluidDomain:
    """A region in dolfinx, spread over processes, with linear fields on its nodes.

    Arrays of nodes are the region's own order and every process gives all of them; arrays of dofs
    are local (the process's own nodes first, then its ghosts).

    Parameters
    ----------
    region
        Of which the first process's is spread.
    comm
        The processes.
    """

    def __init__(self, region: Region, comm: MPI.Intracomm = MPI.COMM_SELF) -> None:
        self.dim: int = region.points.shape[1]
        shape = SHAPES[self.dim]
        coordinate: Any = basix.ufl.element("Lagrange", shape, 1, shape=(self.dim,))
        cells = np.ascontiguousarray(region.cells, dtype=np.int64)
        points = np.ascontiguousarray(region.points)
        if comm.rank > 0:
            cells, points = cells[:0], points[:0]
        unghosted: Any = dolfinx.mesh.create_cell_partitioner(dolfinx.mesh.GhostMode.none, 2)  # type: ignore[call-arg]
        self.mesh = dolfinx.mesh.create_mesh(comm, cells, coordinate, points, unghosted)
        self.scalar = dolfinx.fem.functionspace(self.mesh, ("Lagrange", 1))
        self.vector = dolfinx.fem.functionspace(self.mesh, ("Lagrange", 1, (self.dim,)))
        self.n_nodes: int = self.mesh.geometry.index_map().size_global
        index_map = self.scalar.dofmap.index_map
        self.n_owned: int = index_map.size_local
        self._geometry_of_dof = np.empty(self.n_owned + index_map.num_ghosts, dtype=np.int64)
        geometry = np.asarray(self.mesh.geometry.dofmaps[0]).ravel()
        self._geometry_of_dof[self.scalar.dofmap.list.ravel()] = geometry
        original = np.asarray(self.mesh.geometry.input_global_indices).astype(np.int64)
        self._node_of_geometry = original
        self.node_of_dof = original[self._geometry_of_dof]
        same = np.array_equal(self.scalar.dofmap.list, self.vector.dofmap.list)
        assert same, "scalar and vector fields number their nodes alike"  # noqa: S101 - a bug
        self.tags = {name: number for number, name in enumerate(region.facets, start=1)}
        self.facets = self._tagged(region.facets)

    @property
    def comm(self) -> MPI.Intracomm:
        """Return the processes."""
        comm: MPI.Intracomm = self.mesh.comm
        return comm

    def move(self, points: Nodes) -> None:
        """Put every node in its place, m."""
        self.mesh.geometry.x[:, : self.dim] = points[self._node_of_geometry]

    def coordinates(self) -> Float[np.ndarray, "dofs dim"]:
        """Return where the dofs' nodes are now, m."""
        return np.array(self.mesh.geometry.x[self._geometry_of_dof, : self.dim])

    def to_dofs(self, values: Float[np.ndarray, "nodes ..."]) -> Float[np.ndarray, " dofs"]:
        """Return the dof array of values in the region's order of nodes."""
        return np.ascontiguousarray(values[self.node_of_dof], dtype=np.float64).ravel()

    def to_cells(self, values: Float[np.ndarray, " cells"]) -> Float[np.ndarray, " own"]:
        """Return the process's share of values in the region's order of cells."""
        return np.asarray(values[np.asarray(self.mesh.topology.original_cell_index)])

    def from_cells(self, own: Float[np.ndarray, "own dim"]) -> Float[np.ndarray, "cells dim"]:
        """Return all processes' values in the region's order of cells."""
        result = np.zeros((self.mesh.topology.index_map(self.dim).size_global, own.shape[1]))
        result[np.asarray(self.mesh.topology.original_cell_index)] = own
        if self.comm.size > 1:
            self.comm.Allreduce(MPI.IN_PLACE, result)
        return result

    def to_nodes(self, dofs: Float[np.ndarray, " dofs"]) -> Float[np.ndarray, "nodes block"]:
        """Return all processes' values in the region's order of nodes."""
        own = dofs.reshape(len(self.node_of_dof), -1)[: self.n_owned]
        result = np.zeros((self.n_nodes, own.shape[1]))
        result[self.node_of_dof[: self.n_owned]] = own
        if self.comm.size > 1:
            self.comm.Allreduce(MPI.IN_PLACE, result)
        return result

    def shared(self, parts: Float[np.ndarray, "dofs ..."]) -> Float[np.ndarray, "dofs ..."]:
        """Return sums over all processes' cells, at the own dofs and at ghosts."""
        if self.comm.size == 1:
            return parts
        vector = self._vector(parts)
        vector.scatter_reverse(dolfinx.la.InsertMode.add)
        vector.scatter_forward()
        return np.array(vector.array).reshape(parts.shape)

    def updated(self, values: Float[np.ndarray, "dofs ..."]) -> Float[np.ndarray, "dofs ..."]:
        """Return values whose ghosts are their owners'."""
        if self.comm.size == 1:
            return values
        vector = self._vector(values)
        vector.scatter_forward()
        return np.array(vector.array).reshape(values.shape)

    def _vector(self, values: Float[np.ndarray, "dofs ..."]) -> Any:
        index_map = self.scalar.dofmap.index_map
        vector = dolfinx.la.vector(index_map, values.size // len(values))
        vector.array[:] = values.ravel()
        return vector

    def sides_of(self, *names: str) -> tuple[Integer[np.ndarray, " n"], Integer[np.ndarray, " n"]]:
        """Return the cells with a side on some parts of the boundary, and the corner opposite."""
        chosen = np.isin(self.facets.values, [self.tags[name] for name in names])
        facets = self.facets.indices[chosen]
        links = self.mesh.topology.connectivity(self.dim - 1, self.dim)
        cells = np.array([links.links(facet)[0] for facet in facets], dtype=np.int64)
        corners = dolfinx.mesh.entities_to_geometry(self.mesh, self.dim - 1, facets)
        own = np.asarray(self.mesh.geometry.dofmaps[0])[cells]
        outside = ~(own[:, :, None] == corners[:, None, :]).any(axis=2)
        return cells, outside.argmax(axis=1)

    def dofs_of(self, *names: str) -> Integer[np.ndarray, " some"]:
        """Return the (scalar) dofs on some parts of the boundary, ghosts too."""
        chosen = np.isin(self.facets.values, [self.tags[name] for name in names])
        return np.asarray(
            dolfinx.fem.locate_dofs_topological(
                self.scalar, self.dim - 1, self.facets.indices[chosen]
            )
        )

    def _tagged(self, named: Mapping[str, Integer[np.ndarray, "_ sides"]]) -> Any:
        """Return the boundary's tags, found by the nodes of each facet."""
        dimension = self.dim - 1
        self.mesh.topology.create_connectivity(dimension, self.dim)
        boundary = dolfinx.mesh.exterior_facet_indices(self.mesh.topology)
        corners = dolfinx.mesh.entities_to_geometry(self.mesh, dimension, boundary)
        keys = np.sort(self._node_of_geometry[corners], axis=1).tolist()
        index = {tuple(key): facet for key, facet in zip(keys, boundary, strict=True)}
        found = [
            (index[corner], self.tags[name])
            for name, sides in named.items()
            for corner in map(tuple, np.sort(sides, axis=1).tolist())
            if corner in index
        ]
        missing = sum(map(len, named.values())) - self.comm.allreduce(len(found))
        assert missing == 0, f"{missing} named facets are not of the boundary"  # noqa: S101 - a bug
        pairs = np.array(sorted(found), dtype=np.int32).reshape(-1, 2)
        return dolfinx.mesh.meshtags(self.mesh, dimension, pairs[:, 0], pairs[:, 1])


__all__ = ["FluidDomain", "Nodes"]
