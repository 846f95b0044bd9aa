"""How much a scheme with linear velocity and pressure is stabilised, and where."""

from typing import Any

import ufl

INVERSE = 144.0  # (12 nu / h^2)^2 of the diffusive limit, h an edge


def intrinsic_time(advection: Any, kinematic_viscosity: Any, rate: Any, mesh: Any) -> Any:
    """Return tau, s, the time scale of what a cell does not resolve.

    tau = (rate^2 + 4 a . G a + 144 nu^2 G : G)^(-1/2) with G = J^-T J^-1 and J the map from the
    unit simplex: 1/rate, h/(2 |a|) and h^2/(12 nu) where one of the three dominates.

    Shakib, Hughes & Johan (1991), Comput Methods Appl Mech Eng 89:141-219; Bazilevs et al. (2007),
    ibid. 197:173-201.

    Parameters
    ----------
    advection
        Velocity relative to the mesh, m/s.
    kinematic_viscosity
        m^2/s.
    rate
        2 over the time step, 1/s.
    mesh
        Of straight simplices.
    """
    K = ufl.inv(ufl.Jacobian(mesh))
    G = K.T * K
    return (
        rate**2
        + 4 * ufl.dot(advection, G * advection)
        + INVERSE * kinematic_viscosity**2 * ufl.inner(G, G)
    ) ** -0.5


__all__ = ["intrinsic_time"]
