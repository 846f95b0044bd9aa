"""The pressure on the valves, which the base bears."""

from typing import TYPE_CHECKING

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
import ufl
from jaxtyping import Float

from cardiotwin.fem.compilation import compile_form
from cardiotwin.fem.domain import QUADRATURE
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import area_vector, area_vector_gradient

if TYPE_CHECKING:
    from cardiotwin.mechanics.body import Body

Dofs = Float[np.ndarray, " dofs"]


class Lid:
    """The cavity's pressure on the valves, borne by the base.

    The pressure on the open endocardium has a resultant, p times the area vector of the lid. The
    valves bear as much the other way and hand it to the base: here as a traction spread evenly
    over the imaged base, so that the closed cavity pushes nothing anywhere (the energy-consistent
    base of Regazzoni et al. 2022, J Comput Phys 457:111083, sect. 2.2).

    Parameters
    ----------
    body
        Whose base it loads.
    mesh
        The imaged wall.
    placed
        The function that holds the present placement.
    follows
        Whether that function is the unknown (the area then changes with it).
    """

    def __init__(
        self, body: "Body", mesh: TetMesh, placed: dolfinx.fem.Function, *, follows: bool
    ) -> None:
        self._body = body
        self._mesh = mesh
        self._placed = placed
        self._follows = follows
        self._n_dofs = len(body.unknown_dofs)
        self._spread = self._base_weights()

    def _base_weights(self) -> Float[np.ndarray, "dofs 3"]:
        """Return the integral of each test function over the imaged base, by its area."""
        body = self._body
        ds = body.domain.measure("base", QUADRATURE)
        one = dolfinx.fem.Constant(body.domain.mesh, (0.0, 0.0, 0.0))
        test = body.split(ufl.TestFunction(body.space))[0]
        form = compile_form(ufl.inner(one, test) * ds)
        spread = np.zeros((self._n_dofs, 3))
        for axis in range(3):
            one.value = np.eye(3)[axis]
            column = np.zeros(self._n_dofs)
            dolfinx.fem.assemble_vector(column, form)
            spread[:, axis] = column / column.sum()
        return spread

    def _points(self) -> Float[np.ndarray, "nodes 3"]:
        dofs = self._placed.x.array
        moved = dofs[self._body.displacement_dofs] if self._follows else dofs
        return self._mesh.points + self._body.nodal.to_nodes(moved)

    def force(self) -> Dofs:
        """Return the residual's part, N."""
        area = area_vector(self._points(), self._mesh.facets["lv_endocardium"])
        pressure = float(self._body.constants["cavity_pressure"].value)
        return np.asarray(-pressure * self._spread @ area)

    def factors(self) -> tuple[Float[np.ndarray, "dofs rank"], Float[np.ndarray, "dofs rank"]]:
        """Return the factors of its derivative."""
        C = np.zeros_like(self._spread)
        if self._follows:
            pressure = float(self._body.constants["cavity_pressure"].value)
            slopes = area_vector_gradient(self._points(), self._mesh.facets["lv_endocardium"])
            for axis in range(3):
                C[self._body.displacement_dofs, axis] = -pressure * self._body.nodal.to_dofs(
                    slopes[axis]
                )
        return self._spread, C
