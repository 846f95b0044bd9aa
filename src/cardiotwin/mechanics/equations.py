"""The weak form of a body between two placements of its imaged mesh (see `body`).

The integrals run over the imaged mesh; G = I + grad U leads from there to the unloaded placement,
I + grad u to the present one, and F = (I + grad u) G^-1.
"""

from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
import ufl
from jaxtyping import Float

from cardiotwin.fem.domain import QUADRATURE, Domain, NodalField, quadrature_function
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.flat_base import base_normal
from cardiotwin.mechanics.loads import LOADS, Loads
from cardiotwin.mechanics.material import Material, Stretches
from cardiotwin.mechanics.springs import Springs

Axes = tuple[
    Float[np.ndarray, "cells points 3"],
    Float[np.ndarray, "cells points 3"],
    Float[np.ndarray, "cells points 3"],
]


class Equations:
    """Energy, stress and residual of one body.

    Parameters
    ----------
    domain, mesh
        The imaged mesh, in dolfinx's and in its own numbering.
    axes, material, springs, activation, pressurised
        As in `Body`.
    bulk_modulus
        Pa; infinite for full incompressibility.
    """

    def __init__(
        self,
        domain: Domain,
        mesh: TetMesh,
        axes: Axes,
        *,
        material: Material,
        springs: Springs | None,
        activation: Activation,
        pressurised: str,
        bulk_modulus: float,
    ) -> None:
        self._domain = domain
        self._material = material
        self._springs = springs
        self._activation = activation
        self._pressurised = pressurised
        self._bulk_modulus = bulk_modulus
        self.fibre, self.sheet = (quadrature_function(domain, a, QUADRATURE) for a in axes[:2])
        self._height = self._apicobasal(mesh)
        self._base_normal = base_normal(mesh) if springs is not None else np.zeros(3)
        self.constants = {
            name: dolfinx.fem.Constant(domain.mesh, value)
            for name, value in ((name, getattr(Loads(), name)) for name in LOADS)
        }

    def _apicobasal(self, mesh: TetMesh) -> dolfinx.fem.Function[Any]:
        """Return the height over the apex, 0 to 1 (zero where the mesh has none)."""
        space = dolfinx.fem.functionspace(self._domain.mesh, ("Lagrange", 2))
        height = dolfinx.fem.Function(space)
        if "apicobasal" in mesh.point_fields:
            field = NodalField(self._domain, space)
            height.x.array[:] = field.to_dofs(mesh.point_fields["apicobasal"])
        return height

    def _material_axes(self, G: Any) -> Any:
        """Return fibre, sheet, normal of the unloaded placement as the columns of a tensor."""
        f0 = G * self.fibre
        f0 = f0 / ufl.sqrt(ufl.dot(f0, f0))
        s0 = G * self.sheet
        s0 = s0 - ufl.dot(s0, f0) * f0
        s0 = s0 / ufl.sqrt(ufl.dot(s0, s0))
        n0 = ufl.cross(f0, s0)
        return ufl.as_matrix([[f0[i], s0[i], n0[i]] for i in range(3)])

    def energy(self, C: Any) -> Any:
        """Return the stored energy without its volumetric part, of C in fibre axes."""
        c = Stretches(
            ff=C[0, 0],
            ss=C[1, 1],
            nn=C[2, 2],
            fs=(C[0, 1] + C[1, 0]) / 2,
            fn=(C[0, 2] + C[2, 0]) / 2,
            sn=(C[1, 2] + C[2, 1]) / 2,
            J=ufl.sqrt(ufl.det(C)),
        )
        passive = self._material.energy(
            c, ufl, self.constants["passive_scale"], self.constants["passive_exponent"]
        )
        return (
            passive
            + self._annulus(c)
            + self._activation.energy(c, self.constants["active_tension"])
        )

    def _annulus(self, c: Stretches) -> Any:
        """Return the energy of the fibrous ring at the base."""
        if self._springs is None or self._springs.annulus == 0:
            return 0
        begin = self._springs.annulus_height
        share = (self._height - begin) / (1 - begin)
        share = (share + abs(share)) / 2
        I1 = (c.ff + c.ss + c.nn) * c.J ** (-2 / 3)
        return self._springs.annulus * share / 2 * (I1 - 3)

    def _hydrostatic(self, J: Any, pressure: Any) -> Any:
        """Return the volumetric stress d(energy)/dJ, Pa (tension positive)."""
        if pressure is not None:
            return pressure
        return self._bulk_modulus / 2 * (J - 1 / J)

    def pk1(self, u: Any, U: Any, pressure: Any) -> Any:
        """Return the first Piola-Kirchhoff stress of the unloaded placement, Pa."""
        G = ufl.Identity(3) + ufl.grad(U)
        F = (ufl.Identity(3) + ufl.grad(u)) * ufl.inv(G)
        Q = self._material_axes(G)
        C = ufl.variable(Q.T * F.T * F * Q)
        S = 2 * ufl.diff(self.energy(C), C)
        J = ufl.det(F)
        return F * Q * S * Q.T + self._hydrostatic(J, pressure) * J * ufl.inv(F).T

    def residual(self, u: Any, U: Any, pressure: Any, test: tuple[Any, Any]) -> Any:
        """Return the linear form that vanishes in equilibrium, of a test function's two parts."""
        v, q = test
        metadata = {"quadrature_degree": QUADRATURE}
        dm = ufl.Measure("dx", domain=self._domain.mesh, metadata=metadata)
        G = ufl.Identity(3) + ufl.grad(U)
        present = ufl.Identity(3) + ufl.grad(u)
        volume = ufl.det(G)
        form = ufl.inner(self.pk1(u, U, pressure), ufl.grad(v) * ufl.inv(G)) * volume * dm
        if pressure is not None:
            bulk = self._bulk_modulus
            yielding = pressure / bulk if np.isfinite(bulk) else 0
            form += q * (ufl.det(present) - (1 + yielding) * volume) * dm
        N = ufl.FacetNormal(self._domain.mesh)
        ds = self._domain.measure(self._pressurised, QUADRATURE)
        form += self.constants["cavity_pressure"] * ufl.inner(_cofactor(present) * N, v) * ds
        if self._springs is not None:
            form += self._spring_work(self._springs, u - U, _cofactor(G) * N, v)
        return form

    def _spring_work(self, springs: Springs, shift: Any, area: Any, v: Any) -> Any:
        """Return the work of the springs; `area` is the unloaded normal times the area's ratio."""
        size = ufl.sqrt(ufl.dot(area, area))
        n = area / size
        across = ufl.dot(shift, n) * ufl.dot(n, v) * size
        within = ufl.dot(shift, v) * size - across
        base = springs.base_normal * across + springs.base_plane * within
        up = ufl.as_vector(self._base_normal.tolist())
        base += springs.base_warp * ufl.dot(shift, up) * ufl.dot(v, up)  # less `FlatBase`
        form = base * self._domain.measure("base", QUADRATURE)
        if springs.pericardium > 0:
            stiffness = springs.pericardium * (1 - self._height)
            form += stiffness * across * self._domain.measure("epicardium", QUADRATURE)
        return form


def _cofactor(G: Any) -> Any:
    return ufl.det(G) * ufl.inv(G).T
