"""The pressure on the valves, which the base bears."""

from typing import TYPE_CHECKING, Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import (
    area_vector,
    area_vector_gradient,
    facet_rule,
    lid_centroid,
)
from cardiotwin.mechanics.solved import Dofs

if TYPE_CHECKING:
    from cardiotwin.mechanics.body import Body


def base_weights(mesh: TetMesh) -> Float[np.ndarray, " nodes"]:
    """Return nodal shares, of sum one, of a traction on the imaged base that is linear over it.

    Its resultant passes through the lid's centroid, as the pressure's on the valves does: evenly
    spread it would tilt a ventricle whose septum is thicker than its free wall.
    """
    facets = mesh.facets["base"]
    shapes, areas, x = facet_rule(mesh.points, facets)
    centre = np.einsum("fq,fqi->i", areas, x) / areas.sum()
    around = x - centre
    moments = np.einsum("fq,fqi,fqj->ij", areas, around, around) / areas.sum()
    tilt = np.linalg.pinv(moments, rcond=1e-2) @ (lid_centroid(mesh) - centre)
    density = areas * (1 + around @ tilt) / areas.sum()
    weights = np.zeros(len(mesh.points))
    np.add.at(weights, facets.ravel(), np.einsum("fq,qn->fn", density, shapes).ravel())
    return weights


class Lid:
    """The cavity's pressure on the valves, borne by the base.

    The pressure on the open endocardium has a resultant, p times the area vector of the lid. The
    valves bear as much the other way and hand it to the base: here as a traction over the
    imaged base (`base_weights`), so that the closed cavity pushes nothing anywhere (the
    energy-consistent base of Regazzoni et al. 2022, J Comput Phys 457:111083, sect. 2.2).

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
        self, body: "Body", mesh: TetMesh, placed: dolfinx.fem.Function[Any], *, follows: bool
    ) -> None:
        self._body = body
        self._mesh = mesh
        self._placed = placed
        self._follows = follows
        self._n_dofs = len(body.unknown_dofs)
        self._spread = self._base_weights()

    def _base_weights(self) -> Float[np.ndarray, "dofs 3"]:
        """Return the share of a unit force on the lid that each dof bears."""
        weights = base_weights(self._mesh)
        spread = np.zeros((self._n_dofs, 3))
        for axis, unit in enumerate(np.eye(3)):
            dofs = self._body.nodal.to_dofs(weights[:, None] * unit)
            spread[self._body.displacement_dofs, axis] = dofs
        return spread

    def _points(self) -> Float[np.ndarray, "nodes 3"]:
        dofs = self._placed.x.array
        moved = dofs[self._body.displacement_dofs] if self._follows else dofs
        points: Float[np.ndarray, "nodes 3"] = self._mesh.points + self._body.nodal.to_nodes(moved)
        return points

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
