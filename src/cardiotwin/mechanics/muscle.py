"""Cross-bridges at every quadrature point of a body that moves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
from cardiotwin.fem.domain import QUADRATURE, quadrature_rule
from cardiotwin.geometry.mesh import TetMesh
from cardiotwin.geometry.shapes import jacobians
from cardiotwin.mechanics.active import CrossBridges, Land2017
from cardiotwin.mechanics.dynamics import Dynamics
from cardiotwin.mechanics.point_values import PointValues
from cardiotwin.mechanics.solved import Solved

Points = Float[np.ndarray, "cells points"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Bridges:
    """The muscle's state.

    Parameters
    ----------
    state
        Of the cross-bridges, per cell and point.
    stretch
        The fibre's length by that at which the model's stretch is one.
    rate
        Its change in time, 1/s.
    mean_tension
        Force per unloaded area of healthy muscle, Pa: the wall's mean, to which a cell counts by
        its volume and its share of the tension (a scar does not).
    """

    state: CrossBridges
    stretch: Points
    rate: Points
    mean_tension: float


def muscle_shares(mesh: TetMesh, relative_tension: Float[np.ndarray, " cells"]) -> Points:
    """Return by how much each cell and quadrature point counts as muscle; the sum is one.

    It is the imaged volume that it stands for, times the cell's factor of the tension.
    """
    points, weights = quadrature_rule(QUADRATURE)
    volume = np.linalg.det(jacobians(mesh.points, mesh, points)) * weights
    shares = relative_tension[:, None] * volume
    return np.asarray(shares / shares.sum())


class CrossBridgeMuscle:
    """What makes a moving body contract by its calcium.

    Each step is implicit for wall and bridges together: the bridges' step gives tension and
    stiffness at a predicted stretch, the wall answers to both, and the bridges are then taken to
    the stretch that was found. Without the stiffness the wall would be told too late how the
    tension yields to its shortening, and shake (Regazzoni & Quarteroni 2021, CMAME 373:113506).

    Parameters
    ----------
    dynamics
        Of a body built `pointwise`, with forces at the step's end (`BackwardEuler`).
    model
        The cross-bridges.
    calcium
        In the cytosol, mol/m^3, by time, s.
    resting
        The fibre's stretch, from its unloaded placement, at which the model's is one.
    stiff
        Whether the wall is told the bridges' stiffness.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        model: Land2017,
        calcium: Callable[[float], float],
        *,
        resting: Points | float = 1.0,
        stiff: bool = True,
    ) -> None:
        if dynamics.scheme.force_share != 1:
            msg = (
                "Cross-bridges act at the end of a step, found a scheme with forces at "
                f"{dynamics.scheme.force_share:g} of it. Use BackwardEuler()."
            )
            raise InputError(msg)
        self._tension = dynamics.body.tension
        body = dynamics.body
        self._shares = muscle_shares(body.mesh, body.equations.relative_tension())
        self._values = PointValues(dynamics.body)
        self.model = model
        self._resting = resting
        self._calcium = calcium
        self._stiff = stiff

    def rest(self, solved: Solved, time: float) -> Bridges:
        """Return the bridges of a placement that has stood long at the calcium of a time, s."""
        stretch = self._stretch(solved)
        state = self.model.steady(self._calcium(time), stretch)
        tension, still = self.model.tension(state, stretch), np.zeros_like(stretch)
        self._give(tension, still, stretch)
        return Bridges(state=state, stretch=stretch, rate=still, mean_tension=self._mean(tension))

    def prepare(self, start: Bridges, time: float, dt: float) -> None:
        """Give the wall the tension and stiffness of the step from `start` to `time`, s."""
        predicted = start.stretch + dt * start.rate
        found = self._advanced(start, predicted, time, dt)
        stiffness = found.stiffness if self._stiff else np.zeros_like(found.stiffness)
        self._give(found.tension, stiffness, predicted)

    def after(self, start: Bridges, solved: Solved, time: float, dt: float) -> Bridges:
        """Return the bridges at the step's end, where the wall's placement is known."""
        stretch = self._stretch(solved)
        found = self._advanced(start, stretch, time, dt)
        return Bridges(
            state=found.state,
            stretch=stretch,
            rate=(stretch - start.stretch) / dt,
            mean_tension=self._mean(found.tension),
        )

    def _stretch(self, solved: Solved) -> Points:
        return np.asarray(self._values.stretch(solved) / self._resting)

    def _give(self, tension: Points, stiffness: Points, stretch: Points) -> None:
        """Set the wall's tension; it knows the fibre's stretch from the unloaded placement."""
        self._tension.set(tension, stiffness / self._resting, stretch * self._resting)

    def _mean(self, tension: Points) -> float:
        return float(np.sum(self._shares * tension))

    def _advanced(self, start: Bridges, stretch: Points, time: float, dt: float) -> Any:
        calcium = self._calcium(time)
        return self.model.advance(start.state, start.stretch, stretch, dt, calcium)
