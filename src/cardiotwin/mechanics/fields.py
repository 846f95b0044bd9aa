"""A body's finite-element functions: the one that is sought, and the placement given beside it."""

from collections.abc import Mapping
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import basix.ufl
import dolfinx
import numpy as np
import ufl
from jaxtyping import Float

from cardiotwin.fem.domain import Domain, NodalField
from cardiotwin.fem.layout import Layout
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.mechanics.solved import Dofs, Nodes, Placement

PRESSURE_UNIT = 1e5  # Pa: the unknown pressure is scaled so that rows and columns have one size


class Fields:
    """Quadratic displacement, with a linear pressure in the mixed form.

    Parameters
    ----------
    domain, mesh
        The imaged mesh, in dolfinx's and in its own numbering.
    mixed
        Whether there is a pressure.
    """

    def __init__(self, domain: Domain, mesh: TetMesh, *, mixed: bool) -> None:
        self.domain = domain
        self.points = mesh.points
        self._mixed = mixed
        self.nodal_pressure: NodalField | None = None
        vector = basix.ufl.element("Lagrange", "tetrahedron", 2, shape=(3,))
        if mixed:
            pressure = basix.ufl.element("Lagrange", "tetrahedron", 1)
            both = basix.ufl.mixed_element([vector, pressure])
            self.space = dolfinx.fem.functionspace(domain.mesh, both)
            self.placements, part = self.space.sub(0).collapse()
            self.displacement_dofs = np.ravel(part)
            pressures, part = self.space.sub(1).collapse()
            self.pressure_dofs = np.ravel(part)
            self.nodal_pressure = NodalField(domain, pressures)
        else:
            self.space = self.placements = dolfinx.fem.functionspace(domain.mesh, vector)
            self.displacement_dofs = np.arange(Layout(self.space).n_local, dtype=np.int32)
        self.layout = Layout(self.space)
        self.placement_layout = Layout(self.placements)
        self.nodal = NodalField(domain, self.placements)
        self.unknown = dolfinx.fem.Function(self.space)
        self.given = dolfinx.fem.Function(self.placements)

    def split(self, function: Any) -> tuple[Any, Any]:
        """Return displacement and pressure (Pa; None in the penalty form) of a function."""
        if not self._mixed:
            return function, None
        u, p = ufl.split(function)
        return u, PRESSURE_UNIT * p

    def sought(self) -> Placement:
        """Return the unknown's displacement dofs as they are now."""
        return np.asarray(self.unknown.x.array[self.displacement_dofs])

    def unknown_nodes(self) -> Nodes:
        """Return the nodes where the unknown has them now, m."""
        return self.placed(self.sought())

    def placed(self, displacement: Placement) -> Nodes:
        """Return the nodes after a displacement of the imaged mesh, m."""
        return np.asarray(self.points + self.nodal.to_nodes(displacement))

    def given_nodes(self) -> Nodes:
        """Return the nodes of the given placement, m."""
        return self.placed(self.given.x.array)

    def of_nodes(self, vectors: Nodes) -> Dofs:
        """Return the unknown's dofs of nodal vectors; those of the pressure are zero."""
        result = np.zeros_like(self.unknown.x.array)
        result[self.displacement_dofs] = self.nodal.to_dofs(vectors)
        return result

    def to_arrays(self, unknown: Dofs) -> dict[str, Float[np.ndarray, "nodes parts"]]:
        """Return an unknown by nodes: the same however many processes there are."""
        result = {"displacement": self.nodal.to_nodes(unknown[self.displacement_dofs])}
        if self.nodal_pressure is not None:
            result["pressure"] = self.nodal_pressure.to_nodes(unknown[self.pressure_dofs])
        return result

    def from_arrays(self, arrays: Mapping[str, Any]) -> Dofs:
        """Return the unknown that `to_arrays` had, to the last bit."""
        result = self.of_nodes(arrays["displacement"])
        if self.nodal_pressure is not None:
            result[self.pressure_dofs] = self.nodal_pressure.to_dofs(arrays["pressure"])
        return result

    def clamp(self, names: tuple[str, ...]) -> list[dolfinx.fem.DirichletBC[Any]]:
        """Return the conditions that hold the named facets where the image has them."""
        conditions = []
        for name in names:
            facets = self.domain.facets.find(self.domain.tags[name])
            zero = dolfinx.fem.Function(self.placements)
            if self._mixed:
                spaces = (self.space.sub(0), self.placements)
                dofs = dolfinx.fem.locate_dofs_topological(spaces, 2, facets)
                conditions.append(dolfinx.fem.dirichletbc(zero, dofs, self.space.sub(0)))
            else:
                dofs = dolfinx.fem.locate_dofs_topological(self.space, 2, facets)
                conditions.append(dolfinx.fem.dirichletbc(zero, dofs))
        return conditions


class Midway:
    """Where forces are taken: a share of the way from a placement to the one that is sought.

    Parameters
    ----------
    fields
        Whose unknown it is.
    """

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self.share = 1.0
        self.start: Placement = np.zeros_like(fields.given.x.array)

    def displacement(self) -> Placement:
        """Return the displacement there."""
        return self.share * self._fields.sought() + (1 - self.share) * self.start

    def nodes(self) -> Nodes:
        """Return the nodes there, m."""
        return self._fields.placed(self.displacement())
