"""The border between a wall and the loop: chamber pressures sought, chamber volumes agreed on."""

import numpy as np
from jaxtyping import Float

from cardiotwin.circulation import Circulation, State, Step, step
from cardiotwin.circulation.stepping import Beside
from cardiotwin.geometry.closure import cavity_volume, cavity_volume_gradient
from cardiotwin.mechanics.dynamics import Dynamics, SoughtLoads

CHAMBERS = {"cavity_pressure": "lv", "rv_pressure": "rv"}
Vector = Float[np.ndarray, " loads"]


class Join:
    """One step of wall and loop together: Newton's border of the wall's equations.

    For given pressures at the step's end the loop says how much blood its chambers then hold; the
    wall's cavities must hold as much. What the loop answers to a pressure enters as the border's
    own block, so that the step is one Newton iteration for both (Regazzoni et al. 2022, J Comput
    Phys 457:111083, sect. 3; the Schur complement of their eq. 34 by the chambers' pressures).

    Parameters
    ----------
    dynamics
        The wall's.
    circulation
        The loop.
    implicitness
        As in `circulation.step`.
    """

    def __init__(
        self, dynamics: Dynamics, circulation: Circulation, *, implicitness: float
    ) -> None:
        self._body = dynamics.body
        self._circulation = circulation
        self._implicitness = implicitness
        names = tuple(name for name in CHAMBERS if name in self._body.cavities)
        self.chambers = tuple(CHAMBERS[name] for name in names)
        self._surfaces = tuple(self._body.cavities[name] for name in names)
        self.sought = SoughtLoads(dynamics, names)
        self._start: State | None = None
        self._beside: Beside | None = None
        self._dt = 0.0
        self._units = np.ones(len(names))

    def begin(self, start: State, dt: float, beside: Beside | None = None) -> None:
        """Begin a step of the loop, and of what vessels there are beside it."""
        self._start, self._dt, self._beside = start, dt, beside
        self._units = np.array([getattr(start.volume, name) for name in self.chambers])

    def answer(self) -> Step:
        """Return the loop at the step's end under the pressures as they stand."""
        assert self._start is not None  # noqa: S101 - `begin` comes first
        outside = dict(zip(self.chambers, self.values.tolist(), strict=True))
        return step(
            self._circulation,
            self._start,
            self._dt,
            outside,
            implicitness=self._implicitness,
            beside=self._beside,
        )

    @property
    def values(self) -> Vector:
        """Return the chambers' pressures at the step's end, Pa."""
        return self.sought.values

    @values.setter
    def values(self, values: Vector) -> None:
        self.sought.values = values

    def volumes(self) -> Vector:
        """Return the wall's cavities, m^3."""
        nodes = self._body.fields.unknown_nodes()
        return np.array([cavity_volume(nodes, self._body.mesh, one) for one in self._surfaces])

    def gaps(self) -> Vector:
        """Return how much more the cavities hold than the loop leaves them, as shares."""
        return np.asarray((self.volumes() - self.answer().outside_volume) / self._units)

    def gradients(self) -> Float[np.ndarray, "dofs loads"]:
        """Return the gaps' derivatives by the wall's unknown."""
        fields = self._body.fields
        nodes = fields.unknown_nodes()
        columns = [
            fields.of_nodes(cavity_volume_gradient(nodes, self._body.mesh, one) / unit)
            for one, unit in zip(self._surfaces, self._units, strict=True)
        ]
        return np.stack(columns, axis=1)

    def columns(self) -> Float[np.ndarray, "dofs loads"]:
        """Return the wall's residual's derivatives by the pressures."""
        return self.sought.columns()

    def own(self) -> Float[np.ndarray, "loads loads"]:
        """Return the gaps' derivatives by the pressures: what the loop takes up."""
        return np.asarray(-self.answer().slope / self._units[:, None])
