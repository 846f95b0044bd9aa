"""Loads that are sought such that measures of the placement have given values."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from cardiotwin.mechanics.solved import Nodes

if TYPE_CHECKING:
    from cardiotwin.mechanics.body import Body

Columns = Float[np.ndarray, "dofs loads"]


class Control:
    """A load that is sought such that a measure of the placement has a given value.

    Parameters
    ----------
    body
        The body, whose unknown it measures.
    load
        One of the loads in which the residual is linear.
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
    def values(self) -> Float[np.ndarray, "1"]:
        """Return the load as it stands."""
        return np.array([float(self._body.constants[self.load].value)])

    @values.setter
    def values(self, values: Float[np.ndarray, "1"]) -> None:
        self._body.constants[self.load].value = values[0]

    def start(self, value: float) -> None:
        """Begin a walk at the current placement with the load it is in equilibrium with."""
        self.values = np.array([value])
        self._begin = self._measure(self._body.fields.unknown_nodes())

    def towards(self, share: float) -> None:
        """Set the target to a share of the way from the beginning to the end."""
        self._target = (1 - share) * self._begin + share * self._end

    def gaps(self) -> Float[np.ndarray, "1"]:
        """Return the distance from the target, as a share of the last target."""
        found = self._measure(self._body.fields.unknown_nodes())
        return np.array([(found - self._target) / self._unit])

    def gradients(self) -> Columns:
        """Return the gap's derivative by the unknown dofs."""
        fields = self._body.fields
        return fields.of_nodes(self._gradient(fields.unknown_nodes()) / self._unit)[:, None]

    def columns(self) -> Columns:
        """Return the residual's derivative by the load, in which it is linear."""
        return self._body.per_load(self.load)[:, None]

    def own(self) -> Float[np.ndarray, "1 1"]:
        """Return zero: the measure knows nothing of the load."""
        return np.zeros((1, 1))
