"""Stress and stretch along the fibre at the quadrature points of a body."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import ufl
from jaxtyping import Float

from cardiotwin.fem.compilation import evaluator
from cardiotwin.fem.domain import QUADRATURE, quadrature_rule
from cardiotwin.mechanics.body import Body
from cardiotwin.mechanics.solved import Solved

Points = Float[np.ndarray, "cells points"]


class PointValues:
    """Fields of a body in equilibrium, in the mesh's own cell order.

    Parameters
    ----------
    body
        Whose fields they are.
    """

    def __init__(self, body: Body) -> None:
        self._body = body

    def stretch(self, solved: Solved) -> Points:
        """Return the fibre's length by its unloaded length at the quadrature points."""
        return self._read(self._stretch, solved)

    def fibre_stress(self, solved: Solved) -> Float[np.ndarray, " cells"]:
        """Return each cell's mean Cauchy stress along the fibre, Pa."""
        weights = quadrature_rule(QUADRATURE)[1]
        return np.asarray(self._read(self._stress, solved) @ weights / weights.sum())

    def _read(self, values: Callable[[], Points], solved: Solved) -> Points:
        self._body.put(solved)
        return self._body.domain.by_cell(values())

    @cached_property
    def _stretch(self) -> Callable[[], Points]:
        fields = self._body.fields
        u, _ = fields.split(fields.unknown)
        return self._evaluator(self._body.equations.fibre_stretch(u, fields.given))

    @cached_property
    def _stress(self) -> Callable[[], Points]:
        fields, equations = self._body.fields, self._body.equations
        u, pressure = fields.split(fields.unknown)
        present = ufl.Identity(3) + ufl.grad(u)
        F = present * ufl.inv(ufl.Identity(3) + ufl.grad(fields.given))
        cauchy = equations.pk1(u, fields.given, pressure) * F.T / ufl.det(F)
        f = present * equations.fibre
        return self._evaluator(ufl.dot(f, cauchy * f) / ufl.dot(f, f))

    def _evaluator(self, value: Any) -> Callable[[], Points]:
        points = quadrature_rule(QUADRATURE)[0]
        return evaluator(value, points, self._body.domain.mesh)
