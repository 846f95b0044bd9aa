"""The wall as dolfinx integrates it for Darcy's law: stiffness of linear pressures, cells' shares.

Sources and exchange are lumped at the nodes. The discrete balance of a node then reads: what
flows along its edges, to its other compartments and to the vessels adds up to nothing. So the
solution is a network of conserving wells, and a tracer can be carried through it exactly.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import dolfinx
import numpy as np
import ufl
from jaxtyping import Float, Int64, Integer
from scipy import sparse

from cardiotwin.fem.compilation import compile_form
from cardiotwin.fem.domain import (
    QUADRATURE,
    NodalField,
    make_domain,
    quadrature_function,
    quadrature_rule,
)
from cardiotwin.geometry.fibres import FibreAngles, FibreRule
from cardiotwin.geometry.mesh import TETRAHEDRON_EDGES, TetMesh
from cardiotwin.geometry.shapes import INNER, INNER_WEIGHTS, jacobians
from cardiotwin.perfusion.darcy.bed import Bed

Points = Float[np.ndarray, "nodes 3"]


class PorousWall:
    """A wall with fibres, ready for the stiffness of any permeability and any deformation.

    Its unknowns are pressures at the mesh's corner nodes, in an order of its own (`nodes`).

    Parameters
    ----------
    mesh
        The wall.
    fibres
        A rule, or unit vectors along the fibres at the points of the rule of `QUADRATURE`.
    """

    def __init__(
        self, mesh: TetMesh, fibres: FibreRule | Float[np.ndarray, "cells q 3"] | None = None
    ) -> None:
        self.mesh = mesh
        rule = FibreAngles() if fibres is None else fibres
        points = quadrature_rule(QUADRATURE)[0]
        along = rule if isinstance(rule, np.ndarray) else rule.axes(mesh, points)[0]
        self._domain = make_domain(mesh)
        self._f0 = quadrature_function(self._domain, along, QUADRATURE)
        self._space = dolfinx.fem.functionspace(self._domain.mesh, ("Lagrange", 1))
        field = NodalField(self._domain, self._space)
        self.nodes: Int64[np.ndarray, " wells"] = field.node_of_dof
        self.shares = self._shares(mesh.points)

    @property
    def n_wells(self) -> int:
        """Return the number of corner nodes."""
        return len(self.nodes)

    @cached_property
    def cell_volume(self) -> Float[np.ndarray, " cells"]:
        """Return the cells' volumes, m^3."""
        return np.asarray(self.shares.sum(axis=0)).ravel()

    @cached_property
    def well_volume(self) -> Float[np.ndarray, " wells"]:
        """Return the volume that each well stands for, m^3."""
        return np.asarray(self.shares.sum(axis=1)).ravel()

    @cached_property
    def _number(self) -> Integer[np.ndarray, " nodes"]:
        number = np.full(len(self.mesh.points), -1)
        number[self.nodes] = np.arange(len(self.nodes))
        return number

    @cached_property
    def corners(self) -> Integer[np.ndarray, "cells 4"]:
        """Return the wells at each cell's corners."""
        return np.asarray(self._number[self.mesh.cells[:, :4]])

    def _shares(self, points: Points) -> Any:
        """Return the integral of each well's shape function over each cell, m^3."""
        weights = INNER_WEIGHTS * np.linalg.det(jacobians(points, self.mesh, INNER))
        barycentric = np.column_stack([1 - INNER.sum(axis=1), INNER])
        values = weights @ barycentric
        n_cells = len(self.mesh.cells)
        columns = np.repeat(np.arange(n_cells), 4)
        return sparse.csr_array(
            (values.ravel(), (self.corners.ravel(), columns)), shape=(self.n_wells, n_cells)
        )

    def lumped(self, by_cell: Float[np.ndarray, "*n cells"]) -> Float[np.ndarray, "*n wells"]:
        """Return a quantity by wall volume, given by cell, as a sum at each well."""
        return np.asarray((self.shares @ by_cell.T).T)

    def to_cells(self, wells: Float[np.ndarray, "*n wells"]) -> Float[np.ndarray, "*n cells"]:
        """Return the mean over each cell of values at the wells."""
        return np.asarray((self.shares.T @ wells.T).T / self.cell_volume)

    def mean(self, by_cell: Float[np.ndarray, "*n cells"]) -> Any:
        """Return the mean over the wall of values by cell."""
        return by_cell @ self.cell_volume / self.cell_volume.sum()

    def to_nodes(self, wells: Float[np.ndarray, " wells"]) -> Float[np.ndarray, " nodes"]:
        """Return values at all nodes of the mesh: a middle node's is that between its ends."""
        result = np.zeros(len(self.mesh.points))
        result[self.nodes] = wells
        cells = self.mesh.cells
        for column, (a, b) in enumerate(TETRAHEDRON_EDGES, start=4):
            result[cells[:, column]] = (result[cells[:, a]] + result[cells[:, b]]) / 2
        return result

    def permeabilities(self, bed: Bed, displacement: Points | None = None) -> list[Any]:
        """Return each compartment's stiffness, m^3/(Pa s), sparse (wells, wells).

        On a wall that has moved by `displacement`, m, the spatial tensor is pulled back:
        J F^-1 K F^-T with K along the deformed fibres.
        """
        across, along = self._unit_stiffness(displacement)
        return [
            one.permeability_across * across
            + (one.permeability_along - one.permeability_across) * along
            for one in bed.compartments
        ]

    def laplacian(self) -> Any:
        """Return the stiffness of unit permeability on the resting wall, m, sparse."""
        return self._unit_stiffness(None)[0]

    def _unit_stiffness(self, displacement: Points | None) -> tuple[Any, Any]:
        """Return the stiffness of unit permeability in all directions, and along the fibres."""
        forms = self._forms if displacement is None else self._moved_forms
        if displacement is not None:
            moved = self._moved
            moved.x.array[:] = NodalField(self._domain, moved.function_space).to_dofs(displacement)
        return tuple(
            dolfinx.fem.assemble_matrix(forms[name]).to_scipy() for name in ("across", "along")
        )

    @cached_property
    def _forms(self) -> Mapping[str, Any]:
        return self._compiled(ufl.Identity(3), 1.0)

    @cached_property
    def _moved(self) -> dolfinx.fem.Function[Any]:
        space = dolfinx.fem.functionspace(self._domain.mesh, ("Lagrange", 2, (3,)))
        return dolfinx.fem.Function(space)

    @cached_property
    def _moved_forms(self) -> Mapping[str, Any]:
        F = ufl.Identity(3) + ufl.grad(self._moved)
        return self._compiled(F.T * F, ufl.det(F))

    def _compiled(self, C: Any, J: Any) -> Mapping[str, Any]:
        p, q = ufl.TrialFunction(self._space), ufl.TestFunction(self._space)
        dx = ufl.Measure("dx", self._domain.mesh, metadata={"quadrature_degree": QUADRATURE})
        f0 = self._f0
        across = J * ufl.inner(ufl.inv(C) * ufl.grad(p), ufl.grad(q)) * dx
        stretch = ufl.inner(f0, C * f0)
        along = J / stretch * ufl.inner(f0, ufl.grad(p)) * ufl.inner(f0, ufl.grad(q)) * dx
        return {"across": compile_form(across), "along": compile_form(along)}


__all__ = ["PorousWall"]
