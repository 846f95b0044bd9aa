"""Active tension that differs from point to point and answers to the stretch.

A cross-bridge model's implicit step gives its tension and its stiffness at every quadrature
point; with T = T_q + K_q (stretch - stretch_q) in the weak form the displacement feels how the
tension yields while the fibre moves, without which a coupled step is unstable (Regazzoni &
Quarteroni 2021, CMAME 373:113506).
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from cardiotwin.fem.domain import QUADRATURE, Domain, QuadratureScalar

Points = Float[np.ndarray, "cells points"]


class PointwiseTension:
    """Tension per quadrature point as a linear function of the fibre's stretch.

    Parameters
    ----------
    domain
        The mesh; arrays are in the wall's own cell order.
    """

    def __init__(self, domain: Domain) -> None:
        self._fields = {
            name: QuadratureScalar(domain, QUADRATURE)
            for name in ("tension", "stiffness", "stretch")
        }
        self.set(*(np.full(self._fields["tension"].shape, value) for value in (0.0, 0.0, 1.0)))

    def set(self, tension: Points, stiffness: Points, stretch: Points) -> None:
        """Give the tension, Pa, and its derivative by the stretch, Pa, at a stretch."""
        for field, values in zip(
            self._fields.values(), (tension, stiffness, stretch), strict=True
        ):
            field.set(values)

    def at(self, stretch: Any) -> Any:
        """Return the tension per unloaded area, Pa, at a stretch, as an expression of a form."""
        tension, stiffness, known = (field.function for field in self._fields.values())
        return tension + stiffness * (stretch - known)
