"""The wall of one ventricle or of both: unloading, loading, volumes and their derivatives."""

from collections.abc import Mapping

from mpi4py import MPI

import numpy as np
from jaxtyping import Float

from cardiotwin.fem.domain import QUADRATURE, quadrature_rule
from cardiotwin.geometry.closure import cavity_volume, cavity_volume_gradient
from cardiotwin.geometry.directions import directions_of
from cardiotwin.geometry.fibres import FibreRule
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import CENTROID, jacobians
from cardiotwin.geometry.volumes import wall_volume
from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.active.segments import per_segment
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.control import Control
from cardiotwin.mechanics.discretisation import Discretisation
from cardiotwin.mechanics.loads import LOADS, Loads
from cardiotwin.mechanics.material import Material
from cardiotwin.mechanics.point_values import PointValues
from cardiotwin.mechanics.sensitivity import Sensitivity
from cardiotwin.mechanics.solved import Dofs, Solved
from cardiotwin.mechanics.springs import Springs
from cardiotwin.mechanics.state import RightState, WallState

RIGHT = "rv_endocardium"


class Wall:
    """One ventricle, or both, imaged at end-diastole, as a body with one or two cavities.

    Parameters
    ----------
    mesh
        The imaged wall with its coordinates (point field ``transmural`` and ``apicobasal``).
    angles
        Fibre rule, in the imaged placement.
    material, springs, activation, pointwise, discretisation, comm
        As in `Body`.
    segment_contractility
        Active tension of AHA segments as a share of the others' (a scar has 0).
    """

    def __init__(
        self,
        mesh: TetMesh,
        *,
        angles: FibreRule,
        material: Material,
        springs: Springs,
        activation: Activation | None = None,
        pointwise: bool = False,
        discretisation: Discretisation | None = None,
        comm: MPI.Intracomm = MPI.COMM_SELF,
        segment_contractility: Mapping[int, float] | None = None,
    ) -> None:
        self.mesh = mesh
        self.angles = angles
        self.body = Body(
            mesh,
            angles.axes(mesh, quadrature_rule(QUADRATURE)[0]),
            material=material,
            springs=springs,
            activation=activation,
            relative_tension=per_segment(mesh, segment_contractility)
            if segment_contractility
            else None,
            pointwise=pointwise,
            discretisation=discretisation,
            comm=comm,
        )
        self.has_right = RIGHT in mesh.facets
        self._sensitivity = Sensitivity(self.body)
        self._values = PointValues(self.body)

    def set_segment_contractility(self, shares: Mapping[int, float]) -> None:
        """Give AHA segments their share of the active tension; those not named have all of it."""
        self.body.equations.set_relative_tension(per_segment(self.mesh, shares))

    # ---- placements ----------------------------------------------------------------------

    def unload(self, loads: Loads, start: Solved | None = None) -> Solved:
        """Return the unloaded placement from which `loads` lead to the image.

        Raises
        ------
        ConvergenceError
            If no step of the pressure is small enough; it carries the last converged state.
        """
        return self.body.unload(self.body.rest(loads) if start is None else start, loads)

    def imaged(self, unloaded: Solved) -> Solved:
        """Return the image as an equilibrium over its unloaded placement."""
        unknown = np.array(unloaded.unknown)
        unknown[self.body.fields.displacement_dofs] = 0
        return Solved(
            unknown=unknown, other=self.body.displacement(unloaded), loads=unloaded.loads
        )

    def load(
        self, start: Solved, loads: Loads, reference: Dofs | None = None, first_step: float = 0.25
    ) -> Solved:
        """Return the placement under `loads`, walked from another one (see `Body.load`)."""
        return self.body.load(start, loads, reference, first_step)

    def load_to_volume(
        self,
        start: Solved,
        loads: Loads,
        volume: float,
        *,
        seek: str = "active_tension",
        reference: Dofs | None = None,
        first_step: float = 0.25,
        before: Solved | None = None,
    ) -> Solved:
        """Return the placement of a given cavity volume, m^3; the load `seek` is found.

        `before` is one that came before `start`, by which the way is predicted.

        Raises
        ------
        ConvergenceError
            If the walk stops; it carries the last converged state.
        """
        control = Control(
            self.body,
            seek,
            lambda points: cavity_volume(points, self.mesh),
            lambda points: cavity_volume_gradient(points, self.mesh),
            volume,
        )
        past = None
        if before is not None:
            here = self.volume(start)
            past = (self.volume(before) - here) / (volume - here), before
        return self.body.load_to(
            start, loads, control, reference, first_step=first_step, past=past
        )

    def points(self, solved: Solved) -> Float[np.ndarray, "nodes 3"]:
        """Return the wall's nodes in a placement, m."""
        moved = self.body.fields.nodal.to_nodes(self.body.displacement(solved))
        return np.asarray(self.mesh.points + moved)

    def volume(self, solved: Solved) -> float:
        """Return the cavity's volume, m^3."""
        return cavity_volume(self.points(solved), self.mesh)

    def state(self, solved: Solved, *, unloaded: bool = False) -> WallState:
        """Return a placement in the mesh's numbering; an unloaded one bears nothing."""
        points = self.points(solved)
        right = None
        if self.has_right:
            pressure = 0.0 if unloaded else solved.loads.rv_pressure
            right = RightState(
                cavity_pressure=pressure, cavity_volume=cavity_volume(points, self.mesh, RIGHT)
            )
        return WallState(
            right=right,
            displacement=points - self.mesh.points,
            cavity_pressure=0.0 if unloaded else solved.loads.cavity_pressure,
            active_tension=0.0 if unloaded else solved.loads.active_tension,
            cavity_volume=cavity_volume(points, self.mesh),
            wall_volume=wall_volume(points, self.mesh),
        )

    # ---- derivatives ---------------------------------------------------------------------

    def reference_changes(self, unloaded: Solved, names: tuple[str, ...]) -> Mapping[str, Dofs]:
        """Return d(unloaded displacement)/d(load) for the loads that lead to the image."""
        return self._sensitivity.unloading(unloaded, names)

    def volume_slope(self, solved: Solved, change: Dofs) -> float:
        """Return the derivative of the cavity's volume along a change of displacement dofs."""
        gradient = cavity_volume_gradient(self.points(solved), self.mesh)
        return float(np.sum(gradient * self.body.fields.nodal.to_nodes(change)))

    def volume_changes(
        self,
        solved: Solved,
        reference: Mapping[str, Dofs],
        names: tuple[str, ...] | None = None,
    ) -> Mapping[str, float]:
        """Return d(cavity volume)/d(load) of a loaded placement (of each load by default).

        `reference` holds the change of the unloaded placement with the loads that lead to the
        image (keys of its own choice, e.g. ``imaged_pressure``).
        """
        absent = {"rv_pressure"} - self.body.cavities.keys()
        names = tuple(name for name in (LOADS if names is None else names) if name not in absent)
        changes = self._sensitivity.loading(solved, names, reference)
        dofs = self.body.fields.displacement_dofs
        return {name: self.volume_slope(solved, change[dofs]) for name, change in changes.items()}

    # ---- fields --------------------------------------------------------------------------

    def strains(
        self, points: Float[np.ndarray, "nodes 3"]
    ) -> dict[str, Float[np.ndarray, " cells"]]:
        """Return Green-Lagrange strains from end-diastole at the centroids, by direction."""
        F = deformation(self.mesh, points)
        circumferential, longitudinal, radial = directions_of(self.mesh, CENTROID)
        fibre = self.angles.axes(self.mesh, CENTROID)[0]
        directions = {
            "fibre_strain": fibre,
            "circumferential_strain": circumferential,
            "longitudinal_strain": longitudinal,
            "radial_strain": radial,
        }
        result = {}
        for name, axis in directions.items():
            stretched = np.einsum("cij,cj->ci", F, axis[:, 0])
            result[name] = (np.sum(stretched**2, axis=1) - 1) / 2
        return result

    def fibre_stress(self, solved: Solved) -> Float[np.ndarray, " cells"]:
        """Return the Cauchy stress along the fibre, each cell's mean, Pa."""
        return self._values.fibre_stress(solved)


def deformation(
    mesh: TetMesh, points: Float[np.ndarray, "nodes 3"]
) -> Float[np.ndarray, "cells 3 3"]:
    """Return dx/dm, the gradient of another placement, at the cells' centroids."""
    here = jacobians(mesh.points, mesh, CENTROID)[:, 0]
    there = jacobians(points, mesh, CENTROID)[:, 0]
    return np.asarray(there @ np.linalg.inv(here))
