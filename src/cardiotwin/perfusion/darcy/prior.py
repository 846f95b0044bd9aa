"""What is believed of the wall's conductance before a map is seen: a smooth field, or segments.

The field is Matern's, by its stochastic equation (Lindgren, Rue & Lindstrom 2011, J R Stat Soc B
73:423-498, eqs. 2 and 10 with alpha 2): precision (k^2 M + K) M^-1 (k^2 M + K), range 2 / k.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import sparse

from cardiotwin.errors import InputError
from cardiotwin.perfusion.darcy.porous import PorousWall
from cardiotwin.perfusion.darcy.segments import N_SEGMENTS


@dataclass(frozen=True, kw_only=True, eq=False)
class LogConductance:
    """A normal prior of the logarithm of the conductance's factor, mean zero.

    Parameters
    ----------
    basis
        The logarithm by cell of each parameter.
    precision
        Of the parameters.
    sd, length
        What it was made for: standard deviation, and range in m (NaN of segments).
    """

    basis: Float[np.ndarray, "cells parameters"]
    precision: Float[np.ndarray, "parameters parameters"]
    sd: float
    length: float


def by_segment(wall: PorousWall, sd: float) -> LogConductance:
    """Return one parameter for each AHA segment, independent of the others."""
    _positive("sd", sd)
    segment = wall.mesh.cell_fields["aha_segment"].astype(np.int64)
    basis = (segment[:, None] == np.arange(1, N_SEGMENTS + 1)).astype(np.float64)
    precision = np.eye(N_SEGMENTS) / sd**2
    return LogConductance(basis=basis, precision=precision, sd=sd, length=float("nan"))


def smooth_field(wall: PorousWall, sd: float, length: float) -> LogConductance:
    """Return a field at the wells of a standard deviation and a range, m.

    The surface raises a field's variance; it is scaled so that its mean over the wall is right.
    In a wall thinner than the range, wells that far apart correlate by about 0.3.
    """
    _positive("sd", sd)
    _positive("length", length)
    k = 2 / length
    mass = wall.well_volume
    operator = wall.laplacian() + sparse.diags_array(k**2 * mass)
    precision = np.asarray((operator @ sparse.diags_array(1 / mass) @ operator).todense())
    variance = np.diag(np.linalg.inv(precision)) @ mass / mass.sum()
    basis = np.asarray((wall.shares.T / wall.cell_volume[:, None]).todense())
    return LogConductance(
        basis=basis, precision=precision * variance / sd**2, sd=sd, length=length
    )


def _positive(name: str, value: float) -> None:
    if not 0 < value < np.inf:
        msg = f"The prior's {name} must be positive and finite, found {value:g}. Try 0.5 and 3 cm."
        raise InputError(msg)


__all__ = ["LogConductance", "by_segment", "smooth_field"]
