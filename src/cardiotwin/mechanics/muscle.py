"""Cross-bridges at every quadrature point of a body that moves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError
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
        The fibre's length by its unloaded length.
    rate
        Its change in time, 1/s.
    """

    state: CrossBridges
    stretch: Points
    rate: Points


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
    stiff
        Whether the wall is told the bridges' stiffness.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        model: Land2017,
        calcium: Callable[[float], float],
        *,
        stiff: bool = True,
    ) -> None:
        if dynamics.scheme.force_share != 1:
            msg = (
                "Cross-bridges act at the end of a step, found a scheme with forces at "
                f"{dynamics.scheme.force_share:g} of it. Use BackwardEuler()."
            )
            raise InputError(msg)
        self._tension = dynamics.body.tension
        self._values = PointValues(dynamics.body)
        self._model = model
        self._calcium = calcium
        self._stiff = stiff

    def rest(self, solved: Solved, time: float) -> Bridges:
        """Return the bridges of a placement that has stood long at the calcium of a time, s."""
        stretch = self._values.stretch(solved)
        state = self._model.steady(self._calcium(time), stretch)
        self._tension.set(self._model.tension(state, stretch), np.zeros_like(stretch), stretch)
        return Bridges(state=state, stretch=stretch, rate=np.zeros_like(stretch))

    def prepare(self, start: Bridges, time: float, dt: float) -> None:
        """Give the wall the tension and stiffness of the step from `start` to `time`, s."""
        predicted = start.stretch + dt * start.rate
        found = self._advanced(start, predicted, time, dt)
        stiffness = found.stiffness if self._stiff else np.zeros_like(found.stiffness)
        self._tension.set(found.tension, stiffness, predicted)

    def after(self, start: Bridges, solved: Solved, time: float, dt: float) -> Bridges:
        """Return the bridges at the step's end, where the wall's placement is known."""
        stretch = self._values.stretch(solved)
        found = self._advanced(start, stretch, time, dt)
        return Bridges(state=found.state, stretch=stretch, rate=(stretch - start.stretch) / dt)

    def mean_tension(self, bridges: Bridges) -> float:
        """Return the mean tension, Pa."""
        return float(self._model.tension(bridges.state, bridges.stretch).mean())

    def _advanced(self, start: Bridges, stretch: Points, time: float, dt: float) -> Any:
        calcium = self._calcium(time)
        return self._model.advance(start.state, start.stretch, stretch, dt, calcium)
