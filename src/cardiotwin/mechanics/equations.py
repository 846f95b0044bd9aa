"""The weak form of a body between two placements of its imaged mesh (see `body`).

The integrals run over the imaged mesh; G = I + grad U leads from there to the unloaded placement,
I + grad u to the present one, and F = (I + grad u) G^-1.
"""

from dataclasses import dataclass
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
import ufl
from jaxtyping import Float

from cardiotwin.fem.coefficients import as_constants
from cardiotwin.fem.domain import QUADRATURE, Domain, cell_function, quadrature_function
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.volumes import edge_nodes
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.lid import LidForm
from cardiotwin.mechanics.loads import LOADS, Loads
from cardiotwin.mechanics.material import Material, Stretches
from cardiotwin.mechanics.pointwise import PointwiseTension
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.supports import Supports

Axes = tuple[
    Float[np.ndarray, "cells points 3"],
    Float[np.ndarray, "cells points 3"],
    Float[np.ndarray, "cells points 3"],
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Muscle:
    """How a body contracts.

    Parameters
    ----------
    activation
        Shares of the active stress.
    relative_tension
        The prescribed tension's factor in each cell (1 everywhere by default); 0 is a scar.
    pointwise
        Whether there is a tension per quadrature point beside the prescribed one.
    """

    activation: Activation
    relative_tension: Float[np.ndarray, " cells"] | None = None
    pointwise: bool = False


class Equations:
    """Energy, stress and residual of one body.

    Parameters
    ----------
    domain, mesh
        The imaged mesh, in dolfinx's and in its own numbering.
    axes, material, springs, muscle
        As in `Body`.
    cavities
        The facets on which the pressures act, by the pressure's name in `Loads`.
    lids
        Whether the base bears the pressures on the valves.
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
        muscle: Muscle,
        cavities: dict[str, str],
        lids: bool,
        bulk_modulus: float,
    ) -> None:
        self._domain = domain
        self.material = material
        self._material = as_constants(material, domain.mesh)
        self.supports = None if springs is None else Supports(domain, mesh, springs)
        self._has_annulus = springs is not None and springs.annulus > 0
        self.activation = muscle.activation
        self._activation = as_constants(muscle.activation, domain.mesh)
        self._mesh, self._cavities = mesh, cavities
        closed = cavities if lids else {}
        self.lids = {name: LidForm(domain, mesh, part) for name, part in closed.items()}
        self._bulk_modulus = bulk_modulus
        self.fibre, self.sheet = (quadrature_function(domain, a, QUADRATURE) for a in axes[:2])
        relative = muscle.relative_tension
        self._relative = cell_function(
            domain, np.ones(len(mesh.cells)) if relative is None else relative
        )
        self.pointwise = PointwiseTension(domain) if muscle.pointwise else None
        self.constants = {
            name: dolfinx.fem.Constant(domain.mesh, value)
            for name, value in ((name, getattr(Loads(), name)) for name in LOADS)
        }
        metadata = {"quadrature_degree": QUADRATURE}
        self.volume = ufl.Measure("dx", domain=domain.mesh, metadata=metadata)

    def has_potential(self, clamped: tuple[str, ...]) -> bool:
        """Return whether all forces on the present placement have one: its tangent is symmetric.

        A pressure has one where a lid closes its cavity, or where the cavity's rim is clamped; a
        tension of the fibre's stretch has none where it pulls across the fibre, too.
        """
        held = np.concatenate([np.zeros(0), *(self._mesh.facets[k].ravel() for k in clamped)])
        rims = {name: edge_nodes(self._mesh.facets[k]) for name, k in self._cavities.items()}
        closed = (name in self.lids or np.isin(rim, held).all() for name, rim in rims.items())
        return self.pointwise is None and all(closed)

    # ---- material ------------------------------------------------------------------------

    def relative_tension(self) -> Float[np.ndarray, " cells"]:
        """Return each cell's factor of the tension, in the mesh's cell order."""
        own = self._relative.x.array[self._relative.function_space.dofmap.list.ravel()]
        return self._domain.by_cell(own)

    def set_relative_tension(self, shares: Float[np.ndarray, " cells"]) -> None:
        """Give each cell's factor of the prescribed tension, in the mesh's cell order."""
        dofs = self._relative.function_space.dofmap.list.ravel()
        self._relative.x.array[dofs] = shares[self._domain.cells]

    def _material_axes(self, G: Any) -> Any:
        """Return fibre, sheet, normal of the unloaded placement as the columns of a tensor."""
        f0 = G * self.fibre
        f0 = f0 / ufl.sqrt(ufl.dot(f0, f0))
        s0 = G * self.sheet
        s0 = s0 - ufl.dot(s0, f0) * f0
        s0 = s0 / ufl.sqrt(ufl.dot(s0, s0))
        n0 = ufl.cross(f0, s0)
        return ufl.as_matrix([[f0[i], s0[i], n0[i]] for i in range(3)])

    def passive_energy(self, C: Any) -> Any:
        """Return the energy stored without its volumetric part, of C in fibre axes, J/m^3."""
        c = _stretches(C)
        stored = self._material.energy(
            c, ufl, self.constants["passive_scale"], self.constants["passive_exponent"]
        )
        if self.supports is not None and self._has_annulus:
            stored += self.supports.annulus((c.ff + c.ss + c.nn) * c.J ** (-2 / 3))
        return stored

    def _active_stress(self, C: Any) -> Any:
        """Return the second Piola-Kirchhoff stress of the muscle in fibre axes, Pa."""
        tension = self.constants["active_tension"] * self._relative
        if self.pointwise is not None:
            stretch = ufl.sqrt(C[0, 0])
            tension += self._relative * self.pointwise.at(stretch) / stretch
        along, sheet, normal = self._activation.stress(tension)
        return ufl.as_matrix([[along, 0, 0], [0, sheet, 0], [0, 0, normal]])

    def _hydrostatic(self, J: Any, pressure: Any) -> Any:
        """Return the volumetric stress d(energy)/dJ, Pa (tension positive)."""
        if pressure is not None:
            return pressure
        return self._bulk_modulus / 2 * (J - 1 / J)

    def fibre_stretch(self, u: Any, U: Any) -> Any:
        """Return the fibre's length by its unloaded length."""
        here, there = (ufl.Identity(3) + ufl.grad(w) for w in (u, U))
        f, f0 = here * self.fibre, there * self.fibre
        return ufl.sqrt(ufl.dot(f, f) / ufl.dot(f0, f0))

    def pk1(self, u: Any, U: Any, pressure: Any, *, active: bool = True) -> Any:
        """Return the first Piola-Kirchhoff stress of the unloaded placement, Pa."""
        G = ufl.Identity(3) + ufl.grad(U)
        F = (ufl.Identity(3) + ufl.grad(u)) * ufl.inv(G)
        Q = self._material_axes(G)
        C = ufl.variable(Q.T * F.T * F * Q)
        S = 2 * ufl.diff(self.passive_energy(C), C)
        if active:
            S = S + self._active_stress(C)
        J = ufl.det(F)
        return F * Q * S * Q.T + self._hydrostatic(J, pressure) * J * ufl.inv(F).T

    # ---- forms ---------------------------------------------------------------------------

    def residual(self, u: Any, U: Any, pressure: Any, test: Any, volume_of: Any = None) -> Any:
        """Return the linear form that vanishes in equilibrium, of a test function's two parts.

        The wall keeps its volume in the placement `volume_of` (u itself by default).
        """
        v, q = test
        G = ufl.Identity(3) + ufl.grad(U)
        volume = ufl.det(G)
        stress = self.pk1(u, U, pressure)
        form = ufl.inner(stress, ufl.grad(v) * ufl.inv(G)) * volume * self.volume
        if pressure is not None:
            bulk = self._bulk_modulus
            yielding = pressure / bulk if np.isfinite(bulk) else 0
            kept = ufl.Identity(3) + ufl.grad(u if volume_of is None else volume_of)
            form += q * (ufl.det(kept) - (1 + yielding) * volume) * self.volume
        for name in self._cavities:
            form += self.constants[name] * self.per_load(name, u, U, v)
        if self.supports is not None:
            form += self.supports.spring_work(u - U, self.unloaded_area(U), v)
        return form

    def per_load(self, name: str, u: Any, U: Any, v: Any) -> Any:
        """Return the residual's part of a unit of a load in which it is linear."""
        if name in self.lids:
            return self.lids[name].per_pressure(u, v)
        if name in self._cavities:
            N = ufl.FacetNormal(self._domain.mesh)
            ds = self._domain.measure(self._cavities[name], QUADRATURE)
            return ufl.inner(_cofactor(ufl.Identity(3) + ufl.grad(u)) * N, v) * ds
        G = ufl.Identity(3) + ufl.grad(U)
        F = (ufl.Identity(3) + ufl.grad(u)) * ufl.inv(G)
        Q = self._material_axes(G)
        along, sheet, normal = self._activation.stress(1.0)
        S = ufl.as_matrix([[along, 0, 0], [0, sheet, 0], [0, 0, normal]])
        work = ufl.inner(F * Q * S * Q.T, ufl.grad(v) * ufl.inv(G))
        return self._relative * work * ufl.det(G) * self.volume

    def active_work(self, u: Any, U: Any, v: Any) -> Any:
        """Return the muscle's part of the residual: what it takes to move its fibres by v, J."""
        G = ufl.Identity(3) + ufl.grad(U)
        F = (ufl.Identity(3) + ufl.grad(u)) * ufl.inv(G)
        Q = self._material_axes(G)
        S = self._active_stress(Q.T * F.T * F * Q)
        work = ufl.inner(F * Q * S * Q.T, ufl.grad(v) * ufl.inv(G))
        return work * ufl.det(G) * self.volume

    def resistance(self, u: Any, velocity: Any, U: Any, v: Any, viscosity: Any) -> Any:
        """Return the form of what resists motion: the wall's viscosity, Pa s, and the dampers.

        The viscous stress is S = viscosity dE/dt (Arostica et al. 2025).
        """
        G = ufl.Identity(3) + ufl.grad(U)
        F = (ufl.Identity(3) + ufl.grad(u)) * ufl.inv(G)
        change = ufl.grad(velocity) * ufl.inv(G)
        stress = viscosity * F * ufl.sym(F.T * change)
        form = ufl.inner(stress, ufl.grad(v) * ufl.inv(G)) * ufl.det(G) * self.volume
        if self.supports is not None:
            form += self.supports.damper_work(velocity, self.unloaded_area(U), v)
        return form

    def stored(self, u: Any, U: Any, pressure: Any) -> Any:
        """Return the form of the energy stored in wall and springs (but `ModalSprings`), J."""
        G = ufl.Identity(3) + ufl.grad(U)
        F = (ufl.Identity(3) + ufl.grad(u)) * ufl.inv(G)
        Q = self._material_axes(G)
        density = self.passive_energy(Q.T * F.T * F * Q)
        if np.isfinite(self._bulk_modulus):
            J = ufl.det(F)
            yielding = (J - 1) ** 2 / 2 if pressure is not None else (J**2 - 1 - 2 * ufl.ln(J)) / 4
            density += self._bulk_modulus * yielding
        form = density * ufl.det(G) * self.volume
        if self.supports is not None:
            form += self.supports.spring_work(u - U, self.unloaded_area(U), (u - U) / 2)
        return form

    def unloaded_area(self, U: Any) -> Any:
        """Return the unloaded normal times the ratio of the unloaded to the imaged area."""
        return _cofactor(ufl.Identity(3) + ufl.grad(U)) * ufl.FacetNormal(self._domain.mesh)


def _stretches(C: Any) -> Stretches:
    return Stretches(
        ff=C[0, 0],
        ss=C[1, 1],
        nn=C[2, 2],
        fs=(C[0, 1] + C[1, 0]) / 2,
        fn=(C[0, 2] + C[2, 0]) / 2,
        sn=(C[1, 2] + C[2, 1]) / 2,
        J=ufl.sqrt(ufl.det(C)),
    )


def _cofactor(G: Any) -> Any:
    return ufl.det(G) * ufl.inv(G).T
