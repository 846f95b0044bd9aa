"""How much a scheme with linear velocity and pressure is stabilised, and where."""

import numpy as np
from jaxtyping import Float

INVERSE = 144.0  # (12 nu / h^2)^2 of the diffusive limit, h an edge
PerCell = Float[np.ndarray, " cells"]


def intrinsic_time(
    swept: Float[np.ndarray, "corners cells"],
    fineness: PerCell,
    kinematic_viscosity: float,
    rate: float | PerCell,
) -> PerCell:
    """Return tau, s, the time scale of what a cell does not resolve.

    tau = (rate^2 + 4 a . G a + 144 nu^2 G : G)^(-1/2) with G = J^-T J^-1 and J the map from the
    unit simplex, whose rows are the slopes g of all functions but the first: 1/rate, h/(2 |a|) and
    h^2/(12 nu) where one of the three dominates.

    Shakib, Hughes & Johan (1991), Comput Methods Appl Mech Eng 89:141-219; Bazilevs et al. (2007),
    ibid. 197:173-201.

    Parameters
    ----------
    swept
        a . g with the velocity a relative to the mesh, 1/s.
    fineness
        G : G, 1/m^4.
    kinematic_viscosity
        m^2/s.
    rate
        2 over the time step, 1/s.
    """
    moved = (swept[1:] ** 2).sum(axis=0)
    rubbed = INVERSE * kinematic_viscosity**2 * fineness
    return np.asarray(1 / np.sqrt(rate**2 + 4 * moved + rubbed))


__all__ = ["intrinsic_time"]
