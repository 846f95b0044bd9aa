"""The pressure on the valves, which the base bears."""

from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
import ufl
from jaxtyping import Float

from cardiotwin.fem.domain import QUADRATURE, Domain, NodalField
from cardiotwin.geometry.closure import closure_of
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.mechanics.fields import Fields, Midway
from cardiotwin.mechanics.solved import Dofs, Placement


class LidForm:
    """What a unit pressure does to a cavity that is closed by a lid, but for the lid's middle.

    The derivative of minus the cavity's volume, V = -1/3 int l (x - c) . n dA, by the placement
    (`geometry.closure`), where the middle c stays.

    Parameters
    ----------
    domain, mesh
        The imaged mesh, in dolfinx's and in its own numbering.
    surface
        The cavity's.
    """

    def __init__(self, domain: Domain, mesh: TetMesh, surface: str) -> None:
        self.closure = closure_of(mesh, surface)
        self.middle = dolfinx.fem.Constant(domain.mesh, self.closure.middle(mesh.points))
        space = dolfinx.fem.functionspace(domain.mesh, ("Lagrange", 2))
        self._share = dolfinx.fem.Function(space)
        self._share.x.array[:] = NodalField(domain, space).to_dofs(self.closure.share)
        self._mesh = domain.mesh
        self._measures = [domain.measure(name, QUADRATURE) for name in (surface, "base")]

    def per_pressure(self, u: Any, v: Any) -> Any:
        """Return the form of a placement's displacement and a test function."""
        F, H = ufl.Identity(3) + ufl.grad(u), ufl.grad(v)
        N = ufl.FacetNormal(self._mesh)
        x = ufl.SpatialCoordinate(self._mesh) + u - self.middle
        inverse = ufl.inv(F)
        turned = ufl.det(F) * inverse.T * N
        change = ufl.tr(inverse * H) * turned - inverse.T * H.T * turned
        work = self._share / 3 * (ufl.dot(v, turned) + ufl.dot(x, change))
        return sum(work * measure for measure in self._measures)


class Lid:
    """The middle of a cavity's lid, which hangs on the base (`geometry.closure`).

    With `LidForm` a pressure's forces on the wall are the derivative of the cavity's volume times
    the pressure: the closed cavity neither pushes nor turns the wall, and the work on it is the
    area of p dV, as the energy-consistent base of Regazzoni et al. 2022 (J Comput Phys
    457:111083, sect. 2.2) asks for.

    Parameters
    ----------
    fields
        Unknown and given placement.
    form
        The weak form's part.
    pressure
        The cavity's, Pa: a constant of the weak form.
    follows
        Whether the unknown is the present placement (the forces then change with it).
    midway
        Where the forces are taken (at the unknown itself by default).
    """

    def __init__(
        self,
        fields: Fields,
        form: LidForm,
        pressure: Any,
        *,
        follows: bool,
        midway: Midway | None = None,
    ) -> None:
        self._fields, self._form = fields, form
        self._pressure = pressure
        self._follows = follows
        self._midway = midway or Midway(fields)
        tip = form.closure.tip[:, None]
        self._spread = np.stack([fields.of_nodes(tip * unit) for unit in np.eye(3)], axis=1)

    def prepare(self) -> None:
        """Show the weak form where the middle is."""
        self._form.middle.value[:] = self._form.closure.middle(self._nodes())

    def force(self) -> Dofs:
        """Return the residual's part, N."""
        return float(self._pressure.value) * self.per_pressure()

    def per_pressure(self) -> Dofs:
        """Return the residual's part of a unit pressure, m^2."""
        return np.asarray(self._spread @ (self._form.closure.area(self._nodes()) / -3))

    def factors(self) -> tuple[Float[np.ndarray, "dofs rank"], Float[np.ndarray, "dofs rank"]]:
        """Return the factors of its and the form's derivative by the middle's way."""
        if not self._follows:
            return self._spread[:, :0], self._spread[:, :0]
        slopes = self._form.closure.area_gradient(self._midway.nodes()) / -3
        pressure = float(self._pressure.value)
        C = pressure * np.stack([self._fields.of_nodes(slope) for slope in slopes], axis=1)
        B = np.concatenate([self._spread, C], axis=1)
        return B, self._midway.share * np.concatenate([C, self._spread], axis=1)

    def along_given(self, change: Placement) -> Dofs:  # noqa: ARG002
        """Return its derivative along a change of the unloaded placement: none."""
        return np.zeros_like(self._spread[:, 0])

    def _nodes(self) -> Float[np.ndarray, "nodes 3"]:
        return self._midway.nodes() if self._follows else self._fields.given_nodes()
