"""The pressure on the valves, which the base bears."""

from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import (
    area_vector,
    area_vector_gradient,
    facet_rule,
    lid_centroid,
)
from cardiotwin.mechanics.fields import Fields, Midway
from cardiotwin.mechanics.solved import Dofs, Placement


def base_weights(mesh: TetMesh, surface: str = "lv_endocardium") -> Float[np.ndarray, " nodes"]:
    """Return nodal shares, of sum one, of a traction on the imaged base that is linear over it.

    Its resultant passes through the centroid of a cavity's lid, as the pressure's on the valves
    does: evenly spread it would tilt a ventricle whose septum is thicker than its free wall.
    """
    facets = mesh.facets["base"]
    shapes, areas, x = facet_rule(mesh.points, facets)
    centre = np.einsum("fq,fqi->i", areas, x) / areas.sum()
    around = x - centre
    moments = np.einsum("fq,fqi,fqj->ij", areas, around, around) / areas.sum()
    tilt = np.linalg.pinv(moments, rcond=1e-2) @ (lid_centroid(mesh, surface) - centre)
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
    fields
        Unknown and given placement.
    mesh
        The imaged wall.
    pressure
        The cavity's, Pa: a constant of the weak form.
    surface
        The cavity's.
    follows
        Whether the unknown is the present placement (the area then changes with it).
    midway
        Where the forces are taken (at the unknown itself by default).
    """

    def __init__(
        self,
        fields: Fields,
        mesh: TetMesh,
        pressure: Any,
        surface: str = "lv_endocardium",
        *,
        follows: bool,
        midway: Midway | None = None,
    ) -> None:
        self._fields = fields
        self._facets = mesh.facets[surface]
        self._pressure = pressure
        self._follows = follows
        self._midway = midway or Midway(fields)
        weights = base_weights(mesh, surface)[:, None]
        self._spread = np.stack([fields.of_nodes(weights * unit) for unit in np.eye(3)], axis=1)

    def force(self) -> Dofs:
        """Return the residual's part, N."""
        return float(self._pressure.value) * self.per_pressure()

    def per_pressure(self) -> Dofs:
        """Return the residual's part of a unit pressure, m^2."""
        points = self._midway.nodes() if self._follows else self._fields.given_nodes()
        return np.asarray(-self._spread @ area_vector(points, self._facets))

    def factors(self) -> tuple[Float[np.ndarray, "dofs rank"], Float[np.ndarray, "dofs rank"]]:
        """Return the factors of its derivative by the unknown (none where it does not follow)."""
        if not self._follows:
            return self._spread[:, :0], self._spread[:, :0]
        slopes = area_vector_gradient(self._midway.nodes(), self._facets)
        C = np.stack([self._fields.of_nodes(slope) for slope in slopes], axis=1)
        return self._spread, -float(self._pressure.value) * self._midway.share * C

    def along_given(self, change: Placement) -> Dofs:  # noqa: ARG002
        """Return its derivative along a change of the unloaded placement: none."""
        return np.zeros_like(self._spread[:, 0])
