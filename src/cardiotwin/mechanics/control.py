"""A load that is sought such that a measure of the placement has a given value."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cardiotwin.mechanics.solved import Dofs, Nodes

if TYPE_CHECKING:
    from cardiotwin.mechanics.body import Body


class Control:
    """A load that is sought such that a measure of the placement has a given value.

    Parameters
    ----------
    body
        The body, whose unknown it measures.
    load
        One of `LOADS`.
    measure, gradient
        The measure of a present placement (nodes, m) and its derivative.
    target
        What it shall be.
    """

    def __init__(
        self,
        body: "Body",
        load: str,
        measure: Callable[[Nodes], float],
        gradient: Callable[[Nodes], Nodes],
        target: float,
    ) -> None:
        self.load = load
        self._body = body
        self._measure = measure
        self._gradient = gradient
        self._end = target
        self._begin = self._target = target
        self._unit = abs(target)

    @property
    def value(self) -> float:
        """Return the load as it stands."""
        return float(self._body.constants[self.load].value)

    @value.setter
    def value(self, value: float) -> None:
        constant: Any = self._body.constants[self.load]
        constant.value = value

    def start(self, value: float) -> None:
        """Begin a walk at the current placement with the load it is in equilibrium with."""
        self.value = value
        self._begin = self._measure(self._body.fields.unknown_nodes())

    def towards(self, share: float) -> None:
        """Set the target to a share of the way from the beginning to the end."""
        self._target = (1 - share) * self._begin + share * self._end

    def gap(self) -> float:
        """Return the distance from the target, as a share of the last target."""
        return (self._measure(self._body.fields.unknown_nodes()) - self._target) / self._unit

    def gradient(self) -> Dofs:
        """Return the gap's derivative by the unknown dofs."""
        fields = self._body.fields
        return fields.of_nodes(self._gradient(fields.unknown_nodes()) / self._unit)

    def column(self) -> Dofs:
        """Return the residual's derivative by the load, in which it is linear."""
        value, step = self.value, {"cavity_pressure": 1e3, "active_tension": 1e4}[self.load]
        here = self._body.forward.residual()
        self.value = value + step
        there = self._body.forward.residual()
        self.value = value
        return np.asarray((there - here) / step)
