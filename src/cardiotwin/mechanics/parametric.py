"""One heart's wall over its unloaded placement, as a function of its parameters.

What a reduced model is made from and measured against: equilibria of the full model walked from
one choice of the parameters to the next, and how each changes with every parameter.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.fem.continuation import continue_to
from cardiotwin.geometry.closure import cavity_volume, cavity_volume_gradient
from cardiotwin.mechanics.active.segments import N_SEGMENTS
from cardiotwin.mechanics.control import Control
from cardiotwin.mechanics.loads import LINEAR, Loads
from cardiotwin.mechanics.solved import Dofs, Nodes, Solved
from cardiotwin.mechanics.wall import Wall

LOADED = ("passive_scale", "passive_exponent", "cavity_pressure", "active_tension")
HELD = ("base_stiffness", "pericardium_stiffness")
PRESSURE = LOADED.index("cavity_pressure")
STEP = 1e-5  # of a parameter's size: the residual's central differences by it
UNITS = {"cavity_pressure": 1e3, "active_tension": 1e4}  # Pa; of all others 1
SHARE = "_tension_share"
Values = Float[np.ndarray, " parameters"]

TERRITORIES: dict[str, tuple[int, ...]] = {
    "anterior": (1, 2, 7, 8, 13, 14, 17),
    "inferior": (3, 4, 9, 10, 15),
    "lateral": (5, 6, 11, 12, 16),
}
"""AHA segments by the artery that feeds them, LAD, RCA and LCX: Cerqueira et al. (2002),
Circulation 105:539-542, fig. 5."""

SEGMENTS: dict[str, tuple[int, ...]] = {
    f"segment_{number}": (number,) for number in range(1, N_SEGMENTS + 1)
}
"""Every AHA segment by itself."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """An equilibrium at a choice of the parameters.

    Parameters
    ----------
    values
        The parameters, SI, in the order of `ParametricWall.names`.
    unknown
        Dofs of the present displacement and of the pressure.
    """

    values: Values
    unknown: Dofs


class ParametricWall:
    """A left ventricle whose law, loads, muscle and supports are parameters.

    Parameters
    ----------
    wall
        As the twin has it.
    unloaded
        Its unloaded placement, which stays: a parameter that changes the law changes the wall's
        place in diastole, not its shape at rest.
    regions
        AHA segments by region; each has a share of the active tension for a parameter.

    Notes
    -----
    Names: factors of the law's stresses and exponents (`Loads`), cavity pressure and active
    tension, Pa, ``REGION_tension_share``, and factors of the springs' stiffness at the base
    (across and along it; not against warping) and at the pericardium.
    """

    def __init__(
        self, wall: Wall, unloaded: Solved, regions: Mapping[str, tuple[int, ...]]
    ) -> None:
        if wall.has_right:
            msg = (
                "ParametricWall knows one ventricle, found a wall with both. Build the twin with "
                "anatomy=lv."
            )
            raise InputError(msg)
        if wall.body.discretisation.form != "mixed":
            msg = (
                "ParametricWall needs the mixed form, found a penalty. Incompressible walls are "
                "reduced with their pressure: set discretisation.form=mixed."
            )
            raise InputError(msg)
        self.wall, self.body = wall, wall.body
        self.regions = dict(regions)
        self.names = (*LOADED, *(f"{name}{SHARE}" for name in regions), *HELD)
        self.reference = self.body.displacement(unloaded)
        segments = wall.mesh.cell_fields["aha_segment"]
        self._inside = np.stack([np.isin(segments, some) for some in regions.values()], axis=1)
        supports = self.body.equations.supports
        if supports is None:
            msg = "ParametricWall needs springs, found a wall without. Give Wall(springs=...)."
            raise InputError(msg)
        self._coefficients = supports.coefficients
        self.stiffness = {
            name: float(getattr(self._coefficients, name).value)
            for name in ("base_normal", "base_plane", "pericardium")
        }
        self.units = np.array([UNITS.get(name, 1.0) for name in self.names])

    # ---- placements ----------------------------------------------------------------------

    def apply(self, values: Values, sought: tuple[str, ...] = ()) -> None:
        """Set law, loads, muscle and supports; loads that are sought stay as they are."""
        given = dict(zip(self.names, values.tolist(), strict=True))
        self.body.apply(Loads(**{name: given[name] for name in LOADED}), sought)
        shares = values[len(LOADED) : len(LOADED) + len(self.regions)]
        outside = 1.0 - self._inside.any(axis=1)
        self.body.equations.set_relative_tension(outside + self._inside @ shares)
        for name, stiffness in self.stiffness.items():
            factor = given[HELD[0] if name.startswith("base") else HELD[1]]
            getattr(self._coefficients, name).value = factor * stiffness

    def rest(self, values: Values) -> Placed:
        """Return the unloaded placement at given law and supports, free of pressure and tension.

        The law of Holzapfel & Ogden's volumetric part and all springs are at rest there.
        """
        unknown = np.zeros_like(self.body.fields.unknown.x.array)
        unknown[self.body.fields.displacement_dofs] = self.reference
        free = np.where(np.isin(self.names, LINEAR), 0.0, values)
        self._put(unknown, free)
        self.body.forward.solve(self.body.discretisation.newton)
        return Placed(values=free, unknown=np.array(self.body.fields.unknown.x.array))

    def moved(
        self,
        start: Placed,
        values: Values,
        *,
        changes: Float[np.ndarray, "parameters dofs"] | None = None,
    ) -> Placed:
        """Return the equilibrium at `values`, walked from that at another choice.

        With the start's `changes` the first step is predicted along its tangent.

        Raises
        ------
        ConvergenceError
            If no step is small enough; it carries the last converged state.
        """
        self._put(start.unknown, start.values)
        past = None
        if changes is not None:
            past = (-1.0, start.unknown - (values - start.values) @ changes)
        continue_to(
            self.body.forward,
            lambda share: self.apply((1 - share) * start.values + share * values),
            self.body.discretisation.newton,
            first_step=1.0,
            past=past,
        )
        return Placed(values=values, unknown=np.array(self.body.fields.unknown.x.array))

    def moved_to_volume(
        self,
        start: Placed,
        values: Values,
        volume: float,
        *,
        changes: Float[np.ndarray, "parameters dofs"] | None = None,
    ) -> Placed:
        """Return the equilibrium of a cavity's volume, m^3; its pressure is found.

        A wall under pressure may snap where its muscle gives way; led by its volume it does not.
        With the start's `changes` the first step is predicted along its tangent.

        Raises
        ------
        ConvergenceError
            If no step is small enough; it carries the last converged state.
        """
        body, mesh = self.body, self.wall.mesh
        self._put(start.unknown, start.values)
        control = Control(
            body,
            "cavity_pressure",
            lambda points: cavity_volume(points, mesh),
            lambda points: cavity_volume_gradient(points, mesh),
            volume,
        )
        control.start(start.values[PRESSURE])
        past = None
        if changes is not None:
            past = (-1.0, self._before(start, values, volume, changes))
        sought = ("cavity_pressure",)

        def apply(share: float) -> None:
            self.apply((1 - share) * start.values + share * values, sought)
            control.towards(share)

        continue_to(
            body.forward,
            apply,
            body.discretisation.newton,
            border=control,
            first_step=1.0,
            past=past,
        )
        found = values.copy()
        found[PRESSURE] = control.values[0]
        return Placed(values=found, unknown=np.array(body.fields.unknown.x.array))

    def _before(
        self, start: Placed, values: Values, volume: float, changes: Float[np.ndarray, "_ _"]
    ) -> Float[np.ndarray, " _"]:
        """Return unknown and pressure as far before `start` as its tangent leads beyond it."""
        fields = self.body.fields
        nodes = self.nodes(start)
        gradient = fields.of_nodes(cavity_volume_gradient(nodes, self.wall.mesh))
        slopes = changes @ gradient
        step = values - start.values
        step[PRESSURE] = 0.0
        missing = volume - cavity_volume(nodes, self.wall.mesh) - step @ slopes
        step[PRESSURE] = missing / slopes[PRESSURE]
        ahead = step @ changes
        return np.append(start.unknown - ahead, start.values[PRESSURE] - step[PRESSURE])

    def changes(self, placed: Placed) -> Float[np.ndarray, "parameters dofs"]:
        """Return d(unknown)/d(parameter) of an equilibrium, for every parameter."""
        problem = self.body.forward
        self._put(placed.unknown, placed.values)
        problem.factorise()
        forces = np.stack([self._slope(placed.values, k) for k in range(len(self.names))], axis=1)
        return np.asarray(-problem.solve_columns(forces).T)

    def residual(self, placed: Placed) -> Dofs:
        """Return what is out of balance in a placement, N (and m^3 of the pressure's dofs)."""
        self._put(placed.unknown, placed.values)
        return self.body.forward.residual()

    def correction(self, placed: Placed) -> Dofs:
        """Return the full model's Newton step from a placement."""
        self._put(placed.unknown, placed.values)
        self.body.forward.factorise()
        return -self.body.forward.solve_tangent(self.body.forward.residual())

    def _slope(self, values: Values, number: int) -> Dofs:
        step = STEP * self.units[number] * np.eye(len(values))[number]
        sides = []
        for signed in (step, -step):
            self.apply(values + signed)
            sides.append(self.body.forward.residual())
        self.apply(values)
        return np.asarray((sides[0] - sides[1]) / (2 * step[number]))

    def _put(self, unknown: Dofs, values: Values) -> None:
        fields = self.body.fields
        fields.unknown.x.array[:] = unknown
        fields.given.x.array[:] = self.reference
        self.apply(values)

    # ---- by nodes ------------------------------------------------------------------------

    def nodes(self, placed: Placed) -> Nodes:
        """Return where the wall's nodes are, m."""
        return self.body.fields.placed(placed.unknown[self.body.fields.displacement_dofs])

    def volume(self, placed: Placed) -> float:
        """Return the cavity's volume, m^3."""
        return cavity_volume(self.nodes(placed), self.wall.mesh)
