"""The work of what holds the wall: springs and dampers at the epicardium and the base.

All are at rest in the unloaded placement; each acts along and across the unloaded normal.
"""

from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import ufl

from cardiotwin.fem.coefficients import as_constants
from cardiotwin.fem.domain import QUADRATURE, Domain, NodalField
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.mechanics.flat_base import base_normal
from cardiotwin.mechanics.springs import Springs


class Supports:
    """Springs and dampers of one imaged mesh, as terms of the weak form.

    Parameters
    ----------
    domain, mesh
        The imaged mesh, in dolfinx's and in its own numbering.
    springs
        Their coefficients.
    """

    def __init__(self, domain: Domain, mesh: TetMesh, springs: Springs) -> None:
        self._domain = domain
        self.springs = springs
        self.coefficients = as_constants(springs, domain.mesh)
        self._up = dolfinx.fem.Constant(domain.mesh, base_normal(mesh))  # no literal: one form
        self._height = nodal_function(domain, mesh, "apicobasal")
        self._share: Any = 1.0
        if "pericardium" in mesh.point_fields:
            self._share = nodal_function(domain, mesh, "pericardium")
        elif springs.pericardium_profile == "linear":
            self._share = 1 - self._height

    def annulus(self, I1: Any) -> Any:
        """Return the energy of the fibrous ring at the base, of the isochoric first invariant."""
        springs = self.coefficients
        share = (self._height - springs.annulus_height) / (1 - springs.annulus_height)
        share = (share + abs(share)) / 2
        return springs.annulus * share / 2 * (I1 - 3)

    def spring_work(self, shift: Any, area: Any, v: Any) -> Any:
        """Return the springs' form, J per unit of v.

        `shift` leads from the unloaded to the present placement; `area` is the unloaded normal
        times the ratio of the unloaded to the imaged area.
        """
        springs = self.coefficients
        size, across = _across(shift, area, v)
        within = ufl.dot(shift, v) * size - across
        base = springs.base_normal * across + springs.base_plane * within
        # Of which `flat_base` takes the motions of a plane away.
        base += springs.base_warp * ufl.dot(shift, self._up) * ufl.dot(v, self._up)
        return self._form(base, springs.pericardium * self._share * across)

    def damper_work(self, velocity: Any, area: Any, v: Any) -> Any:
        """Return the dampers' form, J per unit of v."""
        springs = self.coefficients
        size, across = _across(velocity, area, v)
        base = springs.base_damping * ufl.dot(velocity, v) * size
        return self._form(base, springs.pericardium_damping * self._share * across)

    def _form(self, base: Any, pericardium: Any) -> Any:
        surfaces = (("base", base), ("epicardium", pericardium))
        forms = [
            work * self._domain.measure(name, QUADRATURE)
            for name, work in surfaces
            if name in self._domain.tags and work != 0
        ]
        return sum(forms[1:], start=forms[0]) if forms else 0


def nodal_function(domain: Domain, mesh: TetMesh, name: str) -> dolfinx.fem.Function[Any]:
    """Return a point field as a function of forms (zero where the mesh has none)."""
    space = dolfinx.fem.functionspace(domain.mesh, ("Lagrange", 2))
    function = dolfinx.fem.Function(space)
    if name in mesh.point_fields:
        function.x.array[:] = NodalField(domain, space).to_dofs(mesh.point_fields[name])
    return function


def _across(shift: Any, area: Any, v: Any) -> tuple[Any, Any]:
    """Return the ratio of the areas, and the work across the surface times it."""
    size = ufl.sqrt(ufl.dot(area, area))
    n = area / size
    return size, ufl.dot(shift, n) * ufl.dot(n, v) * size
